//! A token bucket: a service is asked no more often than it bears.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Bucket {
    requests: u32,
    within: Duration,
    /// Thousandths of a request that may be made now.
    tokens: u64,
    counted: Duration,
}

// === impl Bucket ===

impl Bucket {
    /// `requests` at once, and as many again in every `within`.
    pub fn new(requests: u32, within: Duration) -> Bucket {
        let requests = requests.max(1);
        Bucket { requests, within, tokens: u64::from(requests) * 1_000, counted: Duration::ZERO }
    }

    /// Takes one request at `now` (any monotonic origin).
    ///
    /// # Errors
    /// How long to wait for the next one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.fill(now);
        if self.tokens >= 1_000 {
            self.tokens -= 1_000;
            return Ok(());
        }
        let missing = 1_000 - self.tokens;
        let per_token = self.within / self.requests;
        Err(per_token.mul_f64(missing as f64 / 1_000.0).max(Duration::from_millis(1)))
    }

    fn fill(&mut self, now: Duration) {
        let past = now.saturating_sub(self.counted);
        let full = u128::from(self.requests) * 1_000;
        let more = past.as_micros() * full / self.within.as_micros().max(1);
        // what is less than a thousandth stays in the time that was not counted yet
        if more > 0 {
            self.tokens = (u128::from(self.tokens) + more).min(full) as u64;
            self.counted = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_a_service_bears_may_come_at_once_and_then_only_as_time_passes() {
        let mut bucket = Bucket::new(2, 1_000 * MS);
        assert_eq!(bucket.take(Duration::ZERO), Ok(()));
        assert_eq!(bucket.take(Duration::ZERO), Ok(()));
        assert_eq!(bucket.take(Duration::ZERO), Err(500 * MS));
        assert_eq!(bucket.take(400 * MS), Err(100 * MS));
        assert_eq!(bucket.take(500 * MS), Ok(()));
        assert!(bucket.take(500 * MS).is_err());
    }

    #[test]
    fn a_long_rest_does_not_save_up_more_than_one_burst() {
        let mut bucket = Bucket::new(3, 1_000 * MS);
        let late = Duration::from_secs(86_400);
        let n_granted = (0..10).filter(|_| bucket.take(late).is_ok()).count();
        assert_eq!(n_granted, 3);
    }

    #[test]
    fn asking_often_does_not_lose_the_time_between() {
        let mut bucket = Bucket::new(1, 1_000 * MS);
        assert!(bucket.take(Duration::ZERO).is_ok());
        let granted: Vec<u32> = (1..=3_000).filter(|ms| bucket.take(*ms * MS).is_ok()).collect();
        assert_eq!(granted, [1_000, 2_000, 3_000]);
    }
}
