//! How late frames leave: by how much the clock missed the moment at which each was due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Width of a step of the histogram.
const STEP: Duration = Duration::from_micros(100);
/// 50 ms; what is later counts as that.
const STEPS: usize = 500;

/// A histogram that clocks write and anybody reads.
#[derive(Debug)]
pub(crate) struct Lateness {
    frames: [AtomicU64; STEPS],
    max_us: AtomicU64,
}

// === impl Lateness ===

impl Lateness {
    pub(crate) fn new() -> Lateness {
        Lateness { frames: [const { AtomicU64::new(0) }; STEPS], max_us: AtomicU64::new(0) }
    }

    pub(super) fn note(&self, late: Duration) {
        let step = late.as_nanos() / STEP.as_nanos();
        let step = usize::try_from(step).unwrap_or(usize::MAX).min(STEPS - 1);
        self.frames[step].fetch_add(1, Ordering::Relaxed);
        let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.max_us.fetch_max(late, Ordering::Relaxed);
    }

    pub(crate) fn max(&self) -> Duration {
        Duration::from_micros(self.max_us.load(Ordering::Relaxed))
    }

    /// Frames by the lower end of their step, steps without any left out.
    pub(crate) fn steps(&self) -> Vec<(Duration, u64)> {
        let counts = self.frames.iter().map(|frames| frames.load(Ordering::Relaxed));
        (0u32..).map(|n| STEP * n).zip(counts).filter(|(_, frames)| *frames > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_by_how_late_they_were() {
        let lateness = Lateness::new();
        for micros in [0, 99, 100, 1_250, 70_000] {
            lateness.note(Duration::from_micros(micros));
        }
        let micros = |n| Duration::from_micros(n);
        let expected = [(micros(0), 2), (micros(100), 1), (micros(1_200), 1), (micros(49_900), 1)];
        assert_eq!(lateness.steps(), expected);
        assert_eq!(lateness.max(), micros(70_000));
    }
}
