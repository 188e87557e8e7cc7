//! MongoDB serves the lease and no reads when the bot begins: it plays what people ask for, and what was kept comes back.

use std::time::{Duration, Instant};

use simulator::world::{ADA, BORIS, jam};

use super::super::bad_days::mongodb::wire;
use super::super::process::Process;
use super::super::resume::{hears, playing, texts};
use super::Server;

/// A session waits for its store, then goes on without.
const LONG: Duration = Duration::from_secs(90);

async fn logs(process: &Process, words: &str) {
    let since = Instant::now();
    while !process.log().iter().any(|line| line.contains(words)) {
        assert!(since.elapsed() < LONG, "nobody said {words}\n{}", process.log().join("\n"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Titles in the order in which they sound or wait.
async fn order(process: &Process) -> Vec<&'static str> {
    let asked = process.telegram.world().say(ADA, jam(), "/queue").expect("she may write");
    let answer = || {
        let shown = process.telegram.world().messages(jam()).into_iter();
        let is_answer = |text: &str| text.contains("\n1. ") || text.starts_with("📜 Nothing");
        shown.filter(|one| one.id > asked).find(|one| is_answer(&one.text)).map(|one| one.text)
    };
    process.until("the queue is told", || answer().is_some()).await;
    let text = answer().expect("it was there").to_lowercase();
    let mut found: Vec<(usize, &str)> = Vec::new();
    for title in ["harbour", "meridian", "northbound", "orchard"] {
        found.extend(text.match_indices(title).map(|(at, _)| (at, title)));
    }
    found.sort_unstable();
    found.into_iter().map(|(_, title)| title).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_late_goes_behind_what_was_asked_for_since() {
    let Some(server) = Server::start_with(&["--enable-test-commands"]).await else { return };
    let setup = server.nowhere().settings("storage.mongodb_timeout_ms = 2000");
    let (mut process, listener) = playing(setup).await;
    process.signal("-TERM");
    process.is_gone().await;
    wire::fail(server.port, &["find"], true);
    process.start_again();
    logs(&process, "what was playing before cannot be read yet").await;
    process.say(BORIS, jam(), "/play meridian");
    process.sees_in(jam(), "Now playing\nArmed Ensemble — Meridian").await;
    process.say(ADA, jam(), "/pause");
    process.sees_in(jam(), "Paused").await;
    process.say(BORIS, jam(), "/play harbour");
    process.sees_in(jam(), "a restart would forget it").await;
    assert_eq!(order(&process).await, ["meridian", "harbour"]);
    wire::fail(server.port, &["find"], false);
    process.sees_in(jam(), "The earlier queue is back").await;
    let all = ["meridian", "harbour", "northbound", "orchard"];
    assert_eq!(order(&process).await, all);
    let n_told = texts(&process, jam()).iter().filter(|text| text.contains("is back")).count();
    assert_eq!(n_told, 1);
    // and it is written down
    logs(&process, "state is kept again").await;
    process.kill_9();
    process.start_again();
    logs(&process, "in the voice chat").await;
    assert_eq!(order(&process).await, all);
    process.say(ADA, jam(), "/resume");
    hears(&listener, 50).await;
}
