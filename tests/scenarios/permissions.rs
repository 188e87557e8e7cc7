//! Who may do what, and in which order: members, administrators, buttons, queues, two groups at once.

use simulator::listener::Style;
use simulator::music::Track;
use simulator::world::{
    ADA, ASSISTANT, BORIS, CLARA, CallbackAnswer, DMITRI, SECOND_ASSISTANT, Shown, jam, kitchen,
};

use super::world::{PATIENCE, Running, World, heard};

const FORBIDDEN: &str = "Only administrators may do this";

/// Somebody asked for the track, and it plays; the panel.
async fn plays(running: &Running, user: i64, track: Track) -> Shown {
    running.say(user, &format!("/play {}", track.title()));
    panel(running, track).await
}

/// The panel of the track that plays.
async fn panel(running: &Running, track: Track) -> Shown {
    let is_panel = |shown: &Shown| shown.text.contains("Now playing") && names(shown, track);
    let found = running.world().wait_for_message(jam(), PATIENCE, is_panel).await;
    found.unwrap_or_else(|| panic!("{track:?} does not play: {:#?}", running.texts()))
}

/// A file without tags is called by its name, so case says nothing.
fn names(shown: &Shown, track: Track) -> bool {
    shown.text.to_lowercase().contains(&track.title().to_lowercase())
}

/// Presses the button with this sign under the message as it is now.
async fn press(running: &Running, user: i64, message: i32, sign: &str) -> CallbackAnswer {
    let found = running.world().wait_for(PATIENCE, |world| {
        let shown = world.messages(jam()).into_iter().find(|shown| shown.id == message)?;
        shown.button(sign)
    });
    let data = found.await.unwrap_or_else(|| panic!("no {sign}: {:#?}", running.texts()));
    running.world().press(user, jam(), message, &data, PATIENCE).await.expect("the bot answers")
}

async fn count(running: &Running, words: &str, n: usize) {
    running
        .until(&format!("{words:?} is said {n} times"), || {
            running.texts().iter().filter(|text| text.contains(words)).count() == n
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_ask_for_music_and_look_at_the_queue() {
    let running = World::new().start().await;
    plays(&running, BORIS, Track::Northbound).await;
    running.say(BORIS, "/play orchard");
    running.sees("Number 1 in the queue, for Boris").await;
    running.say(BORIS, "/queue");
    let listing = running.sees("1. ").await;
    for track in [Track::Northbound, Track::Orchard] {
        assert!(names(&listing, track), "{listing:?}");
    }
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_not_control_what_others_asked_for() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    plays(&running, ADA, Track::Northbound).await;
    for (n, command) in ["/pause", "/skip", "/stop"].iter().enumerate() {
        let asked = running.say(BORIS, command);
        count(&running, FORBIDDEN, n + 1).await;
        let answer = running.sees(FORBIDDEN).await;
        assert_eq!(answer.reply_to, Some(asked), "{command}");
    }
    let so_far = listener.packets().len();
    assert!(listener.wait_for_packets(so_far + 50, PATIENCE).await, "it plays on");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_skip_the_own_track_and_nothing_more() {
    let running = World::new().start().await;
    plays(&running, BORIS, Track::Northbound).await;
    running.say(ADA, "/play orchard");
    running.sees("Number 1 in the queue").await;
    running.say(BORIS, "/pause");
    running.say(BORIS, "/stop");
    count(&running, FORBIDDEN, 2).await;
    running.say(BORIS, "/skip");
    running.sees("Boris skipped").await;
    panel(&running, Track::Orchard).await;
    running.say(BORIS, "/skip");
    count(&running, FORBIDDEN, 3).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_administrator_may_control_everything() {
    let running = World::new().start().await;
    plays(&running, BORIS, Track::Northbound).await;
    running.say(CLARA, "/pause");
    let paused = running.sees("⏸ Paused by").await;
    assert!(!paused.text.contains("Clara"), "she is anonymous: {paused:?}");
    running.say(CLARA, "/resume");
    running.sees("plays on").await;
    running.say(CLARA, "/stop");
    running.sees("stopped the music").await;
    running.until_idle().await;
    assert!(!running.texts().iter().any(|text| text.contains(FORBIDDEN)));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_everyone_controls_a_member_may() {
    let running = World::new().settings(r#"chat.controls = "everyone""#).start().await;
    plays(&running, ADA, Track::Northbound).await;
    running.say(BORIS, "/stop");
    running.sees("Boris stopped the music").await;
    running.until_idle().await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buttons_obey_administrators_and_refuse_members() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    let panel = plays(&running, ADA, Track::Northbound).await;
    let refused = press(&running, BORIS, panel.id, "⏸").await;
    assert!(refused.is_alert, "{refused:?}");
    assert!(refused.text.is_some_and(|text| text.contains(FORBIDDEN)));
    let so_far = listener.packets().len();
    assert!(listener.wait_for_packets(so_far + 50, PATIENCE).await, "it plays on");

    let done = press(&running, ADA, panel.id, "⏸").await;
    assert_eq!(done.text.as_deref(), Some("Paused"));
    let done = press(&running, ADA, panel.id, "▶️").await;
    assert_eq!(done.text.as_deref(), Some("Playing"));
    let done = press(&running, ADA, panel.id, "⏭").await;
    assert_eq!(done.text.as_deref(), Some("Skipped"));
    running.sees("That was the last track").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_panel_offers_to_go_on() {
    let running = World::new().start().await;
    let panel = plays(&running, ADA, Track::Northbound).await;
    assert!(panel.button("⏸").is_some() && panel.button("▶️").is_none(), "{panel:?}");
    running.say(ADA, "/pause");
    let shown = |sign: &'static str, head: &'static str| {
        running.world().wait_for_message(jam(), PATIENCE, move |shown| {
            shown.id == panel.id && shown.text.contains(head) && shown.button(sign).is_some()
        })
    };
    let paused = shown("▶️", "Paused").await.expect("the panel says that it is paused");
    assert!(paused.button("⏸").is_none(), "{paused:?}");
    // and it stays so when the line would move
    running.say(ADA, "/pause");
    running.sees("It is paused already").await;
    running.say(ADA, "/resume");
    let playing = shown("⏸", "Now playing").await.expect("the panel says that it plays");
    assert!(playing.button("▶️").is_none(), "{playing:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_of_an_earlier_track_does_nothing() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    let old = plays(&running, ADA, Track::Northbound).await;
    let stop = old.button("⏹").expect("a panel can be stopped");
    running.say(ADA, "/play orchard");
    running.sees("Number 1 in the queue").await;
    running.say(ADA, "/skip");
    panel(&running, Track::Orchard).await;
    // Ada's phone still shows the old panel
    let answer = running.world().press_unseen(ADA, jam(), old.id, &stop, PATIENCE).await;
    let answer = answer.expect("the bot answers");
    assert!(answer.text.is_some_and(|text| text.contains("earlier track")));
    let forged = running.world().press_unseen(ADA, jam(), old.id, b"1xAAAA", PATIENCE).await;
    assert!(forged.expect("the bot answers").text.is_some_and(|text| text.contains("not mine")));
    let so_far = listener.packets().len();
    assert!(listener.wait_for_packets(so_far + 50, PATIENCE).await, "it plays on");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skip_while_paused_plays_the_next_track() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    plays(&running, ADA, Track::Northbound).await;
    running.say(ADA, "/play orchard");
    running.sees("Number 1 in the queue").await;
    running.say(ADA, "/pause");
    running.sees("⏸ Paused by").await;
    running.say(ADA, "/skip");
    panel(&running, Track::Orchard).await;
    drop(listener.take_packets());
    assert!(listener.wait_for_packets(150, PATIENCE).await, "it is not paused any more");
    let report = simulator::ear::report(&heard(&listener.take_packets()).pcm, Track::Orchard);
    assert!(report.is_some_and(|report| report.correlation_median > 0.95));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_told() {
    let running = World::new().settings("chat.queue_max = 2").start().await;
    plays(&running, ADA, Track::Northbound).await;
    for title in ["orchard", "harbour"] {
        running.say(BORIS, &format!("/play {title}"));
    }
    running.sees("Number 2 in the queue").await;
    let asked = running.say(BORIS, "/play lantern");
    let answer = running.sees("The queue is full").await;
    assert_eq!(answer.reply_to, Some(asked));
    running.say(ADA, "/queue");
    let listing = running.sees("2. ").await;
    assert!(!names(&listing, Track::Lantern), "{listing:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_typing_keeps_its_order() {
    let running = World::new().start().await;
    let wanted =
        [Track::Meridian, Track::Harbour, Track::Orchard, Track::Lantern, Track::Northbound];
    for (at, track) in wanted.iter().enumerate() {
        let user = if at % 2 == 0 { ADA } else { BORIS };
        running.say(user, &format!("/play {}", track.title()));
    }
    panel(&running, wanted[0]).await;
    running.sees("Number 4 in the queue").await;
    running.say(BORIS, "/queue");
    let listing = running.sees("4. ").await.text.to_lowercase();
    let places: Vec<usize> = wanted
        .iter()
        .map(|track| listing.find(&track.title().to_lowercase()).expect("it is in the list"))
        .collect();
    assert!(places.is_sorted(), "{listing}");
    running.say(ADA, "/skip");
    panel(&running, wanted[1]).await;
    running.say(ADA, "/skip");
    panel(&running, wanted[2]).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_groups_hear_different_tracks_at_the_same_time() {
    let world = World::new().population(|population| {
        let group = population.places.iter_mut().find(|place| place.id == kitchen());
        group.expect("there is a kitchen").voice_chat = true;
    });
    let running = world.start().await;
    let in_jam = running.listener_as(DMITRI, jam(), Style::Native).await;
    let in_kitchen = running.listener_as(BORIS, kitchen(), Style::Web).await;
    running.say(ADA, "/play northbound");
    running.sees("Now playing").await;
    running.world().say(ADA, kitchen(), "/play orchard").expect("she is a member");
    running.sees_in(kitchen(), "Now playing").await;
    drop(in_jam.take_packets());
    assert!(in_kitchen.wait_for_packets(150, PATIENCE).await, "the kitchen hears");
    assert!(in_jam.wait_for_packets(100, PATIENCE).await, "the jam session hears");
    for (listener, track) in [(in_jam, Track::Northbound), (in_kitchen, Track::Orchard)] {
        let segments = simulator::ear::identify(&heard(&listener.take_packets()).pcm);
        let sounds = |sound| segments.iter().filter(move |segment| segment.sound == sound);
        assert!(sounds(simulator::ear::Sound::Track(track)).count() > 0, "{segments:?}");
        let others = Track::ALL.into_iter().filter(|other| *other != track);
        let n_others: usize =
            others.map(|other| sounds(simulator::ear::Sound::Track(other)).count()).sum();
        assert_eq!(n_others, 0, "{segments:?}");
    }
    let who = |chat: i64| {
        let participants = running.telegram().calls().participants(chat);
        participants.into_iter().map(|one| one.user).collect::<Vec<_>>()
    };
    assert!(who(jam()).contains(&ASSISTANT), "{:?}", who(jam()));
    assert!(who(kitchen()).contains(&SECOND_ASSISTANT), "{:?}", who(kitchen()));
    // one group's end is not the other's
    running.world().say(ADA, kitchen(), "/stop").expect("she is a member");
    running.sees_in(kitchen(), "stopped the music").await;
    running
        .until("the second assistant leaves", || !who(kitchen()).contains(&SECOND_ASSISTANT))
        .await;
    assert!(who(jam()).contains(&ASSISTANT));
    running.end().await;
}
