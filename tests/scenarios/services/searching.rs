//! /search: five hits with buttons; whoever presses one has asked for it.

use simulator::world::{ADA, BORIS, jam};

use super::super::world::{PATIENCE, World};
use super::{gateway, nothing_at_home, working};

#[tokio::test(flavor = "multi_thread")]
async fn a_search_shows_hits_and_its_buttons_queue_them() {
    let (origin, home) = (working().await, nothing_at_home());
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .settings(&gateway(&origin, &["gateway"]))
        .start()
        .await;
    running.say(ADA, "/search far away nobody");
    let shown = running.sees("which one?").await;
    assert!(shown.text.contains("Far Away Hills"), "{shown:?}");
    let second = shown.button("2️⃣").expect("each hit has a button");
    assert!(shown.button("3️⃣").is_none(), "{shown:?}");
    // who presses has asked for it
    let pressed = running.world().press(BORIS, jam(), shown.id, &second, PATIENCE).await;
    pressed.expect("the bot answers");
    let playing = running.sees("Now playing").await;
    assert!(
        playing.text.contains("Far Away Hills") && playing.text.contains("Boris"),
        "{playing:?}"
    );
    // a button made up by somebody is nothing
    let mut forged = second.clone();
    *forged.last_mut().expect("it has bytes") ^= 1;
    let pressed = running.world().press_unseen(BORIS, jam(), shown.id, &forged, PATIENCE).await;
    let text = pressed.expect("the bot answers").text.unwrap_or_default();
    assert!(text.contains("not mine"), "{text}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_nothing_says_so() {
    let (origin, home) = (working().await, nothing_at_home());
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .settings(&gateway(&origin, &["gateway"]))
        .start()
        .await;
    running.say(ADA, "/search");
    running.sees("Tell me what to look for").await;
    running.say(ADA, "/search quite another thing");
    running.sees("I found nothing there").await;
    running.end().await;
}
