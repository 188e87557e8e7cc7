//! A circuit breaker: a service that keeps failing is not asked for a while, so that asking it costs nothing.
//!
//! Closed, it lets everything through. After some failures in a row it opens; every question is refused at once. After
//! a while it is half open: one question goes through as a probe, and its outcome closes or opens it again, for twice
//! as long.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Failures in a row that open it.
    pub failures_max: u32,
    /// How long it stays open for the first time; doubles with every probe that fails.
    pub open_initial: Duration,
    pub open_max: Duration,
    /// A probe that says nothing for so long is given up, and another one allowed.
    pub probe_max: Duration,
}

impl Settings {
    /// Five failures; half a minute, up to five minutes.
    pub const STANDARD: Settings = Settings {
        failures_max: 5,
        open_initial: Duration::from_secs(30),
        open_max: Duration::from_secs(300),
        probe_max: Duration::from_secs(120),
    };
}

/// For whoever reads /stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Closed,
    Open {
        until: Duration,
    },
    /// One question is under way to find out.
    HalfOpen,
}

/// What came of a question that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered; that it had nothing, or refused, is an answer.
    Answered,
    /// It could not be reached, was too slow, or broke.
    Failed,
}

#[derive(Debug, Clone)]
pub struct Breaker {
    settings: Settings,
    status: Status,
    n_failures: u32,
    /// Times in a row that it opened.
    n_opened: u32,
    probing_since: Duration,
}

// === impl Breaker ===

impl Breaker {
    pub fn new(settings: Settings) -> Breaker {
        Breaker {
            settings,
            status: Status::Closed,
            n_failures: 0,
            n_opened: 0,
            probing_since: Duration::ZERO,
        }
    }

    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether a question may be asked at `now` (any monotonic origin).
    ///
    /// # Errors
    /// How long to wait before it is worth another try.
    pub fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        match self.status {
            Status::Closed => Ok(()),
            Status::Open { until } if now < until => Err(until - now),
            Status::HalfOpen if now < self.probing_since + self.settings.probe_max => {
                Err(self.probing_since + self.settings.probe_max - now)
            }
            Status::Open { .. } | Status::HalfOpen => {
                self.status = Status::HalfOpen;
                self.probing_since = now;
                Ok(())
            }
        }
    }

    pub fn came(&mut self, outcome: Outcome, now: Duration) {
        match (self.status, outcome) {
            // asked before it opened, answered after: says nothing new
            (Status::Open { .. }, _) => {}
            (_, Outcome::Answered) => *self = Breaker::new(self.settings),
            (Status::HalfOpen, Outcome::Failed) => self.open(now),
            (Status::Closed, Outcome::Failed) => {
                self.n_failures += 1;
                if self.n_failures >= self.settings.failures_max {
                    self.open(now);
                }
            }
        }
    }

    fn open(&mut self, now: Duration) {
        let doublings = self.n_opened.min(16);
        let long = (self.settings.open_initial * 2_u32.pow(doublings)).min(self.settings.open_max);
        self.n_opened += 1;
        self.n_failures = 0;
        self.status = Status::Open { until: now + long };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A breaker that five failures have opened at `now`.
    fn opened(now: Duration) -> Breaker {
        let mut breaker = Breaker::new(Settings::STANDARD);
        for _ in 0..5 {
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.came(Outcome::Failed, now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let mut breaker = Breaker::new(Settings::STANDARD);
        for _ in 0..10 {
            for _ in 0..4 {
                breaker.came(Outcome::Failed, SECOND);
            }
            breaker.came(Outcome::Answered, SECOND);
        }
        assert_eq!(breaker.status(), Status::Closed);
        assert_eq!(opened(SECOND).status(), Status::Open { until: 31 * SECOND });
    }

    #[test]
    fn while_it_is_open_nobody_asks_and_then_one_probe_does() {
        let mut breaker = opened(SECOND);
        assert_eq!(breaker.admit(11 * SECOND), Err(20 * SECOND));
        assert_eq!(breaker.admit(31 * SECOND), Ok(()));
        assert_eq!(breaker.status(), Status::HalfOpen);
        assert!(breaker.admit(31 * SECOND).is_err(), "one probe is enough");
        breaker.came(Outcome::Answered, 32 * SECOND);
        assert_eq!(breaker.admit(32 * SECOND), Ok(()));
    }

    #[test]
    fn a_probe_that_fails_opens_it_for_twice_as_long_up_to_the_limit() {
        let mut breaker = opened(Duration::ZERO);
        let mut now = 30 * SECOND;
        for long in [60, 120, 240, 300, 300] {
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.came(Outcome::Failed, now);
            assert_eq!(breaker.admit(now), Err(long * SECOND));
            now += long * SECOND;
        }
    }

    #[test]
    fn late_failures_of_before_do_not_prolong_it_and_a_lost_probe_is_replaced() {
        let mut breaker = opened(Duration::ZERO);
        breaker.came(Outcome::Failed, 29 * SECOND);
        assert_eq!(breaker.admit(30 * SECOND), Ok(()));
        assert!(breaker.admit(149 * SECOND).is_err());
        assert_eq!(breaker.admit(150 * SECOND), Ok(()), "the first probe never came back");
    }
}
