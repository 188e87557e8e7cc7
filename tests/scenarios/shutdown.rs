//! The end: whoever stops the bot finds no one left behind, in the tree, in the voice chat or in the process table.

mod busy;
mod demo;
mod service;
mod terminal;

use std::time::{Duration, Instant};

use simulator::world::{ADA, ASSISTANT, jam};

use super::world::{PATIENCE, World};

/// All children of the tree have to be done by then, and a machine that is busy gets a little more.
const DRAIN_MAX: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_stopped_while_it_plays_leaves_the_voice_chat() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    assert!(listener.wait_for_packets(100, PATIENCE).await, "it plays");
    let texts = running.texts();
    let calls = running.telegram().calls().clone();
    assert!(calls.participants(jam()).iter().any(|one| one.user == ASSISTANT));

    let since = Instant::now();
    running.inside.tree.shutdown(DRAIN_MAX, Duration::from_secs(1)).await;
    assert!(since.elapsed() < DRAIN_MAX, "after {:?}", since.elapsed());
    let snapshot = running.inside.tree.root().snapshot();
    let is_left = |child: &&supervisor::ChildSnapshot| {
        child.state != supervisor::State::Ended || child.tasks.running > 0
    };
    let left: Vec<_> = snapshot.children.iter().filter(is_left).collect();
    assert!(left.is_empty(), "somebody is left: {left:#?}");
    assert!(!calls.participants(jam()).iter().any(|one| one.user == ASSISTANT), "it left");
    let said = running.texts();
    assert!(!said.iter().any(|text| text.contains('⚠')), "nothing went wrong: {said:#?}");
    assert_eq!(said.len(), texts.len(), "nothing is left to be said: {said:#?}");
    let so_far = listener.packets().len();
    assert!(!listener.wait_for_packets(so_far + 10, Duration::from_millis(500)).await, "silence");
    running.end().await;
}
