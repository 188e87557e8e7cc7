//! What people command, and whether they may.

use std::time::Duration;

use super::order::ready;
use super::{Effect, Player, Stage};
use crate::event::{By, Event, Listing, Sounding, Waiting};
use crate::ids::Attempt;
use crate::permission::{self, Right, Standing};
use crate::queue::Item;

type Effects = Vec<Effect>;

// === impl Player ===

impl Player {
    pub(super) fn pause(
        &mut self,
        by: By,
        only: Option<Attempt>,
        position: Duration,
        effects: &mut Effects,
    ) {
        let Some((attempt, by)) = self.admit(by, Right::Pause, only, effects) else { return };
        if self.is_paused {
            effects.push(Effect::Tell(Event::Unchanged { by, is_paused: true }));
            return;
        }
        self.is_paused = true;
        effects.push(Effect::Hold);
        effects.push(Effect::Tell(Event::Paused { attempt, by, position }));
    }

    pub(super) fn resume(
        &mut self,
        by: By,
        only: Option<Attempt>,
        position: Duration,
        effects: &mut Effects,
    ) {
        let Some((attempt, by)) = self.admit(by, Right::Pause, only, effects) else { return };
        if !self.is_paused {
            effects.push(Effect::Tell(Event::Unchanged { by, is_paused: false }));
            return;
        }
        self.is_paused = false;
        effects.push(Effect::Release);
        effects.push(Effect::Tell(Event::Resumed { attempt, by, position }));
    }

    pub(super) fn skip(&mut self, by: By, only: Option<Attempt>, effects: &mut Effects) {
        let Some((_, by)) = self.admit(by, Right::Skip, only, effects) else { return };
        let Some(current) = self.current.take() else { return };
        let attempt = current.attempt;
        effects.push(match current.stage {
            Stage::Resolving => Effect::Forget { attempt },
            _ => Effect::Unload { attempt },
        });
        let track = match current.entry.item {
            Item::Ready(track) => Some(track),
            Item::Resolving { .. } => None,
        };
        effects.push(Effect::Tell(Event::Skipped { attempt, entry: current.entry.id, track, by }));
        if self.is_paused {
            self.is_paused = false;
            effects.push(Effect::Release);
        }
        self.advance(effects);
    }

    pub(super) fn stop(&mut self, by: By, only: Option<Attempt>, effects: &mut Effects) {
        // a lingering assistant may be sent away as well, so nothing needs to sound
        let by = match self.current.is_some() {
            true => match self.admit(by, Right::Stop, only, effects) {
                Some((_, by)) => by,
                None => return,
            },
            false if only.is_some() => return effects.push(Effect::Tell(Event::Stale { by })),
            false if !self.is_allowed(by.standing, Right::Stop) => {
                return effects.push(Effect::Tell(Event::Forbidden { by }));
            }
            false => by,
        };
        let n_dropped = self.drop_everything(effects);
        effects.push(Effect::Leave);
        effects.push(Effect::Tell(Event::Stopped { by, n_dropped }));
        self.finish(effects);
    }

    pub(super) fn list(&mut self, by: By, position: Duration, effects: &mut Effects) {
        let now = self.current.as_ref().and_then(|current| {
            let track = ready(&current.entry)?.clone();
            let requester = current.entry.requester.clone();
            let duration = current.duration.or(track.duration);
            let position = if current.stage == Stage::Ready { position } else { Duration::ZERO };
            Some(Sounding { track, requester, position, duration, is_paused: self.is_paused })
        });
        let unready = self
            .current
            .iter()
            .filter(|current| current.stage == Stage::Resolving)
            .map(|c| &c.entry);
        let waiting = unready.chain(self.queue.iter()).map(|entry| Waiting {
            track: ready(entry).cloned(),
            requester: entry.requester.clone(),
        });
        effects.push(Effect::Tell(Event::Listed {
            by,
            listing: Listing { now, waiting: waiting.collect() },
        }));
    }

    /// Whether the command may act on the current track; tells why not otherwise.
    pub(super) fn admit(
        &self,
        by: By,
        right: Right,
        only: Option<Attempt>,
        effects: &mut Effects,
    ) -> Option<(Attempt, By)> {
        let Some(current) = &self.current else {
            let event =
                if only.is_some() { Event::Stale { by } } else { Event::NothingPlaying { by } };
            effects.push(Effect::Tell(event));
            return None;
        };
        if only.is_some_and(|attempt| !(current.since..=current.attempt).contains(&attempt)) {
            effects.push(Effect::Tell(Event::Stale { by }));
            return None;
        }
        if !self.is_allowed(by.standing, right) {
            effects.push(Effect::Tell(Event::Forbidden { by }));
            return None;
        }
        if right == Right::Pause && current.stage == Stage::Resolving {
            effects.push(Effect::Tell(Event::NothingPlaying { by }));
            return None;
        }
        Some((current.attempt, by))
    }

    pub(super) fn is_allowed(&self, standing: Standing, right: Right) -> bool {
        let is_requester = self
            .current
            .as_ref()
            .is_some_and(|current| current.entry.requester.id == standing.user);
        permission::allows(self.settings.controls, Standing { is_requester, ..standing }, right)
    }
}
