//! Bad input: whatever people, files, servers and operators bring, the answer is plain and the bot goes on.

mod files;
mod foreign;
mod links;
mod requests;
mod settings;
mod sound;
mod titles;

use std::path::Path;
use std::time::Duration;

use simulator::ear::{self, Report};
use simulator::listener::Listener;
use simulator::music::{self, Track};
use simulator::world::{ADA, BOT, Shown, jam};
use tempfile::TempDir;
use tokio::time::Instant;

use super::world::{PATIENCE, Running, World, heard};

/// What the bot says while it has not found anything yet, in its languages.
const SEARCHING: [&str; 2] = ["Looking for it", "Ищу"];

/// A folder with these files, gone with its value.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("the disk takes a few small files");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("the disk takes a few small files");
    }
    folder
}

/// The bytes of one of our tracks.
fn bytes_of(track: Track) -> &'static [u8] {
    music::files().iter().find(|file| file.track == track).expect("every track has a file").bytes
}

async fn started_with(folder: &Path) -> Running {
    World::new().music(folder).start().await
}

/// The bot's word on a message, once it has one.
async fn answer(running: &Running, message: i32) -> Shown {
    let is_answer = |shown: &Shown| {
        shown.from == Some(BOT)
            && shown.reply_to == Some(message)
            && !SEARCHING.iter().any(|searching| shown.text.contains(searching))
    };
    let found = running.world().wait_for_message(jam(), PATIENCE, is_answer).await;
    found
        .unwrap_or_else(|| panic!("no answer to {message}; the group reads {:#?}", running.texts()))
}

/// Ada says it, and the bot answers so.
async fn asked(running: &Running, text: &str) -> Shown {
    answer(running, running.say(ADA, text)).await
}

/// The bot refuses in these words, and plays on as if nothing had been.
async fn refused(running: &Running, request: &str, words: &str) {
    let refusal = asked(running, request).await;
    assert!(refusal.text.starts_with("⚠️") && refusal.text.contains(words), "{refusal:?}");
    assert_eq!(refusal.buttons, [] as [Vec<_>; 0], "{refusal:?}");
    still_works(running).await;
}

/// It is awake, and nothing is left over from before.
async fn still_works(running: &Running) {
    let pong = asked(running, "/ping").await;
    assert!(pong.text.contains("Here."), "{pong:?}");
    let queue = asked(running, "/queue").await;
    assert!(queue.text.contains("Nothing plays and nothing waits"), "{queue:?}");
}

/// Listens until `at_least` of a track was heard; what was heard in all, and the judgement.
pub(crate) async fn hears(
    listener: &Listener,
    track: Track,
    at_least: Duration,
) -> (Vec<f32>, Report) {
    let deadline = Instant::now() + PATIENCE;
    let mut n_packets = at_least.as_millis() as usize / 20;
    loop {
        let came = listener.wait_for_packets(n_packets, PATIENCE).await;
        let packets = listener.packets();
        let pcm = heard(&packets).pcm;
        match ear::report(&pcm, track) {
            Some(report) if report.heard >= at_least => return (pcm, report),
            report => assert!(
                came && Instant::now() < deadline,
                "{at_least:?} of {track:?} were not heard: {report:?} in {:?}",
                ear::identify(&pcm)
            ),
        }
        n_packets = packets.len() + 25;
    }
}

/// The same, of something that sounds as it should: the track, at its own speed, from its start, in order. A busy
/// machine may tear holes of a fraction of a second into it; whoever leaves out or repeats more is wrong.
pub(crate) async fn hears_well(listener: &Listener, track: Track, at_least: Duration) -> Report {
    let (pcm, report) = hears(listener, track, at_least).await;
    let passed = report.last.saturating_sub(report.first);
    let is_in_order = passed.abs_diff(report.heard) < Duration::from_millis(1_200);
    assert!(
        report.correlation_median > 0.95
            && report.first < Duration::from_secs(1)
            && report.jumps <= 1
            && is_in_order,
        "{report:?} in {:#?}",
        ear::identify(&pcm)
    );
    report
}

/// Ends the music and the scenario.
async fn stopped(running: Running) {
    running.say(ADA, "/stop");
    running.until_idle().await;
    running.end().await;
}
