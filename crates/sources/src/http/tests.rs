use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::server::{self, Server, Step, answer, redirect};

/// Names that lead where the test says; each look-up takes the next answer, and the last stays.
fn names(answers: &'static [&'static [&'static str]]) -> (Lookup, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let lookup: Lookup = Arc::new(move |_| {
        let number = counted.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        let found: Vec<IpAddr> = answers[number].iter().map(|text| text.parse().unwrap()).collect();
        Box::pin(async move { Ok(found) })
    });
    (lookup, count)
}

async fn get(http: &Http, url: &str) -> Result<Response, Fault> {
    http.get(&Url::parse(url).unwrap(), &HeaderMap::new()).await
}

fn with_lookup(allow: &[&str], lookup: Lookup) -> Http {
    server::install_crypto();
    Http::with_lookup(server::settings(allow), lookup).unwrap()
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused() {
    for private in [
        ["127.0.0.1"].as_slice(),
        &["10.0.0.1", "192.168.0.1"],
        &["169.254.169.254"],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["fd00::1"],
    ] {
        let answers: &'static [&'static [&'static str]] = Box::leak(Box::new([private]));
        let http = with_lookup(&[], names(answers).0);
        for url in ["http://rebind.test/a.mp3", "https://rebind.test/a.mp3"] {
            let fault = get(&http, url).await.unwrap_err();
            assert_eq!(fault.reason, Reason::PrivateAddress, "{private:?}: {fault}");
            assert!(!fault.is_retryable());
        }
    }
}

#[tokio::test]
async fn only_the_public_addresses_of_a_name_are_used() {
    let (lookup, _) = names(&[&["127.0.0.1", "8.8.8.8", "::1"]]);
    let found = Resolver::checked(lookup).addresses("mixed.test".to_owned()).await.unwrap();
    assert_eq!(found, ["8.8.8.8".parse::<IpAddr>().unwrap()]);
}

#[tokio::test]
async fn a_name_that_turns_private_after_the_check_is_not_connected_to() {
    let (lookup, count) = names(&[&["8.8.8.8"], &["127.0.0.1"]]);
    let resolver = Resolver::checked(lookup);
    assert!(resolver.addresses("rebind.test".to_owned()).await.is_ok());
    assert!(
        resolver.addresses("rebind.test".to_owned()).await.unwrap_err().is::<resolver::NotPublic>()
    );
    assert_eq!(
        count.load(Ordering::Relaxed),
        2,
        "every connection looks the name up through the check"
    );
}

#[tokio::test]
async fn an_allowed_name_may_lead_to_a_private_address() {
    let server = Server::start(|_, _| answer("200 OK", &[], b"hello")).await;
    let host = format!("music.test:{}", server.address.port());
    let http = with_lookup(&[&host], names(&[&["127.0.0.1"]]).0);
    let response = get(&http, &format!("http://{host}/")).await.unwrap();
    assert_eq!(response.bytes().await.unwrap(), "hello");
    assert_eq!(server.seen()[0].header("host"), Some(host.as_str()));
}

#[tokio::test]
async fn an_unknown_name_is_unreachable() {
    let lookup: Lookup =
        Arc::new(|_| Box::pin(async { Err(std::io::Error::other("no such name")) }));
    let fault = get(&with_lookup(&[], lookup), "http://nowhere.test/").await.unwrap_err();
    assert_eq!(fault.reason, Reason::Unreachable);
    assert!(fault.is_retryable());
}

#[tokio::test]
async fn a_proxy_does_not_open_the_way_to_private_addresses() {
    server::install_crypto();
    let proxy = Server::start(|_, _| answer("200 OK", &[], b"from the proxy")).await;
    let settings = Settings { proxy: Some(proxy.url("")), ..server::settings(&[]) };
    let private = Http::with_lookup(settings.clone(), names(&[&["10.0.0.1"]]).0).unwrap();
    let fault = get(&private, "http://inside.test/").await.unwrap_err();
    assert_eq!(fault.reason, Reason::PrivateAddress);
    assert!(proxy.seen().is_empty());
    let public = Http::with_lookup(settings, names(&[&["8.8.8.8"]]).0).unwrap();
    let response = get(&public, "http://outside.test/x").await.unwrap();
    assert_eq!(response.bytes().await.unwrap(), "from the proxy");
    assert_eq!(proxy.seen()[0].path, "http://outside.test/x");
}

#[tokio::test]
async fn redirects_are_followed_within_the_allowed_hosts() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/1" => redirect("/2"),
        "/2" => redirect("3"),
        "/3" => redirect("/4?key=value"),
        _ => answer("200 OK", &[], b"there"),
    })
    .await;
    let http = server::http(&[&server.address.to_string()]);
    let response = get(&http, &server.url("/1")).await.unwrap();
    assert_eq!(response.bytes().await.unwrap(), "there");
    let seen = server.seen();
    assert_eq!(
        seen.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(),
        ["/1", "/2", "/3", "/4?key=value"]
    );
    assert!(seen.iter().all(|it| it.header("referer").is_none() && it.header("cookie").is_none()));
    assert_eq!(seen[0].header("user-agent"), Some("ArmedMusic/test"));
    assert_eq!(seen[0].header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    let inside = Server::start(|_, _| answer("200 OK", &[], b"secret")).await;
    let port = inside.address.port();
    for (target, reason) in [
        (inside.url("/"), Reason::PrivateAddress),
        (format!("//127.0.0.1:{port}/"), Reason::PrivateAddress),
        (format!("http://0x7f.1:{port}/"), Reason::PrivateAddress),
        (format!("http://[::ffff:127.0.0.1]:{port}/"), Reason::PrivateAddress),
        ("http://169.254.169.254/latest/".to_owned(), Reason::PrivateAddress),
        (format!("http://me:you@127.0.0.1:{port}/"), Reason::BadUrl),
        (format!("ftp://127.0.0.1:{port}/"), Reason::BadUrl),
        ("file:///etc/passwd".to_owned(), Reason::BadUrl),
    ] {
        let to = target.clone();
        let outside = Server::start(move |_, _| redirect(&to)).await;
        let http = server::http(&[&outside.address.to_string()]);
        let fault = get(&http, &outside.url("/")).await.unwrap_err();
        assert_eq!(fault.reason, reason, "{target}: {fault}");
        assert_eq!(outside.seen().len(), 1);
    }
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_loop_ends_after_ten_hops_and_is_told_as_a_link_that_leads_nowhere() {
    let server = Server::start(|_, _| redirect("/again")).await;
    let fault = get(&server::http(&["127.0.0.1"]), &server.url("/")).await.unwrap_err();
    assert_eq!(fault.reason, Reason::NotFound);
    assert_eq!(server.seen().len(), 11);
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let server =
        Server::start(|_, _| answer("200 OK", &[("Set-Cookie", "id=1; Path=/")], b"")).await;
    let http = server::http(&["127.0.0.1"]);
    for _ in 0..2 {
        assert!(get(&http, &server.url("/")).await.is_ok());
    }
    assert!(server.seen().iter().all(|request| request.header("cookie").is_none()));
}

#[tokio::test]
async fn a_packed_body_is_refused() {
    let server =
        Server::start(|_, _| answer("200 OK", &[("Content-Encoding", "gzip")], b"\x1f\x8b")).await;
    let fault = get(&server::http(&["127.0.0.1"]), &server.url("/")).await.unwrap_err();
    assert_eq!(fault.reason, Reason::Unsupported);
}

#[tokio::test]
async fn a_server_that_never_answers_times_out() {
    server::install_crypto();
    let server = Server::start(|_, _| vec![Step::Hang]).await;
    let settings =
        Settings { answer_timeout: Duration::from_millis(200), ..server::settings(&["127.0.0.1"]) };
    let fault = get(&Http::new(settings).unwrap(), &server.url("/")).await.unwrap_err();
    assert_eq!(fault.reason, Reason::Timeout);
    assert!(fault.is_retryable());
}

#[tokio::test]
async fn faults_show_neither_queries_nor_whole_paths() {
    let server = Server::start(|_, _| vec![]).await;
    let url = server.url("/file/bot123:SECRET/abcdefghijklmnopqrstuvwxyz?token=SECRET#SECRET");
    let fault = get(&server::http(&["127.0.0.1"]), &url).await.unwrap_err();
    assert_eq!(fault.reason, Reason::Unreachable);
    assert!(!fault.detail.contains("SECRET") && !fault.detail.contains("uvwxyz"), "{fault}");
    assert!(fault.detail.contains("127.0.0.1") && fault.detail.contains("abcdef"), "{fault}");
}

#[test]
fn headers_are_read_strictly() {
    let read = |name: &'static str, value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        headers
    };
    let range = |value: &str| {
        headers::content_range(&read("content-range", value))
            .map(|it| (it.first, it.last, it.total))
    };
    assert_eq!(range("bytes 5-9/10"), Some((5, 9, Some(10))));
    assert_eq!(range("bytes 5-9/*"), Some((5, 9, None)));
    for bad in [
        "bytes */10",
        "bytes 9-5/10",
        "bytes 5-10/10",
        "5-9/10",
        "bytes -5/10",
        "bytes 5-9",
        "words 5-9/10",
    ] {
        assert_eq!(range(bad), None, "{bad}");
    }
    let name = |value: &str| headers::file_name(&read("content-disposition", value));
    assert_eq!(
        name("attachment; filename=\"a;b \\\"c\\\".mp3\"; size=3").as_deref(),
        Some("a;b \"c\".mp3")
    );
    assert_eq!(name("inline; filename=plain.ogg").as_deref(), Some("plain.ogg"));
    assert_eq!(
        name("attachment; filename=x.mp3; filename*=UTF-8''%D0%9F.mp3").as_deref(),
        Some("П.mp3")
    );
    assert_eq!(name("attachment; filename=\"../../etc/passwd\"").as_deref(), Some("passwd"));
    assert_eq!(name("attachment; filename=\"..\\\\..\\\\x.mp3\"").as_deref(), Some("x.mp3"));
    assert_eq!(name("attachment; filename=\"..\""), None);
    assert_eq!(name("attachment"), None);
    let wait =
        |value: &str| headers::retry_after(&read("retry-after", value)).map(|wait| wait.as_secs());
    assert_eq!(wait("7"), Some(7));
    assert_eq!(wait("999999999"), Some(3600));
    assert_eq!(wait("Wed, 21 Oct 2026 07:28:00 GMT"), None);
    let reset = headers::retry_after(&read("ratelimit-reset", "7"));
    assert_eq!(reset, Some(Duration::from_secs(7)));
    assert_eq!(headers::percent_decoded("a%20b%ZZ%4"), "a b%ZZ%4");
}
