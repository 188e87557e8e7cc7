//! How busy the encoders of one engine are, and whether they should spend less.
//!
//! Two signs of load: a ring that runs low although it was full before, and frames that take too long to encode.
//! Either makes every encoder use the lower complexity for a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One frame may take this long on average before encoders spend less: half of real time.
const ENCODE_BUDGET: Duration = Duration::from_millis(10);

/// How long the lower complexity stays after the last sign of load.
const CALM: Duration = Duration::from_secs(10);

/// Weight of one frame in the running mean: 1/64, about a second of one stream.
const MEAN_SHIFT: u32 = 6;

#[derive(Debug, Default)]
pub(crate) struct Gauge {
    /// Milliseconds of the engine's time.
    loaded_until: AtomicU64,
    /// Running mean of the time one frame takes, in nanoseconds.
    encode_mean: AtomicU64,
    packets_corrupt: AtomicU64,
}

// === impl Gauge ===

impl Gauge {
    /// A ring runs low at `now` (time of the engine).
    pub(crate) fn note_low(&self, now: Duration) {
        self.loaded_until.fetch_max(millis(now + CALM), Ordering::Relaxed);
    }

    /// A frame took `took` to encode.
    pub(crate) fn note_encode(&self, now: Duration, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // Two encoders may lose an update to each other; a mean does not mind.
        let mean = self.encode_mean.load(Ordering::Relaxed);
        let mean =
            if mean == 0 { took } else { mean - (mean >> MEAN_SHIFT) + (took >> MEAN_SHIFT) };
        self.encode_mean.store(mean, Ordering::Relaxed);
        if u128::from(mean) > ENCODE_BUDGET.as_nanos() {
            self.note_low(now);
        }
    }

    pub(crate) fn is_loaded(&self, now: Duration) -> bool {
        millis(now) < self.loaded_until.load(Ordering::Relaxed)
    }

    /// Thousandths of real time that one encoder takes.
    pub(crate) fn encode_load_permille(&self) -> u32 {
        let permille = self.encode_mean.load(Ordering::Relaxed) / 20_000;
        u32::try_from(permille).unwrap_or(u32::MAX)
    }

    pub(crate) fn note_corrupt(&self) {
        self.packets_corrupt.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn packets_corrupt(&self) -> u64 {
        self.packets_corrupt.load(Ordering::Relaxed)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_low_ring_is_a_sign_of_load_for_ten_seconds() {
        let gauge = Gauge::default();
        assert!(!gauge.is_loaded(ms(5_000)));
        gauge.note_low(ms(5_000));
        assert!(gauge.is_loaded(ms(14_999)));
        assert!(!gauge.is_loaded(ms(15_000)));
    }

    #[test]
    fn slow_frames_are_a_sign_of_load_and_quick_ones_are_not() {
        let gauge = Gauge::default();
        for i in 0..1000 {
            gauge.note_encode(ms(i), Duration::from_micros(200));
        }
        assert!(!gauge.is_loaded(ms(1_000)));
        assert_eq!(gauge.encode_load_permille(), 9);
        for i in 0..1000 {
            gauge.note_encode(ms(1_000 + i), ms(15));
        }
        assert!(gauge.is_loaded(ms(2_000)));
    }
}
