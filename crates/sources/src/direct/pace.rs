//! Whether a server delivers fast enough, measured only while somebody waits for it.
//!
//! A silence limit alone lets a server hold a connection for ever with a byte now and then.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Pace {
    rate_min: u64,
    window: Duration,
    waited: Duration,
    /// The part of the waiting that came after the last byte.
    silence: Duration,
    bytes: u64,
}

/// Counts the time until it is dropped, so that abandoned waits count too.
pub(crate) struct Waiting<'a> {
    pace: &'a mut Pace,
    since: Instant,
}

// === impl Pace ===

impl Pace {
    /// `rate_min` in bytes per second.
    pub(crate) fn new(rate_min: u64, window: Duration) -> Pace {
        Pace { rate_min, window, waited: Duration::ZERO, silence: Duration::ZERO, bytes: 0 }
    }

    pub(crate) fn wait(&mut self) -> Waiting<'_> {
        Waiting { since: Instant::now(), pace: self }
    }

    /// How long somebody has waited since the last byte, over dropped calls too.
    pub(crate) fn silence(&self) -> Duration {
        self.silence
    }

    /// Starts the count of silence anew, for a new connection.
    pub(crate) fn forgive(&mut self) {
        self.silence = Duration::ZERO;
    }

    /// Counts what came; false when the last window was too slow.
    pub(crate) fn took(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        self.silence = Duration::ZERO;
        if self.waited < self.window {
            return true;
        }
        let is_enough = self.bytes as f64 >= self.rate_min as f64 * self.waited.as_secs_f64();
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        is_enough
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waited = self.since.elapsed();
        self.pace.waited += waited;
        self.pace.silence += waited;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits, then takes.
    async fn step(pace: &mut Pace, wait: Duration, bytes: usize) -> bool {
        let waiting = pace.wait();
        tokio::time::advance(wait).await;
        drop(waiting);
        pace.took(bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn a_drip_is_too_slow_once_the_window_is_over() {
        let mut pace = Pace::new(1000, Duration::from_secs(10));
        for _ in 0..49 {
            assert!(step(&mut pace, Duration::from_millis(200), 1).await);
        }
        assert!(!step(&mut pace, Duration::from_millis(200), 1).await);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_waits_does_not_count() {
        let mut pace = Pace::new(1000, Duration::from_secs(10));
        for _ in 0..1000 {
            tokio::time::advance(Duration::from_secs(10)).await;
            assert!(step(&mut pace, Duration::from_millis(5), 10).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_wait_counts() {
        let mut pace = Pace::new(1000, Duration::from_secs(10));
        {
            let _waiting = pace.wait();
            tokio::time::advance(Duration::from_secs(11)).await;
        }
        assert!(!pace.took(100));
    }
}
