//! An assistant that cannot serve any longer hands over to another one; the music goes on where it was.

use std::time::{Duration, Instant};

use simulator::group_calls::Fault;
use simulator::world::{ADA, ASSISTANT, BORIS, SECOND_ASSISTANT, jam, kitchen};

use super::{assert_goes_on, hears_more, playing};
use crate::figures;
use crate::world::{Running, World};

/// How long the handover may leave people without music.
const GAP: Duration = Duration::from_secs(2);

fn is_in(running: &Running, user: i64) -> bool {
    let participants = running.telegram().calls().participants(jam());
    participants.iter().any(|one| one.user == user && one.is_connected)
}

/// The second assistant plays on, and the chat reads one short line about it.
async fn hands_over(
    running: &Running,
    listener: &simulator::listener::Listener,
    row: &str,
    fault: &str,
) {
    let since = Instant::now();
    running.sees("Another assistant takes over").await;
    running.until("the second assistant is there", || is_in(running, SECOND_ASSISTANT)).await;
    figures::record(
        row,
        fault,
        &format!(
            "another assistant is there after {} ms, same position",
            since.elapsed().as_millis()
        ),
        "moved within 10 s, same position",
    );
    hears_more(running, listener, 100).await;
    assert_goes_on(&listener.take_packets(), GAP);
    let lines = running.texts();
    let n_lines = lines.iter().filter(|text| text.contains("takes over")).count();
    assert_eq!(n_lines, 1, "{lines:#?}");
    assert!(!lines.iter().any(|text| text.contains("connection is back")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_revoked_hands_over_at_once_and_is_never_used_again() {
    let (running, listener) = playing(World::new()).await;
    running.world().revoke_sessions(ASSISTANT);
    // the account hears of it with its next request: the regular check of the call, at the latest
    hands_over(&running, &listener, "6", "a login is revoked in the middle of a track").await;
    let tree = running.inside.tree.root();
    running
        .until("the account is parked", || {
            tree.snapshot()
                .find("root/assistants/1")
                .is_some_and(|child| child.state == supervisor::State::Parked)
        })
        .await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_assistant_hands_over_in_the_middle_of_a_track() {
    let (running, listener) = playing(World::new()).await;
    running.world().ban(jam(), ASSISTANT);
    hands_over(&running, &listener, "25", "the assistant is banned in the middle of a track").await;
    assert!(!is_in(&running, ASSISTANT));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_joined_elsewhere_hands_over() {
    let (running, listener) = playing(World::new()).await;
    let foreign = running.assistant().expect("it plays").ssrc ^ 0x5555;
    running.telegram().calls().claim_other_source(jam(), ASSISTANT, foreign);
    hands_over(&running, &listener, "25", "the account joins a voice chat from elsewhere").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_another_assistant_people_are_told_why_the_music_ends() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    running.world().ban(jam(), SECOND_ASSISTANT);
    running.say(ADA, "/play northbound");
    hears_more(&running, &listener, 100).await;
    running.world().ban(jam(), ASSISTANT);
    running.sees("The assistant is banned here").await;
    running.until_idle().await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_assistant_is_passed_over_and_its_successor_stays_with_the_chat() {
    let running = World::new().start().await;
    running.world().ban(jam(), ASSISTANT);
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    running.sees("Another assistant takes over").await;
    hears_more(&running, &listener, 50).await;
    running.say(ADA, "/stop");
    running.until_idle().await;
    // the chat keeps the assistant that could serve it
    running.world().forgive(jam(), ASSISTANT);
    running.say(BORIS, "/play northbound");
    hears_more(&running, &listener, 50).await;
    assert!(is_in(&running, SECOND_ASSISTANT) && !is_in(&running, ASSISTANT));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_in_too_many_channels_is_passed_over() {
    let running = World::new()
        .population(|population| {
            for place in &mut population.places {
                place.members.retain(|member| *member != ASSISTANT);
            }
        })
        .start()
        .await;
    running.world().fill_channels(ASSISTANT, true);
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    running.sees("Another assistant takes over").await;
    hears_more(&running, &listener, 50).await;
    assert!(is_in(&running, SECOND_ASSISTANT));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flooded_assistant_is_passed_over_and_not_asked_again() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    running.telegram().calls().inject(jam(), Fault::FloodWait(300));
    running.say(ADA, "/play northbound");
    running.sees("Another assistant takes over").await;
    hears_more(&running, &listener, 50).await;
    assert!(is_in(&running, SECOND_ASSISTANT));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_are_shared_out_among_the_assistants() {
    let running = World::new().start().await;
    running.say(ADA, "/play northbound");
    running.until("the first one plays", || is_in(&running, ASSISTANT)).await;
    running.telegram().calls().start_call(kitchen());
    running.world().say(ADA, kitchen(), "/play northbound").expect("Ada may write there");
    running
        .until("the idle one plays in the other group", || {
            let there = running.telegram().calls().participants(kitchen());
            there.iter().any(|one| one.user == SECOND_ASSISTANT && one.is_connected)
        })
        .await;
    running.end().await;
}
