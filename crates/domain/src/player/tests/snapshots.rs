//! What is written down and read back.

use super::*;
use crate::queue::Item;

fn through_json(player: &Player) -> Player {
    let text = serde_json::to_string(&player.snapshot()).unwrap();
    Player::restored(SETTINGS, serde_json::from_str(&text).unwrap())
}

#[test]
fn a_restarted_player_goes_on_where_it_was_with_everything_that_waits() {
    let mut table = Table::sounding("one");
    table.play("two").resolve(3, &["two"]);
    table.play("three");
    let mut player = through_json(&table.player);
    let at = Duration::from_secs(42);
    let effects = player.revive(End::Restarted, at);
    assert_eq!(player.snapshot().queue.len(), 2);
    assert!(effects.contains(&Effect::Rejoin) && !effects.contains(&Effect::Join), "{effects:?}");
    assert!(effects.iter().any(|effect| matches!(effect,
        Effect::Load { track, from, .. } if track.title == "one" && *from == at)));
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Resolve { .. })),
        "three is looked up again"
    );
    let told = effects.iter().find_map(|effect| match effect {
        Effect::Tell(Event::Restored { now, position, is_paused, .. }) => {
            Some((now, *position, *is_paused))
        }
        _ => None,
    });
    let (now, position, is_paused) = told.expect("whoever shows the panel is told");
    assert_eq!(
        (now.track.title.as_str(), now.n_waiting, position, is_paused),
        ("one", 2, at, false)
    );
}

#[test]
fn what_was_paused_stays_paused_after_a_restart() {
    let mut table = Table::sounding("one");
    table.put(Input::Pause { by: admin(), only: None });
    let mut player = through_json(&table.player);
    let effects = player.revive(End::Restarted, Duration::from_secs(9));
    assert!(effects.contains(&Effect::Hold));
    assert!(player.snapshot().is_paused);
}

#[test]
fn restarts_of_the_process_are_not_counted_against_a_track() {
    let mut player = through_json(&Table::sounding("one").player);
    for _ in 0..9 {
        player.revive(End::Restarted, Duration::ZERO);
        player = through_json(&player);
    }
    assert!(player.current_attempt().is_some());
}

#[test]
fn nothing_is_left_of_a_player_that_stopped() {
    let mut table = Table::sounding("one");
    table.put(Input::Stop { by: admin(), only: None });
    assert!(table.player.snapshot().is_empty());
}

#[test]
fn more_than_the_queue_takes_today_is_kept() {
    let mut snapshot = Table::sounding("one").player.snapshot();
    let waiting = snapshot.current.clone().unwrap().entry;
    snapshot.queue = vec![waiting; 10_000];
    let mut player = Player::restored(SETTINGS, snapshot);
    player.revive(End::Restarted, Duration::ZERO);
    assert_eq!(player.queue().len(), 10_000);
}

#[test]
fn a_command_is_obeyed_once_however_often_it_is_told() {
    let mut obeyed = Obeyed::default();
    obeyed.extend([Via::Message(MessageId(1)), Via::Button(1)]);
    assert!(!obeyed.is_new(Via::Message(MessageId(1))) && !obeyed.is_new(Via::Button(1)));
    assert!(obeyed.is_new(Via::Message(MessageId(2))));
    assert!(!obeyed.is_new(Via::Message(MessageId(2))));
    obeyed.extend((10..10_000).map(Via::Button));
    assert!(!obeyed.is_new(Via::Button(9_999)), "the newest are remembered");
    assert!(obeyed.is_new(Via::Button(1)), "the oldest are forgotten");
}

#[test]
fn what_version_one_wrote_is_read() {
    let text = include_str!("snapshot-1.json");
    let snapshot: Snapshot = serde_json::from_str(text).unwrap();
    assert_eq!(
        serde_json::to_value(&snapshot).unwrap(),
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    );
    let track = match &snapshot.current.as_ref().unwrap().entry.item {
        Item::Ready(track) => track.clone(),
        Item::Resolving { .. } => panic!("it was found"),
    };
    assert_eq!(track.location, Location::Page { service: "audius", key: "D7KyD".into() });
    assert_eq!(snapshot.queue.len(), 2);
}

#[test]
fn a_track_of_a_source_that_is_not_there_is_not_read() {
    let text = include_str!("snapshot-1.json").replace("audius", "napster");
    let error = serde_json::from_str::<Snapshot>(&text).unwrap_err();
    assert!(error.to_string().contains("napster"), "{error}");
}
