use std::sync::Arc;

use domain::Class;

use super::*;
use crate::server::{self, Request, Server, Step, answer, file, flac, head, redirect};

mod named;
mod stations;

const MIB: usize = 1024 * 1024;

pub(super) fn settings() -> Settings {
    Settings {
        bytes_max: 64 * MIB as u64,
        stall_timeout: Duration::from_secs(10),
        rate_min: 1,
        rate_window: Duration::from_secs(10),
        open_max: Duration::from_secs(600),
        attempts_max: 4,
        backoff: Duration::from_millis(1),
    }
}

fn direct() -> Direct {
    Direct::new(server::http(&["127.0.0.1"]), settings())
}

async fn serve<F>(answer: F) -> Server
where
    F: Fn(&Request, usize) -> Vec<Step> + Send + Sync + 'static,
{
    Server::start(answer).await
}

async fn rest(download: &mut Download) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    while let Some(bytes) = download.next().await? {
        all.extend_from_slice(&bytes);
        assert!(all.len() <= 128 * MIB, "it never ends");
    }
    Ok(all)
}

/// What opening and reading to the end fails of.
async fn fault(direct: &Direct, url: &str) -> Fault {
    match direct.open(url).await {
        Err(fault) => fault,
        Ok(mut opened) => rest(&mut opened.download).await.expect_err("this must fail"),
    }
}

#[tokio::test]
async fn a_file_arrives_whole_and_described() {
    let body = Arc::new(flac(3 * MIB));
    let served = Arc::clone(&body);
    let server = serve(move |request, _| file(request, &served, "\"1\"", None)).await;
    let url = server.url("/music/%D0%9F%D0%B5%D1%81%D0%BD%D1%8F%201.flac?key=1");
    let mut opened = direct().open(&url).await.unwrap();
    assert_eq!(opened.content_length, Some(3 * MIB as u64));
    assert_eq!((opened.format, opened.mime()), (Format::Flac, "audio/flac"));
    assert_eq!(opened.file_name.as_deref(), Some("Песня 1.flac"));
    assert_eq!(opened.title, "Песня 1");
    assert!(opened.has_ranges && !opened.is_live);
    assert_eq!(opened.download.offset(), 0);
    let track = opened.track(&url);
    assert_eq!(track.location, Location::Http(url.clone()));
    assert!(rest(&mut opened.download).await.unwrap() == *body);
    assert_eq!(opened.download.offset(), body.len() as u64);
    assert_eq!(opened.download.next().await.unwrap(), None);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_broken_connection_is_resumed_where_it_broke() {
    let body = Arc::new(flac(2 * MIB));
    let served = Arc::clone(&body);
    let server = serve(move |request, _| file(request, &served, "\"1\"", Some(300_001))).await;
    let mut opened = direct().open(&server.url("/a")).await.unwrap();
    assert!(rest(&mut opened.download).await.unwrap() == *body);
    let seen = server.seen();
    assert_eq!(seen.len(), 7);
    for (number, request) in seen.iter().enumerate().skip(1) {
        assert_eq!(request.range_from(), Some(number * 300_001));
        assert_eq!(request.header("if-range"), Some("\"1\""));
    }
}

#[tokio::test]
async fn a_seek_asks_for_that_part() {
    let body = Arc::new(flac(2 * MIB));
    let served = Arc::clone(&body);
    let server = serve(move |request, _| file(request, &served, "\"1\"", None)).await;
    let mut opened = direct().open(&server.url("/a")).await.unwrap();
    let download = &mut opened.download;
    for offset in [1_500_000usize, 10, 2 * MIB - 1, 0] {
        download.seek(offset as u64).unwrap();
        assert_eq!(download.offset(), offset as u64);
        let first = download.next().await.unwrap().unwrap();
        assert!(first[..] == body[offset..offset + first.len()]);
    }
    let before = server.seen().len();
    let near = download.offset() + 5_000;
    download.seek(near).unwrap();
    assert!(rest(download).await.unwrap() == body[near as usize..]);
    assert_eq!(server.seen().len(), before, "a short way ahead is read, not asked for");
    download.seek(body.len() as u64).unwrap();
    assert_eq!(download.next().await.unwrap(), None);
    assert_eq!(download.seek(body.len() as u64 + 1).unwrap_err().reason, Reason::Corrupt);
}

#[tokio::test]
async fn a_server_without_ranges_is_read_again_from_the_start() {
    let body = Arc::new(flac(MIB));
    let served = Arc::clone(&body);
    let server = serve(move |_, number| {
        let length = served.len().to_string();
        let cut = if number < 2 { 400_000 + number * 100_000 } else { served.len() };
        vec![
            Step::Send(head("200 OK", &[("Content-Length", &length)])),
            Step::Send(served[..cut].to_vec()),
        ]
    })
    .await;
    let mut opened = direct().open(&server.url("/a")).await.unwrap();
    assert!(!opened.has_ranges);
    assert_eq!(opened.download.seek(5).unwrap_err().reason, Reason::Unsupported);
    assert!(rest(&mut opened.download).await.unwrap() == *body);
    assert_eq!(server.seen().len(), 3);
    assert!(server.seen().iter().all(|request| request.range_from().is_none()));
}

#[tokio::test]
async fn a_file_that_changed_is_not_spliced() {
    let (old, new) = (flac(MIB), flac(MIB + 1));
    // by tag; by length alone; by the part that comes back; by vanishing below the offset
    let server = serve(move |request, number| match (request.path.as_str(), number % 2) {
        (_, 0) => file(request, &old, "\"1\"", Some(400_000)),
        ("/tag", _) => file(request, &old, "\"2\"", None),
        ("/length", _) => file(request, &new, "\"1\"", None),
        ("/part", _) => vec![Step::Send(head(
            "206 Partial Content",
            &[
                ("ETag", "\"1\""),
                ("Content-Range", "bytes 0-1048575/1048576"),
                ("Content-Length", "1048576"),
            ],
        ))],
        _ => answer("416 Range Not Satisfiable", &[("Content-Range", "bytes */5")], b""),
    })
    .await;
    for path in ["/tag", "/length", "/part", "/gone"] {
        let fault = fault(&direct(), &server.url(path)).await;
        assert_eq!(fault.reason, Reason::Corrupt, "{path}: {fault}");
        assert!(!fault.is_retryable());
    }
}

#[tokio::test]
async fn a_server_that_forgets_its_ranges_is_skipped_through() {
    let body = Arc::new(flac(MIB));
    let served = Arc::clone(&body);
    let server = serve(move |request, number| match number {
        0 => file(request, &served, "\"1\"", Some(400_000)),
        _ => answer("200 OK", &[("ETag", "\"1\"")], &served),
    })
    .await;
    let mut opened = direct().open(&server.url("/a")).await.unwrap();
    assert!(rest(&mut opened.download).await.unwrap() == *body);
}

#[tokio::test]
async fn a_connection_that_breaks_again_and_again_is_given_up() {
    let body = flac(MIB);
    let server = serve(move |request, _| file(request, &body, "\"1\"", Some(9_000))).await;
    let fault = fault(&direct(), &server.url("/a")).await;
    assert_eq!(fault.reason, Reason::Unreachable);
    assert!(fault.is_retryable());
    assert_eq!(server.seen().len(), 4, "as many connections as attempts are allowed");
}

#[tokio::test]
async fn what_is_not_audio_is_refused_whatever_it_is_called() {
    let page = b"<!DOCTYPE html><html><body>Sign in to confirm you are not a bot</body></html>";
    let json = br#"{"status":"error","message":"rate limited"}"#;
    let server = serve(move |request, _| match request.path.as_str() {
        "/page.mp3" => answer("200 OK", &[("Content-Type", "audio/mpeg")], page),
        "/long.mp3" => answer("200 OK", &[("Content-Type", "audio/mpeg")], &page.repeat(500)),
        "/json" => answer("200 OK", &[("Content-Type", "application/json")], json),
        "/zip.flac" => answer("200 OK", &[("Content-Type", "audio/flac")], b"PK\x03\x04\x14\0\0\0"),
        _ => answer(
            "200 OK",
            &[("Content-Type", "audio/mpegurl")],
            b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        ),
    })
    .await;
    for path in ["/page.mp3", "/long.mp3", "/json", "/zip.flac"] {
        let fault = fault(&direct(), &server.url(path)).await;
        assert_eq!(fault.reason, Reason::NotAudio, "{path}");
        assert!(!fault.is_retryable());
    }
    assert_eq!(fault(&direct(), &server.url("/list")).await.reason, Reason::BadUrl);
}

#[tokio::test]
async fn audio_is_recognised_whatever_it_is_called() {
    let server =
        serve(|_, _| answer("200 OK", &[("Content-Type", "text/html")], &flac(5000))).await;
    assert_eq!(direct().open(&server.url("/index.html")).await.unwrap().format, Format::Flac);
}

#[tokio::test]
async fn statuses_become_faults() {
    let server = serve(|request, _| {
        let status = request.path.trim_start_matches('/').replace('-', " ");
        match status.strip_suffix(" wait") {
            Some(status) => answer(status, &[("Retry-After", "120")], b""),
            None => answer(&status, &[], b""),
        }
    })
    .await;
    for (status, reason, class) in [
        ("404", Reason::NotFound, Class::Refused),
        ("410", Reason::NotFound, Class::Refused),
        ("401", Reason::ServiceRefused, Class::Refused),
        ("403", Reason::ServiceRefused, Class::Refused),
        ("451", Reason::ServiceRefused, Class::Refused),
        ("429", Reason::ServiceRefused, Class::Transient),
        ("429-wait", Reason::ServiceRefused, Class::FloodWait(Duration::from_secs(120))),
        ("500", Reason::ServiceRefused, Class::Transient),
        ("503", Reason::ServiceRefused, Class::Transient),
        ("504", Reason::Timeout, Class::Transient),
        ("204", Reason::Empty, Class::Refused),
        ("200", Reason::Empty, Class::Refused),
    ] {
        let before = server.seen().len();
        let fault = fault(&direct(), &server.url(&format!("/{status}"))).await;
        assert_eq!((fault.reason, fault.class), (reason, class), "{status}");
        let asked = if class == Class::Transient { 4 } else { 1 };
        assert_eq!(server.seen().len() - before, asked, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_stumbles_once_is_asked_again() {
    let server = serve(|_, number| match number {
        0 => answer("500 Oops", &[], b""),
        1 => vec![],
        _ => answer("200 OK", &[], &flac(5000)),
    })
    .await;
    let mut opened = direct().open(&server.url("/a")).await.unwrap();
    assert_eq!(rest(&mut opened.download).await.unwrap().len(), 5000);
}

#[tokio::test]
async fn an_announced_size_over_the_limit_is_refused_at_once() {
    let server = serve(|_, _| {
        vec![
            Step::Send(head("200 OK", &[("Content-Length", "10737418240")])),
            Step::Endless(flac(65_536)),
        ]
    })
    .await;
    assert_eq!(direct().open(&server.url("/a")).await.unwrap_err().reason, Reason::TooLarge);
}

#[tokio::test]
async fn an_endless_answer_is_cut_at_the_limit() {
    let server =
        serve(|_, _| vec![Step::Send(head("200 OK", &[])), Step::Endless(flac(65_536))]).await;
    let limits = Settings { bytes_max: 2 * MIB as u64, ..settings() };
    let direct = Direct::new(server::http(&["127.0.0.1"]), limits);
    let mut opened = direct.open(&server.url("/a")).await.unwrap();
    let fault = rest(&mut opened.download).await.unwrap_err();
    assert_eq!(fault.reason, Reason::TooLarge);
    assert!(opened.download.offset() <= 2 * MIB as u64);
}

#[tokio::test]
async fn a_download_that_stays_open_too_long_ends() {
    let server =
        serve(|_, _| vec![Step::Send(head("200 OK", &[])), Step::Endless(flac(65_536))]).await;
    let limits =
        Settings { open_max: Duration::from_millis(300), bytes_max: u64::MAX, ..settings() };
    let direct = Direct::new(server::http(&["127.0.0.1"]), limits);
    // on a busy machine its first bytes may take that long already
    let fault = match direct.open(&server.url("/a")).await {
        Err(fault) => fault,
        Ok(mut opened) => loop {
            match opened.download.next().await {
                Ok(bytes) => assert!(bytes.is_some(), "it never ends by itself"),
                Err(fault) => break fault,
            }
        },
    };
    assert_eq!(fault.reason, Reason::TooLong);
}

#[tokio::test]
async fn a_slow_drip_is_given_up() {
    let server = serve(|_, _| {
        let start = head("200 OK", &[("Content-Length", "1000000")]);
        vec![Step::Send(start), Step::Send(flac(8192)), Step::Drip(Duration::from_millis(20))]
    })
    .await;
    let limits =
        Settings { rate_min: 20_000, rate_window: Duration::from_millis(500), ..settings() };
    let direct = Direct::new(server::http(&["127.0.0.1"]), limits);
    let fault = fault(&direct, &server.url("/a")).await;
    assert_eq!(fault.reason, Reason::Timeout, "{fault}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_replaced() {
    let body = Arc::new(flac(MIB));
    let served = Arc::clone(&body);
    let server = serve(move |request, number| {
        let mut steps = file(request, &served, "\"1\"", (number == 0).then_some(100_000));
        steps.extend((number == 0).then_some(Step::Hang));
        steps
    })
    .await;
    let limits = Settings { stall_timeout: Duration::from_millis(300), ..settings() };
    let mut opened =
        Direct::new(server::http(&["127.0.0.1"]), limits).open(&server.url("/a")).await.unwrap();
    assert!(rest(&mut opened.download).await.unwrap() == *body);
    assert!(server.seen().len() >= 2);
}

#[tokio::test]
async fn a_dropped_call_loses_no_byte() {
    let body = Arc::new(flac(MIB));
    let served = Arc::clone(&body);
    let server = serve(move |request, _| file(request, &served, "\"1\"", Some(300_000))).await;
    let mut opened = direct().open(&server.url("/a")).await.unwrap();
    let mut all = Vec::new();
    loop {
        // polled once, then dropped, over and over
        let next = tokio::select! {
            biased;
            next = opened.download.next() => next,
            () = tokio::task::yield_now() => continue,
        };
        match next.unwrap() {
            Some(bytes) => all.extend_from_slice(&bytes),
            None => break,
        }
    }
    assert!(all == *body);
}

#[tokio::test]
async fn a_stream_of_a_service_gets_its_headers_and_others_do_not() {
    let other = serve(|_, _| answer("200 OK", &[], &flac(5000))).await;
    let to = other.url("/b");
    let server = serve(move |_, _| redirect(&to)).await;
    let stream = Stream {
        url: server.url("/a"),
        headers: vec![("Referer".to_owned(), "https://site.test/".to_owned())],
        lifetime: None,
        kind: StreamKind::File,
    };
    assert!(direct().open_stream(&stream).await.is_ok());
    assert_eq!(server.seen()[0].header("referer"), Some("https://site.test/"));
    assert_eq!(other.seen()[0].header("referer"), None);
}

#[tokio::test]
async fn a_redirected_link_plays_and_is_asked_again_from_the_start() {
    let body = Arc::new(flac(MIB));
    let served = Arc::clone(&body);
    let server = serve(move |request, _| match request.path.as_str() {
        "/song" => redirect("/cdn/1?signature=x"),
        _ => file(request, &served, "\"1\"", Some(700_000)),
    })
    .await;
    let mut opened = direct().open(&server.url("/song")).await.unwrap();
    assert!(rest(&mut opened.download).await.unwrap() == *body);
    let paths: Vec<String> = server.seen().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/song", "/cdn/1?signature=x", "/song", "/cdn/1?signature=x"]);
}

#[tokio::test]
async fn links_into_the_own_network_are_refused() {
    let server = serve(|_, _| answer("200 OK", &[], &flac(5000))).await;
    let direct = Direct::new(server::http(&[]), settings());
    assert_eq!(direct.resolve(&server.url("/a")).await.unwrap_err().reason, Reason::PrivateAddress);
    assert_eq!(direct.resolve("file:///etc/passwd").await.unwrap_err().reason, Reason::BadUrl);
    assert!(server.seen().is_empty());
}
