//! A mailbox: numbered messages and the numbered log of what happened to them.
//!
//! Every account has one for its private dialogs and basic groups (`pts` of the account); every channel has one that
//! all its members share (`pts` of the channel). core.telegram.org/api/updates: events of one box are numbered by
//! `pts` without gaps, each counting `pts_count`.

use std::collections::{BTreeMap, HashMap};

/// The key of a letter over all boxes.
pub(crate) type LetterId = u64;

/// One event of a box.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The box's pts after the event.
    pub pts: i32,
    pub count: i32,
    pub date: i32,
    pub what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    New(LetterId),
    Edited(LetterId),
    Deleted(Vec<i32>),
    /// Everything up to this message of a dialog was read by the owner.
    Read {
        chat: i64,
        max_id: i32,
    },
}

#[derive(Debug)]
pub(crate) struct Mailbox {
    pub pts: i32,
    next_id: i32,
    pub letters: BTreeMap<i32, LetterId>,
    pub log: Vec<Entry>,
    /// Highest message read, per dialog (accounts) or per member (channels).
    pub read: HashMap<i64, i32>,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self { pts: 1, next_id: 1, letters: BTreeMap::new(), log: Vec::new(), read: HashMap::new() }
    }
}

impl Mailbox {
    /// Puts a letter in; returns its message id here.
    pub(crate) fn put(&mut self, letter: LetterId, date: i32) -> i32 {
        let id = self.next_id;
        self.next_id += 1;
        self.letters.insert(id, letter);
        self.record(What::New(letter), 1, date);
        id
    }

    /// Writes an event into the log; returns the new pts.
    pub(crate) fn record(&mut self, what: What, count: i32, date: i32) -> i32 {
        self.pts += count;
        self.log.push(Entry { pts: self.pts, count, date, what });
        self.pts
    }

    /// The events a client with this `pts` has not seen.
    pub(crate) fn since(&self, pts: i32) -> &[Entry] {
        let first = self.log.partition_point(|entry| entry.pts <= pts);
        &self.log[first..]
    }

    /// The pts at which this letter came (or was last edited); the present one when that is not in the log.
    pub(crate) fn pts_of(&self, letter: LetterId, is_new: bool) -> i32 {
        let is_it = |what: &What| match what {
            What::New(id) => is_new && *id == letter,
            What::Edited(id) => !is_new && *id == letter,
            _ => false,
        };
        self.log.iter().rev().find(|entry| is_it(&entry.what)).map_or(self.pts, |entry| entry.pts)
    }

    pub(crate) fn last_date(&self) -> i32 {
        self.log.last().map_or(0, |entry| entry.date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_up_to_date_has_missed_nothing() {
        let mut mailbox = Mailbox::default();
        let before = mailbox.pts;
        assert_eq!(mailbox.put(7, 100), 1);
        assert_eq!(mailbox.put(8, 101), 2);
        mailbox.record(What::Deleted(vec![1, 2]), 2, 102);
        assert_eq!(mailbox.since(before).len(), 3);
        assert_eq!(mailbox.since(before + 1).len(), 2);
        assert!(mailbox.since(mailbox.pts).is_empty());
        assert_eq!(mailbox.pts, before + 4, "a deletion counts as many as it deletes");
    }
}
