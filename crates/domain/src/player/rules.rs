//! One function per input, in the order of the match in [`Player::handle`].

use std::time::Duration;

use super::{Current, Effect, Input, Line, LineState, Player, Stage};
use crate::event::{By, Event, Listing, NowPlaying, Sounding, Waiting};
use crate::fault::{Fault, Reason};
use crate::ids::{Attempt, MessageId};
use crate::permission::{self, Right, Standing};
use crate::queue::{Entry, Item};
use crate::track::{Request, Requester, Track};

type Effects = Vec<Effect>;

// === impl Player: requests ===

impl Player {
    pub(super) fn play(
        &mut self,
        request: Request,
        requester: Requester,
        asked_in: MessageId,
        effects: &mut Effects,
    ) {
        let attempt = self.next_attempt();
        let id = self.next_entry();
        let item = Item::Resolving { attempt, request: request.clone() };
        if self.queue.push(Entry { id, requester, asked_in, item }).is_err() {
            let fault = Fault::refused(
                Reason::QueueFull,
                format!("{} tracks wait already", self.queue.len()),
            );
            effects.push(Effect::Tell(Event::Rejected { entry: None, asked_in, fault }));
            return;
        }
        effects.push(Effect::Tell(Event::Accepted { entry: id, asked_in }));
        effects.push(Effect::Resolve { attempt, request });
        if self.current.is_none() {
            self.advance(effects);
        }
    }

    pub(super) fn resolved(
        &mut self,
        attempt: Attempt,
        outcome: Result<Vec<Track>, Fault>,
        effects: &mut Effects,
    ) {
        let outcome = outcome.and_then(|tracks| self.playable(tracks));
        let is_current = self
            .current
            .as_ref()
            .is_some_and(|c| c.stage == Stage::Resolving && c.attempt == attempt);
        match outcome {
            Err(fault) if is_current => {
                if let Some(current) = self.current.take() {
                    let Entry { id, asked_in, .. } = current.entry;
                    effects.push(Effect::Tell(Event::Rejected {
                        entry: Some(id),
                        asked_in,
                        fault,
                    }));
                }
                self.advance(effects);
            }
            Err(fault) => {
                let Some(id) = self.queue.resolving_mut(attempt).map(|entry| entry.id) else {
                    return;
                };
                if let Some(entry) = self.queue.remove(id) {
                    effects.push(Effect::Tell(Event::Rejected {
                        entry: Some(id),
                        asked_in: entry.asked_in,
                        fault,
                    }));
                }
            }
            Ok(mut tracks) => {
                let rest = tracks.split_off(1);
                let Some(first) = tracks.pop() else { return };
                if is_current {
                    self.load_resolved(first, rest, effects);
                } else {
                    self.keep_resolved(attempt, first, rest, effects);
                }
            }
        }
    }

    /// Refuses an empty answer and tracks over the length limit.
    fn playable(&self, tracks: Vec<Track>) -> Result<Vec<Track>, Fault> {
        let is_long = |track: &Track| {
            self.settings.duration_max.zip(track.duration).is_some_and(|(max, is)| is > max)
        };
        let n_found = tracks.len();
        let kept: Vec<Track> = tracks.into_iter().filter(|track| !is_long(track)).collect();
        match (n_found, kept.is_empty()) {
            (0, _) => Err(Fault::refused(Reason::NotFound, "nothing was found")),
            (_, true) => Err(Fault::refused(Reason::TooLong, "over the length limit")),
            _ => Ok(kept),
        }
    }

    /// The entry that everybody waits for was found.
    fn load_resolved(&mut self, first: Track, mut rest: Vec<Track>, effects: &mut Effects) {
        let Some(mut current) = self.current.take() else { return };
        current.entry.item = Item::Ready(first);
        let room = self.settings.queue_max.saturating_sub(self.queue.len());
        let n_left_out = rest.len().saturating_sub(room);
        rest.truncate(room);
        // they go before everything that was asked for later
        for entry in self.entries_like(&current.entry, rest).into_iter().rev() {
            self.queue.push_front(entry);
        }
        if n_left_out > 0 {
            effects.push(Effect::Tell(Event::LeftOut {
                asked_in: current.entry.asked_in,
                n_tracks: n_left_out,
            }));
        }
        self.begin(current.entry, effects);
    }

    /// A waiting entry was found.
    fn keep_resolved(
        &mut self,
        attempt: Attempt,
        first: Track,
        rest: Vec<Track>,
        effects: &mut Effects,
    ) {
        let Some(entry) = self.queue.resolving_mut(attempt) else { return };
        entry.item = Item::Ready(first.clone());
        let (id, asked_in, requester) = (entry.id, entry.asked_in, entry.requester.clone());
        let template = entry.clone();
        let more = self.entries_like(&template, rest);
        let n_left_out = self.queue.insert_after(id, more);
        let place = self.queue.place(id).unwrap_or(1);
        effects.push(Effect::Tell(Event::Queued {
            entry: id,
            asked_in,
            track: first,
            place,
            requester,
        }));
        if n_left_out > 0 {
            effects.push(Effect::Tell(Event::LeftOut { asked_in, n_tracks: n_left_out }));
        }
    }

    fn entries_like(&mut self, template: &Entry, tracks: Vec<Track>) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(tracks.len());
        for track in tracks {
            entries.push(Entry {
                id: self.next_entry(),
                item: Item::Ready(track),
                ..template.clone()
            });
        }
        entries
    }
}

// === impl Player: the order of things ===

impl Player {
    /// Makes the next entry the current one, or lingers when there is none.
    fn advance(&mut self, effects: &mut Effects) {
        match self.queue.pop() {
            Some(entry) => self.begin(entry, effects),
            None if self.line == LineState::Away => self.finish(effects),
            None => {
                effects.push(Effect::Tell(Event::Finished));
                let attempt = self.next_attempt();
                effects.push(Effect::Linger { attempt, wait: self.settings.linger });
            }
        }
    }

    fn begin(&mut self, entry: Entry, effects: &mut Effects) {
        let (attempt, stage) = match &entry.item {
            Item::Resolving { attempt, .. } => (*attempt, Stage::Resolving),
            Item::Ready(track) => {
                let track = track.clone();
                let attempt = self.next_attempt();
                if self.line == LineState::Away {
                    self.line = LineState::Entering;
                    effects.push(Effect::Join);
                }
                effects.push(Effect::Load { attempt, track });
                (attempt, Stage::Buffering)
            }
        };
        self.current = Some(Current { entry, attempt, stage, duration: None, is_announced: false });
    }

    pub(super) fn loaded(
        &mut self,
        attempt: Attempt,
        duration: Option<Duration>,
        effects: &mut Effects,
    ) {
        let Some(current) =
            self.current.as_mut().filter(|c| c.attempt == attempt && c.stage == Stage::Buffering)
        else {
            return;
        };
        current.stage = Stage::Ready;
        current.duration =
            duration.or_else(|| ready(&current.entry).and_then(|track| track.duration));
        let is_long = self.settings.duration_max.zip(duration).is_some_and(|(max, is)| is > max);
        if is_long {
            let fault = Fault::refused(Reason::TooLong, "over the length limit");
            self.broken(attempt, fault, effects);
            return;
        }
        effects.push(Effect::Start { attempt });
        self.announce(effects);
    }

    /// Tells that the current track sounds, once, as soon as it really does.
    fn announce(&mut self, effects: &mut Effects) {
        if self.line != LineState::Up {
            return;
        }
        let n_waiting = self.queue.len();
        let Some(current) =
            self.current.as_mut().filter(|c| c.stage == Stage::Ready && !c.is_announced)
        else {
            return;
        };
        let Some(track) = ready(&current.entry) else { return };
        effects.push(Effect::Tell(Event::NowPlaying(Box::new(NowPlaying {
            entry: current.entry.id,
            attempt: current.attempt,
            asked_in: current.entry.asked_in,
            track: track.clone(),
            requester: current.entry.requester.clone(),
            duration: current.duration,
            n_waiting,
        }))));
        current.is_announced = true;
    }

    pub(super) fn drained(&mut self, attempt: Attempt, played: Duration, effects: &mut Effects) {
        let Some(current) =
            self.current.take_if(|c| c.attempt == attempt && c.stage == Stage::Ready)
        else {
            return;
        };
        if let Item::Ready(track) = current.entry.item {
            effects.push(Effect::Tell(Event::Ended { attempt, track, played }));
        }
        effects.push(Effect::Unload { attempt });
        self.advance(effects);
    }

    pub(super) fn broken(&mut self, attempt: Attempt, fault: Fault, effects: &mut Effects) {
        let Some(current) =
            self.current.take_if(|c| c.attempt == attempt && c.stage != Stage::Resolving)
        else {
            return;
        };
        let Entry { id: entry, asked_in, item, .. } = current.entry;
        effects.push(Effect::Unload { attempt });
        if let Item::Ready(track) = item {
            effects.push(Effect::Tell(Event::Failed { entry, attempt, asked_in, track, fault }));
        }
        self.advance(effects);
    }

    pub(super) fn lingered(&mut self, attempt: Attempt, effects: &mut Effects) {
        if self.current.is_none() && self.last_attempt == attempt {
            effects.push(Effect::Leave);
            self.finish(effects);
        }
    }

    fn finish(&mut self, effects: &mut Effects) {
        self.is_stopping = true;
        effects.push(Effect::Finish);
    }

    /// Drops everything that sounds or waits; says how much waited.
    fn drop_everything(&mut self, effects: &mut Effects) -> usize {
        if let Some(current) = self.current.take() {
            effects.push(match current.stage {
                Stage::Resolving => Effect::Forget { attempt: current.attempt },
                _ => Effect::Unload { attempt: current.attempt },
            });
        }
        let waiting = self.queue.clear();
        for entry in &waiting {
            if let Item::Resolving { attempt, .. } = entry.item {
                effects.push(Effect::Forget { attempt });
            }
        }
        waiting.len()
    }
}

// === impl Player: commands ===

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
    fn admit(
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
        if only.is_some_and(|attempt| attempt != current.attempt) {
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

    fn is_allowed(&self, standing: Standing, right: Right) -> bool {
        let is_requester = self
            .current
            .as_ref()
            .is_some_and(|current| current.entry.requester.id == standing.user);
        permission::allows(self.settings.controls, Standing { is_requester, ..standing }, right)
    }
}

// === impl Player: the call, time, the end ===

impl Player {
    pub(super) fn line_changed(&mut self, line: Line, effects: &mut Effects) {
        match line {
            Line::Joined => {
                let was_held = self.line == LineState::Held;
                self.line = LineState::Up;
                if was_held {
                    effects.push(Effect::Tell(Event::CallRestored));
                }
                self.announce(effects);
            }
            Line::Held(fault) => {
                let is_news = self.line != LineState::Held;
                self.line = LineState::Held;
                if is_news && self.current.is_some() {
                    effects.push(Effect::Tell(Event::CallHeld { fault }));
                }
            }
            Line::Failed(fault) => {
                let was_asked_for = self.current.is_some();
                let n_dropped = self.drop_everything(effects);
                self.line = LineState::Away;
                if was_asked_for {
                    effects.push(Effect::Tell(Event::CallFailed { fault, n_dropped }));
                }
                self.finish(effects);
            }
        }
    }

    pub(super) fn tick(&mut self, position: Duration, effects: &mut Effects) {
        if self.line != LineState::Up {
            return;
        }
        let Some(current) = self.current.as_ref().filter(|current| current.is_announced) else {
            return;
        };
        let (attempt, is_paused) = (current.attempt, self.is_paused);
        effects.push(Effect::Tell(Event::Progress { attempt, position, is_paused }));
    }

    /// Commands that arrive while the player ends still get an answer.
    pub(super) fn refuse_late(&mut self, input: Input, effects: &mut Effects) {
        match input {
            Input::Play { .. } => effects.push(Effect::GiveBack(Box::new(input))),
            Input::Pause { by, .. }
            | Input::Resume { by, .. }
            | Input::Skip { by, .. }
            | Input::Stop { by, .. } => {
                effects.push(Effect::Tell(Event::NothingPlaying { by }));
            }
            Input::List { by } => {
                let listing = Listing { now: None, waiting: Vec::new() };
                effects.push(Effect::Tell(Event::Listed { by, listing }));
            }
            _ => {}
        }
    }
}

fn ready(entry: &Entry) -> Option<&Track> {
    match &entry.item {
        Item::Ready(track) => Some(track),
        Item::Resolving { .. } => None,
    }
}
