//! What the server tells a participant about the packets it got from it: the numbers of a receiver report (RFC 3550 6.4.1
//! and appendix A.8).

use std::time::Instant;

use super::rtp::Header;

const CLOCK: u64 = 48_000;

/// One block of a receiver report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) ssrc: u32,
    /// Of the packets expected since the last report, in 256ths.
    pub(crate) fraction: u8,
    pub(crate) lost: u32,
    pub(crate) highest: u32,
    pub(crate) jitter: u32,
}

/// What has to be remembered of one source for its reports.
#[derive(Default)]
pub(crate) struct Ledger {
    began: Option<(Instant, u16)>,
    transit: Option<u32>,
    jitter: f64,
    expected_before: u64,
    received_before: u64,
}

impl Ledger {
    /// A packet of audio arrived.
    pub(crate) fn note(&mut self, header: &Header, now: Instant) {
        let (start, _) = *self.began.get_or_insert((now, header.seq));
        let arrival = now.saturating_duration_since(start).as_micros() as u64 * CLOCK / 1_000_000;
        let transit = (arrival as u32).wrapping_sub(header.timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let step = f64::from(transit.wrapping_sub(before).cast_signed().unsigned_abs());
            self.jitter += (step - self.jitter) / 16.0;
        }
    }

    /// The report since the last one; nothing before the first packet.
    pub(crate) fn block(&mut self, ssrc: u32, expected: u64, received: u64) -> Option<Block> {
        let (_, first) = self.began?;
        let due = expected - self.expected_before;
        let missed = due.saturating_sub(received - self.received_before);
        (self.expected_before, self.received_before) = (expected, received);
        Some(Block {
            ssrc,
            fraction: (missed * 256).checked_div(due).unwrap_or(0).min(255) as u8,
            lost: expected.saturating_sub(received).min(0x007f_ffff) as u32,
            highest: (u64::from(first) + expected.saturating_sub(1)) as u32,
            jitter: self.jitter as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn header(seq: u16, timestamp: u32) -> Header {
        let mut packet = vec![0x80, 111];
        packet.extend_from_slice(&seq.to_be_bytes());
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, 7, 0xfc]);
        Header::parse(&packet).unwrap()
    }

    #[test]
    fn a_block_counts_from_the_last_one_and_sums_up_from_the_first() {
        let start = Instant::now();
        let mut ledger = Ledger::default();
        assert_eq!(ledger.block(7, 0, 0), None);
        ledger.note(&header(65_535, 0), start);
        let block = ledger.block(7, 100, 75).unwrap();
        assert_eq!((block.fraction, block.lost, block.highest), (64, 25, 65_535 + 99));
        let block = ledger.block(7, 200, 175).unwrap();
        assert_eq!((block.fraction, block.lost), (0, 25));
        assert_eq!(ledger.block(7, 200, 175).unwrap().fraction, 0, "nothing was expected");
    }

    #[test]
    fn jitter_is_how_unevenly_packets_arrive() {
        let start = Instant::now();
        let (mut even, mut uneven) = (Ledger::default(), Ledger::default());
        for n in 0..200_u16 {
            let due = start + Duration::from_millis(20) * u32::from(n);
            let header = header(n, 960 * u32::from(n));
            even.note(&header, due);
            uneven.note(&header, due + Duration::from_millis(10) * u32::from(n % 2));
        }
        assert_eq!(even.block(7, 200, 200).unwrap().jitter, 0);
        // every packet comes 10 ms nearer to, or farther from, the one before it
        let jitter = uneven.block(7, 200, 200).unwrap().jitter;
        assert!((475..=480).contains(&jitter), "{jitter}");
    }
}
