//! What one worker was asked and has not answered, and when enough is enough. Knows no clock: time is an argument.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

/// Questions that a worker works on at once, each on a thread of its own.
pub(super) const THREADS: usize = 4;

/// When so many threads are lost to questions that had their time, the worker is worth no more.
const LOST_MAX: usize = 2;

/// The questions of one worker; `T` is the way back.
#[derive(Debug)]
pub(super) struct Roll<T> {
    asked: u64,
    open: BTreeMap<u64, (Instant, T)>,
    /// Their askers have gone; their threads have not come back.
    lost: BTreeSet<u64>,
    questions_max: u32,
    memory_max: u64,
    memory: u64,
}

// === impl Roll ===

impl<T> Roll<T> {
    pub(super) fn new(questions_max: u32, memory_max: u64) -> Roll<T> {
        Roll {
            asked: 0,
            open: BTreeMap::new(),
            lost: BTreeSet::new(),
            questions_max,
            memory_max,
            memory: 0,
        }
    }

    /// Whether another question may be put.
    pub(super) fn has_room(&self) -> bool {
        !self.is_retiring() && self.open.len() + self.lost.len() < THREADS
    }

    /// Writes a question down; its number.
    pub(super) fn ask(&mut self, deadline: Instant, back: T) -> u64 {
        self.asked += 1;
        self.open.insert(self.asked, (deadline, back));
        self.asked
    }

    /// An answer came; `None` when nobody waits for it any more.
    pub(super) fn answered(&mut self, number: u64, memory: u64) -> Option<T> {
        self.memory = memory;
        self.lost.remove(&number);
        self.open.remove(&number).map(|(_, back)| back)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.open.values().map(|(deadline, _)| *deadline).min()
    }

    /// Those whose time is over.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<T> {
        let late: Vec<u64> =
            self.open.iter().filter(|(_, (at, _))| *at <= now).map(|(id, _)| *id).collect();
        self.lost.extend(&late);
        late.iter().filter_map(|id| self.open.remove(id)).map(|(_, back)| back).collect()
    }

    /// Whether too little of the worker is left.
    pub(super) fn is_stuck(&self) -> bool {
        self.lost.len() >= LOST_MAX
    }

    /// Whether it has done enough, or grown enough, to be replaced once it is idle.
    pub(super) fn is_retiring(&self) -> bool {
        self.asked >= u64::from(self.questions_max) || self.memory >= self.memory_max
    }

    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether it ever answered.
    pub(super) fn has_answered(&self) -> bool {
        self.memory > 0
    }

    /// All that still wait.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        std::mem::take(&mut self.open).into_values().map(|(_, back)| back).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Instant {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *START.get_or_init(Instant::now) + Duration::from_secs(seconds)
    }

    #[test]
    fn answers_find_their_askers_in_any_order_and_once() {
        let mut roll = Roll::new(100, u64::MAX);
        let numbers = ["a", "b", "c"].map(|who| roll.ask(at(10), who));
        assert_eq!(roll.answered(numbers[2], 1), Some("c"));
        assert_eq!(roll.answered(numbers[0], 1), Some("a"));
        assert_eq!(roll.answered(numbers[0], 1), None);
        assert_eq!(roll.answered(99, 1), None);
        assert_eq!(roll.take_all(), ["b"]);
    }

    #[test]
    fn a_worker_gets_as_many_questions_as_it_has_threads() {
        let mut roll = Roll::new(100, u64::MAX);
        let numbers: Vec<u64> = (0..THREADS).map(|_| roll.ask(at(10), ())).collect();
        assert!(!roll.has_room());
        roll.answered(numbers[1], 1);
        assert!(roll.has_room());
    }

    #[test]
    fn a_late_question_costs_a_thread_until_it_comes_back_and_two_cost_the_worker() {
        let mut roll = Roll::new(100, u64::MAX);
        let (late, later) = (roll.ask(at(1), "late"), roll.ask(at(2), "later"));
        assert_eq!(roll.next_deadline(), Some(at(1)));
        assert_eq!(roll.expired(at(1)), ["late"]);
        assert!(!roll.is_stuck() && !roll.is_retiring());
        assert_eq!(roll.expired(at(2)), ["later"]);
        assert!(roll.is_stuck());
        assert_eq!(roll.answered(late, 1), None, "nobody waits for it");
        assert!(!roll.is_stuck(), "its thread came back");
        roll.answered(later, 1);
        assert!(roll.has_room());
    }

    #[test]
    fn a_worker_retires_after_its_questions_or_when_it_grew_too_large() {
        let mut roll = Roll::new(2, 1_000);
        let first = roll.ask(at(1), ());
        roll.answered(first, 999);
        assert!(!roll.is_retiring() && roll.has_answered());
        roll.ask(at(1), ());
        assert!(roll.is_retiring() && !roll.has_room() && !roll.is_idle());
        let mut roll = Roll::new(100, 1_000);
        let first = roll.ask(at(1), ());
        roll.answered(first, 1_000);
        assert!(roll.is_retiring() && roll.is_idle());
    }
}
