//! Between two lives of a player: whoever wants something of it waits for the next one.

use simulator::world::{ADA, jam};

use super::{dies, path, playing};
use crate::world::{PATIENCE, Running};

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
