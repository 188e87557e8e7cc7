//! The order of things: what is loaded, sounds, ends, and what comes next.

use std::time::Duration;

use super::{Current, Effect, Input, Line, LineState, Player, Stage};
use crate::event::{Event, Listing, NowPlaying};
use crate::fault::{Fault, Reason};
use crate::ids::Attempt;
use crate::queue::{Entry, Item};
use crate::track::Track;

type Effects = Vec<Effect>;

// === impl Player ===

impl Player {
    /// Makes the next entry the current one, or lingers when there is none.
    pub(super) fn advance(&mut self, effects: &mut Effects) {
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

    pub(super) fn begin(&mut self, entry: Entry, effects: &mut Effects) {
        self.begin_at(entry, Duration::ZERO, effects);
    }

    pub(super) fn begin_at(&mut self, entry: Entry, from: Duration, effects: &mut Effects) {
        let (attempt, stage) = match &entry.item {
            Item::Resolving { attempt, .. } => (*attempt, Stage::Resolving),
            Item::Ready(track) => {
                let track = track.clone();
                let attempt = self.next_attempt();
                if self.line == LineState::Away {
                    self.line = LineState::Entering;
                    effects.push(Effect::Join);
                }
                effects.push(Effect::Load { attempt, track, from });
                (attempt, Stage::Buffering)
            }
        };
        self.current = Some(Current {
            entry,
            attempt,
            since: attempt,
            stage,
            from,
            duration: None,
            is_announced: false,
            last_seen: (from, 0),
        });
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
        // a station that plays files may begin with the head of one, which tells that file's length
        let is_live = ready(&current.entry).is_some_and(|track| track.is_live);
        let duration = duration.filter(|_| !is_live);
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
    pub(super) fn announce(&mut self, effects: &mut Effects) {
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

    /// A decoder that hangs is left behind, on its own thread; the queue goes on without it.
    pub(super) fn overdue(&mut self, attempt: Attempt, effects: &mut Effects) {
        if self.current.as_ref().is_some_and(|c| c.stage == Stage::Buffering) {
            self.broken(attempt, stuck("nothing of the track came in time"), effects);
        }
    }

    pub(super) fn lingered(&mut self, attempt: Attempt, effects: &mut Effects) {
        if self.current.is_none() && self.last_attempt == attempt {
            effects.push(Effect::Leave);
            self.finish(effects);
        }
    }

    pub(super) fn finish(&mut self, effects: &mut Effects) {
        self.is_stopping = true;
        effects.push(Effect::Finish);
    }

    /// Drops everything that sounds or waits; says how much waited.
    pub(super) fn drop_everything(&mut self, effects: &mut Effects) -> usize {
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

impl Player {
    pub(super) fn line_changed(&mut self, line: Line, effects: &mut Effects) {
        match line {
            Line::Joined => {
                let was_held = matches!(self.line, LineState::Held | LineState::Ended);
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
            // one line for people: no "held" before it, no "restored" after it
            Line::Switched(fault) => {
                self.line = LineState::Entering;
                if self.current.is_some() {
                    effects.push(Effect::Tell(Event::AssistantChanged { fault }));
                }
            }
            Line::Ended { .. } if self.current.is_none() => {
                effects.push(Effect::Leave);
                self.finish(effects);
            }
            Line::Ended { wait } => {
                self.line = LineState::Ended;
                effects.push(Effect::Tell(Event::CallEnded { wait }));
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
        let Some(current) = self.current.as_mut().filter(|current| current.is_announced) else {
            return;
        };
        let (attempt, is_paused) = (current.attempt, self.is_paused);
        let (last, n_ticks) = current.last_seen;
        let is_moving = is_paused || current.stage != Stage::Ready || position != last;
        let n_ticks = if is_moving { 0 } else { n_ticks + 1 };
        current.last_seen = (position, n_ticks);
        if n_ticks >= self.settings.stuck_ticks {
            return self.broken(attempt, stuck("the track does not move any more"), effects);
        }
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

fn stuck(detail: &str) -> Fault {
    Fault::transient(Reason::Timeout, detail)
}

pub(super) fn ready(entry: &Entry) -> Option<&Track> {
    match &entry.item {
        Item::Ready(track) => Some(track),
        Item::Resolving { .. } => None,
    }
}
