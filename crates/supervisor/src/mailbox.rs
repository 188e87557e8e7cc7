//! Mailbox counters — ractor's mailbox is unbounded and does not tell its length, so we count.
//!
//! One per door; it outlives incarnations. Messages that an actor sends to itself through ractor
//! are not counted on the way in, so the depth can read low while they are queued, never high,
//! and it is right again whenever the queue runs empty.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) bound: usize,
    depth: AtomicUsize,
    peak: AtomicUsize,
    handled: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
    epoch: Instant,
    /// Milliseconds since `epoch`, plus one; zero while idle.
    busy_since: AtomicU64,
}

impl Mailbox {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            bound,
            depth: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            handled: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            epoch: Instant::now(),
            busy_since: AtomicU64::new(0),
        }
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth.load(Relaxed)
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    pub(crate) fn handled(&self) -> u64 {
        self.handled.load(Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    pub(crate) fn busy_for_ms(&self, now: Instant) -> Option<u64> {
        let since = self.busy_since.load(Relaxed).checked_sub(1)?;
        Some(self.millis(now).saturating_sub(since))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.depth() >= self.bound
    }

    pub(crate) fn entered(&self) {
        let depth = self.depth.fetch_add(1, Relaxed) + 1;
        self.peak.fetch_max(depth, Relaxed);
    }

    pub(crate) fn left(&self) {
        // the update is refused, and nothing happens, when the depth is already zero
        self.depth.fetch_update(Relaxed, Relaxed, |depth| depth.checked_sub(1)).ok();
    }

    pub(crate) fn was_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// A message is being handled from now on.
    pub(crate) fn begin(&self, now: Instant) {
        self.left();
        self.touch(now);
    }

    /// The handler makes progress: busy since now.
    pub(crate) fn touch(&self, now: Instant) {
        self.busy_since.store(self.millis(now) + 1, Relaxed);
    }

    pub(crate) fn done(&self) {
        self.busy_since.store(0, Relaxed);
        self.handled.fetch_add(1, Relaxed);
    }

    /// The incarnation has ended; what was queued is lost.
    pub(crate) fn emptied(&self) {
        let lost = self.depth.swap(0, Relaxed);
        self.lost.fetch_add(lost as u64, Relaxed);
        self.busy_since.store(0, Relaxed);
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX)
    }
}
