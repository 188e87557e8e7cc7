//! A player as it is written down, so that another process can go on from it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Current, Player, Settings, Stage};
use crate::event::Via;
use crate::ids::{Attempt, MessageId};
use crate::queue::{Entry, EntryId, Item, Queue};

/// What has to outlive the process: everything that was accepted, and where it stands. The rules' settings are of the
/// process that reads it; the way into the voice chat is found anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub current: Option<Underway>,
    /// Waiting entries, next first.
    pub queue: Vec<Entry>,
    pub is_paused: bool,
    pub last_attempt: Attempt,
    pub last_entry: EntryId,
    /// The entry that was current when a player died, and how often in a row.
    pub deaths: Option<(EntryId, u32)>,
}

/// The entry at the head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Underway {
    pub entry: Entry,
    pub attempt: Attempt,
    /// Where in the track it began to sound, or will.
    pub from: Duration,
    pub duration: Option<Duration>,
    /// It was on the clock, so that it has a position.
    pub is_ready: bool,
    /// People were told that it sounds.
    pub is_announced: bool,
}

/// The commands of a chat that were obeyed lately, so that none is obeyed twice, whoever repeats it: a difference after
/// a crash, or another life of the bot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obeyed {
    lately: std::collections::VecDeque<Via>,
}

/// More than are given in one chat between two writings of the account's place in the updates.
const OBEYED_MAX: usize = 512;

// === impl Obeyed ===

impl Obeyed {
    /// Whether this command is new; from now on it is not.
    pub fn is_new(&mut self, via: Via) -> bool {
        if self.lately.contains(&via) {
            return false;
        }
        if self.lately.len() >= OBEYED_MAX {
            self.lately.pop_front();
        }
        self.lately.push_back(via);
        true
    }

    pub fn has(&self, via: Via) -> bool {
        self.lately.contains(&via)
    }
}

impl Extend<Via> for Obeyed {
    fn extend<T: IntoIterator<Item = Via>>(&mut self, others: T) {
        for via in others {
            self.is_new(via);
        }
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// Whether there is nothing to go on with.
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.queue.is_empty()
    }
}

// === impl Player ===

impl Player {
    pub fn snapshot(&self) -> Snapshot {
        let current = self.current.as_ref().filter(|_| !self.is_stopping);
        Snapshot {
            current: current.map(Underway::of),
            queue: self.queue.iter().cloned().collect(),
            is_paused: self.is_paused,
            last_attempt: self.last_attempt,
            last_entry: self.last_entry,
            deaths: self.deaths,
        }
    }

    /// The chat has other messages now: nothing that was asked can be answered to where it was asked.
    pub fn forget_messages(&mut self) {
        let current = self.current.iter_mut().map(|current| &mut current.entry);
        current.chain(self.queue.iter_mut()).for_each(|entry| entry.asked_in = MessageId::NONE);
    }

    /// The player of an earlier process; [`Player::revive`] lets it go on.
    pub fn restored(settings: Settings, snapshot: Snapshot) -> Player {
        let current = snapshot.current.map(Underway::restored);
        Player {
            queue: Queue::with(settings.queue_max, snapshot.queue),
            current,
            is_paused: snapshot.is_paused,
            last_attempt: snapshot.last_attempt,
            last_entry: snapshot.last_entry,
            deaths: snapshot.deaths,
            ..Player::new(settings)
        }
    }

    /// Whether the position of the current track moves with the clock, as far as the rules know.
    pub fn is_moving(&self) -> bool {
        self.line == super::LineState::Up
            && !self.is_paused
            && self.current.as_ref().is_some_and(|current| current.stage == Stage::Ready)
    }
}

// === impl Underway ===

impl Underway {
    fn of(current: &Current) -> Underway {
        Underway {
            entry: current.entry.clone(),
            attempt: current.attempt,
            from: current.from,
            duration: current.duration,
            is_ready: current.stage == Stage::Ready,
            is_announced: current.is_announced,
        }
    }

    fn restored(self) -> Current {
        let stage = match &self.entry.item {
            Item::Resolving { .. } => Stage::Resolving,
            Item::Ready(_) if self.is_ready => Stage::Ready,
            Item::Ready(_) => Stage::Buffering,
        };
        Current {
            entry: self.entry,
            attempt: self.attempt,
            since: self.attempt,
            stage,
            from: self.from,
            duration: self.duration,
            is_announced: self.is_announced,
            last_seen: (self.from, 0),
        }
    }
}
