//! The journal: what a player wrote down, and what it may say once that is safe.
//!
//! People read "added" only after the queue with it is on disk; the music does not wait.

use std::collections::VecDeque;

use domain::event::{Event, Via};
use ractor::Message;
use storage::Write;
use supervisor::Context;

use crate::keep::Keep;
use crate::shelf::Shelf;

/// More is said at once rather than kept: the disk is broken then anyhow.
const HELD_MAX: usize = 256;

/// The commits of one player in the order of asking.
#[derive(Default)]
pub(crate) struct Journal {
    /// The newest that was asked for.
    asked: u64,
    held: VecDeque<(u64, Word)>,
}

/// What waits for a commit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Word {
    /// To be told.
    Event(Box<Event>),
    /// The command that this was about took effect, and need not be told to us again.
    Settled(Via),
}

// === impl Journal ===

impl Journal {
    /// Writes it down, to the end even when its player ends; whether there is anything to wait for. What came of it comes
    /// back as a message.
    pub(crate) fn commit<M: Message>(
        &mut self,
        writes: Vec<Write>,
        shelf: &Shelf,
        keep: &Keep,
        context: &Context<M>,
        wrap: fn(u64) -> M,
    ) -> bool {
        if shelf.now().is_none() {
            keep.unwritten();
            return false;
        }
        let commit = self.ask();
        let (shelf, keep, back) = (shelf.clone(), keep.clone(), context.clone());
        context.tasks().finish(async move {
            if let Err(fault) = keep.commit(&shelf, writes).await {
                tracing::debug!(%fault, "not written down, going on without");
            }
            // a player that ended has said what it had to say
            let _has_ended = !back.tell_self(wrap(commit));
        });
        true
    }

    /// A commit was asked for; its number.
    pub(crate) fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    /// Keeps a word until the newest commit is safe; gives back what need not wait.
    pub(crate) fn hold(&mut self, is_waiting: bool, word: Word) -> Option<Word> {
        if (!is_waiting && self.held.is_empty()) || self.held.len() >= HELD_MAX {
            return Some(word);
        }
        self.held.push_back((self.asked, word));
        None
    }

    /// This commit came back; what may be said now. A commit holds everything that was before it ([`Keep`] sees to it).
    pub(crate) fn done(&mut self, commit: u64) -> Vec<Word> {
        let n = self.held.iter().take_while(|(of, _)| *of <= commit).count();
        self.held.drain(..n).map(|(_, word)| word).collect()
    }

    /// The player ends; what was not said yet.
    pub(crate) fn rest(&mut self) -> Vec<Word> {
        self.held.drain(..).map(|(_, word)| word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word() -> Word {
        Word::Event(Box::new(Event::Finished))
    }

    fn other() -> Word {
        Word::Event(Box::new(Event::CallRestored))
    }

    #[test]
    fn nothing_is_said_before_it_is_written_and_everything_in_its_order() {
        let mut journal = Journal::default();
        let first = journal.ask();
        assert_eq!(journal.hold(true, word()), None);
        // this one needs no commit of its own, but must not overtake
        assert_eq!(journal.hold(false, other()), None);
        let second = journal.ask();
        assert_eq!(journal.hold(true, word()), None);
        assert_eq!(journal.done(first), [word(), other()]);
        assert_eq!(journal.done(second), [word()]);
        assert_eq!(journal.hold(false, other()), Some(other()), "nothing waits any more");
    }

    #[test]
    fn a_later_commit_holds_what_an_earlier_one_had() {
        let mut journal = Journal::default();
        journal.ask();
        assert_eq!(journal.hold(true, word()), None);
        let second = journal.ask();
        assert_eq!(journal.hold(true, other()), None);
        assert_eq!(journal.done(second), [word(), other()]);
        assert_eq!(journal.done(1), []);
    }

    #[test]
    fn a_disk_that_never_answers_does_not_fill_the_memory() {
        let mut journal = Journal::default();
        journal.ask();
        let said = (0..HELD_MAX + 9).filter(|_| journal.hold(true, word()).is_some()).count();
        assert_eq!((said, journal.rest().len()), (9, HELD_MAX));
    }
}
