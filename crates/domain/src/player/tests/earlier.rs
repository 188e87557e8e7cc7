//! A queue of an earlier process that is found late.

use super::*;
use crate::player::snapshot::Underway;
use crate::queue::Item;

/// What the other process had: `titles`, the first of them sounding, each asked for in a message of its own from
/// `first` on.
fn left(first: i32, titles: &[&str]) -> Snapshot {
    let mut entries = titles.iter().zip(first..).map(|(title, id)| Entry {
        id: EntryId(1),
        requester: Requester { id: UserId(7), name: "Eve".into() },
        asked_in: MessageId(id),
        item: Item::Ready(track(title)),
    });
    let current = entries.next().map(|entry| Underway {
        entry,
        attempt: Attempt(1),
        from: Duration::ZERO,
        duration: None,
        is_ready: true,
        is_announced: true,
    });
    Snapshot {
        current,
        queue: entries.collect(),
        is_paused: true,
        last_attempt: Attempt(9),
        last_entry: EntryId(9),
        deaths: None,
    }
}

fn find(table: &mut Table, left: Snapshot, again: &[i32]) {
    let again = again.iter().copied().map(MessageId).collect();
    table.put(Input::Earlier(Box::new(Earlier { left, again })));
}

fn waiting(table: &Table) -> Vec<String> {
    let entries = table.player.queue().iter();
    entries.filter_map(|entry| order::ready(entry).map(|track| track.title.clone())).collect()
}

#[test]
fn what_was_interrupted_and_what_waited_goes_behind_what_was_asked_for_since() {
    let mut table = Table::sounding("new");
    find(&mut table, left(10, &["old", "older"]), &[]);
    assert_eq!(table.player.track().map(|(track, _)| track.title.clone()), Some("new".into()));
    assert_eq!(table.player.phase(), Phase::Playing, "it was paused then, and is not now");
    assert_eq!(waiting(&table), ["old", "older"]);
    assert_eq!(table.said(), [&Event::EarlierBack { n_tracks: 2, n_left_out: 0 }]);
    let ids: Vec<u64> = table.player.queue().iter().map(|entry| entry.id.0).collect();
    assert_eq!(ids, [2, 3], "the numbers of the other life mean something else here");
    table.drained();
    assert_eq!(table.loads().as_deref(), Some("old"));
}

#[test]
fn what_was_heard_again_since_does_not_come_twice() {
    let mut table = Table::sounding("new");
    // message 1 sounds, message 11 was played already
    find(&mut table, left(1, &["new"]), &[]);
    assert_eq!((waiting(&table), table.said()), (vec![], vec![]));
    find(&mut table, left(10, &["a", "played", "b"]), &[11]);
    assert_eq!(waiting(&table), ["a", "b"]);
    find(&mut table, left(10, &["a", "played", "b"]), &[11]);
    assert_eq!(waiting(&table), ["a", "b"], "found twice");
}

#[test]
fn what_has_no_room_is_told() {
    let mut table = Table::sounding("new");
    find(&mut table, left(10, &["a", "b", "c", "d", "e"]), &[]);
    assert_eq!(waiting(&table), ["a", "b", "c"]);
    assert_eq!(table.said(), [&Event::EarlierBack { n_tracks: 3, n_left_out: 2 }]);
}

#[test]
fn an_idle_player_begins_with_what_was_interrupted() {
    let mut table = Table::sounding("new");
    table.drained();
    assert_eq!(table.player.phase(), Phase::Idle);
    find(&mut table, left(10, &["a", "b"]), &[]);
    assert_eq!((table.loads().as_deref(), waiting(&table)), (Some("a"), vec!["b".to_owned()]));
}

#[test]
fn what_was_still_looked_for_is_looked_for_again() {
    let mut table = Table::sounding("new");
    let mut left = left(10, &["a", "b"]);
    let request = Request::Query("b".into());
    left.queue[0].item = Item::Resolving { attempt: Attempt(1), request: request.clone() };
    find(&mut table, left, &[]);
    let attempt = Attempt(3);
    assert!(table.has(&Effect::Resolve { attempt, request }), "{:?}", table.effects);
    table.put(Input::Resolved { attempt, outcome: Ok(vec![track("b")]) });
    assert_eq!(waiting(&table), ["a", "b"]);
}
