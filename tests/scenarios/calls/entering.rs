//! Getting in: the group, its voice chat, and every answer that Telegram has for a join.

use std::time::{Duration, Instant};

use simulator::group_calls::Fault;
use simulator::listener::{Listener, Style};
use simulator::world::{ADA, ASSISTANT, DMITRI, PlaceKind, Population, SECOND_ASSISTANT, jam};

use super::{assert_sounds, hears_more, playing};
use crate::world::{Running, World};

/// Changes the default group.
fn jam_is(change: impl Fn(&mut simulator::world::Place)) -> impl FnOnce(&mut Population) {
    move |population| {
        let groups = population.places.iter_mut();
        groups.filter(|place| place.kind == PlaceKind::Supergroup).for_each(change);
    }
}

fn without_the_assistant(place: &mut simulator::world::Place) {
    place.members.retain(|member| *member != ASSISTANT);
}

/// Asks for music when the next join is going to meet `faults`.
async fn asks_for_music(world: World, faults: &[Fault]) -> (Running, Listener) {
    let running = world.start().await;
    let listener = running.listener().await;
    for fault in faults {
        running.telegram().calls().inject(jam(), *fault);
    }
    running.say(ADA, "/play northbound");
    (running, listener)
}

/// A join that meets `faults` ends with music all the same, and nobody is told of trouble.
async fn joins_despite(world: World, faults: &[Fault]) {
    let (running, listener) = asks_for_music(world, faults).await;
    hears_more(&running, &listener, 100).await;
    assert_sounds(&running, &listener.take_packets());
    let warnings = running.texts();
    assert!(!warnings.iter().any(|text| text.contains('⚠')), "{warnings:#?}");
    running.end().await;
}

/// A join that meets `fault` ends with these words, and nobody stays behind.
async fn is_told(fault: Fault, words: &str) {
    let (running, listener) = asks_for_music(World::new(), &[fault]).await;
    running.sees(words).await;
    running.until_idle().await;
    running.until("the assistant leaves", || running.assistant().is_none()).await;
    assert_eq!(listener.packets().len(), 0);
    running.end().await;
}

/// How often Telegram was asked this.
fn n_asked(running: &Running, method: &str) -> u64 {
    running.telegram().dc().stats().requests.get(method).copied().unwrap_or(0)
}

// === answers to the join ===

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_telegram_failed_is_made_again() {
    joins_despite(World::new(), &[Fault::AddParticipantsFailed]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_taken_is_replaced() {
    joins_despite(World::new(), &[Fault::SsrcDuplicate]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_waits_as_long_as_telegram_says() {
    let (running, listener) = asks_for_music(World::new(), &[Fault::FloodWait(2)]).await;
    let asked = Instant::now();
    running.until("the assistant is in", || running.assistant().is_some()).await;
    assert!(asked.elapsed() > Duration::from_millis(1_900), "after {:?}", asked.elapsed());
    hears_more(&running, &listener, 50).await;
    assert_eq!(running.telegram().dc().stats().early_retries, []);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_replaced_meanwhile_is_looked_up_again() {
    joins_despite(World::new(), &[Fault::Invalid]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_is_waited_for() {
    joins_despite(World::new(), &[Fault::Late(2_500), Fault::UnknownUpdate]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_too_late_does_not_disturb_the_next_try() {
    joins_despite(World::new().settings("telegram.call_timeout_s = 2"), &[Fault::Late(3_500)])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_connection_is_asked_for_again() {
    joins_despite(World::new(), &[Fault::NoConnection]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_foreign_certificate_is_not_talked_to() {
    let world = World::new().settings("call.connect_s = 2");
    let (running, listener) = asks_for_music(world, &[Fault::BadFingerprint]).await;
    hears_more(&running, &listener, 100).await;
    // the music came with another join: nothing was said to the server that the first one named
    let n_joins = n_asked(&running, "phone.joinGroupCall");
    assert!(n_joins >= 2, "{n_joins}");
    assert_sounds(&running, &listener.take_packets());
    assert!(!running.texts().iter().any(|text| text.contains('⚠')), "{:#?}", running.texts());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_stream_is_told_in_plain_words() {
    is_told(Fault::Stream, "live stream").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rtmp_broadcast_is_told_in_plain_words() {
    is_told(Fault::Rtmp, "live stream").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_conference_is_told_in_plain_words() {
    is_told(Fault::Conference, "encrypted conference").await;
}

// === the voice chat ===

#[tokio::test(flavor = "multi_thread")]
async fn no_voice_chat_and_no_right_to_start_one_is_told() {
    let world = World::new().population(jam_is(|place| place.voice_chat = false));
    let running = world.start().await;
    running.say(ADA, "/play northbound");
    running.sees("No voice chat is on").await;
    running.until_idle().await;
    assert_eq!(running.telegram().calls().call_of(jam()), None);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_that_may_start_a_voice_chat_does() {
    let world = World::new().population(jam_is(|place| {
        place.voice_chat = false;
        place.admins.push(ASSISTANT);
    }));
    let running = world.start().await;
    running.say(ADA, "/play northbound");
    running.sees("Now playing").await;
    let listener = running.listener().await;
    hears_more(&running, &listener, 100).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_chat_that_was_restarted_between_two_tracks_is_found() {
    let (running, _listener) = playing(World::new()).await;
    running.say(ADA, "/stop");
    running.until_idle().await;
    let calls = running.telegram().calls();
    let old = calls.call_of(jam());
    calls.discard(jam());
    calls.start_call(jam());
    assert_ne!(calls.call_of(jam()), old);
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    hears_more(&running, &listener, 100).await;
    assert_sounds(&running, &listener.take_packets());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_chat_that_is_restarted_while_the_assistant_lingers_is_found() {
    let (running, _listener) = playing(World::new()).await;
    running.say(ADA, "/skip");
    running.sees("That was the last track").await;
    let calls = running.telegram().calls();
    calls.discard(jam());
    calls.start_call(jam());
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    hears_more(&running, &listener, 100).await;
    assert_sounds(&running, &listener.take_packets());
    running.end().await;
}

// === the group ===

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_outside_joins_by_the_groups_name() {
    let world = World::new().population(jam_is(without_the_assistant));
    let (running, listener) = playing(world).await;
    assert!(running.world().present(jam()).contains(&ASSISTANT));
    assert_eq!(n_asked(&running, "messages.importChatInvite"), 0, "no invitation was needed");
    assert_sounds(&running, &listener.take_packets());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_outside_a_private_group_joins_by_the_bots_invitation() {
    let world = World::new().population(jam_is(|place| {
        without_the_assistant(place);
        place.username = None;
    }));
    let (running, listener) = playing(world).await;
    assert!(running.world().present(jam()).contains(&ASSISTANT));
    assert_sounds(&running, &listener.take_packets());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assistants_that_are_all_banned_are_told() {
    let running = World::new().start().await;
    running.world().ban(jam(), ASSISTANT);
    running.world().ban(jam(), SECOND_ASSISTANT);
    running.say(ADA, "/play northbound");
    running.sees("The assistant is banned here").await;
    running.until_idle().await;
    // and once it is forgiven, it plays
    running.world().forgive(jam(), ASSISTANT);
    let listener = running.listener_as(DMITRI, jam(), Style::Native).await;
    running.say(ADA, "/play northbound");
    hears_more(&running, &listener, 50).await;
    running.end().await;
}
