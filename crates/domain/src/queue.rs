//! The queue of one chat: who asked for what, in the order people typed, bounded.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::ids::{Attempt, MessageId};
use crate::track::{Request, Requester, Track};

/// Names a place in the queue for as long as the player lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub u64);

/// One place in the queue. It is taken before anything is known about the track, so that a slow look-up never lets a
/// later request overtake an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: EntryId,
    pub requester: Requester,
    /// The message that asked; answers reply to it.
    pub asked_in: MessageId,
    pub item: Item,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// Being looked up, under this attempt.
    Resolving {
        attempt: Attempt,
        request: Request,
    },
    Ready(Track),
}

/// Waiting entries, next first. The one that sounds is not in here.
#[derive(Debug, Clone)]
pub struct Queue {
    entries: VecDeque<Entry>,
    entries_max: usize,
}

// === impl Queue ===

impl Queue {
    pub fn new(entries_max: usize) -> Queue {
        Queue { entries: VecDeque::new(), entries_max }
    }

    /// With entries that wait already, however many: what was accepted once is kept.
    pub(crate) fn with(entries_max: usize, entries: Vec<Entry>) -> Queue {
        Queue { entries: entries.into(), entries_max }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.entries_max
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    pub fn front(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// Takes a place at the end; gives the entry back when the queue is full.
    pub fn push(&mut self, entry: Entry) -> Result<(), Box<Entry>> {
        if self.is_full() {
            return Err(Box::new(entry));
        }
        self.entries.push_back(entry);
        Ok(())
    }

    /// Puts an entry first, whether or not there is room: the caller counted.
    pub(crate) fn push_front(&mut self, entry: Entry) {
        self.entries.push_front(entry);
    }

    pub fn pop(&mut self) -> Option<Entry> {
        self.entries.pop_front()
    }

    /// How many places from the front (1 = next) the entry waits.
    pub fn place(&self, id: EntryId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.id == id).map(|index| index + 1)
    }

    /// The entry that is being looked up under `attempt`.
    pub fn resolving_mut(&mut self, attempt: Attempt) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| matches!(&entry.item, Item::Resolving { attempt: under, .. } if *under == attempt))
    }

    pub fn remove(&mut self, id: EntryId) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| entry.id == id)?;
        self.entries.remove(index)
    }

    /// Inserts before everything, as far as there is room; says how many did not fit.
    pub fn insert_first(&mut self, entries: Vec<Entry>) -> usize {
        let room = self.entries_max.saturating_sub(self.entries.len());
        let n_left_out = entries.len().saturating_sub(room);
        for entry in entries.into_iter().take(room).rev() {
            self.entries.push_front(entry);
        }
        n_left_out
    }

    /// Inserts behind `after`, as far as there is room; says how many did not fit.
    pub fn insert_after(&mut self, after: EntryId, entries: Vec<Entry>) -> usize {
        let mut index = self
            .entries
            .iter()
            .position(|entry| entry.id == after)
            .map_or(self.entries.len(), |at| at + 1);
        let mut left_out = 0;
        for entry in entries {
            if self.is_full() {
                left_out += 1;
            } else {
                self.entries.insert(index, entry);
                index += 1;
            }
        }
        left_out
    }

    pub fn clear(&mut self) -> Vec<Entry> {
        self.entries.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;

    fn entry(id: u64) -> Entry {
        Entry {
            id: EntryId(id),
            requester: Requester { id: UserId(1), name: "Ann".into() },
            asked_in: MessageId(id as i32),
            item: Item::Resolving { attempt: Attempt(id), request: Request::Query("x".into()) },
        }
    }

    fn ids(queue: &Queue) -> Vec<u64> {
        queue.iter().map(|entry| entry.id.0).collect()
    }

    #[test]
    fn a_full_queue_gives_the_entry_back() {
        let mut queue = Queue::new(2);
        assert!(queue.push(entry(1)).is_ok());
        assert!(queue.push(entry(2)).is_ok());
        assert_eq!(queue.push(entry(3)).unwrap_err().id, EntryId(3));
        assert_eq!(ids(&queue), [1, 2]);
    }

    #[test]
    fn places_count_from_one_and_follow_removal() {
        let mut queue = Queue::new(9);
        for id in 1..=3 {
            queue.push(entry(id)).unwrap();
        }
        assert_eq!(queue.place(EntryId(3)), Some(3));
        queue.remove(EntryId(1));
        assert_eq!(queue.place(EntryId(3)), Some(2));
        assert_eq!(queue.place(EntryId(1)), None);
    }

    #[test]
    fn a_playlist_goes_behind_its_first_track_as_far_as_there_is_room() {
        let mut queue = Queue::new(4);
        for id in 1..=2 {
            queue.push(entry(id)).unwrap();
        }
        assert_eq!(queue.insert_after(EntryId(1), vec![entry(10), entry(11), entry(12)]), 1);
        assert_eq!(ids(&queue), [1, 10, 11, 2]);
    }
}
