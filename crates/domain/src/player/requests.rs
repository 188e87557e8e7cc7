//! What people ask for, and what the resolver answers.

use super::{Effect, LineState, Player, Stage};
use crate::event::Event;
use crate::fault::{Fault, Reason};
use crate::ids::{Attempt, MessageId};
use crate::queue::{Entry, Item};
use crate::track::{Request, Requester, Track};

type Effects = Vec<Effect>;

// === impl Player ===

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
        if self.line == LineState::Ended {
            // whoever asks for more wants it heard: start a voice chat if that is allowed
            effects.push(Effect::Join);
        }
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

    /// The next page of a list goes behind what came of it before, as far as there is room.
    pub(super) fn more(
        &mut self,
        requester: Requester,
        asked_in: MessageId,
        tracks: Vec<Track>,
        effects: &mut Effects,
    ) {
        let Ok(tracks) = self.playable(tracks) else { return };
        let Some((first, rest)) = tracks.split_first() else { return };
        let last = self.queue.iter().filter(|entry| entry.asked_in == asked_in).last();
        let after = last.map(|entry| entry.id);
        let template =
            Entry { id: self.next_entry(), requester, asked_in, item: Item::Ready(first.clone()) };
        let mut entries = self.entries_like(&template, rest.to_vec());
        entries.insert(0, template);
        // nothing of it waits any more, so it goes before everything that was asked for later only if it sounds now
        let is_sounding = self.current.as_ref().is_some_and(|c| c.entry.asked_in == asked_in);
        let n_left_out = match after {
            Some(after) => self.queue.insert_after(after, entries),
            None if is_sounding => self.queue.insert_first(entries),
            None => entries.into_iter().filter_map(|entry| self.queue.push(entry).err()).count(),
        };
        if n_left_out > 0 {
            effects.push(Effect::Tell(Event::LeftOut { asked_in, n_tracks: n_left_out }));
        }
        if self.current.is_none() {
            self.advance(effects);
        }
    }

    /// Whether the queue takes no more, so that the rest of a list need not be asked for.
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Refuses an empty answer and tracks over the length limit.
    pub(super) fn playable(&self, tracks: Vec<Track>) -> Result<Vec<Track>, Fault> {
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
    pub(super) fn load_resolved(
        &mut self,
        first: Track,
        mut rest: Vec<Track>,
        effects: &mut Effects,
    ) {
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
    pub(super) fn keep_resolved(
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

    pub(super) fn entries_like(&mut self, template: &Entry, tracks: Vec<Track>) -> Vec<Entry> {
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
