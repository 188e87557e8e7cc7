//! What a stream shows of itself to other threads: written by the clock, read by anybody, waited for by nobody.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use domain::Attempt;

use crate::frame::SAMPLE_RATE;
use crate::stream::{FrameStats, Position};

/// What others may read at any time without the clock noticing.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// Odd while a position is being written.
    version: AtomicU64,
    is_attached: AtomicBool,
    attempt: AtomicU64,
    position: AtomicU64,
    sent: AtomicU64,
    nulled: AtomicU64,
    deficit: AtomicU64,
}

// === impl Published ===

impl Published {
    fn write(&self, write: impl FnOnce()) {
        self.version.fetch_add(1, Ordering::SeqCst);
        write();
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn attach(&self, attempt: Attempt, position: u64) {
        self.write(|| {
            self.attempt.store(attempt.0, Ordering::SeqCst);
            self.position.store(position, Ordering::SeqCst);
            self.is_attached.store(true, Ordering::SeqCst);
        });
    }

    pub(super) fn detach(&self) {
        self.write(|| self.is_attached.store(false, Ordering::SeqCst));
    }

    pub(super) fn set_position(&self, samples: u64) {
        self.position.store(samples, Ordering::SeqCst);
    }

    pub(super) fn count_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_nulled(&self) {
        self.nulled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_deficit(&self, frames: u32) {
        self.deficit.fetch_add(u64::from(frames), Ordering::Relaxed);
    }

    pub(crate) fn position(&self) -> Option<Position> {
        loop {
            let version = self.version.load(Ordering::SeqCst);
            let is_attached = self.is_attached.load(Ordering::SeqCst);
            let attempt = Attempt(self.attempt.load(Ordering::SeqCst));
            let at = to_time(self.position.load(Ordering::SeqCst));
            if version.is_multiple_of(2) && self.version.load(Ordering::SeqCst) == version {
                return is_attached.then_some(Position { attempt, at });
            }
            std::hint::spin_loop();
        }
    }

    pub(crate) fn stats(&self) -> FrameStats {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        FrameStats { sent: get(&self.sent), nulled: get(&self.nulled), deficit: get(&self.deficit) }
    }
}

/// Samples at 48 kHz as time.
pub(super) fn to_time(samples: u64) -> Duration {
    let rate = u64::from(SAMPLE_RATE);
    // The remainder is under one second, so it fits.
    Duration::from_secs(samples / rate)
        + Duration::from_nanos(samples % rate * 1_000_000_000 / rate)
}
