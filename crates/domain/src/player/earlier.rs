//! What an earlier process left and this one finds late, because the store was away when it began.

use super::{Effect, LineState, Player, Snapshot};
use crate::event::Event;
use crate::ids::MessageId;
use crate::queue::{Entry, Item};

type Effects = Vec<Effect>;

/// A queue that was found late.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    pub left: Snapshot,
    /// Messages of it that this process heard again, not knowing better; what they ask for is done already.
    pub again: Vec<MessageId>,
}

// === impl Player ===

impl Player {
    /// It goes behind everything that was asked for since: first the track that was interrupted, from its beginning,
    /// then what waited behind it. Nothing comes twice, and what the queue has no room for is told.
    pub(super) fn take_in(&mut self, earlier: Earlier, effects: &mut Effects) {
        let Earlier { left, again } = earlier;
        let mine = self.current.iter().map(|current| &current.entry).chain(self.queue.iter());
        let mut here: Vec<MessageId> = mine.map(|entry| entry.asked_in).chain(again).collect();
        here.retain(|asked_in| *asked_in != MessageId::NONE);
        let current = left.current.map(|underway| underway.entry);
        let entries = current.into_iter().chain(left.queue);
        let (mut n_tracks, mut n_left_out) = (0, 0);
        let mut look_ups = Vec::new();
        for entry in entries.filter(|entry| !here.contains(&entry.asked_in)) {
            if self.queue.is_full() {
                n_left_out += 1;
                continue;
            }
            n_tracks += 1;
            let entry = self.renumbered(entry, &mut look_ups);
            // there is room
            let _taken = self.queue.push(entry).is_ok();
        }
        if n_tracks + n_left_out > 0 {
            effects.push(Effect::Tell(Event::EarlierBack { n_tracks, n_left_out }));
        }
        effects.extend(look_ups);
        let is_idle = self.current.is_none();
        if is_idle && (n_tracks > 0 || self.line == LineState::Away) {
            self.advance(effects);
        }
    }

    /// The numbers of another life mean something else here.
    fn renumbered(&mut self, entry: Entry, look_ups: &mut Effects) -> Entry {
        let id = self.next_entry();
        let item = match entry.item {
            Item::Resolving { request, .. } => {
                let attempt = self.next_attempt();
                look_ups.push(Effect::Resolve { attempt, request: request.clone() });
                Item::Resolving { attempt, request }
            }
            Item::Ready(track) => Item::Ready(track),
        };
        Entry { id, item, ..entry }
    }
}
