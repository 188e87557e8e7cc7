//! Supervisors die too, and give up: what was below them is there again.

use std::time::Duration;

use simulator::world::{ADA, BORIS, jam, kitchen};

use super::{assert_goes_on_in_place, dies, hears_more, path, playing};
use crate::figures;
use crate::world::Running;

/// Orchard and Meridian wait behind what plays.
async fn asks_for_more(running: &Running) {
    running.say(BORIS, "/play orchard");
    running.sees("Number 1 in the queue").await;
    running.say(BORIS, "/play meridian");
    running.sees("Number 2 in the queue").await;
}

async fn has_still(running: &Running, first: &str) {
    running.say(BORIS, "/queue");
    running.sees(&format!("1. {first}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_chats_go_on_where_they_were_when_their_supervisor_dies() {
    let (running, listener) = playing().await;
    asks_for_more(&running).await;
    running.telegram().calls().start_call(kitchen());
    running.world().say(ADA, kitchen(), "/play meridian").expect("she may write there");
    running.sees_in(kitchen(), "Now playing").await;
    let beside = running.listener_as(BORIS, kitchen(), simulator::listener::Style::Web).await;
    hears_more(&beside, 50).await;
    beside.take_packets();
    dies(&running, "root/chats").await;
    hears_more(&listener, 100).await;
    let (error, gap) = assert_goes_on_in_place(&listener.packets(), Duration::from_secs(7));
    figures::record(
        "1",
        "the supervisor of all chats dies",
        &format!(
            "gap {} ms, position error {} ms, tracks lost 0",
            gap.as_millis(),
            error.as_millis()
        ),
        "gap ≤ 7 s, position error ≤ 1 s, tracks lost 0",
    );
    hears_more(&beside, 100).await;
    has_still(&running, "orchard").await;
    let sheet = |chat: i64| format!("root/chats/{chat}/player");
    let lives = running.inside.tree.root().snapshot();
    for chat in [jam(), kitchen()] {
        let player = lives.find(&sheet(chat)).expect("it is there");
        assert_eq!(player.incarnation, 2, "its lives are counted on");
    }
    // and they can be ended like any other
    running.say(ADA, "/stop");
    running.until("it left", || running.assistant().is_none()).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_whose_actors_die_too_often_begins_again_where_it_was() {
    let (running, listener) = playing().await;
    asks_for_more(&running).await;
    let chat = format!("root/chats/{}", jam());
    let lives = || running.inside.tree.root().snapshot().find(&chat).map(|one| one.incarnation);
    let first = lives();
    // six times within a minute, by turns: each of them waits longer from life to life, and no track may die thrice
    for of in ["player", "call", "player", "call"] {
        dies(&running, &path(of)).await;
    }
    running.say(ADA, "/skip");
    running.sees("Ada skipped").await;
    dies(&running, &path("call")).await;
    hears_more(&listener, 50).await;
    assert!(running.inside.tree.root().tree().kill(&path("player")), "it plays");
    running.until("the chat is built anew", || lives() > first).await;
    listener.take_packets();
    running
        .until("the assistant is back", || running.assistant().is_some_and(|own| own.is_connected))
        .await;
    hears_more(&listener, 100).await;
    has_still(&running, "Armed Ensemble — Meridian").await;
    running.end().await;
}
