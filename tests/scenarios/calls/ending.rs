//! The voice chat ends while music plays, and starts again or does not.

use std::time::{Duration, Instant};

use simulator::world::{ADA, ASSISTANT, DMITRI, jam};

use super::{assert_goes_on, hears_more, playing};
use crate::figures;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_chat_that_ends_for_good_is_told_and_let_go() {
    let (running, listener) = playing(World::new().settings("call.ended_wait_s = 1")).await;
    running.telegram().calls().discard(jam());
    running.sees("within a minute and the music goes on").await;
    running.sees("The voice chat ended. Start a new one and send /play again").await;
    running.until_idle().await;
    drop(listener);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn music_goes_on_where_it_was_in_the_next_voice_chat() {
    let (running, listener) = playing(World::new()).await;
    running.say(ADA, "/play orchard");
    running.sees("Number 1 in the queue").await;
    let ended = Instant::now();
    running.telegram().calls().discard(jam());
    running.sees("Start a new one within 5 minutes").await;
    let told = ended.elapsed();
    let before = listener.take_packets();
    let started = Instant::now();
    running.telegram().calls().start_call(jam());
    running.sees("The connection is back").await;
    figures::record(
        "24",
        "the voice chat ends in the middle of a track and another one starts",
        &format!(
            "told after {} ms, back {} ms after the new one started, queue kept",
            told.as_millis(),
            started.elapsed().as_millis()
        ),
        "told within 2 s, queue kept, goes on by itself",
    );
    let listener = running.listener_as(DMITRI, jam(), simulator::listener::Style::Native).await;
    hears_more(&running, &listener, 50).await;
    let packets: Vec<_> = before.into_iter().chain(listener.take_packets()).collect();
    // what sounded before the new listener was there is nobody's loss
    assert_goes_on(&packets, Duration::from_secs(5));
    running.say(ADA, "/queue");
    running.sees("1. orchard").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_more_music_starts_a_voice_chat_when_the_assistant_may() {
    let (running, _listener) = playing(World::new()).await;
    running.world().promote(jam(), ASSISTANT, |_| {});
    running.telegram().calls().discard(jam());
    running.sees("Start a new one within 5 minutes").await;
    running.say(ADA, "/play orchard");
    running.sees("The connection is back").await;
    assert!(running.telegram().calls().call_of(jam()).is_some());
    running.end().await;
}
