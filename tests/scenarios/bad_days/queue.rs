//! A queue of ten thousand tracks.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use simulator::music::Track;
use simulator::world::{ADA, BORIS, jam};
use storage::{Table, Write};

use super::table::{Noticed, record};
use super::{hears, lines, n_waiting, playing, queue};
use crate::process::Setup;
use crate::world::heard;

const N: u64 = 10_000;
/// An answer that takes longer is one that people ask for again.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Lays ten thousand entries, copies of the one that waits, into the chat's record; its size.
async fn stretch(directory: &Path) -> usize {
    let (store, driver) =
        storage::open(storage::Settings::embedded(directory)).await.expect("nobody else is there");
    let stretching = async {
        let found = store.read(Table::Playback, &jam().to_string()).await.expect("it is read");
        let mut playback = found.expect("it was playing");
        let rules = find(&mut playback.value, "queue").expect("a player has a queue");
        let waiting = rules["queue"][0].clone();
        let entries = (1_000..1_000 + N).map(|n| {
            let mut entry = waiting.clone();
            entry["id"] = n.into();
            entry
        });
        rules["queue"] = entries.collect();
        rules["last_entry"] = (1_000 + N).into();
        let n_bytes = playback.value.to_string().len();
        let write =
            Write::put(Table::Playback, playback.key, playback.revision + 1_000, playback.value);
        store.commit(vec![write]).await.expect("it is kept");
        store.close().await;
        n_bytes
    };
    let (outcome, n_bytes) = tokio::join!(driver.run(), stretching);
    outcome.expect("it is closed");
    n_bytes
}

/// The object that has this key.
fn find<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    if value.get(key).is_some() {
        return Some(value);
    }
    value.as_object_mut()?.values_mut().find_map(|inner| find(inner, key))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_tracks_wait_and_neither_the_music_nor_a_restart_minds() {
    let (mut process, listener) = playing(Setup::new().settings("chat.queue_max = 10000")).await;
    process.say(BORIS, jam(), "/play orchard");
    process.sees_in(jam(), "Number 1 in the queue").await;
    process.signal("-TERM");
    process.is_gone().await;
    let n_bytes = stretch(&process.state_file("")).await;
    process.start_again();
    process.logs("in the voice chat").await;
    let before = listener.packets().len();
    hears(&process, &listener, 50).await;
    let since = Instant::now();
    let told = queue(&process, jam()).await;
    assert_eq!(n_waiting(&told), N as usize, "{told}");
    process.say(BORIS, jam(), "/play meridian");
    process.sees_in(jam(), "The queue is full").await;
    // every skip writes the whole queue anew
    for n in 1..=3 {
        process.say(ADA, jam(), "/skip");
        let (world, now) = (process.telegram.world(), "Now playing\norchard");
        let n_shown = || world.messages(jam()).iter().filter(|one| one.text.contains(now)).count();
        process.until("the next one plays", || n_shown() >= 1 && n_skipped(&process) == n).await;
    }
    let took = since.elapsed() / 5;
    assert!(took < ANSWER_MAX, "{took:?} for an answer");
    hears(&process, &listener, 50).await;
    let packets = listener.packets();
    let noticed = Noticed::between(&packets[before..]);
    assert!(simulator::ear::report(&heard(&packets[before..]).pcm, Track::Orchard).is_some());
    process.kill_9();
    process.start_again();
    process.logs("bot signed in").await;
    let after = queue(&process, jam()).await;
    assert_eq!(n_waiting(&after), N as usize - 3, "{after}");
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
    let noticed = format!(
        "{noticed}; an answer took {} ms, every change writes {} KiB",
        took.as_millis(),
        n_bytes / 1_024
    );
    record("10,000 tracks wait in one chat", &noticed, "0", "nothing");
}

fn n_skipped(process: &crate::process::Process) -> usize {
    let shown = process.telegram.world().messages(jam());
    shown.iter().filter(|one| one.text.contains("skipped")).count()
}
