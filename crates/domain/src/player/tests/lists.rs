//! Lists that come page by page.

use super::*;

fn more(table: &mut Table, asked_in: i32, titles: &[&str]) {
    table.put(Input::More {
        requester: Requester { id: UserId(5), name: "Ann".into() },
        asked_in: MessageId(asked_in),
        tracks: titles.iter().map(|title| track(title)).collect(),
    });
}

fn waiting(table: &Table) -> Vec<String> {
    let entries = table.player.queue().iter();
    entries.filter_map(|entry| order::ready(entry).map(|track| track.title.clone())).collect()
}

#[test]
fn the_next_page_goes_behind_the_page_before_and_not_behind_later_wishes() {
    let mut table = Table::new();
    table.play("list").resolve(1, &["a", "b"]);
    table.put(Input::Play {
        request: Request::Query("later".into()),
        requester: Requester { id: UserId(6), name: "Bob".into() },
        asked_in: MessageId(2),
        via: Via::Message(MessageId(2)),
    });
    table.resolve(3, &["later"]);
    more(&mut table, 1, &["c"]);
    assert_eq!(waiting(&table), ["b", "c", "later"]);
    // the queue takes three; what does not fit is told
    more(&mut table, 1, &["d", "e"]);
    assert!(matches!(table.said()[..], [Event::LeftOut { n_tracks: 2, .. }]), "{:?}", table.said());
    assert!(table.player.is_full());
}

#[test]
fn a_page_that_comes_while_the_first_track_of_its_list_sounds_is_next() {
    let mut table = Table::sounding("a");
    table.put(Input::Play {
        request: Request::Query("later".into()),
        requester: Requester { id: UserId(6), name: "Bob".into() },
        asked_in: MessageId(2),
        via: Via::Message(MessageId(2)),
    });
    table.resolve(3, &["later"]);
    more(&mut table, 1, &["b", "c"]);
    assert_eq!(waiting(&table), ["b", "c", "later"]);
}

#[test]
fn a_page_that_comes_when_all_before_it_has_played_plays_at_once() {
    let mut table = Table::sounding("a");
    table.drained();
    more(&mut table, 1, &["b", "c"]);
    assert_eq!(table.loads().as_deref(), Some("b"));
    assert_eq!(waiting(&table), ["c"]);
}

#[test]
fn a_page_for_a_player_that_was_stopped_is_nothing() {
    let mut table = Table::sounding("a");
    table.put(stop());
    more(&mut table, 1, &["b"]);
    assert_eq!(table.effects, []);
}

#[test]
fn whoever_asked_is_known_while_it_is_looked_up() {
    let mut table = Table::new();
    table.play("list");
    let (requester, asked_in) = table.player.asked_by(Attempt(1)).unwrap();
    assert_eq!((requester.name.as_str(), asked_in), ("Ann", MessageId(1)));
    table.resolve(1, &["a"]);
    assert!(table.player.asked_by(Attempt(1)).is_none());
}
