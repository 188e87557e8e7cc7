//! The RTCP that the server sends: transport-wide feedback, receiver reports, and what else a client must survive.

use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;

use super::reports::Block;

/// The source the server speaks RTCP as.
const SERVER: u32 = 0x0051_f000;
/// At most so many packets between two reports are remembered.
const REMEMBERED_MAX: usize = 2_000;

/// Arrivals of packets with header extension 3, until they are reported
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
pub(crate) struct Feedback {
    start: Instant,
    source: u32,
    arrivals: Vec<(u64, Duration)>,
    highest: Option<u64>,
    reports: u8,
}

impl Feedback {
    pub(crate) fn new(start: Instant) -> Feedback {
        Feedback { start, source: 0, arrivals: Vec::new(), highest: None, reports: 0 }
    }

    /// Notes a packet of `source`.
    pub(crate) fn note(&mut self, source: u32, seq: u16, now: Instant) {
        let extended = match self.highest {
            None => u64::from(seq) + 0x1_0000,
            Some(highest) => {
                highest.saturating_add_signed(i64::from(seq.wrapping_sub(highest as u16) as i16))
            }
        };
        self.source = source;
        self.highest = Some(self.highest.unwrap_or(0).max(extended));
        if self.arrivals.len() < REMEMBERED_MAX {
            self.arrivals.push((extended, now.saturating_duration_since(self.start)));
        }
    }

    /// The report of everything since the last one; `None` when there was nothing.
    pub(crate) fn report(&mut self) -> Option<Vec<u8>> {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        arrivals.sort_unstable_by_key(|(seq, _)| *seq);
        arrivals.dedup_by_key(|(seq, _)| *seq);
        let (base, last) = (arrivals.first()?.0, arrivals.last()?.0);
        let count = (last - base + 1).min(1_000);
        let reference = arrivals[0].1.as_millis() as u64 / 64;
        let mut clock = (reference * 64_000 / 250) as i64;
        let mut symbols = vec![0_u16; count as usize];
        let mut deltas = Vec::new();
        for (seq, at) in arrivals.iter().filter(|(seq, _)| seq - base < count) {
            let tick = (at.as_micros() / 250) as i64;
            let delta = (tick - clock).clamp(i64::from(i16::MIN), i64::from(i16::MAX));
            clock += delta;
            let symbol = &mut symbols[(seq - base) as usize];
            if let Ok(small) = u8::try_from(delta) {
                *symbol = 1;
                deltas.push(small);
            } else {
                *symbol = 2;
                deltas.extend_from_slice(&(delta as i16).to_be_bytes());
            }
        }
        let mut body = Vec::new();
        body.extend_from_slice(&(base as u16).to_be_bytes());
        body.extend_from_slice(&(count as u16).to_be_bytes());
        body.extend_from_slice(&(reference as u32).to_be_bytes()[1..]);
        body.push(self.reports);
        for chunk in symbols.chunks(7) {
            let packed = chunk
                .iter()
                .enumerate()
                .fold(0xc000, |word, (at, symbol)| word | symbol << (12 - 2 * at));
            body.extend_from_slice(&packed.to_be_bytes());
        }
        body.extend_from_slice(&deltas);
        body.resize(body.len().next_multiple_of(4), 0);
        self.reports = self.reports.wrapping_add(1);
        Some(packet(15, 205, self.source, &body))
    }
}

/// One RTCP packet that a sender of `source` must survive, chosen at random.
pub(crate) fn anything(rng: &mut StdRng, source: u32) -> Vec<u8> {
    match rng.random_range(0..3_u8) {
        0 => packet(1, 206, source, &[]),
        1 => {
            // REMB of 1 Mbit/s for one source: exponent 4, mantissa 62500.
            let mut body = b"REMB\x01".to_vec();
            body.extend_from_slice(&[4 << 2, 0xf4, 0x24]);
            body.extend_from_slice(&source.to_be_bytes());
            packet(15, 206, 0, &body)
        }
        // nobody's packets, a quarter of them lost: no news about those of `source`
        _ => {
            report(Block { ssrc: !source, fraction: 64, lost: 250, highest: 1_000, jitter: 4_800 })
        }
    }
}

/// A receiver report with one block. Times of sender reports are left out: those are not read here.
pub(crate) fn report(block: Block) -> Vec<u8> {
    let mut body = Vec::with_capacity(20);
    let first = u32::from(block.fraction) << 24 | block.lost & 0x00ff_ffff;
    for word in [first, block.highest, block.jitter, 0, 0] {
        body.extend_from_slice(&word.to_be_bytes());
    }
    packet(1, 201, block.ssrc, &body)
}

/// RTCP whose header lies about its length, as Telegram's test server sends it.
pub(crate) fn unparsable(source: u32) -> Vec<u8> {
    let mut broken = packet(15, 205, source, &[0xff; 5]);
    broken[2..4].copy_from_slice(&0x7fff_u16.to_be_bytes());
    broken
}

fn packet(count: u8, kind: u8, source: u32, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80 | count, kind, 0, 0];
    packet.extend_from_slice(&SERVER.to_be_bytes());
    packet.extend_from_slice(&source.to_be_bytes());
    packet.extend_from_slice(body);
    let words = (packet.len() / 4 - 1) as u16;
    packet[2..4].copy_from_slice(&words.to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feedback_reports_losses_and_arrival_times() {
        let start = Instant::now();
        let mut feedback = Feedback::new(start);
        feedback.note(7, 100, start + Duration::from_millis(64));
        feedback.note(7, 102, start + Duration::from_millis(84));
        let report = feedback.report().unwrap();
        assert_eq!(&report[..2], &[0x8f, 205]);
        assert_eq!(report.len() % 4, 0);
        assert_eq!(usize::from(u16::from_be_bytes([report[2], report[3]])), report.len() / 4 - 1);
        // base 100, three packets, reference time 1 * 64 ms, first report
        assert_eq!(&report[12..20], &[0, 100, 0, 3, 0, 0, 1, 0]);
        // received, lost, received; deltas 0 and 20 ms
        assert_eq!(&report[20..24], &[0b1101_0001, 0, 0, 80]);
        assert!(feedback.report().is_none());
    }
}
