//! The rules of one assistant's place in one voice chat: a pure state machine between Telegram's signalling and the
//! media connection.
//!
//! What it knows of Telegram: a join is answered once and never renegotiated, so every reconnect is a whole new join
//! with a fresh ssrc (core.telegram.org/api/group-calls); official clients ask `phone.checkGroupCall` every 4 s while
//! they connect and every 10 s afterwards; a missing ssrc means a new join.

mod assignment;
mod audience;
mod entering;
mod trouble;

use std::collections::VecDeque;
use std::time::Duration;

use crate::fault::Fault;
use crate::ids::{Attempt, CallId};
use crate::player::Line;

pub use audience::Audience;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Tries in a row before a voice chat that was never reached is given up.
    pub tries_max: u32,
    /// Longest time from the join's answer to a working connection.
    pub connect_max: Duration,
    pub check_connecting_every: Duration,
    pub check_joined_every: Duration,
    /// After a check that failed without saying why.
    pub check_again: Duration,
    /// First wait between tries; doubles.
    pub backoff_initial: Duration,
    pub backoff_max: Duration,
    /// A connection that held this long makes earlier failures forgotten.
    pub healthy_after: Duration,
    /// How long a place that was heard and then lost is tried for; an hour without a network must lose nothing.
    pub hold_max: Duration,
    /// How long an assistant that does not answer is waited for before another one is asked.
    pub assistant_wait: Duration,
    /// How long the queue waits for a new voice chat after the old one ended.
    pub ended_wait: Duration,
}

/// Which assistant, by its place in the configuration (0 = first).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seat(pub usize);

/// How we present ourselves to the media server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As native clients: DTLS server (`passive`), ICE controlled.
    Native,
    /// As browsers: DTLS client (`active`), ICE controlling.
    Web,
}

/// What is known of a running voice chat before joining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub call: CallId,
    pub is_conference: bool,
    pub is_rtmp: bool,
    /// Announced for later, not started.
    pub is_scheduled: bool,
}

/// Our own participant row, as the join's answer or a later update shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub ssrc: u32,
    pub is_muted: bool,
    pub can_self_unmute: bool,
    pub has_left: bool,
}

/// Why a call-related request failed, as far as it changes what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// GROUPCALL_SSRC_DUPLICATE_MUCH: the ssrc is in use.
    SsrcTaken,
    /// GROUPCALL_FORBIDDEN, GROUPCALL_INVALID: what we know of the call is old.
    CallGone,
    /// GROUPCALL_JOIN_MISSING: we are no longer in it.
    NotJoined,
    Other(Fault),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Join,
    /// Back to where an earlier process was: no voice chat is started for it, and one that ended meanwhile is told as
    /// such.
    Rejoin,
    Leave,
    /// Who serves the chat now; `None` when no (other) assistant is free.
    Assigned {
        attempt: Attempt,
        seat: Option<Seat>,
    },
    /// The assistant's login is gone for good.
    AssistantLost(Fault),
    /// The assistant is in the group (it joined if it had to).
    Entered {
        attempt: Attempt,
        outcome: Result<(), Fault>,
    },
    Found {
        attempt: Attempt,
        outcome: Result<Option<Found>, Fault>,
    },
    Created {
        attempt: Attempt,
        outcome: Result<CallId, Fault>,
    },
    /// Local credentials are ready.
    Prepared {
        attempt: Attempt,
        outcome: Result<u32, Fault>,
    },
    /// The join was answered.
    Answered {
        attempt: Attempt,
        outcome: Result<Option<Row>, Refusal>,
    },
    /// The media connection works.
    Connected {
        attempt: Attempt,
    },
    /// It failed, or works no more.
    Lost {
        attempt: Attempt,
        fault: Fault,
    },
    Checked {
        attempt: Attempt,
        outcome: Result<bool, Refusal>,
    },
    /// Our own row changed.
    Row(Row),
    /// The voice chat ended.
    Discarded(CallId),
    /// A voice chat started in this group.
    Started,
    /// The assistant was removed from the group.
    Removed,
    /// A time asked for with [`Effect::WakeAt`] came.
    Wake,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Find an assistant that is signed in and none of these.
    Assign {
        attempt: Attempt,
        not: Vec<Seat>,
    },
    /// Let go of the assistant so far; the one that was found last serves from now on.
    Switch,
    Enter {
        attempt: Attempt,
    },
    Find {
        attempt: Attempt,
    },
    Create {
        attempt: Attempt,
    },
    Prepare {
        attempt: Attempt,
        style: Style,
    },
    Join {
        attempt: Attempt,
        call: CallId,
    },
    /// Hand the join's answer to the media connection.
    Apply {
        attempt: Attempt,
    },
    Unmute {
        call: CallId,
    },
    Check {
        attempt: Attempt,
        call: CallId,
        ssrc: u32,
    },
    /// Tell Telegram that we left; nobody waits for the answer.
    Quit {
        call: CallId,
        ssrc: u32,
    },
    /// Close the media connection.
    Close,
    /// Let the player's frames flow (true) or hold them (false).
    Flow(bool),
    Tell(Line),
    WakeAt(Duration),
}

#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    attempt: Attempt,
    step: Step,
    style: Style,
    call: Option<CallId>,
    ssrc: Option<u32>,
    /// Ours from earlier tries: rows about them are late, not somebody else's.
    past_ssrcs: VecDeque<u32>,
    n_tries: u32,
    is_force_muted: bool,
    /// People heard us in this call, so that losing it is told as such.
    was_up: bool,
    /// An earlier process was in the call, and we have not seen yet whether it is still there.
    is_return: bool,
    /// Since when they do not.
    lost_since: Option<Duration>,
    next_check: Option<Duration>,
    seat: Option<Seat>,
    /// It is in the group.
    is_entered: bool,
    /// Assistants that cannot serve this chat, this time.
    tried: Vec<Seat>,
    /// Why another assistant is looked for.
    blame: Option<Fault>,
    /// Since when no assistant answered.
    silent_since: Option<Duration>,
    /// How long a new voice chat is waited for, after one ended.
    ended_until: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Away,
    Assigning,
    Entering,
    Finding,
    Creating,
    Preparing,
    Joining,
    Connecting {
        until: Duration,
    },
    Up {
        since: Duration,
    },
    Waiting {
        until: Duration,
    },
    /// The voice chat ended; a new one is waited for.
    Ended {
        until: Duration,
    },
}

/// Where the place in the voice chat stands, for /stats and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Away,
    Joining,
    Up,
    ForceMuted,
    Waiting,
    Ended,
}

// === impl Machine ===

impl Machine {
    pub fn new(settings: Settings) -> Machine {
        Machine {
            settings,
            attempt: Attempt(0),
            step: Step::Away,
            style: Style::Native,
            call: None,
            ssrc: None,
            past_ssrcs: VecDeque::new(),
            n_tries: 0,
            is_force_muted: false,
            was_up: false,
            is_return: false,
            lost_since: None,
            next_check: None,
            seat: None,
            is_entered: false,
            tried: Vec::new(),
            blame: None,
            silent_since: None,
            ended_until: None,
        }
    }

    pub fn status(&self) -> Status {
        match self.step {
            Step::Away => Status::Away,
            Step::Up { .. } if self.is_force_muted => Status::ForceMuted,
            Step::Up { .. } => Status::Up,
            Step::Waiting { .. } => Status::Waiting,
            Step::Ended { .. } => Status::Ended,
            _ => Status::Joining,
        }
    }

    /// The try that is under way; answers to any other are late.
    pub fn attempt(&self) -> Attempt {
        self.attempt
    }

    pub fn call(&self) -> Option<CallId> {
        self.call
    }

    /// Takes one input at `now` (any monotonic origin).
    pub fn handle(&mut self, input: Input, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Join => self.join(&mut effects),
            Input::Rejoin => {
                let is_new = self.step == Step::Away;
                self.join(&mut effects);
                (self.was_up, self.is_return) = (is_new || self.was_up, is_new);
            }
            Input::Leave => self.leave(&mut effects),
            Input::Assigned { attempt, seat } if attempt == self.attempt => {
                self.assigned(seat, now, &mut effects);
            }
            Input::AssistantLost(fault) => self.assistant_lost(fault, &mut effects),
            Input::Entered { attempt, outcome } if self.is(attempt, Step::Entering) => {
                self.entered(outcome, now, &mut effects);
            }
            Input::Found { attempt, outcome } if self.is(attempt, Step::Finding) => {
                self.found(outcome, now, &mut effects);
            }
            Input::Created { attempt, outcome } if self.is(attempt, Step::Creating) => {
                self.created(outcome, now, &mut effects);
            }
            Input::Prepared { attempt, outcome } if self.is(attempt, Step::Preparing) => {
                self.prepared(outcome, now, &mut effects);
            }
            Input::Answered { attempt, outcome } if self.is(attempt, Step::Joining) => {
                self.answered(outcome, now, &mut effects);
            }
            Input::Connected { attempt } if attempt == self.attempt => {
                self.connected(now, &mut effects)
            }
            Input::Lost { attempt, fault } if attempt == self.attempt => {
                self.lost(fault, now, &mut effects)
            }
            Input::Checked { attempt, outcome } if attempt == self.attempt => {
                self.checked(outcome, now, &mut effects)
            }
            Input::Row(row) => self.row(row, now, &mut effects),
            Input::Discarded(call) => self.discarded(call, now, &mut effects),
            Input::Started => self.started(&mut effects),
            Input::Removed => self.removed(&mut effects),
            Input::Wake => self.wake(now, &mut effects),
            // late news of an older attempt
            _ => {}
        }
        effects
    }

    fn is(&self, attempt: Attempt, step: Step) -> bool {
        attempt == self.attempt && self.step == step
    }
}

#[cfg(test)]
mod tests;
