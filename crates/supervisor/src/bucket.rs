//! The restart budget — one token bucket for the whole tree.
//!
//! When everything falls at once, the recovery itself must not become the incident: beyond the
//! burst, restarts are spread over time. First starts cost nothing.

use std::time::Duration;

use tokio::time::Instant;

/// How many restarts the whole tree may make at once, and how many per second after that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestartBudget {
    /// Restarts that may happen at the same moment.
    pub burst: u32,
    /// Restarts per second that are refilled; not above zero means no limit at all.
    pub per_second: f64,
}

impl RestartBudget {
    /// No limit, like Erlang/OTP.
    pub const UNLIMITED: Self = Self { burst: 0, per_second: 0.0 };
}

/// The running bucket. Tokens may be negative: then they are promised to those who wait.
#[derive(Debug)]
pub(crate) struct Bucket {
    budget: RestartBudget,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    pub(crate) fn new(budget: RestartBudget, now: Instant) -> Self {
        Self { budget, tokens: f64::from(budget.burst), filled_at: now }
    }

    /// Takes one token and says how long to wait until it is really there.
    pub(crate) fn take(&mut self, now: Instant) -> Duration {
        if self.budget.per_second <= 0.0 {
            return Duration::ZERO;
        }
        let gained = now.duration_since(self.filled_at).as_secs_f64() * self.budget.per_second;
        self.tokens = (self.tokens + gained).min(f64::from(self.budget.burst));
        self.filled_at = now;
        self.tokens -= 1.0;
        if self.tokens >= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(-self.tokens / self.budget.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_the_rest_is_spread() {
        let now = Instant::now();
        let mut bucket = Bucket::new(RestartBudget { burst: 2, per_second: 4.0 }, now);
        let waits: Vec<u128> = (0..5).map(|_| bucket.take(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 250, 500, 750]);
        let later = now + Duration::from_secs(60);
        assert_eq!(bucket.take(later), Duration::ZERO);
        assert_eq!(bucket.take(later), Duration::ZERO);
        assert_eq!(bucket.take(later).as_millis(), 250);
    }

    #[test]
    fn an_unlimited_budget_never_waits() {
        let now = Instant::now();
        let mut bucket = Bucket::new(RestartBudget::UNLIMITED, now);
        assert!((0..1_000).all(|_| bucket.take(now).is_zero()));
    }
}
