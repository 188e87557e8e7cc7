//! Between two lives: whoever wants something of a player or an assistant then is not forgotten.

use simulator::dc::{Answer, Instead, Rule};
use simulator::world::{ADA, ASSISTANT, jam};

use super::{dies, hears_more, path, playing};
use crate::world::{PATIENCE, Running};

const JOIN_GROUP_CALL: u32 = 0x8fb5_3057;

/// It has died before, so its next life is some seconds away.
async fn dead() -> Running {
    let (running, _listener) = playing().await;
    dies(&running, &path("player")).await;
    running.sees("Now playing").await;
    assert!(running.inside.tree.root().tree().kill(&path("player")), "it lives");
    let lives = || {
        let tree = running.inside.tree.root().snapshot();
        tree.find(&path("player")).is_some_and(|player| player.uptime_ms.is_some())
    };
    running.until("it is dead", || !lives()).await;
    running
}

fn nobody_said(running: &Running, words: &str) {
    assert!(!running.texts().iter().any(|text| text.contains(words)), "{:#?}", running.texts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_obeyed_by_the_next_life() {
    let running = dead().await;
    running.say(ADA, "/stop");
    running.sees("Ada stopped the music").await;
    nobody_said(&running, "Nothing is playing");
    running.until_idle().await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_is_answered_by_the_next_life() {
    let running = dead().await;
    let panel = running.sees("Now playing").await;
    let pause = panel.button("⏸").expect("a button to pause");
    let pressed = running.world().press(ADA, jam(), panel.id, &pause, PATIENCE).await;
    pressed.expect("a press is answered");
    running.sees("⏸ Paused").await;
    nobody_said(&running, "Nothing is playing");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_that_dies_on_its_way_in_is_back_later_and_the_music_goes_on() {
    let (running, listener) = playing().await;
    let telegram = running.telegram();
    let n_asked = || telegram.dc().stats().requests["phone.joinGroupCall"];
    let before = n_asked();
    let rule = Rule::on(JOIN_GROUP_CALL, Instead::Answer(Answer::Never)).of_user(ASSISTANT);
    telegram.dc().faults().arrange(rule);
    let place = running.assistant().expect("it plays");
    let peers = telegram.sfu().stats(jam());
    let peer = peers.iter().find(|peer| peer.user == place.user).expect("it is connected");
    telegram.sfu().close(peer.peer);
    running.until("it asks to be let in", || n_asked() > before).await;
    listener.take_packets();
    dies(&running, "root/assistants/1").await;
    hears_more(&listener, 100).await;
    running.end().await;
}
