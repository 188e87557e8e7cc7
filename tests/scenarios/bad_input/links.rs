//! Links that are not what they seem.

use std::time::Duration;

use simulator::music::Track;
use simulator::world::ADA;

use super::super::origin::answer as reply;
use super::super::origin::{Asked, Origin, Step, head, ranged};
use super::super::world::World;
use super::{answer, asked, bytes_of, hears_well, refused, sound, stopped};

/// An origin, and a bot that may open its links.
async fn allowed(
    script: impl Fn(&Asked, usize) -> Vec<Step> + Send + Sync + 'static,
) -> (Origin, super::Running) {
    let origin = Origin::start(script).await;
    let running = World::new().allow_host(&origin.host()).start().await;
    (origin, running)
}

async fn link_is_refused(
    script: impl Fn(&Asked, usize) -> Vec<Step> + Send + Sync + 'static,
    words: &str,
) -> Origin {
    let (origin, running) = allowed(script).await;
    refused(&running, &format!("/play {}", origin.url("/song.mp3")), words).await;
    assert!(!origin.asked().is_empty(), "the link was not even opened");
    running.end().await;
    origin
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_web_page_is_refused() {
    let page =
        b"<!DOCTYPE html><html><head><title>song.mp3</title></head><body>buy it</body></html>";
    // what the server calls it is worth nothing
    link_is_refused(|_, _| reply("200 OK", "audio/mpeg", page), "does not lead to audio").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_nothing_is_refused() {
    link_is_refused(|_, _| reply("404 Not Found", "audio/mpeg", b"gone"), "found nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_a_private_address_is_refused_and_the_address_is_never_asked() {
    let inner = Origin::start(|_, _| reply("200 OK", "audio/mpeg", bytes_of(Track::Harbour))).await;
    let target = inner.url("/secret.mp3");
    let outer = link_is_refused(
        move |_, _| vec![head("302 Found", &[("Location", &target), ("Content-Length", "0")])],
        "private address",
    )
    .await;
    assert_eq!(outer.asked().len(), 1, "{:?}", outer.asked());
    assert_eq!(inner.asked().len(), 0, "{:?}", inner.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_that_nobody_allowed_is_refused_and_never_asked() {
    let origin =
        Origin::start(|_, _| reply("200 OK", "audio/mpeg", bytes_of(Track::Harbour))).await;
    let running = World::new().start().await;
    let port = origin.host().rsplit_once(':').unwrap().1.to_owned();
    // all of them lead to the same place
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"] {
        refused(&running, &format!("/play http://{host}:{port}/a.mp3"), "private address").await;
    }
    assert_eq!(origin.asked().len(), 0, "{:?}", origin.asked());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_no_web_link_is_refused() {
    let running = World::new().start().await;
    for link in ["file:///etc/passwd", "tg://user?id=abc", "ftp://example.com/a.mp3", "http://"] {
        let refusal = asked(&running, &format!("/play {link}")).await;
        assert!(refusal.text.starts_with("⚠️"), "{link}: {refusal:?}");
    }
    refused(&running, "/play http://user:password@example.com/", "only plain http").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_link_without_sound_is_refused_at_once() {
    let origin = link_is_refused(
        |_, _| {
            vec![head("200 OK", &[("Content-Type", "audio/mpeg")]), Step::Endless(vec![0; 65_536])]
        },
        "does not lead to audio",
    )
    .await;
    assert!(origin.n_sent() < 16 << 20, "{} bytes were taken", origin.n_sent());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_song_is_heard_as_far_as_is_allowed_and_no_further() {
    // a wave file that claims to be as long as a wave file can, and goes on for ever
    let (wav, again) = sound::endless_wav(Track::Northbound);
    let origin = Origin::start(move |_, _| {
        let head = head("200 OK", &[("Content-Type", "audio/wav")]);
        vec![head, Step::Send(wav.clone()), Step::Endless(again.clone())]
    })
    .await;
    let running =
        World::new().allow_host(&origin.host()).settings("sources.size_max_mib = 1").start().await;
    let listener = running.listener().await;
    let request = running.say(ADA, &format!("/play {}", origin.url("/endless.wav")));
    hears_well(&listener, Track::Northbound, Duration::from_secs(3)).await;
    running.sees("too large").await;
    assert!(origin.n_sent() < 32 << 20, "{} bytes were taken", origin.n_sent());
    assert!(running.texts().iter().any(|text| text.contains("Played")), "{:#?}", running.texts());
    assert!(request > 0);
    super::still_works(&running).await;
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_link_is_refused() {
    link_is_refused(|_, _| reply("200 OK", "audio/mpeg", b""), "no sound in it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_file_without_a_sample_is_refused() {
    let wav = sound::silent_wav();
    let (origin, running) = allowed(move |_, _| reply("200 OK", "audio/wav", &wav)).await;
    let request = running.say(ADA, &format!("/play {}", origin.url("/odd.wav")));
    let refusal = answer(&running, request).await;
    assert!(refusal.text.contains("odd: There is no sound in it"), "{refusal:?}");
    super::still_works(&running).await;
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_announces_10_gb_is_refused_without_taking_them() {
    let origin = link_is_refused(
        |_, _| {
            let headers = [("Content-Type", "audio/mpeg"), ("Content-Length", "10737418240")];
            vec![head("200 OK", &headers), Step::Endless(bytes_of(Track::Harbour).to_vec())]
        },
        "too large",
    )
    .await;
    assert!(origin.n_sent() < 16 << 20, "{} bytes were taken", origin.n_sent());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_whose_server_says_nothing_is_refused_in_time() {
    let origin = Origin::start(|_, _| vec![Step::Hang]).await;
    let running =
        World::new().allow_host(&origin.host()).settings("sources.resolve_max_s = 1").start().await;
    refused(&running, &format!("/play {}", origin.url("/a.mp3")), "answers too slowly").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_song_by_link_is_heard() {
    let (origin, running) = allowed(|asked, _| ranged(asked, bytes_of(Track::Harbour), None)).await;
    let listener = running.listener().await;
    let request = running.say(ADA, &format!("/play {}", origin.url("/My%20Song.mp3?token=1")));
    let panel = answer(&running, request).await;
    // as the file says, whatever it is called
    assert!(panel.text.contains("Armed Ensemble — Harbour"), "{panel:?}");
    assert!(panel.text.contains("0:18") && !panel.text.contains("My Song"), "{panel:?}");
    assert!(!panel.text.contains("token"), "{panel:?}");
    hears_well(&listener, Track::Harbour, Duration::from_secs(3)).await;
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_song_by_link_is_heard_from_a_server_without_ranges_too() {
    let (origin, running) =
        allowed(|_, _| reply("200 OK", "application/octet-stream", bytes_of(Track::Harbour))).await;
    let listener = running.listener().await;
    // among words and in brackets, as people send them
    running.say(ADA, &format!("/play listen to <{}> please", origin.url("/download")));
    hears_well(&listener, Track::Harbour, Duration::from_secs(3)).await;
    assert!(
        origin.asked().iter().all(|asked| asked.range_from().is_none()),
        "{:?}",
        origin.asked()
    );
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_song_by_link_is_heard_past_the_place_where_its_connection_broke() {
    // two seconds of it; the first look at the link and the playing each begin at the start
    const CUT: usize = 32_000;
    let (origin, running) = allowed(|asked, _| {
        let cut = asked.range_from().is_none().then_some(CUT);
        ranged(asked, bytes_of(Track::Harbour), cut)
    })
    .await;
    let listener = running.listener().await;
    running.say(ADA, &format!("/play {}", origin.url("/song.mp3")));
    let report = hears_well(&listener, Track::Harbour, Duration::from_secs(4)).await;
    assert!(report.first < Duration::from_secs(1), "{report:?}");
    let resumed: Vec<_> = origin.asked().iter().filter_map(Asked::range_from).collect();
    assert!(resumed.contains(&CUT), "{:?}", origin.asked());
    stopped(running).await;
}
