//! Sender reports (RFC 3550 §6.4.1) with an empty CNAME, as native clients send them. No I/O, no clock.

use std::time::{Duration, Instant};

use crate::shared::Sent;

/// Native clients report every 3 to 7 s.
const INTERVAL: Duration = Duration::from_secs(5);
/// From the first packet that is noticed to the first report.
const FIRST: Duration = Duration::from_millis(500);
/// From 1900 (NTP) to 1970 (Unix).
const NTP_OFFSET_S: u64 = 2_208_988_800;

pub(crate) struct Reporter {
    ssrc: u32,
    next: Option<Instant>,
}

// === impl Reporter ===

impl Reporter {
    pub(crate) fn new(ssrc: u32) -> Reporter {
        Reporter { ssrc, next: None }
    }

    /// When [`Reporter::due`] wants to be called; `None` before the first packet.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// The report, if one is due and there is something to report. `sent` is what was sent until `now`.
    pub(crate) fn due(
        &mut self,
        now: Instant,
        since_epoch: Duration,
        sent: Option<Sent>,
    ) -> Option<Vec<u8>> {
        let sent = sent?;
        // The first one soon, so that receivers can synchronise.
        if now < *self.next.get_or_insert(now + FIRST) {
            return None;
        }
        self.next = Some(now + INTERVAL);
        if sent.quiet > INTERVAL {
            return None;
        }
        let seconds = (since_epoch.as_secs() + NTP_OFFSET_S) as u32;
        let fraction = ((u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000) as u32;
        let mut report = vec![0x80, 200, 0, 6];
        for word in [self.ssrc, seconds, fraction, sent.timestamp, sent.packets, sent.octets] {
            report.extend_from_slice(&word.to_be_bytes());
        }
        // SDES: one chunk, an empty CNAME, padded.
        report.extend_from_slice(&[0x81, 202, 0, 2]);
        report.extend_from_slice(&self.ssrc.to_be_bytes());
        report.extend_from_slice(&[1, 0, 0, 0]);
        Some(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(quiet_s: u64) -> Option<Sent> {
        let quiet = Duration::from_secs(quiet_s);
        Some(Sent { packets: 1, octets: 300, timestamp: 49_000, quiet })
    }

    #[test]
    fn a_report_tells_what_was_sent_and_when() {
        let start = Instant::now();
        let after = |ms: u64| start + Duration::from_millis(ms);
        let mut reporter = Reporter::new(0x0102_0304);
        assert_eq!(reporter.due(start, Duration::ZERO, None), None);
        assert_eq!(reporter.deadline(), None);
        assert_eq!(reporter.due(start, Duration::ZERO, sent(0)), None);
        assert_eq!(reporter.deadline(), Some(after(500)));
        let report = reporter.due(after(500), Duration::from_millis(1500), sent(0)).unwrap();
        let mut expected = vec![0x80, 200, 0, 6, 1, 2, 3, 4];
        expected.extend_from_slice(&2_208_988_801u32.to_be_bytes());
        expected.extend_from_slice(&0x8000_0000u32.to_be_bytes());
        expected.extend_from_slice(&49_000u32.to_be_bytes());
        expected.extend_from_slice(&[0, 0, 0, 1, 0, 0, 1, 44]);
        expected.extend_from_slice(&[0x81, 202, 0, 2, 1, 2, 3, 4, 1, 0, 0, 0]);
        assert_eq!(report, expected);
        assert_eq!(reporter.due(after(1_500), Duration::ZERO, sent(0)), None, "not yet again");
        assert!(reporter.due(after(5_500), Duration::ZERO, sent(0)).is_some());
        assert_eq!(reporter.due(after(60_000), Duration::ZERO, sent(50)), None, "long silent");
        assert_eq!(reporter.deadline(), Some(after(65_000)), "nobody is kept awake by silence");
    }
}
