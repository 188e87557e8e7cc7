//! What a player that died takes up again.

use super::*;

const AT: Duration = Duration::from_secs(42);

impl Table {
    /// The next life, from what was kept when the last one ended.
    fn revive(&self, end: End, position: Duration) -> Table {
        let mut player = self.player.clone();
        let effects = player.revive(end, position);
        Table { player, effects }
    }

    fn loads_from(&self) -> Option<Duration> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Load { from, .. } => Some(*from),
            _ => None,
        })
    }

    fn waiting(&self) -> Vec<String> {
        let title = |entry: &Entry| match &entry.item {
            Item::Ready(track) => track.title.clone(),
            Item::Resolving { .. } => "?".to_owned(),
        };
        self.player.queue().iter().map(title).collect()
    }
}

use crate::queue::Item;

#[test]
fn a_player_that_died_goes_on_with_the_same_track_where_it_was() {
    let mut table = Table::sounding("one");
    table.play("two").resolve(3, &["two"]);
    let was = table.player.current_attempt().unwrap();
    let mut next = table.revive(End::Died, AT);
    assert_eq!((next.loads().as_deref(), next.loads_from()), (Some("one"), Some(AT)));
    assert!(next.has(&Effect::Rejoin), "people heard us there");
    let attempt = next.player.current_attempt().unwrap();
    assert!(attempt > was, "late news of the life before must not count");
    assert!(next.has(&Effect::Tell(Event::Revived { was, attempt, position: AT })));
    assert_eq!(next.waiting(), ["two"]);
    next.loaded().put(Input::Call(Line::Joined));
    assert_eq!(next.starts(), None, "it was announced before");
    next.drained();
    assert_eq!(next.loads().as_deref(), Some("two"));
}

#[test]
fn a_button_that_was_pressed_before_the_next_life_began_counts() {
    let table = Table::sounding("one");
    let only = table.player.current_attempt();
    let mut next = table.revive(End::Died, AT).revive(End::Died, AT);
    next.put(Input::Pause { by: admin(), only });
    assert!(next.has(&Effect::Hold));
    // a track later it does not
    let second = next.player.current_attempt().unwrap().0 + 1;
    next.play("two").resolve(second, &["two"]);
    next.put(Input::Skip { by: admin(), only: None });
    next.put(Input::Pause { by: admin(), only });
    assert!(next.has(&Effect::Tell(Event::Stale { by: admin() })));
}

#[test]
fn a_pause_outlives_the_player() {
    let mut table = Table::sounding("one");
    table.put(Input::Pause { by: admin(), only: None });
    let next = table.revive(End::Died, AT);
    assert!(next.has(&Effect::Hold));
    assert_eq!(next.effects.iter().position(|e| *e == Effect::Hold), Some(0), "before any sound");
}

#[test]
fn look_ups_that_died_with_the_player_are_asked_again_under_new_numbers() {
    let mut table = Table::new();
    table.play("one").play("two");
    let mut next = table.revive(End::Died, Duration::ZERO);
    let asked: Vec<Attempt> = next
        .effects
        .iter()
        .filter_map(|e| if let Effect::Resolve { attempt, .. } = e { Some(*attempt) } else { None })
        .collect();
    assert_eq!(asked, [Attempt(3), Attempt(4)]);
    next.resolve(1, &["late"]);
    assert_eq!(next.effects, []);
    next.resolve(3, &["one"]);
    assert_eq!(next.loads().as_deref(), Some("one"));
}

#[test]
fn a_track_that_kills_its_player_three_times_is_skipped_with_a_word() {
    let mut table = Table::sounding("poison");
    table.play("two").resolve(3, &["two"]);
    for _ in 0..2 {
        table = table.revive(End::Died, AT);
        assert_eq!(table.loads().as_deref(), Some("poison"));
    }
    let table = table.revive(End::Died, AT);
    assert!(table.said().iter().any(|event| matches!(event,
        Event::Failed { track, fault, .. } if track.title == "poison" && fault.reason == Reason::Internal)));
    assert_eq!(table.loads().as_deref(), Some("two"));
    assert_eq!(table.loads_from(), Some(Duration::ZERO));
}

#[test]
fn deaths_count_for_one_track_only_and_orderly_ends_for_none() {
    let mut table = Table::sounding("one");
    table.play("two").resolve(3, &["two"]);
    for _ in 0..5 {
        table = table.revive(End::Orderly, AT);
    }
    table = table.revive(End::Died, AT).revive(End::Died, AT);
    table.loaded().drained();
    for _ in 0..2 {
        table = table.revive(End::Died, AT);
        assert_eq!(table.loads().as_deref(), Some("two"));
    }
}

#[test]
fn a_track_that_did_not_sound_yet_in_this_life_keeps_the_position_of_the_last() {
    let table = Table::sounding("one").revive(End::Died, AT).revive(End::Orderly, Duration::ZERO);
    assert_eq!(table.loads_from(), Some(AT));
}

#[test]
fn a_player_with_nothing_to_play_ends_and_takes_the_assistant_along() {
    let mut table = Table::sounding("one");
    table.drained();
    let next = table.revive(End::Died, Duration::ZERO);
    assert!(next.has(&Effect::Leave) && next.has(&Effect::Finish));
}

#[test]
fn the_end_of_the_voice_chat_keeps_the_queue_and_more_music_asks_for_a_new_one() {
    let wait = Duration::from_secs(300);
    let mut table = Table::sounding("one");
    table.put(Input::Call(Line::Ended { wait }));
    assert!(matches!(table.said()[..], [Event::CallEnded { .. }]));
    table.play("two");
    assert!(table.has(&Effect::Join));
    table.put(Input::Call(Line::Joined));
    assert!(matches!(table.said()[..], [Event::CallRestored]));

    let mut idle = Table::sounding("one");
    idle.drained().put(Input::Call(Line::Ended { wait }));
    assert!(idle.has(&Effect::Finish), "nobody waits for anything");
}

#[test]
fn another_assistant_is_told_in_one_line() {
    let mut table = Table::sounding("one");
    let fault = Fault::fatal(Reason::AccountLost, "SESSION_REVOKED");
    table.put(Input::Call(Line::Switched(fault)));
    assert!(matches!(table.said()[..], [Event::AssistantChanged { .. }]));
    table.put(Input::Call(Line::Joined));
    assert_eq!(table.said(), [] as [&Event; 0]);
}
