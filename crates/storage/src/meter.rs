//! Numbers that say how a store is doing.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Fault;
use serde::Serialize;

/// Commits whose times are kept for the percentiles.
const TIMES_MAX: usize = 1_024;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// "embedded", "mongodb" or "embedded+mongodb".
    pub engine: &'static str,
    pub state: State,
    /// Commits that are durable.
    pub commits: u64,
    /// Writes in them, and how many of those changed nothing because something newer was there.
    pub writes: u64,
    pub outdated: u64,
    /// Commits that were answered with a fault.
    pub failed: u64,
    /// Commits that shared the last transaction, and the most that ever did.
    pub group: u64,
    pub group_max: u64,
    /// From asking to durable, in microseconds: of the last commit, and of half and of 99 of 100 of the last 1,024.
    pub commit_last_us: u64,
    pub commit_p50_us: u64,
    pub commit_p99_us: u64,
    /// Records that MongoDB has not got yet; 0 without one.
    pub outbox: u64,
    /// Writes that MongoDB got from the outbox, and those that it will never take.
    pub replayed: u64,
    pub rejected: u64,
    /// Of the embedded engine's files.
    pub file_bytes: u64,
    /// Records that were found damaged and put aside.
    pub quarantined: u64,
    pub last_error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "why")]
pub enum State {
    Ready,
    /// Works, but not as it should.
    Degraded(String),
}

pub(crate) struct Meter {
    numbers: Mutex<Numbers>,
}

struct Numbers {
    stats: Stats,
    times_us: VecDeque<u64>,
    /// Why the engine, and why the connection behind the outbox, are not well.
    engine: Option<String>,
    replay: Option<String>,
}

// === impl Meter ===

impl Meter {
    pub(crate) fn new(engine: &'static str) -> Meter {
        let stats = Stats {
            engine,
            state: State::Ready,
            commits: 0,
            writes: 0,
            outdated: 0,
            failed: 0,
            group: 0,
            group_max: 0,
            commit_last_us: 0,
            commit_p50_us: 0,
            commit_p99_us: 0,
            outbox: 0,
            replayed: 0,
            rejected: 0,
            file_bytes: 0,
            quarantined: 0,
            last_error: None,
        };
        let numbers = Numbers { stats, times_us: VecDeque::new(), engine: None, replay: None };
        Meter { numbers: Mutex::new(numbers) }
    }

    pub(crate) fn engine(&self) -> &'static str {
        self.numbers().stats.engine
    }

    pub(crate) fn stats(&self) -> Stats {
        let numbers = self.numbers();
        let mut stats = numbers.stats.clone();
        let mut sorted: Vec<u64> = numbers.times_us.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(index).copied().unwrap_or_default()
        };
        stats.commit_p50_us = at(50);
        stats.commit_p99_us = at(99);
        stats.commit_last_us = numbers.times_us.back().copied().unwrap_or_default();
        let why = numbers.engine.iter().chain(&numbers.replay).cloned().collect::<Vec<_>>();
        if !why.is_empty() {
            stats.state = State::Degraded(why.join("; "));
        }
        stats
    }

    pub(crate) fn committed(&self, group: Group, times: impl Iterator<Item = Duration>) {
        let mut numbers = self.numbers();
        let stats = &mut numbers.stats;
        stats.commits += group.commits;
        stats.writes += group.writes;
        stats.outdated += group.outdated;
        stats.group = group.commits;
        stats.group_max = stats.group_max.max(group.commits);
        numbers.engine = None;
        for time in times {
            if numbers.times_us.len() == TIMES_MAX {
                numbers.times_us.pop_front();
            }
            numbers.times_us.push_back(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// So many commits failed; whether that is news (the ones before did not fail).
    pub(crate) fn failed(&self, commits: u64, fault: &Fault) -> bool {
        let mut numbers = self.numbers();
        numbers.stats.failed += commits;
        numbers.stats.last_error = Some(fault.to_string());
        numbers.engine.replace(fault.detail.clone()).is_none()
    }

    pub(crate) fn quarantined(&self) {
        self.numbers().stats.quarantined += 1;
    }

    pub(crate) fn set_file_bytes(&self, n_bytes: u64) {
        self.numbers().stats.file_bytes = n_bytes;
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        // plain numbers: whoever panicked left nothing half done that matters
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one transaction held.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Group {
    pub(crate) commits: u64,
    pub(crate) writes: u64,
    pub(crate) outdated: u64,
}
