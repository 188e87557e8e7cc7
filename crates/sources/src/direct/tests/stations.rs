//! Stations: no end, titles between the sound, and a second connection after the first.

use super::*;

#[tokio::test]
async fn a_station_is_live_and_survives_a_break() {
    let server = serve(|_, number| {
        let start = head(
            "200 OK",
            &[
                ("icy-name", "Radio \u{202E}Один"),
                ("icy-br", "128"),
                ("Content-Type", "audio/mpeg"),
            ],
        );
        let end = if number == 0 { vec![] } else { vec![Step::Hang] };
        [vec![Step::Send(start), Step::Send(flac(300_000))], end].into_iter().flatten().collect()
    })
    .await;
    let mut opened = direct().open(&server.url("/live.mp3")).await.unwrap();
    assert_eq!(opened.title, "Radio Один");
    assert!(opened.is_live && !opened.has_ranges && opened.content_length.is_none());
    let mut taken = 0;
    while taken < 600_000 {
        taken += opened.download.next().await.unwrap().expect("a station has no end").len();
    }
    assert_eq!(server.seen().len(), 2);
    assert!(server.seen()[1].range_from().is_none());
}

#[tokio::test]
async fn a_station_of_the_old_kind_is_heard_with_its_titles_and_comes_back() {
    let sound = flac(20_000);
    let served = sound.clone();
    let server = serve(move |request, number| {
        let part = match (request.path.as_str(), number) {
            ("/full", _) => {
                return vec![Step::Send(b"ICY 404 Resource Not Found\r\n\r\n".to_vec())];
            }
            ("/shell", _) => return vec![Step::Send(b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec())],
            ("/words", _) => return vec![Step::Send(b"ICY 200".to_vec())],
            ("/head", _) => {
                let line = b"icy-notice: more\r\n".repeat(1_000);
                return vec![Step::Send(b"ICY 200 OK\r\n".to_vec()), Step::Endless(line)];
            }
            (_, 0) => &served[..9_500],
            _ => &served[9_500..],
        };
        let head =
            "ICY 200 OK\r\nicy-name:Radio\r\nicy-metaint:1000\r\ncontent-type:audio/mpeg\r\n\r\n";
        // the head and the sound come in one piece, and the rest in any
        let all = [head.as_bytes(), &woven(part, 1000, "StreamTitle='One';")].concat();
        let body = all.chunks(777).map(|chunk| Step::Send(chunk.to_vec()));
        body.chain((number > 0).then_some(Step::Hang)).collect()
    })
    .await;
    let mut opened = direct().open(&server.url("/live")).await.unwrap();
    assert!(opened.is_live && opened.title == "Radio", "{opened:?}");
    let (mut heard, mut titles) = (Vec::new(), Vec::new());
    while heard.len() < sound.len() {
        heard.extend_from_slice(&opened.download.next().await.unwrap().unwrap());
        titles.extend(opened.download.take_title());
    }
    assert!(heard == sound, "no word in the sound");
    assert_eq!(titles.first().map(String::as_str), Some("One"));
    assert_eq!(fault(&direct(), &server.url("/full")).await.reason, Reason::NotFound);
    for path in ["/shell", "/words", "/head"] {
        let fault = fault(&direct(), &server.url(path)).await;
        assert_eq!((fault.reason, fault.class), (Reason::Unsupported, Class::Refused), "{path}");
    }
    // nobody but whoever plays is answered so
    let http = server::http(&["127.0.0.1"]);
    let url = Url::parse(&server.url("/live")).unwrap();
    let fault = http.get(&url, &HeaderMap::new()).await.unwrap_err();
    assert_eq!(fault.reason, Reason::Unsupported);
}

/// Sound with these words after every `every` bytes of it.
fn woven(sound: &[u8], every: usize, words: &str) -> Vec<u8> {
    let count = words.len().div_ceil(16);
    let mut block = vec![count as u8];
    block.extend_from_slice(words.as_bytes());
    block.resize(1 + count * 16, 0);
    let cut =
        |part: &[u8]| if part.len() == every { [part, &block].concat() } else { part.to_vec() };
    sound.chunks(every).flat_map(cut).collect()
}

#[tokio::test]
async fn titles_come_out_of_the_sound_and_it_goes_on_after_a_break_without_limits() {
    let sound = flac(20_000);
    let served = sound.clone();
    let server = serve(move |_, number| {
        if number == 1 {
            return answer("404 Not Found", &[], b"");
        }
        // every connection counts in its own way
        let (every, title, part) = match number {
            0 => ("1000", "One - It's On", &served[..9_500]),
            _ => ("700", "Two", &served[9_500..]),
        };
        let start = head("200 OK", &[("icy-metaint", every), ("icy-name", "Radio")]);
        let body = woven(part, every.parse().unwrap(), &format!("StreamTitle='{title}';"));
        let body = body.chunks(333).map(|chunk| Step::Send(chunk.to_vec()));
        let end = if number == 0 { vec![] } else { vec![Step::Hang] };
        std::iter::once(Step::Send(start)).chain(body).chain(end).collect()
    })
    .await;
    // a station may bring more than a file may have
    let settings = Settings { bytes_max: 10_000, ..settings() };
    let direct = Direct::new(server::http(&["127.0.0.1"]), settings);
    let mut opened = direct.open(&server.url("/live")).await.unwrap();
    let (mut heard, mut titles) = (Vec::new(), Vec::new());
    while heard.len() < sound.len() {
        heard.extend_from_slice(&opened.download.next().await.unwrap().unwrap());
        titles.extend(opened.download.take_title());
    }
    assert!(heard == sound, "no word in the sound");
    titles.dedup();
    assert_eq!(titles, ["One - It's On", "Two"]);
    assert!(server.seen().iter().all(|request| request.header("icy-metadata") == Some("1")));
    assert!(opened.download.seek(0).is_err());
}
