use super::*;
use crate::fault::Reason;

const SETTINGS: Settings = Settings {
    tries_max: 4,
    connect_max: Duration::from_secs(15),
    check_connecting_every: Duration::from_secs(4),
    check_joined_every: Duration::from_secs(10),
    check_again: Duration::from_secs(1),
    backoff_initial: Duration::from_secs(1),
    backoff_max: Duration::from_secs(60),
    healthy_after: Duration::from_secs(30),
    hold_max: Duration::from_secs(7_200),
    assistant_wait: Duration::from_secs(30),
    ended_wait: Duration::from_secs(300),
};

const CALL: CallId = CallId { id: 10, access_hash: 11 };

struct Table {
    machine: Machine,
    now: Duration,
    effects: Vec<Effect>,
    next_ssrc: u32,
    /// Assistants that are signed in.
    free: Vec<Seat>,
}

// === impl Table ===

impl Table {
    fn new() -> Table {
        Table {
            machine: Machine::new(SETTINGS),
            now: Duration::ZERO,
            effects: Vec::new(),
            next_ssrc: 100,
            free: vec![Seat(0)],
        }
    }

    /// Puts an input; questions for an assistant are answered from the free ones.
    fn put(&mut self, input: Input) -> &mut Table {
        self.effects = self.machine.handle(input, self.now);
        while let Some(at) = self.effects.iter().position(|e| matches!(e, Effect::Assign { .. })) {
            let Effect::Assign { attempt, not } = self.effects.remove(at) else { unreachable!() };
            let seat = self.free.iter().find(|seat| !not.contains(seat)).copied();
            self.effects.extend(self.machine.handle(Input::Assigned { attempt, seat }, self.now));
        }
        self
    }

    fn wake_after(&mut self, seconds: u64) -> &mut Table {
        self.now += Duration::from_secs(seconds);
        self.put(Input::Wake)
    }

    fn attempt(&self) -> Attempt {
        self.machine.attempt
    }

    /// From finding to the join request, with a fresh ssrc.
    fn ask(&mut self) -> &mut Table {
        let found = Found { call: CALL, is_conference: false, is_rtmp: false, is_scheduled: false };
        self.next_ssrc += 1;
        let ssrc = self.next_ssrc;
        self.put(Input::Found { attempt: self.attempt(), outcome: Ok(Some(found)) });
        self.put(Input::Prepared { attempt: self.attempt(), outcome: Ok(ssrc) })
    }

    fn entered(&mut self) -> &mut Table {
        self.put(Input::Join);
        self.put(Input::Entered { attempt: self.attempt(), outcome: Ok(()) })
    }

    fn answered(&mut self) -> &mut Table {
        let row = self.row(false, true);
        self.put(Input::Answered { attempt: self.attempt(), outcome: Ok(Some(row)) })
    }

    fn up() -> Table {
        let mut table = Table::new();
        table.entered().ask().answered();
        table.put(Input::Connected { attempt: table.attempt() });
        assert_eq!(table.machine.status(), Status::Up);
        table
    }

    fn row(&self, is_muted: bool, can_self_unmute: bool) -> Row {
        Row { ssrc: self.next_ssrc, is_muted, can_self_unmute, has_left: false }
    }

    fn lose(&mut self) -> &mut Table {
        let fault = Fault::transient(Reason::CallUnreachable, "20 s without a packet");
        self.put(Input::Lost { attempt: self.attempt(), fault })
    }

    fn failed(&self) -> Option<Reason> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Tell(Line::Failed(fault)) => Some(fault.reason),
            _ => None,
        })
    }

    fn prepares(&self) -> Option<Style> {
        self.effects
            .iter()
            .find_map(|e| if let Effect::Prepare { style, .. } = e { Some(*style) } else { None })
    }

    fn has(&self, wanted: &Effect) -> bool {
        self.effects.contains(wanted)
    }

    fn finds(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Find { .. }))
    }
}

#[test]
fn a_join_goes_step_by_step_and_lets_the_music_flow() {
    let mut table = Table::new();
    table.put(Input::Join);
    assert_eq!(table.effects, [Effect::Switch, Effect::Enter { attempt: Attempt(1) }]);
    table.put(Input::Join);
    assert_eq!(table.effects, [], "it is on its way already");
    table.put(Input::Entered { attempt: Attempt(1), outcome: Ok(()) });
    assert_eq!(table.effects, [Effect::Find { attempt: Attempt(1) }]);
    table.ask();
    assert_eq!(table.effects, [Effect::Join { attempt: Attempt(1), call: CALL }]);
    table.answered();
    assert!(table.has(&Effect::Apply { attempt: Attempt(1) }));
    table.put(Input::Connected { attempt: Attempt(1) });
    assert!(table.has(&Effect::Flow(true)) && table.has(&Effect::Tell(Line::Joined)));
}

#[test]
fn a_missing_call_is_created_or_its_absence_told() {
    let mut table = Table::new();
    table.entered().put(Input::Found { attempt: Attempt(1), outcome: Ok(None) });
    assert_eq!(table.effects, [Effect::Create { attempt: Attempt(1) }]);
    table.put(Input::Created { attempt: Attempt(1), outcome: Ok(CALL) });
    assert_eq!(table.prepares(), Some(Style::Native));

    let mut table = Table::new();
    table.entered().put(Input::Found { attempt: Attempt(1), outcome: Ok(None) });
    let fault = Fault::refused(Reason::NotAllowed, "CHAT_ADMIN_REQUIRED");
    table.put(Input::Created { attempt: Attempt(1), outcome: Err(fault) });
    assert_eq!(table.failed(), Some(Reason::NoVoiceChat));
    assert_eq!(table.machine.status(), Status::Away);
}

#[test]
fn calls_that_nobody_can_speak_in_are_told_apart() {
    let plain = Found { call: CALL, is_conference: false, is_rtmp: false, is_scheduled: false };
    for (found, reason) in [
        (Found { is_conference: true, ..plain }, Reason::Conference),
        (Found { is_rtmp: true, ..plain }, Reason::BroadcastOnly),
    ] {
        let mut table = Table::new();
        table.entered().put(Input::Found { attempt: Attempt(1), outcome: Ok(Some(found)) });
        assert_eq!(table.failed(), Some(reason));
    }
    let mut table = Table::new();
    let scheduled = Found { is_scheduled: true, ..plain };
    table.entered().put(Input::Found { attempt: Attempt(1), outcome: Ok(Some(scheduled)) });
    assert_eq!(
        table.effects,
        [Effect::Create { attempt: Attempt(1) }],
        "a scheduled call is not on"
    );
}

#[test]
fn a_server_that_cannot_be_reached_one_way_is_tried_the_other_way() {
    let mut table = Table::new();
    table.entered().ask().answered().lose();
    assert!(table.finds(), "the first retry is immediate");
    assert!(
        !table.effects.iter().any(|effect| matches!(effect, Effect::Tell(_))),
        "nobody heard us yet"
    );
    let found = Found { call: CALL, is_conference: false, is_rtmp: false, is_scheduled: false };
    table.put(Input::Found { attempt: table.attempt(), outcome: Ok(Some(found)) });
    assert_eq!(table.prepares(), Some(Style::Web));
}

#[test]
fn tries_are_numbered_and_end() {
    let mut table = Table::new();
    table.entered();
    for n in 1..=4 {
        table.ask().answered().lose();
        if n < 4 {
            assert_eq!(table.failed(), None, "try {n}");
            table.wake_after(60);
            assert!(n == 1 || table.finds(), "try {n}");
        }
    }
    assert_eq!(table.failed(), Some(Reason::CallUnreachable));
    assert_eq!(table.attempt(), Attempt(5));
}

#[test]
fn a_silent_media_server_is_given_up_at_the_deadline() {
    let mut table = Table::new();
    table.entered().ask().answered().wake_after(15);
    assert!(table.has(&Effect::Close) && table.finds());
}

#[test]
fn a_taken_ssrc_a_gone_call_and_a_flood_wait_are_retried_each_in_its_way() {
    let mut table = Table::new();
    table.entered().ask();
    table.put(Input::Answered { attempt: Attempt(1), outcome: Err(Refusal::SsrcTaken) });
    assert!(table.finds());

    let mut table = Table::new();
    table.entered().ask();
    table.put(Input::Answered { attempt: Attempt(1), outcome: Err(Refusal::CallGone) });
    assert!(table.finds(), "the cached call is looked up again");
    assert_eq!(table.machine.call(), None);

    let mut table = Table::new();
    table.entered().ask();
    let flood = Fault::flood_wait(Duration::from_secs(7), "FLOOD_WAIT_7");
    table.put(Input::Answered { attempt: Attempt(1), outcome: Err(Refusal::Other(flood)) });
    assert!(table.has(&Effect::WakeAt(Duration::from_secs(8))));
    table.wake_after(7);
    assert_eq!(table.effects, [], "not a moment too early");
    table.wake_after(1);
    assert!(table.finds());
}

#[test]
fn a_lost_call_is_rejoined_with_a_fresh_ssrc_and_told_as_held() {
    let mut table = Table::up();
    table.now += Duration::from_secs(60);
    table.lose();
    assert!(table.has(&Effect::Flow(false)) && table.has(&Effect::Close) && table.finds());
    assert!(table.effects.iter().any(|effect| matches!(effect, Effect::Tell(Line::Held(_)))));
    let late = Attempt(1);
    table
        .put(Input::Connected { attempt: late })
        .put(Input::Lost { attempt: late, fault: Fault::transient(Reason::Internal, "") });
    assert_eq!(table.effects, []);
    table.ask().answered();
    table.put(Input::Connected { attempt: table.attempt() });
    assert!(table.has(&Effect::Tell(Line::Joined)));
}

#[test]
fn telegram_is_asked_whether_we_are_listed_every_4_s_then_every_10_s() {
    let mut table = Table::new();
    table.entered().ask().answered().wake_after(4);
    let ssrc = table.next_ssrc;
    assert!(table.has(&Effect::Check { attempt: Attempt(1), call: CALL, ssrc }));
    table.put(Input::Checked { attempt: Attempt(1), outcome: Ok(true) });
    assert!(table.has(&Effect::WakeAt(Duration::from_secs(8))));
    table.put(Input::Connected { attempt: Attempt(1) });
    assert!(table.has(&Effect::WakeAt(Duration::from_secs(14))));
    table.wake_after(9);
    assert_eq!(table.effects, []);
    table.wake_after(1);
    assert!(table.has(&Effect::Check { attempt: Attempt(1), call: CALL, ssrc }));
    let unclear = Refusal::Other(Fault::transient(Reason::Timeout, "no answer"));
    table.put(Input::Checked { attempt: Attempt(1), outcome: Err(unclear) });
    assert!(table.has(&Effect::WakeAt(Duration::from_secs(15))), "asked again after a second");
    table.wake_after(1).put(Input::Checked { attempt: Attempt(1), outcome: Ok(false) });
    assert!(table.finds(), "no longer listed, so join again");
}

#[test]
fn rows_of_ourselves_are_told_from_rows_of_another_session() {
    let mut table = Table::up();
    let left = Row { has_left: true, ..table.row(false, true) };
    table.put(Input::Row(left));
    assert!(table.finds(), "dropped by the server, so join again");
    table.ask().answered();
    let stale = Row { ssrc: 101, ..table.row(false, true) };
    table.put(Input::Row(stale)).put(Input::Row(Row { has_left: true, ..stale }));
    assert_eq!(table.effects, [], "an earlier ssrc of ours");
    table.put(Input::Row(Row { ssrc: 9_999, ..stale }));
    assert_eq!(table.failed(), Some(Reason::JoinedElsewhere));
}

#[test]
fn a_force_muted_assistant_holds_the_music_until_it_may_speak() {
    let mut table = Table::up();
    table.put(Input::Row(table.row(true, false)));
    assert!(table.has(&Effect::Flow(false)));
    assert_eq!(table.machine.status(), Status::ForceMuted);
    let row = table.row(true, true);
    table.put(Input::Row(row));
    assert!(table.has(&Effect::Unmute { call: CALL }) && table.has(&Effect::Flow(true)));
    assert!(table.has(&Effect::Tell(Line::Joined)));
}

#[test]
fn joining_muted_unmutes_itself_or_says_why_it_cannot() {
    let mut table = Table::new();
    table.entered().ask();
    let row = table.row(true, false);
    table.put(Input::Answered { attempt: Attempt(1), outcome: Ok(Some(row)) });
    assert!(
        table
            .effects
            .iter()
            .any(|e| matches!(e, Effect::Tell(Line::Held(f)) if f.reason == Reason::ForceMuted))
    );
    table.put(Input::Connected { attempt: Attempt(1) });
    assert!(!table.has(&Effect::Flow(true)), "nobody would hear it");
}

#[test]
fn leaving_quits_with_our_ssrc_and_ignores_what_comes_late() {
    let mut table = Table::up();
    let ssrc = table.next_ssrc;
    table.put(Input::Leave);
    assert!(table.has(&Effect::Quit { call: CALL, ssrc }) && table.has(&Effect::Close));
    table.put(Input::Lost { attempt: Attempt(1), fault: Fault::transient(Reason::Internal, "") });
    assert_eq!(table.effects, []);
    table.put(Input::Leave);
    assert_eq!(table.effects, []);
}

mod changes;
