//! What was fetched once: it plays again in any chat and after a restart without a request, and nobody hears whether it
//! can be kept.

use std::path::Path;

use actors::stats::{Activity, CacheStats};
use simulator::world::{ADA, BORIS, jam};

use super::origin::{Origin, ranged};
use super::services::{gateway, music, nothing_at_home, working};
use super::world::{PATIENCE, Running, World, room};

const ROOM: i64 = -1_000_000_004_000;

/// A second group with a voice chat.
fn with_room(world: World) -> World {
    world.population(|population| {
        population.places.push(room(ROOM, &[BORIS]));
    })
}

/// One file, with its address.
async fn one_file() -> (Origin, String) {
    let bytes = music();
    let origin = Origin::start(move |asked, _| ranged(asked, &bytes, None)).await;
    let link = origin.url("/northbound.mp3?token=canary");
    (origin, link)
}

fn cache(running: &Running) -> CacheStats {
    running.inside.tree.stats().cache.expect("it is on")
}

/// Plays in a group until a second of it was sent.
async fn plays_in(running: &Running, chat: i64, what: &str) {
    running.world().say(ADA, chat, &format!("/play {what}")).expect("she may");
    running.sees_in(chat, "Now playing").await;
    let is_heard = || {
        let chats = running.inside.tree.stats().chats;
        let one = chats.into_iter().find(|one| one.chat == chat);
        one.is_some_and(|one| one.activity == Activity::Playing && one.audio.sent >= 50)
    };
    running.until("it plays", is_heard).await;
}

async fn is_kept(running: &Running) {
    running.until("it is kept", || cache(running).entries == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_chat_heard_plays_in_another_without_a_request() {
    let (origin, link) = one_file().await;
    let running = with_room(World::new()).allow_host(&origin.host()).start().await;
    plays_in(&running, jam(), &link).await;
    is_kept(&running).await;
    let n_asked = origin.asked().len();
    plays_in(&running, ROOM, &link).await;
    assert_eq!(origin.asked().len(), n_asked, "{:#?}", origin.asked());
    assert_eq!((cache(&running).hits, cache(&running).entries), (1, 1));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_services_track_is_not_even_opened_there_again() {
    let (origin, home) = (working().await, nothing_at_home());
    let running = with_room(World::new())
        .music(home.path())
        .allow_host(&origin.host())
        .settings(&gateway(&origin, &["gateway"]))
        .start()
        .await;
    plays_in(&running, jam(), "far away nobody").await;
    is_kept(&running).await;
    let n_asked = origin.asked().len();
    plays_in(&running, ROOM, "far away nobody").await;
    assert_eq!(origin.asked().len(), n_asked, "{:#?}", origin.asked());
    running.end().await;
}

fn kept_in(folder: &Path, origin: &Origin) -> World {
    World::new().allow_host(&origin.host()).environment("CACHE_DIRECTORY", folder.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_track_plays_from_the_cache() {
    let ((origin, link), folder) = (one_file().await, nothing_at_home());
    let running = kept_in(folder.path(), &origin).start().await;
    plays_in(&running, jam(), &link).await;
    is_kept(&running).await;
    running.end().await;
    let n_asked = origin.asked().len();
    let running = kept_in(folder.path(), &origin).start().await;
    let listener = running.listener().await;
    plays_in(&running, jam(), &link).await;
    assert!(listener.wait_for_packets(50, PATIENCE).await, "it is heard");
    assert_eq!(origin.asked().len(), n_asked, "{:#?}", origin.asked());
    assert_eq!((cache(&running).hits, cache(&running).misses), (1, 0));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_that_was_damaged_on_the_disk_is_fetched_again() {
    let ((origin, link), folder) = (one_file().await, nothing_at_home());
    let running = kept_in(folder.path(), &origin).start().await;
    plays_in(&running, jam(), &link).await;
    is_kept(&running).await;
    running.end().await;
    let files = std::fs::read_dir(folder.path()).expect("it is there");
    let body = files
        .map(|file| file.expect("it is readable").path())
        .find(|path| path.extension().is_some_and(|kind| kind == "body"))
        .expect("one is kept");
    let mut bytes = std::fs::read(&body).expect("it is ours");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&body, bytes).expect("it is ours");
    let n_asked = origin.asked().len();
    let running = kept_in(folder.path(), &origin).start().await;
    plays_in(&running, jam(), &link).await;
    assert!(origin.asked().len() > n_asked);
    is_kept(&running).await;
    assert_eq!((cache(&running).hits, cache(&running).damaged), (0, 1));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_cannot_be_written_is_not_noticed_by_whoever_listens() {
    let ((origin, link), folder) = (one_file().await, nothing_at_home());
    // no directory can be below a file, whoever asks for it
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").expect("the disk has room");
    let running = World::new()
        .allow_host(&origin.host())
        .settings(&format!("cache.directory = {:?}", file.join("cache")))
        .start()
        .await;
    let listener = running.listener().await;
    for _ in 0..2 {
        listener.take_packets();
        plays_in(&running, jam(), &link).await;
        assert!(listener.wait_for_packets(50, PATIENCE).await, "it is heard");
        running.say(ADA, "/stop");
        running.until_idle().await;
    }
    let texts = running.texts().join("\n");
    assert!(!texts.contains("⚠") && !texts.contains("cache"), "{texts}");
    let CacheStats { entries, bytes, hits, .. } = cache(&running);
    assert_eq!((entries, bytes, hits), (0, 0, 0));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_switched_off_leaves_nothing_behind() {
    let ((origin, link), folder) = (one_file().await, nothing_at_home());
    let running = kept_in(folder.path(), &origin).settings("cache.size_mib = 0").start().await;
    plays_in(&running, jam(), &link).await;
    assert_eq!(running.inside.tree.stats().cache, None);
    running.end().await;
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
}
