//! A clean hour: two groups listen, skip, pause and rest, and the log has nothing above INFO to say. A minute of it is
//! played here; `.ci/hour` plays all of it.

use std::time::{Duration, Instant};

use simulator::music::Track;
use simulator::world::{ADA, jam, kitchen};

use super::{END_MAX, PATIENCE};
use crate::process::{Process, Setup};

/// The environment variable with another length, in seconds.
const LENGTH: &str = "ARMEDMUSIC_CLEAN_S";
const A_MINUTE: u64 = 60;

/// Waits for what the bot says after `asked`.
async fn says(process: &Process, chat: i64, asked: i32, words: &str) {
    let world = process.telegram.world();
    let words = words.to_lowercase();
    let is_it = |shown: &simulator::world::Shown| {
        shown.id > asked && shown.text.to_lowercase().contains(&words)
    };
    if world.wait_for_message(chat, PATIENCE, is_it).await.is_none() {
        let texts: Vec<String> = world.messages(chat).into_iter().map(|one| one.text).collect();
        panic!("nobody said {words:?} in {chat}: {texts:#?}\n{}", process.log().join("\n"));
    }
}

/// What people of one group do until `end`; the tracks that they heard.
async fn evening(process: &Process, chat: i64, first: usize, end: Instant) -> usize {
    let say = |text: &str| {
        process.telegram.world().say(ADA, chat, text).expect("people may write in their group")
    };
    let answered = async |text: &str, words: &str| says(process, chat, say(text), words).await;
    let mut n_heard = 0;
    while Instant::now() < end {
        let track = Track::ALL[(first + n_heard) % Track::ALL.len()];
        let asked = say(&format!("/play {}", track.title()));
        says(process, chat, asked, "now playing").await;
        match (first + n_heard) % 4 {
            0 => {
                answered("/pause", "paused by").await;
                tokio::time::sleep(Duration::from_secs(1)).await;
                answered("/resume", "plays on").await;
                answered("/skip", "skipped").await;
            }
            // to its end, and the next one behind it
            1 => {
                let next = say("/play harbour");
                says(process, chat, next, "number 1 in the queue").await;
                says(process, chat, next, "now playing").await;
                answered("/queue", "harbour").await;
                answered("/stats", "the sound").await;
                answered("/skip", "skipped").await;
            }
            2 => {
                tokio::time::sleep(Duration::from_secs(3)).await;
                answered("/skip", "skipped").await;
            }
            // a lull, in which the assistant leaves
            _ => {
                answered("/stop", "stopped the music").await;
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
        n_heard += 1;
    }
    let asked = say("/play lantern");
    says(process, chat, asked, "now playing").await;
    answered("/stop", "stopped the music").await;
    n_heard + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_hour_in_little_says_nothing_above_info() {
    let seconds = std::env::var(LENGTH).ok().and_then(|seconds| seconds.parse().ok());
    let length = Duration::from_secs(seconds.unwrap_or(A_MINUTE));
    let process = Setup::new().settings("chat.linger_s = 1").start().await;
    process.telegram.calls().start_call(kitchen());
    let end = Instant::now() + length;
    let (here, there) =
        tokio::join!(evening(&process, jam(), 0, end), evening(&process, kitchen(), 1, end));
    process.signal("-TERM");
    let (end, telegram) = process.ends(END_MAX).await;
    assert_eq!(end.status.code(), Some(0), "{}", end.log.join("\n"));
    let is_above = |line: &&String| [" WARN ", " ERROR "].iter().any(|level| line.contains(level));
    let above: Vec<&String> = end.log.iter().filter(is_above).collect();
    eprintln!(
        "{} s, {} tracks in two groups: {} lines, {} above INFO",
        length.as_secs(),
        here + there,
        end.log.len(),
        above.len()
    );
    assert!(above.is_empty(), "{above:#?}");
    telegram.stop().await;
}
