//! Few samples in, three honest figures out.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Of some times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) min_ms: f64,
    pub(super) median_ms: f64,
    pub(super) max_ms: f64,
    pub(super) of: usize,
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { min_ms, median_ms, max_ms, of } = self;
        write!(f, "median {median_ms:.0} ms (min {min_ms:.0}, max {max_ms:.0}, of {of})")
    }
}

/// `None` when there are none.
pub(super) fn spread(times: &[Duration]) -> Option<Spread> {
    let mut ms: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1_000.0).collect();
    ms.sort_unstable_by(f64::total_cmp);
    let (min_ms, max_ms) = (*ms.first()?, *ms.last()?);
    let middle = ms.len() / 2;
    let median_ms =
        if ms.len() % 2 == 1 { ms[middle] } else { f64::midpoint(ms[middle - 1], ms[middle]) };
    Some(Spread { min_ms, median_ms, max_ms, of: ms.len() })
}

/// What each call beyond the first adds, in KiB; `None` when there is no further call.
pub(super) fn per_further_call(one_kib: u64, all_kib: u64, calls: u16) -> Option<f64> {
    let further = calls.checked_sub(1).filter(|further| *further > 0)?;
    Some((all_kib as f64 - one_kib as f64) / f64::from(further))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(times: &[u64]) -> Vec<Duration> {
        times.iter().map(|time| Duration::from_millis(*time)).collect()
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        let odd = spread(&ms(&[30, 10, 20])).unwrap();
        assert_eq!((odd.min_ms, odd.median_ms, odd.max_ms, odd.of), (10.0, 20.0, 30.0, 3));
        let even = spread(&ms(&[40, 10, 20, 30])).unwrap();
        assert_eq!((even.min_ms, even.median_ms, even.max_ms, even.of), (10.0, 25.0, 40.0, 4));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn only_further_calls_are_charged_for() {
        assert_eq!(per_further_call(10_000, 14_900, 50), Some(100.0));
        assert_eq!(per_further_call(10_000, 9_000, 11), Some(-100.0));
        assert_eq!(per_further_call(10_000, 10_000, 1), None);
    }
}
