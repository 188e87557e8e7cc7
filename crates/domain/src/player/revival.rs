//! Another life: what a player that died left behind, taken up again.

use std::time::Duration;

use super::{Effect, LineState, Player, Stage};
use crate::event::Event;
use crate::fault::{Fault, Reason};
use crate::queue::{EntryId, Item};

type Effects = Vec<Effect>;

/// A track under which the player died this often is not tried again.
const DEATHS_MAX: u32 = 3;

/// How the earlier life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was asked to end, because something it depends on was started anew.
    Orderly,
    /// It crashed, or was killed.
    Died,
    /// The process ended, in whatever way, and this is another one.
    Restarted,
}

/// What people saw of the track.
struct Shown {
    is_announced: bool,
    duration: Option<Duration>,
}

// === impl Player ===

impl Player {
    /// Goes on from a copy of an earlier life's rules: the same queue, the same track at `position`, paused if it was.
    ///
    /// Everything that was under way (look-ups, loads, the way into the voice chat) died with that life and is asked
    /// for again under new numbers. A track under which the player died three times is skipped.
    pub fn revive(&mut self, end: End, position: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.line = LineState::Away;
        self.resolve_again(&mut effects);
        let Some(current) = self.current.take().filter(|_| !self.is_stopping) else {
            if end != End::Restarted {
                // the call may be joined still, with nobody left to end it
                effects.push(Effect::Leave);
            }
            self.is_stopping = false;
            self.advance(&mut effects);
            return effects;
        };
        let before = Shown { is_announced: current.is_announced, duration: current.duration };
        let (entry, was, since) = (current.entry, current.attempt, current.since);
        if end == End::Died && self.count_death(entry.id) >= DEATHS_MAX {
            self.is_paused = false;
            if let Item::Ready(track) = entry.item {
                let fault = Fault::refused(Reason::Internal, "the player died of it three times");
                effects.push(Effect::Tell(Event::Failed {
                    entry: entry.id,
                    attempt: was,
                    asked_in: entry.asked_in,
                    track,
                    fault,
                }));
            }
            self.advance(&mut effects);
            return effects;
        }
        if self.is_paused {
            effects.push(Effect::Hold);
        }
        // before the first frame there is no position yet, but there may be one of a life before
        let from = if current.stage == Stage::Ready { position } else { current.from };
        self.begin_at(entry, from, &mut effects);
        if let Some(now) = &mut self.current {
            now.since = since;
        }
        if end == End::Restarted {
            self.take_up_elsewhere(was, &before, from, &mut effects);
        } else {
            self.take_up(was, before.is_announced, from, &mut effects);
        }
        // the call may live anew too, and people heard us in it
        let join = effects.iter_mut().find(|effect| **effect == Effect::Join);
        join.filter(|_| before.is_announced).into_iter().for_each(|join| *join = Effect::Rejoin);
        effects
    }

    /// Whoever showed the panel is gone too, so it is told whole.
    fn take_up_elsewhere(
        &mut self,
        was: crate::Attempt,
        before: &Shown,
        from: Duration,
        effects: &mut Effects,
    ) {
        let n_waiting = self.queue.len();
        let Some(now) = self.current.as_mut().filter(|_| before.is_announced) else { return };
        now.is_announced = true;
        let Some(track) = super::order::ready(&now.entry).cloned() else { return };
        let now = Box::new(crate::event::NowPlaying {
            entry: now.entry.id,
            attempt: now.attempt,
            asked_in: now.entry.asked_in,
            duration: before.duration.or(track.duration),
            track,
            requester: now.entry.requester.clone(),
            n_waiting,
        });
        let is_paused = self.is_paused;
        effects.push(Effect::Tell(Event::Restored { was, now, position: from, is_paused }));
    }

    /// The panel of what sounded goes on as the panel of what sounds again.
    fn take_up(
        &mut self,
        was: crate::Attempt,
        is_announced: bool,
        from: Duration,
        effects: &mut Effects,
    ) {
        let Some(now) = self.current.as_mut().filter(|_| is_announced) else { return };
        now.is_announced = true;
        let attempt = now.attempt;
        effects.push(Effect::Tell(Event::Revived { was, attempt, position: from }));
    }

    fn resolve_again(&mut self, effects: &mut Effects) {
        let mut last = self.last_attempt;
        let current = self.current.iter_mut().map(|current| &mut current.entry);
        for entry in current.chain(self.queue.iter_mut()) {
            if let Item::Resolving { attempt, request } = &mut entry.item {
                last = last.next();
                *attempt = last;
                effects.push(Effect::Resolve { attempt: last, request: request.clone() });
            }
        }
        self.last_attempt = last;
    }

    fn count_death(&mut self, entry: EntryId) -> u32 {
        let before = self.deaths.filter(|(of, _)| *of == entry).map_or(0, |(_, n)| n);
        self.deaths = Some((entry, before + 1));
        before + 1
    }
}
