//! The rules of one chat's player: a pure state machine. Actors perform its effects and bring back what came of them.
//!
//! Every look-up and every load carries the number of its attempt; news about any other attempt is late and ignored.

mod requests;
mod order;
mod commands;
mod earlier;
mod revival;
mod snapshot;

use std::time::Duration;

use crate::event::{By, Event, Via};
use crate::fault::Fault;
use crate::ids::{Attempt, MessageId};
use crate::permission::Controls;
use crate::queue::{Entry, EntryId, Queue};
use crate::track::{Request, Requester, Track};

pub use earlier::Earlier;
pub use revival::End;
pub use snapshot::{Obeyed, Snapshot, Underway};

/// A chat's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many tracks may wait.
    pub queue_max: usize,
    pub controls: Controls,
    /// Longest track that may be queued; `None` for no limit.
    pub duration_max: Option<Duration>,
    /// How long the assistant stays in the voice chat after the last track.
    pub linger: Duration,
    /// A track that does not move for so many ticks, although it should, is stuck.
    pub stuck_ticks: u32,
}

/// What the player is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Play {
        request: Request,
        requester: Requester,
        asked_in: MessageId,
        /// The command itself: the message, or the press that chose one of several hits.
        via: Via,
    },
    /// An attempt on a control is the track that the button belonged to.
    Pause {
        by: By,
        only: Option<Attempt>,
    },
    Resume {
        by: By,
        only: Option<Attempt>,
    },
    Skip {
        by: By,
        only: Option<Attempt>,
    },
    Stop {
        by: By,
        only: Option<Attempt>,
    },
    List {
        by: By,
    },
    /// The resolver's answer; several tracks when a list was asked for.
    Resolved {
        attempt: Attempt,
        outcome: Result<Vec<Track>, Fault>,
    },
    /// More of a list whose beginning was resolved for this message already.
    More {
        requester: Requester,
        asked_in: MessageId,
        tracks: Vec<Track>,
    },
    /// What an earlier process left was found late.
    Earlier(Box<Earlier>),
    /// The first packets of the track are ready.
    Loaded {
        attempt: Attempt,
        duration: Option<Duration>,
    },
    /// The track had all the time it may take until its first packets.
    Overdue {
        attempt: Attempt,
    },
    /// The last packet of the track was sent.
    Drained {
        attempt: Attempt,
        played: Duration,
    },
    /// The track could not be read, at its start or later.
    Broken {
        attempt: Attempt,
        fault: Fault,
    },
    Call(Line),
    /// Nothing was asked for while the assistant lingered.
    Lingered {
        attempt: Attempt,
    },
    /// Time to say how far it is.
    Tick,
}

/// News of the voice chat.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    Joined,
    /// Lost or muted for now; whoever holds the call works on it.
    Held(Fault),
    /// Another assistant is on its way, because of this.
    Switched(Fault),
    /// The voice chat ended; a new one is waited for.
    Ended {
        wait: Duration,
    },
    /// Given up.
    Failed(Fault),
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Resolve {
        attempt: Attempt,
        request: Request,
    },
    /// Nobody waits for this look-up any more.
    Forget {
        attempt: Attempt,
    },
    /// Bring the assistant into the voice chat (again a no-op when it is there or on its way).
    Join,
    /// The same into the one that an earlier process was in, if it is still there.
    Rejoin,
    Leave,
    /// Open the track and fill its ring, beginning at `from`.
    Load {
        attempt: Attempt,
        track: Track,
        from: Duration,
    },
    /// Let the loaded track sound (it waits for the call by itself).
    Start {
        attempt: Attempt,
    },
    Unload {
        attempt: Attempt,
    },
    Hold,
    Release,
    /// Come back with [`Input::Lingered`] after this long.
    Linger {
        attempt: Attempt,
        wait: Duration,
    },
    Tell(Event),
    /// A request came while the player ended; the next player of this chat gets it.
    GiveBack(Box<Input>),
    /// Nothing is left to do in this chat.
    Finish,
}

/// Where the current track stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing sounds and nothing is asked for.
    Idle,
    Resolving,
    Buffering,
    Playing,
    Paused,
    /// The player ended; nothing is accepted any more.
    Stopping,
}

/// A copy of it is all that its next life needs ([`Player::revive`]).
#[derive(Debug, Clone)]
pub struct Player {
    settings: Settings,
    queue: Queue,
    current: Option<Current>,
    is_paused: bool,
    is_stopping: bool,
    line: LineState,
    last_attempt: Attempt,
    last_entry: EntryId,
    /// The entry that was current when the player died, and how often in a row.
    deaths: Option<(EntryId, u32)>,
}

/// The entry at the head: looked up, buffered or sounding.
#[derive(Debug, Clone)]
struct Current {
    entry: Entry,
    attempt: Attempt,
    /// Its attempt in the first of the player's lives that began it; buttons since then are its own.
    since: Attempt,
    stage: Stage,
    /// Where in the track it began to sound, or will.
    from: Duration,
    duration: Option<Duration>,
    /// People were told that it sounds.
    is_announced: bool,
    /// Where it was at the last tick, and for how many ticks it has been there.
    last_seen: (Duration, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Resolving,
    Buffering,
    Ready,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineState {
    Away,
    Entering,
    Up,
    Held,
    Ended,
}

// === impl Input ===

impl Input {
    /// How the command came, if it is one that changes something; it is obeyed once.
    pub fn via(&self) -> Option<Via> {
        match self {
            Input::Play { via, .. } => Some(*via),
            Input::Pause { by, .. }
            | Input::Resume { by, .. }
            | Input::Skip { by, .. }
            | Input::Stop { by, .. } => Some(by.via),
            _ => None,
        }
    }
}

// === impl Player ===

impl Player {
    pub fn new(settings: Settings) -> Player {
        Player {
            queue: Queue::new(settings.queue_max),
            settings,
            current: None,
            is_paused: false,
            is_stopping: false,
            line: LineState::Away,
            last_attempt: Attempt(0),
            last_entry: EntryId(0),
            deaths: None,
        }
    }

    pub fn phase(&self) -> Phase {
        match &self.current {
            _ if self.is_stopping => Phase::Stopping,
            None => Phase::Idle,
            Some(Current { stage: Stage::Resolving, .. }) => Phase::Resolving,
            Some(Current { stage: Stage::Buffering, .. }) => Phase::Buffering,
            Some(_) if self.is_paused => Phase::Paused,
            Some(_) => Phase::Playing,
        }
    }

    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The attempt under which the current track sounds or will.
    pub fn current_attempt(&self) -> Option<Attempt> {
        self.current.as_ref().map(|current| current.attempt)
    }

    /// The current track, once it is known, and how long it is.
    pub fn track(&self) -> Option<(&Track, Option<Duration>)> {
        let current = self.current.as_ref()?;
        let track = order::ready(&current.entry)?;
        Some((track, current.duration.or(track.duration)))
    }

    /// Who asked for what is being looked up under this attempt, and in which message.
    pub fn asked_by(&self, attempt: Attempt) -> Option<(&Requester, MessageId)> {
        let entries = self.current.iter().map(|current| &current.entry).chain(self.queue.iter());
        let mut of_attempt = entries.filter(|entry| {
            matches!(entry.item, crate::queue::Item::Resolving { attempt: under, .. } if under == attempt)
        });
        of_attempt.next().map(|entry| (&entry.requester, entry.asked_in))
    }

    /// Takes one input; `position` is how far the current track is now.
    pub fn handle(&mut self, input: Input, position: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.is_stopping {
            self.refuse_late(input, &mut effects);
            return effects;
        }
        match input {
            Input::Play { request, requester, asked_in, via: _ } => {
                self.play(request, requester, asked_in, &mut effects)
            }
            Input::Pause { by, only } => self.pause(by, only, position, &mut effects),
            Input::Resume { by, only } => self.resume(by, only, position, &mut effects),
            Input::Skip { by, only } => self.skip(by, only, &mut effects),
            Input::Stop { by, only } => self.stop(by, only, &mut effects),
            Input::List { by } => self.list(by, position, &mut effects),
            Input::Resolved { attempt, outcome } => self.resolved(attempt, outcome, &mut effects),
            Input::More { requester, asked_in, tracks } => {
                self.more(requester, asked_in, tracks, &mut effects)
            }
            Input::Earlier(earlier) => self.take_in(*earlier, &mut effects),
            Input::Loaded { attempt, duration } => self.loaded(attempt, duration, &mut effects),
            Input::Overdue { attempt } => self.overdue(attempt, &mut effects),
            Input::Drained { attempt, played } => self.drained(attempt, played, &mut effects),
            Input::Broken { attempt, fault } => self.broken(attempt, fault, &mut effects),
            Input::Call(line) => self.line_changed(line, &mut effects),
            Input::Lingered { attempt } => self.lingered(attempt, &mut effects),
            Input::Tick => self.tick(position, &mut effects),
        }
        effects
    }

    fn next_attempt(&mut self) -> Attempt {
        self.last_attempt = self.last_attempt.next();
        self.last_attempt
    }

    fn next_entry(&mut self) -> EntryId {
        self.last_entry = EntryId(self.last_entry.0 + 1);
        self.last_entry
    }
}

#[cfg(test)]
mod tests;
