use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::direct::Direct;
use crate::server::{self, Server, Step, answer, head, redirect};

fn settings() -> Settings {
    Settings {
        bytes_max: 64 * 1024 * 1024,
        stall_timeout: Duration::from_secs(10),
        rate_min: 1,
        rate_window: Duration::from_secs(10),
        open_max: Duration::from_secs(600),
        attempts_max: 2,
        backoff: Duration::from_millis(1),
    }
}

fn direct(server: &Server) -> Direct {
    Direct::new(server::http(&[&server.address.to_string()]), settings())
}

/// Four frames of AAC that carry a number.
fn aac(number: u8) -> Vec<u8> {
    let mut frame = [number; 200];
    frame[..7].copy_from_slice(&[0xff, 0xf1, 0x50, 0x80, 0x19, 0x1f, 0xfc]);
    frame.repeat(4)
}

/// As packed sound is sent: behind a tag with its time.
fn tagged(number: u8) -> Vec<u8> {
    [b"ID3\x04\0\0\0\0\0\x05abcde".as_slice(), &aac(number)].concat()
}

fn text(body: &str) -> Vec<Step> {
    answer("200 OK", &[("Content-Type", "application/vnd.apple.mpegurl")], body.as_bytes())
}

/// A list of segments named by their numbers.
fn list(first: u64, numbers: std::ops::Range<u64>, is_over: bool) -> String {
    let segments: String = numbers.map(|n| format!("#EXTINF:1.0,\nsegment-{n}.aac\n")).collect();
    let end = if is_over { "#EXT-X-ENDLIST\n" } else { "" };
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n{segments}{end}")
}

fn number_of(path: &str) -> Option<u8> {
    path.strip_suffix(".aac")?.rsplit_once("segment-")?.1.parse().ok()
}

async fn rest(download: &mut crate::direct::Download) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    while let Some(bytes) = download.next().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

/// The numbers of the frames, each once.
fn numbers(bytes: &[u8]) -> Vec<u8> {
    assert_eq!(bytes.len() % 800, 0, "whole segments only");
    bytes
        .chunks(800)
        .map(|segment| {
            assert!(segment[..2] == [0xff, 0xf1]);
            segment[100]
        })
        .collect()
}

#[tokio::test]
async fn a_recording_is_played_from_its_best_sound_to_its_end() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/show/master.m3u8" => text("#EXTM3U\n\
            #EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.2\"\nlow/list.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=192000,CODECS=\"mp4a.40.2\"\nhigh/list.m3u8?key=1\n\
            #EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,CODECS=\"avc1.4d401e,mp4a.40.2\"\nvideo.m3u8\n"),
        "/show/high/list.m3u8?key=1" => redirect("/cdn/list.m3u8"),
        "/cdn/list.m3u8" => text(&list(0, 0..4, true)),
        path => match number_of(path) {
            Some(number) if path.starts_with("/cdn/") => answer("200 OK", &[], &tagged(number)),
            _ => answer("404 Not Found", &[], b""),
        },
    })
    .await;
    let mut opened = direct(&server).open(&server.url("/show/master.m3u8")).await.unwrap();
    assert_eq!((opened.mime(), opened.is_live), ("audio/aac", false));
    assert_eq!(opened.duration, Some(Duration::from_secs(4)));
    assert!(!opened.has_ranges && opened.download.seek(0).is_err());
    let all = rest(&mut opened.download).await.unwrap();
    assert_eq!(numbers(&all), [0, 1, 2, 3], "without the tags between them");
}

#[tokio::test]
async fn a_live_programme_begins_near_its_end_and_goes_on() {
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&loads);
    // two more segments with every load; after the third load it ends
    let server = Server::start(move |request, _| match number_of(&request.path) {
        Some(number) => answer("200 OK", &[], &aac(number)),
        None => {
            let load = counted.fetch_add(1, Ordering::Relaxed) as u64;
            text(&list(load * 2, load * 2..load * 2 + 6, load == 3))
        }
    })
    .await;
    let mut opened = direct(&server).open(&server.url("/live.m3u8")).await.unwrap();
    assert!(opened.is_live && opened.duration.is_none() && opened.content_length.is_none());
    let all = rest(&mut opened.download).await.unwrap();
    assert_eq!(numbers(&all), [3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(loads.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn missing_segments_and_lists_do_not_end_a_programme() {
    let asked = Arc::new(Mutex::new(BTreeMap::new()));
    let counted = Arc::clone(&asked);
    let loads = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |request, _| match number_of(&request.path) {
        Some(number) => {
            let mut asked = counted.lock().unwrap();
            let times = asked.entry(number).or_insert(0);
            *times += 1;
            match (number, *times) {
                (4, _) => answer("404 Not Found", &[], b""),
                (5, 1) => vec![
                    Step::Send(head("200 OK", &[("Content-Length", "800")])),
                    Step::Send(aac(5)[..300].to_vec()),
                ],
                (6, 1..=2) => answer("503 Service Unavailable", &[], b""),
                _ => answer("200 OK", &[], &aac(number)),
            }
        }
        None => match loads.fetch_add(1, Ordering::Relaxed) {
            0 => text(&list(0, 0..6, false)),
            1 => answer("502 Bad Gateway", &[], b""),
            2 => text("<html>"),
            // away for longer than the list goes back: 7 to 9 are gone
            _ => text(&list(10, 10..12, true)),
        },
    })
    .await;
    let mut opened = direct(&server).open(&server.url("/live.m3u8")).await.unwrap();
    let all = rest(&mut opened.download).await.unwrap();
    assert_eq!(numbers(&all), [3, 5, 10, 11]);
    let asked = asked.lock().unwrap();
    assert_eq!((asked[&4], asked[&5]), (1, 2), "gone is gone, cut is asked again");
}

#[test]
fn a_programme_is_asked_for_again_at_its_own_pace_and_lost_when_it_stands_still() {
    let at = Duration::from_secs;
    let list = |first: u64, n: usize| {
        let url = Url::parse("http://a.test/s").unwrap();
        let part = Part { url, range: None };
        let segment = list::Segment { part, init: None, duration: at(6), is_gap: false };
        List { first, segments: vec![segment; n], target: at(6), is_over: false }
    };
    let drain = |plan: &mut Plan| {
        let mut n = 0;
        while let Next::Fetch(_) = plan.next() {
            plan.fetched();
            n += 1;
        }
        n
    };
    let mut plan = Plan::new(list(100, 10), at(0));
    assert_eq!(drain(&mut plan), 3, "from three before the end");
    assert_eq!(plan.next(), Next::Reload(at(6)));
    assert_eq!(plan.reloaded(list(101, 10), at(6)), 0);
    assert_eq!((drain(&mut plan), plan.next()), (1, Next::Reload(at(12))));
    assert_eq!(plan.reloaded(list(101, 10), at(12)), 0);
    assert_eq!(
        (drain(&mut plan), plan.next()),
        (0, Next::Reload(at(15))),
        "sooner when nothing came"
    );
    assert_eq!(plan.reloaded(list(200, 10), at(900)), 89, "away for long");
    assert_eq!(drain(&mut plan), 3);
    plan.reloaded(list(0, 5), at(910));
    assert_eq!(drain(&mut plan), 3, "its numbers began anew");
    let mut same = 0;
    while plan.next() != Next::Lost {
        plan.reloaded(list(0, 5), at(1000));
        same += 1;
        assert!(same < 1000);
    }
    assert!(same > 20);
}

#[tokio::test]
async fn ranges_and_heads_of_fragments_are_put_together() {
    let ftyp = b"\0\0\0\x18ftypiso5\0\0\0\x01iso5dash".to_vec();
    let file: Vec<u8> = [ftyp.clone(), (0..200u8).collect()].concat();
    let served = file.clone();
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/a.m3u8" => text(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"24@0\"\n\
            #EXT-X-BYTERANGE:50@24\n#EXTINF:1,\nall.mp4\n#EXT-X-BYTERANGE:50\n#EXTINF:1,\nall.mp4\n\
            #EXT-X-DISCONTINUITY\n#EXT-X-BYTERANGE:30@150\n#EXTINF:1,\nwhole.mp4\n#EXT-X-ENDLIST\n",
        ),
        "/all.mp4" => {
            let range = request.header("range").unwrap().strip_prefix("bytes=").unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
            let range = format!("bytes {start}-{end}/{}", served.len());
            answer("206 Partial Content", &[("Content-Range", &range)], &served[start..=end])
        }
        // without ranges
        _ => answer("200 OK", &[], &served),
    })
    .await;
    let mut opened = direct(&server).open(&server.url("/a.m3u8")).await.unwrap();
    assert_eq!(opened.mime(), "audio/mp4");
    let all = rest(&mut opened.download).await.unwrap();
    assert!(all == [&file[..124], &file[150..180]].concat(), "the head once, then the parts");
}

#[tokio::test]
async fn no_part_of_a_programme_is_fetched_from_inside() {
    let inside = Server::start(|_, _| answer("200 OK", &[], &aac(9))).await;
    let secret = inside.url("/segment-1.aac");
    let cases: [(&str, String); 4] = [
        (
            "segment",
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n"),
        ),
        (
            "head",
            format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"{secret}\"\n#EXTINF:1,\nsegment-1.aac\n#EXT-X-ENDLIST\n"
            ),
        ),
        (
            "variant",
            format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.2\"\n{secret}\n"),
        ),
        (
            "redirect",
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\naway\n#EXT-X-ENDLIST\n".to_owned(),
        ),
    ];
    for (what, body) in cases {
        let to = secret.clone();
        let server = Server::start(move |request, _| match request.path.as_str() {
            "/a.m3u8" => text(&body),
            "/away" => redirect(&to),
            _ => answer("200 OK", &[], &aac(1)),
        })
        .await;
        let fault = direct(&server).open(&server.url("/a.m3u8")).await.unwrap_err();
        assert_eq!(fault.reason, Reason::PrivateAddress, "{what}: {fault}");
    }
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn what_is_encrypted_or_no_list_is_refused_in_words() {
    let check = async |body: &'static str, reason: Reason| {
        let server = Server::start(move |_, _| text(body)).await;
        let fault = direct(&server).open(&server.url("/a.m3u8")).await.unwrap_err();
        assert_eq!(fault.reason, reason, "{body}: {fault}");
        fault.detail
    };
    let key = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n#EXTINF:1,\na.ts\n#EXTINF:1,\nb.ts\n";
    assert!(check(key, Reason::Unsupported).await.contains("encrypted"));
    check("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-ENDLIST\n", Reason::Empty).await;
    check("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=x\n", Reason::Empty).await;
}

#[tokio::test]
async fn lists_of_links_lead_to_what_plays() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/a.pls" => text("[playlist]\nFile1=/gone.mp3\nFile2=/b.m3u\n"),
        "/b.m3u" => text("#EXTM3U\n#EXTINF:-1,Radio\nlive\n"),
        "/c.m3u" => text("/live\n"),
        "/loop.m3u" => text("#EXTM3U\n/loop.m3u\n"),
        "/words" => text("just words"),
        "/live" => vec![
            Step::Send(head("200 OK", &[("icy-name", "Radio One")])),
            Step::Send(aac(1).repeat(20)),
            Step::Hang,
        ],
        _ => answer("404 Not Found", &[], b""),
    })
    .await;
    for path in ["/a.pls", "/b.m3u", "/c.m3u"] {
        let opened = direct(&server).open(&server.url(path)).await.unwrap();
        assert_eq!((opened.title.as_str(), opened.is_live), ("Radio One", true), "{path}");
    }
    let fault = direct(&server).open(&server.url("/loop.m3u")).await.unwrap_err();
    assert_eq!(fault.reason, Reason::Unsupported, "{fault}");
    assert_eq!(server.seen().iter().filter(|it| it.path == "/loop.m3u").count(), 3);
}

#[test]
fn sound_alone_is_chosen_before_pictures() {
    let check = |body: &str, expected: &str| {
        let base = Url::parse("http://a.test/").unwrap();
        let Ok(Parsed::Master(master)) = list::parse(&base, body.as_bytes()) else {
            panic!("{body}")
        };
        assert_eq!(choice::best(&master), Some(expected), "{body}");
    };
    let video = |bandwidth: u32, more: &str, uri: &str| {
        format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION=640x360,CODECS=\"avc1.4d401e,mp4a.40.2\"{more}\n{uri}\n"
        )
    };
    let sound = |kind: &str, group: &str, uri: &str| {
        format!("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{group}\",NAME=\"{uri}\",{kind}URI=\"{uri}\"\n")
    };
    let with = |parts: &[String]| format!("#EXTM3U\n{}", parts.concat());
    check(
        &with(&[
            video(300_000, "", "low"),
            video(800_000, "", "mid"),
            video(5_000_000, "", "high"),
        ]),
        "mid",
    );
    check(&with(&[video(100_000, "", "lowest"), video(300_000, "", "low")]), "low");
    let groups = [
        sound("DEFAULT=NO,LANGUAGE=\"fr\",", "hi", "fr"),
        sound("DEFAULT=YES,AUTOSELECT=YES,", "hi", "main"),
        sound("DEFAULT=YES,", "lo", "thin"),
        video(300_000, ",AUDIO=\"lo\"", "low"),
        video(800_000, ",AUDIO=\"hi\"", "mid"),
    ];
    check(&with(&groups), "main");
    let alone = "#EXT-X-STREAM-INF:BANDWIDTH=128000,CODECS=\"mp4a.40.2\"\nalone\n#EXT-X-STREAM-INF:BANDWIDTH=384000,CODECS=\"ec-3\"\nforeign\n".to_owned();
    check(&with(&[video(800_000, "", "mid"), alone]), "alone");
}
