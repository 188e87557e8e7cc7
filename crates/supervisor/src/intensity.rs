//! Intensity — how many restarts within which time are bearable before a supervisor gives up.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// More than `restarts_max` restarts within `within`: the supervisor stops its children and gives
/// up to its parent. Erlang's `intensity` and `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intensity {
    pub restarts_max: u32,
    pub within: Duration,
}

impl Intensity {
    /// Never give up; for supervisors whose children only rely on backoff.
    pub const ENDLESS: Self = Self { restarts_max: u32::MAX, within: Duration::ZERO };

    pub const fn new(restarts_max: u32, within: Duration) -> Self {
        Self { restarts_max, within }
    }
}

/// The restarts that still count. It never holds more than `restarts_max` + 1 of them.
#[derive(Debug)]
pub(crate) struct Window {
    intensity: Intensity,
    restarts: VecDeque<Instant>,
}

impl Window {
    pub(crate) fn new(intensity: Intensity) -> Self {
        Self { intensity, restarts: VecDeque::new() }
    }

    /// Counts one restart at `now`; false when it is one too many.
    pub(crate) fn admit(&mut self, now: Instant) -> bool {
        if self.intensity == Intensity::ENDLESS {
            return true;
        }
        // inclusive, like Erlang's: a restart exactly one period ago still counts
        while self.restarts.front().is_some_and(|at| now - *at > self.intensity.within) {
            self.restarts.pop_front();
        }
        self.restarts.push_back(now);
        self.restarts.len() as u64 <= u64::from(self.intensity.restarts_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_count_for_exactly_one_period() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut window = Window::new(Intensity::new(3, Duration::from_secs(5)));
        assert!([0, 1, 2].into_iter().all(|s| window.admit(at(s))));
        assert!(!window.admit(at(5)), "the one at 0 is exactly one period old and counts");
        let mut window = Window::new(Intensity::new(3, Duration::from_secs(5)));
        assert!([0, 1, 2, 6, 7, 8, 12].into_iter().all(|s| window.admit(at(s))));
    }

    #[test]
    fn no_restart_is_bearable_at_zero_and_all_are_without_end() {
        let now = Instant::now();
        assert!(!Window::new(Intensity::new(0, Duration::from_secs(5))).admit(now));
        let mut endless = Window::new(Intensity::ENDLESS);
        assert!((0..10_000).all(|_| endless.admit(now)));
    }
}
