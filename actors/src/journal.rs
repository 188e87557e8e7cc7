//! The journal: what a player wrote down, and what it may say once that is safe.
//!
//! People read "added" only after the queue with it is on disk; the music does not wait. Pure but for the keep.

use std::collections::VecDeque;
use std::time::Duration;

use domain::event::{Event, Via};

/// Longer than this nobody waits for an answer because of a slow disk.
pub(crate) const COMMIT_MAX: Duration = Duration::from_secs(4);
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
    Event(Event),
    /// The command that this was about took effect, and need not be told to us again.
    Settled(Via),
}

// === impl Journal ===

impl Journal {
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

    /// This commit came back; what may be said now. A commit holds everything that was before it.
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

    const WORD: Word = Word::Event(Event::Finished);
    const OTHER: Word = Word::Event(Event::CallRestored);

    #[test]
    fn nothing_is_said_before_it_is_written_and_everything_in_its_order() {
        let mut journal = Journal::default();
        let first = journal.ask();
        assert_eq!(journal.hold(true, WORD), None);
        // this one needs no commit of its own, but must not overtake
        assert_eq!(journal.hold(false, OTHER), None);
        let second = journal.ask();
        assert_eq!(journal.hold(true, WORD), None);
        assert_eq!(journal.done(first), [WORD, OTHER]);
        assert_eq!(journal.done(second), [WORD]);
        assert_eq!(journal.hold(false, OTHER), Some(OTHER), "nothing waits any more");
    }

    #[test]
    fn a_later_commit_holds_what_an_earlier_one_had() {
        let mut journal = Journal::default();
        journal.ask();
        assert_eq!(journal.hold(true, WORD), None);
        let second = journal.ask();
        assert_eq!(journal.hold(true, OTHER), None);
        assert_eq!(journal.done(second), [WORD, OTHER]);
        assert_eq!(journal.done(1), []);
    }

    #[test]
    fn a_disk_that_never_answers_does_not_fill_the_memory() {
        let mut journal = Journal::default();
        journal.ask();
        let said = (0..HELD_MAX + 9).filter(|_| journal.hold(true, WORD).is_some()).count();
        assert_eq!((said, journal.rest().len()), (9, HELD_MAX));
    }
}
