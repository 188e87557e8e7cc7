//! Backoff — how long a failed child waits before its next start. One pure function.
//!
//! A declared extension: Erlang/OTP restarts at once ([`Backoff::NONE`] is exactly that).

use std::time::Duration;

use rand::Rng;

use crate::failure::Class;

/// What is added to a wait the child was told to keep, so that it is surely over.
const WAIT_MARGIN: Duration = Duration::from_secs(1);

/// The delays between failures in a row: `min(max, initial * 2^n)`, spread by `jitter`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Delay after the first failure; zero means every restart is immediate.
    pub initial: Duration,
    /// Ceiling of the delay, before jitter.
    pub max: Duration,
    /// Share of the delay by which it is spread either way: 0.2 is 80 % to 120 %.
    pub jitter: f64,
    /// The first failure in a row costs no delay; the doubling begins with the second.
    pub first_immediate: bool,
    /// How long a child must have been ready without a break for its failures to be forgiven.
    pub reset_after: Duration,
    /// At this many failures in a row a critical event is raised (once per row).
    pub critical_after: u32,
}

impl Backoff {
    /// Restart at once, like Erlang/OTP.
    pub const NONE: Self = Self {
        initial: Duration::ZERO,
        max: Duration::ZERO,
        jitter: 0.0,
        first_immediate: false,
        reset_after: Duration::ZERO,
        critical_after: 5,
    };

    /// 5, 10, 20 ... 300 s, spread by 20 %; forgiven after ten healthy minutes; critical at 5.
    pub const STANDARD: Self = Self {
        initial: Duration::from_secs(5),
        max: Duration::from_secs(300),
        jitter: 0.2,
        first_immediate: false,
        reset_after: Duration::from_secs(600),
        critical_after: 5,
    };

    /// The standard delays, but the first restart is immediate.
    pub const FIRST_IMMEDIATE: Self = Self { first_immediate: true, ..Self::STANDARD };

    /// Delay before the next start after `failures` failures in a row (1 = the first).
    pub fn delay(&self, failures: u32, class: Class, rng: &mut impl Rng) -> Duration {
        let spread = self.base(failures).mul_f64(self.factor(rng.random::<f64>()));
        match class {
            Class::Wait(wait) => spread.max(wait.saturating_add(WAIT_MARGIN)),
            Class::Transient | Class::Fatal => spread,
        }
    }

    /// The delay before jitter.
    fn base(&self, failures: u32) -> Duration {
        let doublings = match (self.first_immediate, failures) {
            (_, 0) | (true, 1) => return Duration::ZERO,
            (false, n) => n - 1,
            (true, n) => n - 2,
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.initial.saturating_mul(factor).min(self.max)
    }

    /// Maps chance in `0.0..1.0` to a factor in `1 - jitter .. 1 + jitter`.
    fn factor(&self, chance: f64) -> f64 {
        let jitter = self.jitter.clamp(0.0, 1.0);
        1.0 - jitter + 2.0 * jitter * chance
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const STEADY: Backoff = Backoff { jitter: 0.0, ..Backoff::STANDARD };

    fn seconds(backoff: Backoff, failures: u32, class: Class) -> f64 {
        backoff.delay(failures, class, &mut StdRng::seed_from_u64(1)).as_secs_f64()
    }

    #[test]
    fn delays_double_up_to_their_ceiling() {
        let expected = [0.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0];
        for (failures, expected) in (0..).zip(expected) {
            assert_eq!(seconds(STEADY, failures, Class::Transient), expected, "{failures}");
        }
        assert_eq!(seconds(STEADY, u32::MAX, Class::Transient), 300.0);
    }

    #[test]
    fn the_first_restart_can_be_immediate() {
        let backoff = Backoff { first_immediate: true, ..STEADY };
        for (failures, expected) in (1..).zip([0.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0]) {
            assert_eq!(seconds(backoff, failures, Class::Transient), expected, "{failures}");
        }
    }

    #[test]
    fn no_backoff_means_no_delay_ever() {
        for failures in [0, 1, 2, 40, u32::MAX] {
            assert_eq!(seconds(Backoff::NONE, failures, Class::Transient), 0.0);
        }
    }

    #[test]
    fn an_ordered_wait_is_kept_with_a_second_to_spare() {
        let wait = |s| Class::Wait(Duration::from_secs(s));
        assert_eq!(seconds(STEADY, 1, wait(42)), 43.0);
        assert_eq!(seconds(STEADY, 6, wait(42)), 160.0);
        assert_eq!(seconds(Backoff::NONE, 1, wait(7)), 8.0);
        assert_eq!(seconds(Backoff { first_immediate: true, ..STEADY }, 1, wait(7)), 8.0);
    }

    #[test]
    fn jitter_stays_within_its_share_and_really_spreads() {
        let mut rng = StdRng::seed_from_u64(7);
        let delays: Vec<f64> = (0..2_000)
            .map(|_| Backoff::STANDARD.delay(3, Class::Transient, &mut rng).as_secs_f64())
            .collect();
        assert!(delays.iter().all(|delay| (16.0..=24.0).contains(delay)));
        assert!(delays.iter().any(|delay| *delay < 16.8));
        assert!(delays.iter().any(|delay| *delay > 23.2));
    }
}
