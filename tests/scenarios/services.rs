//! Outside services: who hangs is not waited for, who is down is told, what ended is asked for anew.
//!
//! Nine services share a place that accepts and never answers; the tenth, a gateway, speaks plain JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use simulator::world::{ADA, BORIS, jam};

use super::origin::{Asked, Origin, Step, answer, ranged};
use super::world::{PATIENCE, Running, World};

mod catalogues;
mod hanging;
mod hls;
mod linked;
mod lists;
mod nginx;
mod radio;
mod searching;
mod telling;
mod ytdlp;

const NINE: [&str; 9] = [
    "invidious",
    "piped",
    "soundcloud",
    "jiosaavn",
    "audius",
    "jamendo",
    "archive",
    "cobalt",
    "radio",
];

/// The gateway's own settings, and after whom it is asked.
pub(crate) fn gateway(origin: &Origin, order: &[&str]) -> String {
    let order: Vec<String> = order.iter().map(|name| format!("{name:?}")).collect();
    format!(
        "extractors.order = [{}]\n\
         extractors.gateway.open_url = \"{}\"\n\
         extractors.gateway.open_stream = \"/url\"\n\
         extractors.gateway.open_title = \"/title\"\n\
         extractors.gateway.search_url = \"{}\"\n\
         extractors.gateway.search_items = \"/hits\"\n\
         extractors.gateway.search_artist = \"/artist\"\n\
         extractors.gateway.search_duration = \"/seconds\"\n\
         extractors.gateway.youtube = true\n",
        order.join(", "),
        origin.url("/open?id={key}"),
        origin.url("/search?q={query}&n={limit}"),
    )
}

/// All nine at one place.
fn nine_at(host: &str) -> String {
    let lines = NINE.iter().map(|name| format!("extractors.{name}.urls = [\"http://{host}\"]\n"));
    lines.collect::<String>() + &format!("extractors.soundcloud.site = \"http://{host}\"\n")
}

/// Keys of videos, as the gateway gives them.
const FAR_AWAY: &str = "aaaaaaaaaa1";
const FAR_HILLS: &str = "aaaaaaaaaa2";

/// What the gateway finds for anything that is asked.
pub(crate) fn hits() -> Vec<Step> {
    let body = format!(
        r#"{{"hits": [
            {{"id": "{FAR_AWAY}", "title": "Far Away", "artist": "Nobody", "seconds": 4}},
            {{"id": "{FAR_HILLS}", "title": "Far Away Hills", "artist": "Nobody", "seconds": "0:04"}}
        ]}}"#
    );
    answer("200 OK", "application/json", body.as_bytes())
}

fn opened(url: &str) -> Vec<Step> {
    let body = format!(r#"{{"url": "{url}", "title": "Far Away"}}"#);
    answer("200 OK", "application/json", body.as_bytes())
}

pub(crate) fn music() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("the disk has room");
    simulator::music::write_to(folder.path()).expect("the disk has room");
    let files = std::fs::read_dir(folder.path()).expect("it was written");
    let mp3 = files
        .map(|entry| entry.expect("it is readable").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "mp3"));
    std::fs::read(mp3.expect("the demo has an MP3")).expect("it is readable")
}

/// A gateway that works.
pub(crate) async fn working() -> Origin {
    let music = music();
    Origin::start(move |asked, _| serve(asked, &music)).await
}

fn serve(asked: &Asked, music: &[u8]) -> Vec<Step> {
    let path = asked.path();
    if path.starts_with("/search") {
        hits()
    } else if path.starts_with("/open") {
        opened(&format!("http://{}/music.mp3", asked.header("host").unwrap_or_default()))
    } else {
        ranged(asked, music, None)
    }
}

/// A place that accepts, listens, and says nothing.
async fn hanging() -> Origin {
    Origin::start(|_, _| vec![Step::Hang]).await
}

/// A place that breaks every connection.
async fn breaking() -> Origin {
    Origin::start(|_, _| Vec::new()).await
}

/// An empty folder, so that everything is looked for outside.
pub(crate) fn nothing_at_home() -> tempfile::TempDir {
    tempfile::tempdir().expect("the disk has room")
}

/// What the group read in answer to `asked`, once it is no longer being looked for.
async fn answered(running: &Running, asked: i32) -> String {
    let found = running.world().wait_for_message(jam(), PATIENCE, |shown| {
        shown.reply_to == Some(asked) && !shown.text.contains("Looking for it")
    });
    found.await.expect("the bot answers").text
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_of_ten_services_hang_and_the_track_plays_soon() {
    let (hanging, gateway_origin, home) = (hanging().await, working().await, nothing_at_home());
    let order = [&NINE[..], &["gateway"]].concat();
    let running = World::new()
        .music(home.path())
        .allow_host(&hanging.host())
        .allow_host(&gateway_origin.host())
        .environment("JAMENDO_CLIENT_ID", "0123abcd")
        .settings(&nine_at(&hanging.host()))
        .settings(&gateway(&gateway_origin, &order))
        .start()
        .await;
    let listener = running.listener().await;
    let began = Instant::now();
    running.say(ADA, "/play far away nobody");
    running.sees("Now playing").await;
    assert!(listener.wait_for_packets(10, PATIENCE).await, "it plays");
    // each hung service costs a part of a second; waiting for them one after the other would take minutes
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(hanging.asked().len() >= 7, "only {} were asked", hanging.asked().len());
    let services = running.inside.tree.stats().services;
    let gateway = services.iter().find(|line| line.service == "gateway").expect("it is there");
    assert!(gateway.n_wins >= 2, "the search and the opening: {gateway:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_are_down_the_answer_is_clear_and_soon_at_once() {
    let (breaking, home) = (breaking().await, nothing_at_home());
    let order = [&NINE[..], &["gateway"]].concat();
    let running = World::new()
        .music(home.path())
        .allow_host(&breaking.host())
        .environment("JAMENDO_CLIENT_ID", "0123abcd")
        .settings(&nine_at(&breaking.host()))
        .settings(&gateway(&breaking, &order))
        .start()
        .await;
    // a breaker opens after five failures in a row
    for n in 0..4 {
        let asked = running.say(ADA, &format!("/play far away {n}"));
        let said = answered(&running, asked).await;
        assert!(said.contains("does not answer") || said.contains("refused"), "{said}");
    }
    let n_asked = breaking.asked().len();
    let began = Instant::now();
    let asked = running.say(BORIS, "/play something new");
    let said = answered(&running, asked).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(said.contains("does not answer") || said.contains("refused"), "{said}");
    assert_eq!(breaking.asked().len(), n_asked, "nobody is asked while the breakers are open");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_ended_before_it_played_is_asked_for_anew() {
    let music = music();
    let n_opened = Arc::new(AtomicUsize::new(0));
    let counter = n_opened.clone();
    let origin = Origin::start(move |asked, _| {
        let host = asked.header("host").unwrap_or_default();
        match asked.path() {
            path if path.starts_with("/search") => hits(),
            path if path.starts_with("/open") => {
                let n = counter.fetch_add(1, Ordering::SeqCst);
                opened(&format!("http://{host}/music-{n}.mp3"))
            }
            // the first address is over before anybody comes
            "/music-0.mp3" => answer("403 Forbidden", "text/plain", b"expired"),
            _ => ranged(asked, &music, None),
        }
    })
    .await;
    let home = nothing_at_home();
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .settings(&gateway(&origin, &["gateway"]))
        .start()
        .await;
    let listener = running.listener().await;
    running.say(ADA, "/play far away nobody");
    running.sees("Now playing").await;
    assert!(listener.wait_for_packets(10, PATIENCE).await, "it plays");
    assert_eq!(n_opened.load(Ordering::SeqCst), 2);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_track_is_opened_before_the_present_one_ends() {
    let (origin, home) = (working().await, nothing_at_home());
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .settings(&gateway(&origin, &["gateway"]))
        .start()
        .await;
    let n_opened = |of: &str| {
        let is_of = |asked: &&Asked| asked.path().starts_with(&format!("/open?id={of}"));
        origin.asked().iter().filter(is_of).count()
    };
    running.say(ADA, "/play far away nobody");
    running.sees("Now playing").await;
    running.say(ADA, "/play far away hills nobody");
    running.sees("Number 1 in the queue").await;
    assert_eq!(n_opened(FAR_HILLS), 0);
    running.until("the next one is opened", || n_opened(FAR_HILLS) == 1).await;
    let now = running.inside.tree.stats().chats.pop().and_then(|chat| chat.track);
    assert!(now.is_some_and(|track| !track.title.contains("Hills")), "it is not its turn yet");
    running.say(ADA, "/skip");
    running
        .until("the second one plays", || {
            let now = running.inside.tree.stats().chats.pop().and_then(|chat| chat.track);
            now.is_some_and(|track| track.title.contains("Hills"))
        })
        .await;
    running.sees("Ada skipped").await;
    assert_eq!(n_opened(FAR_HILLS), 1, "what was opened ahead is used");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_ends_in_the_middle_of_a_track_is_asked_for_anew_and_the_music_goes_on() {
    let music = music();
    let (n_opened, n_refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (opened_count, refused_count) = (n_opened.clone(), n_refused.clone());
    let origin = Origin::start(move |asked, _| {
        let host = asked.header("host").unwrap_or_default();
        match asked.path() {
            path if path.starts_with("/search") => hits(),
            path if path.starts_with("/open") => {
                let n = opened_count.fetch_add(1, Ordering::SeqCst);
                opened(&format!("http://{host}/music-{n}.mp3"))
            }
            // half of it, and then the address is over
            "/music-0.mp3" if asked.range_from().unwrap_or(0) == 0 => {
                ranged(asked, &music, Some(music.len() / 2))
            }
            "/music-0.mp3" => {
                refused_count.fetch_add(1, Ordering::SeqCst);
                answer("403 Forbidden", "text/plain", b"expired")
            }
            _ => ranged(asked, &music, None),
        }
    })
    .await;
    let home = nothing_at_home();
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .settings(&gateway(&origin, &["gateway"]))
        .start()
        .await;
    let listener = running.listener().await;
    running.say(ADA, "/play far away nobody");
    running.sees("Now playing").await;
    running.sees("Played").await;
    assert!(n_refused.load(Ordering::SeqCst) >= 1, "the address ended");
    assert_eq!(n_opened.load(Ordering::SeqCst), 2, "and was asked for anew");
    let texts = running.texts();
    assert!(!texts.iter().any(|text| text.contains("⚠️")), "{texts:#?}");
    // the demo's MP3 has nine seconds of 50 packets each
    assert!(listener.wait_for_packets(400, PATIENCE).await, "all of it is heard");
    running.end().await;
}
