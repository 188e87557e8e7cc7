//! Times between packets, or by which they are late, as a histogram that can be subtracted: what happened in a window is
//! the difference of two.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Width of a step, in microseconds: that of the media server's own histogram.
const STEP_US: u64 = 100;

/// Packets per step, by the step's lower end in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Spacings(BTreeMap<u64, u64>);

/// How far spacings are from the ideal, in milliseconds to 0.05 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Deviation {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    pub(super) of_packets: u64,
}

// === impl Spacings ===

impl Spacings {
    pub(super) fn add(&mut self, step: Duration, packets: u64) {
        let at = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
        *self.0.entry(at).or_default() += packets;
    }

    /// What was added since `earlier`.
    pub(super) fn since(&self, earlier: &Spacings) -> Spacings {
        let before = |at: &u64| earlier.0.get(at).copied().unwrap_or(0);
        let left = self.0.iter().map(|(at, count)| (*at, count.saturating_sub(before(at))));
        Spacings(left.filter(|(_, count)| *count > 0).collect())
    }

    /// How far the spacings are from `ideal`, early or late alike; each counts as the middle of its step.
    pub(super) fn deviation(&self, ideal: Duration) -> Deviation {
        let ideal = u64::try_from(ideal.as_micros()).unwrap_or(u64::MAX);
        let mut sorted: Vec<(u64, u64)> =
            self.0.iter().map(|(at, count)| ((at + STEP_US / 2).abs_diff(ideal), *count)).collect();
        sorted.sort_unstable();
        let total: u64 = sorted.iter().map(|(_, count)| count).sum();
        let quantile = |share: f64| {
            let wanted = (total as f64 * share).ceil() as u64;
            let mut seen = 0;
            let found = sorted.iter().find(|(_, count)| {
                seen += count;
                seen >= wanted
            });
            found.map_or(0.0, |(deviation, _)| *deviation as f64 / 1_000.0)
        };
        Deviation {
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            max_ms: quantile(1.0),
            of_packets: total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spacings(steps: &[(u64, u64)]) -> Spacings {
        let mut spacings = Spacings::default();
        for (micros, packets) in steps {
            spacings.add(Duration::from_micros(*micros), *packets);
        }
        spacings
    }

    const IDEAL: Duration = Duration::from_millis(20);

    #[test]
    fn early_and_late_packets_deviate_alike() {
        let deviation =
            spacings(&[(15_000, 1), (19_900, 49), (20_000, 49), (21_300, 1)]).deviation(IDEAL);
        assert_eq!(deviation.of_packets, 100);
        assert_eq!(deviation.p50_ms, 0.05);
        assert_eq!(deviation.p99_ms, 1.35);
        assert_eq!(deviation.max_ms, 4.95);
    }

    #[test]
    fn a_window_holds_what_came_in_it() {
        let earlier = spacings(&[(19_900, 10), (60_000, 1)]);
        let mut later = earlier.clone();
        later.add(Duration::from_micros(19_900), 5);
        later.add(Duration::from_micros(20_100), 2);
        let window = later.since(&earlier);
        assert_eq!(window, spacings(&[(19_900, 5), (20_100, 2)]));
        assert_eq!(window.deviation(IDEAL).max_ms, 0.15);
    }

    #[test]
    fn no_packets_deviate_by_nothing() {
        assert_eq!(Spacings::default().deviation(IDEAL), Deviation::default());
    }

    #[test]
    fn a_histogram_travels_as_json() {
        let there = spacings(&[(19_900, 10), (199_900, 1)]);
        let text = serde_json::to_string(&there).unwrap();
        assert_eq!(serde_json::from_str::<Spacings>(&text).unwrap(), there);
    }
}
