//! Who serves changes, the voice chat ends and starts again, the network is away for long.

use super::*;

const BANNED: Reason = Reason::AssistantBanned;

impl Table {
    fn with(n_assistants: usize) -> Table {
        Table { free: (0..n_assistants).map(Seat).collect(), ..Table::new() }
    }

    /// In the voice chat with the first of `n_assistants`.
    fn up_with(n_assistants: usize) -> Table {
        let mut table = Table::with(n_assistants);
        table.entered().ask().answered();
        table.put(Input::Connected { attempt: table.attempt() });
        table
    }

    fn refuse(&mut self, reason: Reason) -> &mut Table {
        let outcome = Err(Fault::refused(reason, "as tests have it"));
        self.put(Input::Entered { attempt: self.attempt(), outcome })
    }

    fn switched(&self) -> Option<Reason> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Tell(Line::Switched(fault)) => Some(fault.reason),
            _ => None,
        })
    }

    fn enters(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Enter { .. }))
    }

    /// A check that the assistant does not answer.
    fn silence(&mut self) -> &mut Table {
        let fault = Fault::transient(Reason::NoAssistant, "the assistant is not connected");
        let outcome = Err(Refusal::Other(fault));
        self.put(Input::Checked { attempt: self.attempt(), outcome })
    }
}

#[test]
fn a_return_after_a_restart_starts_no_voice_chat_and_tells_once_that_the_old_one_ended() {
    let mut table = Table::new();
    table.put(Input::Rejoin);
    table.put(Input::Entered { attempt: table.attempt(), outcome: Ok(()) });
    table.put(Input::Found { attempt: table.attempt(), outcome: Ok(None) });
    assert!(table.has(&Effect::Tell(Line::Ended { wait: SETTINGS.ended_wait })));
    assert!(!table.effects.iter().any(|effect| matches!(effect, Effect::Create { .. })));
    // people start a new one
    table.put(Input::Started);
    assert!(table.finds());
    table.ask().answered();
    table.put(Input::Connected { attempt: table.attempt() });
    assert!(table.has(&Effect::Tell(Line::Joined)));
}

#[test]
fn a_return_into_a_voice_chat_that_is_still_there_is_a_join_as_any_other() {
    let mut table = Table::new();
    table.put(Input::Rejoin);
    table.put(Input::Entered { attempt: table.attempt(), outcome: Ok(()) });
    table.ask().answered();
    table.put(Input::Connected { attempt: table.attempt() });
    assert!(table.has(&Effect::Tell(Line::Joined)));
    // asked for anew after it was given up, it is a first time
    table.put(Input::Leave).put(Input::Join);
    table.put(Input::Entered { attempt: table.attempt(), outcome: Ok(()) });
    table.put(Input::Found { attempt: table.attempt(), outcome: Ok(None) });
    assert!(table.effects.iter().any(|effect| matches!(effect, Effect::Create { .. })));
}

#[test]
fn an_assistant_that_may_not_enter_is_replaced_and_the_chat_told_once() {
    let mut table = Table::with(3);
    table.put(Input::Join).refuse(BANNED);
    assert_eq!(table.switched(), Some(BANNED));
    assert!(table.has(&Effect::Switch) && table.enters());
    table.refuse(Reason::TooManyChannels);
    assert_eq!(table.switched(), Some(Reason::TooManyChannels));
    table.put(Input::Entered { attempt: table.attempt(), outcome: Ok(()) });
    assert!(table.finds());
}

#[test]
fn when_no_assistant_may_enter_people_read_what_is_wrong_with_the_first() {
    let mut table = Table::with(2);
    table.put(Input::Join).refuse(BANNED).refuse(Reason::TooManyChannels);
    assert_eq!(table.failed(), Some(Reason::TooManyChannels));
    let mut table = Table::with(1);
    table.put(Input::Join).refuse(BANNED);
    assert_eq!(table.failed(), Some(BANNED));
    table.put(Input::Join);
    assert!(table.enters(), "another day, another try");
}

#[test]
fn a_lost_login_a_ban_and_a_second_session_in_the_middle_hand_over_to_another_assistant() {
    let lost = Fault::fatal(Reason::AccountLost, "SESSION_REVOKED");
    let mut table = Table::up_with(2);
    let ssrc = table.next_ssrc;
    table.put(Input::AssistantLost(lost.clone()));
    assert_eq!(table.switched(), Some(Reason::AccountLost));
    assert!(table.has(&Effect::Quit { call: CALL, ssrc }) && table.has(&Effect::Flow(false)));
    assert!(table.enters());
    table.put(Input::Entered { attempt: table.attempt(), outcome: Ok(()) });
    table.ask().answered();
    table.put(Input::Connected { attempt: table.attempt() });
    assert!(table.has(&Effect::Tell(Line::Joined)) && table.has(&Effect::Flow(true)));

    let mut table = Table::up_with(2);
    table.put(Input::Removed);
    assert_eq!(table.switched(), Some(Reason::AssistantNotIn));
    assert!(!table.effects.iter().any(|e| matches!(e, Effect::Quit { .. })), "it is out already");

    let mut table = Table::up_with(2);
    table.put(Input::Row(Row { ssrc: 9_999, ..table.row(false, true) }));
    assert_eq!(table.switched(), Some(Reason::JoinedElsewhere));

    let mut table = Table::up_with(1);
    table.put(Input::AssistantLost(lost));
    assert_eq!(table.failed(), Some(Reason::AccountLost));
    let mut table = Table::up_with(1);
    table.put(Input::Removed);
    assert_eq!(table.failed(), Some(Reason::AssistantNotIn));
}

#[test]
fn a_flooded_assistant_is_replaced_or_waited_for_to_the_second() {
    let flood = || {
        let fault = Fault::flood_wait(Duration::from_secs(20), "FLOOD_WAIT_20");
        Input::Answered { attempt: Attempt(1), outcome: Err(Refusal::Other(fault)) }
    };
    let mut table = Table::with(2);
    table.entered().ask().put(flood());
    assert_eq!(table.switched(), Some(Reason::Flood));
    assert!(table.enters());

    let mut table = Table::with(1);
    table.entered().ask().put(flood());
    assert_eq!(table.switched(), None);
    table.wake_after(20);
    assert_eq!(table.effects, [], "not a moment too early");
    table.wake_after(1);
    assert!(table.finds(), "the same assistant, which is in the group already");
}

#[test]
fn a_silent_assistant_goes_on_playing_until_another_one_is_there() {
    let mut table = Table::up_with(1);
    for _ in 0..40 {
        table.silence().wake_after(1);
        assert!(!table.has(&Effect::Flow(false)), "{:?}", table.effects);
    }
    table.free = vec![Seat(1)];
    let mut n_seconds = 0;
    while !table.silence().enters() {
        table.wake_after(1);
        n_seconds += 1;
        assert!(n_seconds <= 31, "nobody took over");
    }
    assert_eq!(table.switched(), Some(Reason::NoAssistant));
}

/// Signed in as far as anybody knows, and yet every request comes back at once.
#[test]
fn an_assistant_that_is_there_and_takes_nothing_is_asked_once_a_second() {
    let mut table = Table::with(1);
    table.put(Input::Join);
    let mut n_asked = 0;
    let mut n_seconds = 0;
    loop {
        while table.enters() {
            n_asked += 1;
            assert!(n_asked <= n_seconds + 1, "it goes round in circles");
            let fault = Fault::transient(Reason::NoAssistant, "the assistant is not connected");
            table.put(Input::Entered { attempt: table.attempt(), outcome: Err(fault) });
        }
        if table.failed().is_some() {
            break;
        }
        table.wake_after(1);
        n_seconds += 1;
        assert!(n_seconds <= 60, "it waits for ever");
    }
    assert_eq!((table.failed(), n_seconds), (Some(Reason::NoAssistant), 30));
}

#[test]
fn an_answered_check_ends_the_silence() {
    let mut table = Table::up_with(2);
    for _ in 0..10 {
        table.silence().wake_after(10);
        table.put(Input::Checked { attempt: table.attempt(), outcome: Ok(true) });
        table.wake_after(10);
        assert!(!table.enters());
    }
}

#[test]
fn without_any_assistant_a_first_join_waits_half_a_minute_and_a_held_place_for_hours() {
    let mut table = Table::with(0);
    table.put(Input::Join);
    let mut n_seconds = 0;
    while table.failed().is_none() {
        table.wake_after(1);
        n_seconds += 1;
    }
    assert_eq!((table.failed(), n_seconds), (Some(Reason::NoAssistant), 30));

    let mut table = Table::up_with(1);
    table.free.clear();
    let gone = Fault::transient(Reason::NoAssistant, "the assistant is not connected");
    table.lose();
    table.put(Input::Found { attempt: table.attempt(), outcome: Err(gone) });
    for _ in 0..3_600 {
        table.wake_after(1);
        assert_eq!(table.failed(), None);
    }
    table.free = vec![Seat(0)];
    table.wake_after(1);
    assert!(table.enters());
}

#[test]
fn an_hour_without_a_network_loses_nothing_and_asks_rarely() {
    let mut table = Table::up();
    table.lose();
    let mut n_tries = 0;
    for _ in 0..3_600 {
        if table.finds() {
            n_tries += 1;
            let fault = Fault::transient(Reason::TelegramUnreachable, "connection refused");
            table.put(Input::Found { attempt: table.attempt(), outcome: Err(fault) });
            assert_eq!(table.failed(), None);
        }
        table.wake_after(1);
    }
    // after 0, 1, 3, 7, 15, 31 and 63 s, then every 60 s
    assert_eq!(n_tries, 7 + (3_599 - 63) / 60);
    while !table.finds() {
        table.wake_after(1);
    }
    table.ask().answered();
    table.put(Input::Connected { attempt: table.attempt() });
    assert!(table.has(&Effect::Tell(Line::Joined)));
}

#[test]
fn an_ended_voice_chat_is_waited_for_and_a_new_one_entered_at_once() {
    let mut table = Table::up();
    table.put(Input::Discarded(CallId { id: 77, access_hash: 0 }));
    assert_eq!(table.effects, [], "another call");
    table.put(Input::Discarded(CALL));
    assert!(table.has(&Effect::Flow(false)));
    assert!(table.has(&Effect::Tell(Line::Ended { wait: Duration::from_secs(300) })));
    assert_eq!(table.machine.status(), Status::Ended);
    table.wake_after(299);
    assert_eq!(table.effects, []);
    table.put(Input::Started);
    assert!(table.finds());

    let mut table = Table::up();
    table.put(Input::Discarded(CALL)).wake_after(300);
    assert_eq!(table.failed(), Some(Reason::CallEnded));

    let mut table = Table::up();
    table.put(Input::Discarded(CALL)).put(Input::Join);
    assert!(table.finds(), "whoever asks for music wants it now");
}

#[test]
fn a_player_in_its_next_life_hears_how_the_call_stands() {
    let mut table = Table::up();
    table.put(Input::Join);
    assert_eq!(table.effects, [Effect::Tell(Line::Joined)]);
    table.put(Input::Row(table.row(true, false))).put(Input::Join);
    assert!(
        matches!(&table.effects[..], [Effect::Tell(Line::Held(f))] if f.reason == Reason::ForceMuted)
    );
}

#[test]
fn asking_for_more_does_not_end_the_wait_for_a_voice_chat_that_only_people_can_start() {
    let mut table = Table::up();
    table.put(Input::Discarded(CALL));
    assert!(table.has(&Effect::Tell(Line::Ended { wait: Duration::from_secs(300) })));
    table.now += Duration::from_secs(100);
    table.put(Input::Join);
    table.put(Input::Found { attempt: table.attempt(), outcome: Ok(None) });
    let refused = || Fault::refused(Reason::NotAllowed, "CHAT_ADMIN_REQUIRED");
    table.put(Input::Created { attempt: table.attempt(), outcome: Err(refused()) });
    assert_eq!(table.failed(), None);
    assert!(table.has(&Effect::Tell(Line::Ended { wait: Duration::from_secs(200) })));
    // the new one is entered
    table.put(Input::Started);
    table.ask().answered();
    table.put(Input::Connected { attempt: table.attempt() });
    assert!(table.has(&Effect::Tell(Line::Joined)));

    // and the wait still has its end
    table.put(Input::Discarded(CALL)).put(Input::Join);
    table.put(Input::Found { attempt: table.attempt(), outcome: Ok(None) });
    table.put(Input::Created { attempt: table.attempt(), outcome: Err(refused()) });
    table.wake_after(300);
    assert_eq!(table.failed(), Some(Reason::CallEnded));
    table.entered();
    table.put(Input::Found { attempt: table.attempt(), outcome: Ok(None) });
    table.put(Input::Created { attempt: table.attempt(), outcome: Err(refused()) });
    assert_eq!(table.failed(), Some(Reason::NoVoiceChat), "nobody was promised anything");
}
