//! Sender reports (RFC 3550 §6.4.1) with an empty CNAME, as native clients send them. No I/O, no clock.

use std::time::{Duration, Instant};

use crate::sender::Frame;

/// Native clients report every 3 to 7 s.
const INTERVAL: Duration = Duration::from_secs(5);
/// From 1900 (NTP) to 1970 (Unix).
const NTP_OFFSET_S: u64 = 2_208_988_800;

pub(crate) struct Reporter {
    ssrc: u32,
    packets: u32,
    octets: u32,
    /// RTP timestamp of the last packet and when it was sent.
    last: Option<(u32, Instant)>,
    next: Option<Instant>,
}

// === impl Reporter ===

impl Reporter {
    pub(crate) fn new(ssrc: u32) -> Reporter {
        Reporter { ssrc, packets: 0, octets: 0, last: None, next: None }
    }

    pub(crate) fn sent(&mut self, frame: Frame, now: Instant) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(frame.length as u32);
        self.last = Some((frame.stamp.timestamp, now));
        // The first one soon, so that receivers can synchronise.
        self.next.get_or_insert(now + Duration::from_millis(500));
    }

    /// The report, if one is due and there is something to report since the last.
    pub(crate) fn due(&mut self, now: Instant, since_epoch: Duration) -> Option<Vec<u8>> {
        let (timestamp, when) = self.last?;
        if self.next.is_none_or(|next| now < next) || now.duration_since(when) > INTERVAL {
            return None;
        }
        self.next = Some(now + INTERVAL);
        let elapsed_samples = now.duration_since(when).as_micros() * 48 / 1000;
        // Low 32 bits, as RTP timestamps are.
        let timestamp = timestamp.wrapping_add(elapsed_samples as u32);
        let seconds = (since_epoch.as_secs() + NTP_OFFSET_S) as u32;
        let fraction = ((u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000) as u32;
        let mut report = vec![0x80, 200, 0, 6];
        for word in [self.ssrc, seconds, fraction, timestamp, self.packets, self.octets] {
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
    use crate::packetizer::Stamp;

    #[test]
    fn a_report_counts_packets_and_extends_the_timestamp_to_now() {
        let start = Instant::now();
        let mut reporter = Reporter::new(0x0102_0304);
        assert_eq!(reporter.due(start, Duration::ZERO), None);
        let stamp = Stamp { sequence: 1, timestamp: 1000, marker: false };
        reporter.sent(Frame { stamp, level: 0, length: 300 }, start);
        assert_eq!(reporter.due(start, Duration::ZERO), None);
        let report =
            reporter.due(start + Duration::from_secs(1), Duration::from_millis(1500)).unwrap();
        let mut expected = vec![0x80, 200, 0, 6, 1, 2, 3, 4];
        expected.extend_from_slice(&2_208_988_801u32.to_be_bytes());
        expected.extend_from_slice(&0x8000_0000u32.to_be_bytes());
        expected.extend_from_slice(&49_000u32.to_be_bytes());
        expected.extend_from_slice(&[0, 0, 0, 1, 0, 0, 1, 44]);
        expected.extend_from_slice(&[0x81, 202, 0, 2, 1, 2, 3, 4, 1, 0, 0, 0]);
        assert_eq!(report, expected);
        assert_eq!(
            reporter.due(start + Duration::from_secs(2), Duration::ZERO),
            None,
            "not yet again"
        );
        assert_eq!(
            reporter.due(start + Duration::from_secs(60), Duration::ZERO),
            None,
            "silent for long"
        );
    }
}
