//! Staying in: whoever loses the voice chat comes back to it, and the music goes on where it was.

use std::time::{Duration, Instant};

use simulator::listener::{Listener, Style};
use simulator::world::{ADA, ASSISTANT, BORIS, DMITRI, jam};

use super::{GRAIN, assert_goes_on, at_the_server, hears_more, pieces, playing};
use crate::figures;
use crate::world::{PATIENCE, Running, World};

/// Waits for the assistant to come back under another source.
async fn rejoins(running: &Running, old: u32) {
    running
        .until("the assistant rejoins", || {
            running.assistant().is_some_and(|own| own.ssrc != old && own.is_connected)
        })
        .await;
}

fn record(row: &str, fault: &str, back_after: Duration) {
    let measured =
        format!("back after {} ms under a fresh ssrc, same position", back_after.as_millis());
    figures::record(
        row,
        fault,
        &measured,
        "back within 10 s of noticing, packets under a wrong ssrc 0",
    );
}

fn source(running: &Running) -> u32 {
    running.assistant().expect("the assistant is in the voice chat").ssrc
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_that_was_removed_from_the_voice_chat_comes_back() {
    let (running, listener) = playing(World::new()).await;
    let old = source(&running);
    let since = Instant::now();
    running.telegram().calls().kick(jam(), ASSISTANT);
    rejoins(&running, old).await;
    record("25", "the assistant is removed from the voice chat", since.elapsed());
    hears_more(&running, &listener, 100).await;
    running.sees("goes on where it was").await;
    running.sees("The connection is back").await;
    assert_goes_on(&listener.take_packets(), Duration::from_secs(1));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_says_left_is_believed() {
    let (running, listener) = playing(World::new()).await;
    let old = source(&running);
    running.telegram().calls().claim_left(jam(), ASSISTANT);
    rejoins(&running, old).await;
    hears_more(&running, &listener, 100).await;
    assert_goes_on(&listener.take_packets(), Duration::from_secs(1));
    running.end().await;
}

/// The updates of an answer come in another order every time.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_understood_in_any_order() {
    let (running, listener) = playing(World::new()).await;
    for _ in 0..2 {
        let old = source(&running);
        running.telegram().calls().kick(jam(), ASSISTANT);
        rejoins(&running, old).await;
        hears_more(&running, &listener, 50).await;
    }
    let pieces = pieces(&listener.take_packets());
    assert_eq!(pieces.len(), 3, "{pieces:?}");
    assert!(pieces.windows(2).all(|two| two[1].first + GRAIN >= two[0].last), "{pieces:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_left_for_a_new_join() {
    let (running, listener) = playing(World::new().settings("call.lost_after_s = 5")).await;
    let old = source(&running);
    let since = Instant::now();
    running.telegram().sfu().set_silent(true);
    running.sees("Telegram's voice server does not answer").await;
    let unheard = since.elapsed();
    assert!(unheard > Duration::from_secs(4), "after {unheard:?} of 5 s");
    running.telegram().sfu().set_silent(false);
    rejoins(&running, old).await;
    record(
        "26",
        "the media server is silent for longer than 5 s (limit set to 5 s)",
        since.elapsed(),
    );
    hears_more(&running, &listener, 100).await;
    // what was sent to the silent server is lost; after that the position held
    assert_goes_on(&listener.take_packets(), unheard + Duration::from_secs(1));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_the_connection_is_joined_again() {
    let (running, listener) = playing(World::new()).await;
    let (old, before) = (source(&running), listener.take_packets());
    running.telegram().sfu().close_all();
    let since = Instant::now();
    // it closed Dmitri's connection, too
    let listener = running.listener_as(DMITRI, jam(), Style::Native).await;
    rejoins(&running, old).await;
    record("26", "the media server closes the connection", since.elapsed());
    hears_more(&running, &listener, 100).await;
    let unheard = since.elapsed();
    let packets: Vec<_> = before.into_iter().chain(listener.take_packets()).collect();
    assert_goes_on(&packets, unheard);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_moves_to_another_server_is_followed() {
    let (running, listener) = playing(World::new()).await;
    let (old, before) = (source(&running), listener.take_packets());
    running.telegram().sfu().change();
    let since = Instant::now();
    running.until("everybody is dropped", || source_of(&running, DMITRI).is_none()).await;
    let listener = running.listener_as(DMITRI, jam(), Style::Native).await;
    rejoins(&running, old).await;
    record("26", "the call moves to another media server", since.elapsed());
    hears_more(&running, &listener, 100).await;
    let packets: Vec<_> = before.into_iter().chain(listener.take_packets()).collect();
    assert_goes_on(&packets, since.elapsed());
    running.end().await;
}

fn source_of(running: &Running, user: i64) -> Option<u32> {
    let participants = running.telegram().calls().participants(jam());
    participants.into_iter().find(|one| one.user == user).map(|one| one.ssrc)
}

/// Nobody told, and the media server keeps quiet about it: only asking helps.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_was_lost_without_a_word_is_found_out_by_asking() {
    let (running, listener) = playing(World::new()).await;
    running.say(BORIS, "/play orchard");
    let old = source(&running);
    running.world().lose_pushes(ASSISTANT, 1_000);
    running.telegram().calls().kick(jam(), ASSISTANT);
    let since = Instant::now();
    rejoins(&running, old).await;
    running.world().relent();
    // the media connection alone would have taken 20 s to notice
    assert!(since.elapsed() < Duration::from_secs(18), "after {:?}", since.elapsed());
    let asked = running.telegram().dc().stats().requests.get("phone.checkGroupCall").copied();
    assert!(asked.is_some_and(|n| n >= 1), "{asked:?}");
    hears_more(&running, &listener, 50).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_assistant_says_so_and_goes_on_when_it_may_speak() {
    let (running, listener) = playing(World::new()).await;
    running.telegram().calls().force_mute(jam(), ASSISTANT);
    running.sees("An administrator muted the assistant").await;
    let n_heard = settled(&listener).await;
    // long enough that a track which ran on would be found elsewhere
    assert!(!listener.wait_for_packets(n_heard + 1, Duration::from_secs(2)).await, "it is silent");
    running.telegram().calls().allow_speaking(jam(), ASSISTANT);
    running.sees("The connection is back").await;
    assert!(listener.wait_for_packets(n_heard + 100, PATIENCE).await, "it goes on");
    let report = pieces(&listener.take_packets()).remove(0);
    // one source all along, and no part of the music skipped or repeated but for what the server dropped
    assert!(report.correlation_median > 0.95, "{report:?}");
    let dropped = at_the_server(&running).sources[0].reasons.values().sum::<u64>();
    assert!(dropped < 50, "held back while muted: {dropped} dropped");
    // the ear misses some of the music around what was dropped, but not as much as it was silent for
    let passed = report.last - report.first;
    assert!(passed <= report.heard + Duration::from_millis(20 * dropped + 1_200), "{report:?}");
    running.end().await;
}

/// The number of packets, once no more come.
async fn settled(listener: &Listener) -> usize {
    let mut n = listener.packets().len();
    while listener.wait_for_packets(n + 1, Duration::from_millis(500)).await {
        n = listener.packets().len();
    }
    n
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_chat_that_mutes_newcomers_is_told_and_waited_for() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    running.telegram().calls().set_join_muted(jam(), true);
    running.say(ADA, "/play northbound");
    running.sees("An administrator muted the assistant").await;
    assert_eq!(settled(&listener).await, 0);
    running.telegram().calls().allow_speaking(jam(), ASSISTANT);
    hears_more(&running, &listener, 100).await;
    let report = pieces(&listener.take_packets()).remove(0);
    assert!(report.first < Duration::from_secs(1), "from its start: {report:?}");
    running.end().await;
}
