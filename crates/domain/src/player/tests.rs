use std::time::Duration;

use super::*;
use crate::event::{Listing, Via};
use crate::fault::Reason;
use crate::ids::UserId;
use crate::permission::Standing;
use crate::track::Location;

const SETTINGS: Settings = Settings {
    queue_max: 3,
    controls: Controls::Admins,
    duration_max: Some(Duration::from_secs(600)),
    linger: Duration::from_secs(30),
    stuck_ticks: 3,
};

/// Drives a player and keeps what it said.
struct Table {
    player: Player,
    effects: Vec<Effect>,
}

// === impl Table ===

impl Table {
    fn new() -> Table {
        Table { player: Player::new(SETTINGS), effects: Vec::new() }
    }

    fn put(&mut self, input: Input) -> &mut Table {
        self.effects = self.player.handle(input, Duration::from_secs(7));
        self
    }

    fn play(&mut self, words: &str) -> &mut Table {
        let requester = Requester { id: UserId(5), name: "Ann".into() };
        self.put(Input::Play {
            request: Request::Query(words.into()),
            requester,
            asked_in: MessageId(1),
            via: Via::Message(MessageId(1)),
        })
    }

    fn resolve(&mut self, attempt: u64, titles: &[&str]) -> &mut Table {
        let tracks = titles.iter().map(|title| track(title)).collect();
        self.put(Input::Resolved { attempt: Attempt(attempt), outcome: Ok(tracks) })
    }

    fn loaded(&mut self) -> &mut Table {
        let attempt = self.player.current_attempt().unwrap();
        self.put(Input::Loaded { attempt, duration: None })
    }

    fn drained(&mut self) -> &mut Table {
        let attempt = self.player.current_attempt().unwrap();
        self.put(Input::Drained { attempt, played: Duration::from_secs(60) })
    }

    /// A table with this track sounding.
    fn sounding(words: &str) -> Table {
        let mut table = Table::new();
        table.play(words).resolve(1, &[words]).loaded().put(Input::Call(Line::Joined));
        assert_eq!(table.player.phase(), Phase::Playing);
        table
    }

    fn said(&self) -> Vec<&Event> {
        self.effects
            .iter()
            .filter_map(|effect| if let Effect::Tell(event) = effect { Some(event) } else { None })
            .collect()
    }

    fn starts(&self) -> Option<String> {
        self.said().into_iter().find_map(|event| match event {
            Event::NowPlaying(now) => Some(now.track.title.clone()),
            _ => None,
        })
    }

    fn loads(&self) -> Option<String> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Load { track, .. } => Some(track.title.clone()),
            _ => None,
        })
    }

    fn has(&self, wanted: &Effect) -> bool {
        self.effects.contains(wanted)
    }
}

fn track(title: &str) -> Track {
    Track {
        title: title.into(),
        artist: None,
        duration: Some(Duration::from_secs(60)),
        location: Location::File(format!("/music/{title}").into()),
        source: "files",
        link: None,
        is_live: false,
    }
}

fn admin() -> By {
    by(9, true)
}

fn by(user: i64, is_admin: bool) -> By {
    let user = UserId(user);
    let standing = Standing {
        user,
        is_anonymous_admin: false,
        is_admin,
        is_owner: false,
        is_requester: false,
    };
    By { name: "Bob".into(), standing, via: Via::Message(MessageId(2)) }
}

fn pause() -> Input {
    Input::Pause { by: admin(), only: None }
}

fn resume() -> Input {
    Input::Resume { by: admin(), only: None }
}

fn skip() -> Input {
    Input::Skip { by: admin(), only: None }
}

fn stop() -> Input {
    Input::Stop { by: admin(), only: None }
}

#[test]
fn a_request_is_looked_up_joined_loaded_and_told_when_it_sounds() {
    let mut table = Table::new();
    table.play("one");
    assert_eq!(table.player.phase(), Phase::Resolving);
    assert!(
        table.has(&Effect::Resolve { attempt: Attempt(1), request: Request::Query("one".into()) })
    );
    table.resolve(1, &["one"]);
    assert_eq!(table.player.phase(), Phase::Buffering);
    assert!(table.has(&Effect::Join));
    assert_eq!(table.loads().as_deref(), Some("one"));
    table.loaded();
    assert_eq!(table.starts(), None, "the call is not up yet");
    table.put(Input::Call(Line::Joined));
    assert_eq!(table.starts().as_deref(), Some("one"));
    assert_eq!(table.player.phase(), Phase::Playing);
    table.put(Input::Call(Line::Joined));
    assert_eq!(table.starts(), None, "told once");
}

#[test]
fn a_slow_look_up_is_not_overtaken() {
    let mut table = Table::new();
    table.play("slow").play("quick").resolve(2, &["quick"]);
    assert!(matches!(table.said()[..], [Event::Queued { place: 1, .. }]));
    assert_eq!(table.loads(), None);
    table.resolve(1, &["slow"]);
    assert_eq!(table.loads().as_deref(), Some("slow"));
    table.put(Input::Call(Line::Joined)).loaded().drained();
    assert_eq!(table.loads().as_deref(), Some("quick"));
}

#[test]
fn answers_to_older_attempts_change_nothing() {
    let mut table = Table::sounding("one");
    let old = table.player.current_attempt().unwrap();
    table.play("two").resolve(3, &["two"]).put(skip()).loaded();
    for late in [
        Input::Drained { attempt: old, played: Duration::ZERO },
        Input::Broken { attempt: old, fault: Fault::refused(Reason::Corrupt, "late") },
        Input::Loaded { attempt: old, duration: None },
        Input::Resolved { attempt: Attempt(1), outcome: Ok(vec![track("ghost")]) },
        Input::Resolved { attempt: Attempt(3), outcome: Ok(vec![track("ghost")]) },
    ] {
        table.put(late);
        assert_eq!(table.effects, []);
    }
    assert_eq!(table.player.phase(), Phase::Playing);
}

#[test]
fn the_end_of_a_track_is_told_once_and_starts_the_next() {
    let mut table = Table::sounding("one");
    table.play("two").resolve(3, &["two"]);
    let attempt = table.player.current_attempt().unwrap();
    table.drained();
    assert!(matches!(table.said()[..], [Event::Ended { .. }]));
    assert_eq!(table.loads().as_deref(), Some("two"));
    table.put(Input::Drained { attempt, played: Duration::from_secs(60) });
    assert_eq!(table.effects, []);
    table.loaded();
    assert_eq!(table.starts().as_deref(), Some("two"));
}

#[test]
fn skipping_while_looking_up_while_paused_goes_on_unpaused() {
    let mut table = Table::sounding("one");
    table.put(pause());
    assert_eq!(table.player.phase(), Phase::Paused);
    table.play("two").put(skip());
    assert!(table.has(&Effect::Release));
    assert_eq!(table.player.phase(), Phase::Resolving);
    table.put(skip());
    assert!(table.has(&Effect::Forget { attempt: Attempt(3) }));
    assert!(matches!(table.said()[..], [Event::Skipped { track: None, .. }, Event::Finished]));
    assert_eq!(table.player.phase(), Phase::Idle);
    table.resolve(3, &["two"]);
    assert_eq!(table.effects, [], "nobody waits for it any more");
}

#[test]
fn a_track_paused_before_it_sounds_stays_silent() {
    let mut table = Table::new();
    table.play("one").resolve(1, &["one"]).put(pause());
    assert!(table.has(&Effect::Hold));
    table.loaded().put(Input::Call(Line::Joined));
    assert_eq!(table.player.phase(), Phase::Paused);
    table.put(resume());
    assert!(table.has(&Effect::Release));
}

#[test]
fn pausing_twice_is_said_and_changes_nothing() {
    let mut table = Table::sounding("one");
    table.put(pause()).put(pause());
    assert!(matches!(table.effects[..], [Effect::Tell(Event::Unchanged { is_paused: true, .. })]));
    table.put(resume()).put(resume());
    assert!(matches!(table.effects[..], [Effect::Tell(Event::Unchanged { is_paused: false, .. })]));
}

#[test]
fn controls_without_music_are_answered() {
    for input in [pause(), resume(), skip()] {
        let mut table = Table::new();
        table.put(input);
        assert!(matches!(table.effects[..], [Effect::Tell(Event::NothingPlaying { .. })]));
    }
}

#[test]
fn a_member_may_skip_only_the_own_track() {
    let mut table = Table::sounding("one");
    table.put(Input::Skip { by: by(6, false), only: None });
    assert!(matches!(table.effects[..], [Effect::Tell(Event::Forbidden { .. })]));
    table.put(Input::Stop { by: by(5, false), only: None });
    assert!(matches!(table.effects[..], [Effect::Tell(Event::Forbidden { .. })]));
    table.put(Input::Skip { by: by(5, false), only: None });
    assert!(matches!(table.said()[..], [Event::Skipped { .. }, Event::Finished]));
}

#[test]
fn a_button_of_an_earlier_track_is_stale() {
    let mut table = Table::sounding("one");
    let old = table.player.current_attempt();
    table.play("two").resolve(3, &["two"]).drained();
    for input in [
        Input::Pause { by: admin(), only: old },
        Input::Skip { by: admin(), only: old },
        Input::Stop { by: admin(), only: old },
    ] {
        table.put(input);
        assert!(matches!(table.effects[..], [Effect::Tell(Event::Stale { .. })]));
    }
}

#[test]
fn the_queue_is_bounded_and_says_so() {
    let mut table = Table::sounding("one");
    table.play("two").play("three").play("four").play("five");
    let [Event::Rejected { fault, .. }] = table.said()[..] else { panic!("{:?}", table.effects) };
    assert_eq!(fault.reason, Reason::QueueFull);
    assert!(!table.effects.iter().any(|effect| matches!(effect, Effect::Resolve { .. })));
}

#[test]
fn a_list_takes_the_place_of_its_request_as_far_as_there_is_room() {
    let mut table = Table::sounding("zero");
    table.play("list").play("after").resolve(3, &["a", "b", "c"]);
    assert!(matches!(
        table.said()[..],
        [Event::Queued { place: 1, .. }, Event::LeftOut { n_tracks: 1, .. }]
    ));
    table.resolve(4, &["after"]).drained();
    let mut order = vec![table.loads().unwrap()];
    for _ in 0..2 {
        table.loaded().drained();
        order.push(table.loads().unwrap());
    }
    assert_eq!(order, ["a", "b", "after"]);
}

#[test]
fn the_first_list_plays_before_what_was_asked_later() {
    let mut table = Table::new();
    table.play("list").play("after").resolve(1, &["a", "b", "c", "d"]);
    assert!(matches!(table.said()[..], [Event::LeftOut { n_tracks: 1, .. }]));
    table.put(Input::List { by: admin() });
    let [Event::Listed { listing: Listing { now, waiting }, .. }] = table.said()[..] else {
        panic!()
    };
    assert_eq!(now.as_ref().map(|now| now.track.title.as_str()), Some("a"));
    let titles: Vec<_> =
        waiting.iter().map(|w| w.track.as_ref().map(|track| track.title.as_str())).collect();
    assert_eq!(titles, [Some("b"), Some("c"), None]);
}

#[test]
fn what_cannot_be_found_is_rejected_and_the_next_one_plays() {
    let mut table = Table::new();
    table.play("bad").play("good").resolve(2, &["good"]);
    table.put(Input::Resolved {
        attempt: Attempt(1),
        outcome: Err(Fault::refused(Reason::NotFound, "no")),
    });
    assert!(matches!(table.said()[..], [Event::Rejected { .. }]));
    assert_eq!(table.loads().as_deref(), Some("good"));
}

#[test]
fn an_empty_answer_and_an_overlong_track_are_refused() {
    let mut table = Table::new();
    table.play("nothing").resolve(1, &[]);
    assert!(matches!(table.said()[..], [Event::Rejected { .. }]));
    assert_eq!(
        table.player.phase(),
        Phase::Stopping,
        "nobody was called, so there is nothing to linger for"
    );

    let mut table = Table::new();
    let long = Track { duration: Some(Duration::from_secs(601)), ..track("long") };
    table.play("long").put(Input::Resolved { attempt: Attempt(1), outcome: Ok(vec![long]) });
    let [Event::Rejected { fault, .. }] = table.said()[..] else { panic!("{:?}", table.effects) };
    assert_eq!(fault.reason, Reason::TooLong);
}

#[test]
fn a_length_that_only_the_decoder_knew_is_refused_too() {
    let mut table = Table::new();
    table.play("one").resolve(1, &["one"]);
    let attempt = table.player.current_attempt().unwrap();
    table.put(Input::Loaded { attempt, duration: Some(Duration::from_secs(601)) });
    assert!(table.has(&Effect::Unload { attempt }));
    assert!(matches!(table.said()[..], [Event::Failed { .. }, Event::Finished]));
}

#[test]
fn a_broken_track_is_told_and_the_next_one_plays() {
    let mut table = Table::sounding("one");
    table.play("two").resolve(3, &["two"]);
    let attempt = table.player.current_attempt().unwrap();
    table.put(Input::Broken { attempt, fault: Fault::refused(Reason::Corrupt, "bad") });
    assert!(table.has(&Effect::Unload { attempt }));
    assert!(matches!(table.said()[..], [Event::Failed { .. }]));
    assert_eq!(table.loads().as_deref(), Some("two"));
}

#[test]
fn the_assistant_lingers_and_leaves_unless_somebody_asks_again() {
    let mut table = Table::sounding("one");
    table.drained();
    assert!(matches!(table.said()[..], [Event::Ended { .. }, Event::Finished]));
    let linger = |table: &Table| {
        table.effects.iter().find_map(|e| {
            if let Effect::Linger { attempt, .. } = e { Some(*attempt) } else { None }
        })
    };
    let first = linger(&table).unwrap();
    table.play("two").put(Input::Lingered { attempt: first });
    assert_eq!(table.effects, [], "somebody asked again");
    table.resolve(first.0 + 1, &["two"]);
    assert!(!table.has(&Effect::Join), "it never left");
    table.loaded().drained();
    let second = linger(&table).unwrap();
    table.put(Input::Lingered { attempt: second });
    assert_eq!(table.effects, [Effect::Leave, Effect::Finish]);
}

#[test]
fn stop_drops_everything_and_leaves() {
    let mut table = Table::sounding("one");
    table.play("two").play("three").resolve(3, &["two"]).put(stop());
    assert!(matches!(table.said()[..], [Event::Stopped { n_dropped: 2, .. }]));
    assert!(
        table.has(&Effect::Leave)
            && table.has(&Effect::Finish)
            && table.has(&Effect::Forget { attempt: Attempt(4) })
    );
    assert_eq!(table.player.phase(), Phase::Stopping);
    table.play("late");
    assert!(matches!(table.effects[..], [Effect::GiveBack(_)]), "for the next player");
    table.put(pause());
    assert!(matches!(table.said()[..], [Event::NothingPlaying { .. }]));
}

#[test]
fn a_lost_call_holds_and_goes_on_without_a_new_announcement() {
    let mut table = Table::sounding("one");
    let lost = || {
        Input::Call(Line::Held(Fault::transient(Reason::CallUnreachable, "20 s without a packet")))
    };
    table.put(lost());
    assert!(matches!(table.said()[..], [Event::CallHeld { .. }]));
    table.put(lost());
    assert_eq!(table.effects, []);
    table.put(Input::Call(Line::Joined));
    assert!(matches!(table.said()[..], [Event::CallRestored]));
}

#[test]
fn a_call_that_cannot_be_used_ends_the_player_with_its_reason() {
    let mut table = Table::new();
    table.play("one").play("two").resolve(1, &["one"]);
    table.put(Input::Call(Line::Failed(Fault::refused(Reason::NoVoiceChat, "no call"))));
    assert!(matches!(table.said()[..], [Event::CallFailed { n_dropped: 1, .. }]));
    assert!(table.has(&Effect::Finish));
}

#[test]
fn progress_is_told_only_while_something_sounds() {
    let mut table = Table::new();
    table.play("one").put(Input::Tick);
    assert_eq!(table.effects, []);
    let mut table = Table::sounding("one");
    table.put(Input::Tick);
    assert!(matches!(table.said()[..], [Event::Progress { is_paused: false, .. }]));
}

#[test]
fn a_track_that_hangs_is_told_and_the_next_one_plays() {
    let mut table = Table::sounding("stuck");
    table.play("two").resolve(3, &["two"]);
    for _ in 0..3 {
        table.put(Input::Tick);
        assert!(matches!(table.said()[..], [Event::Progress { .. }]));
    }
    table.put(Input::Tick);
    assert!(
        matches!(table.said()[0], Event::Failed { fault, .. } if fault.reason == Reason::Timeout)
    );
    assert_eq!(table.loads().as_deref(), Some("two"));
}

#[test]
fn a_pause_or_a_lost_call_is_no_hanging_track() {
    let mut table = Table::sounding("one");
    table.put(Input::Pause { by: admin(), only: None });
    for _ in 0..9 {
        table.put(Input::Tick);
        assert!(matches!(table.said()[..], [Event::Progress { .. }]));
    }
    table.put(Input::Resume { by: admin(), only: None });
    let fault = Fault::transient(Reason::CallUnreachable, "20 s without a packet");
    table.put(Input::Call(Line::Held(fault)));
    for _ in 0..9 {
        assert_eq!(table.put(Input::Tick).effects, []);
    }
}

#[test]
fn a_load_that_takes_too_long_is_given_up_and_one_that_came_is_not() {
    let mut table = Table::new();
    table.play("slow").resolve(1, &["slow"]);
    let attempt = table.player.current_attempt().unwrap();
    table.loaded().put(Input::Overdue { attempt });
    assert_eq!(table.effects, []);
    table.play("slower").resolve(3, &["slower"]).drained();
    let attempt = table.player.current_attempt().unwrap();
    table.put(Input::Overdue { attempt });
    assert!(
        matches!(table.said()[0], Event::Failed { fault, .. } if fault.reason == Reason::Timeout)
    );
}

mod earlier;
mod lists;
mod revival;
mod snapshots;
