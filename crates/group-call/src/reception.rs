//! Receiver reports (RFC 3550 §6.4): what the media server says about the packets that it got from us. No I/O, no clock.

use std::time::Duration;

/// Sender and receiver reports; both may carry blocks about other people's packets.
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const BLOCK_BYTES: usize = 24;
/// The RTP clock of Opus.
const CLOCK_HZ: u64 = 48_000;

/// How the media server receives us, by its last report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reception {
    /// Share of the packets since the report before that it missed, in 256ths.
    pub lost_256ths: u8,
    /// Packets that it missed since the connection is up; those that came twice count against them.
    pub packets_lost: u32,
    /// How unevenly packets arrive (interarrival jitter), in samples at 48 kHz.
    pub jitter_samples: u32,
}

// === impl Reception ===

impl Reception {
    /// Share of the packets since the report before that were missed, in thousandths.
    pub fn lost_permille(self) -> u32 {
        (u32::from(self.lost_256ths) * 1_000 + 128) / 256
    }

    pub fn jitter(self) -> Duration {
        Duration::from_micros(u64::from(self.jitter_samples) * 1_000_000 / CLOCK_HZ)
    }

    /// All of it in one word, which is read and written at once.
    pub(crate) fn pack(self) -> u64 {
        let lost = u64::from(self.packets_lost.min(LOST_MAX));
        u64::from(self.lost_256ths) << 56 | lost << 32 | u64::from(self.jitter_samples)
    }

    pub(crate) fn unpack(word: u64) -> Reception {
        Reception {
            lost_256ths: (word >> 56) as u8,
            packets_lost: (word >> 32) as u32 & 0x00ff_ffff,
            jitter_samples: word as u32,
        }
    }
}

/// The wire has 24 bits for it, with a sign.
const LOST_MAX: u32 = 0x007f_ffff;

/// The packets lost, from the low 24 bits.
pub(crate) fn lost(word: u32) -> u32 {
    let lost = (word << 8).cast_signed() >> 8;
    lost.max(0).cast_unsigned()
}

/// Whether a protected datagram may hold a report about us: its first eight bytes are in the clear. Media and feedback on
/// it, which are many, do not.
pub(crate) fn may_concern_us(datagram: &[u8]) -> bool {
    matches!(datagram, [first @ 128..=191, SENDER_REPORT | RECEIVER_REPORT, ..] if first & 0x1f > 0)
}

/// What a plain compound packet says about the packets of `ssrc`.
pub(crate) fn about(ssrc: u32, compound: &[u8]) -> Option<Reception> {
    let mut rest = compound;
    while let [first, kind, high, low, ..] = *rest {
        let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        if first >> 6 != 2 || length > rest.len() {
            return None;
        }
        let (packet, after) = rest.split_at(length);
        rest = after;
        let blocks = match kind {
            SENDER_REPORT => packet.get(28..),
            RECEIVER_REPORT => packet.get(8..),
            _ => None,
        };
        let blocks = blocks.unwrap_or_default().chunks_exact(BLOCK_BYTES);
        let found = blocks.take(usize::from(first & 0x1f)).find(|block| word(block, 0) == ssrc);
        if let Some(block) = found {
            return Some(Reception {
                lost_256ths: block[4],
                packets_lost: lost(word(block, 4)),
                jitter_samples: word(block, 12),
            });
        }
    }
    None
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(ssrc: u32, fraction: u8, lost: i32, jitter: u32) -> Vec<u8> {
        let lost = lost.cast_unsigned() & 0x00ff_ffff;
        let words = [ssrc, u32::from(fraction) << 24 | lost, 70_000, jitter, 0, 0];
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn packet(kind: u8, head_words: usize, blocks: &[Vec<u8>]) -> Vec<u8> {
        let words = head_words + blocks.len() * 6;
        let mut packet = vec![0x80 | blocks.len() as u8, kind, 0, words as u8];
        packet.resize(4 + head_words * 4, 0x77);
        blocks.iter().for_each(|block| packet.extend_from_slice(block));
        packet
    }

    #[test]
    fn the_block_about_us_is_found_wherever_it_stands() {
        let ours = block(7, 64, 1_000, 480);
        let expected =
            Some(Reception { lost_256ths: 64, packets_lost: 1_000, jitter_samples: 480 });
        let stranger = block(8, 255, 9, 9);
        let alone = packet(201, 1, std::slice::from_ref(&ours));
        assert_eq!(about(7, &alone), expected);
        assert_eq!(about(7, &packet(201, 1, &[stranger.clone(), ours.clone()])), expected);
        assert_eq!(about(7, &packet(200, 6, &[stranger.clone(), ours.clone()])), expected);
        let compound =
            [packet(201, 1, &[stranger]), packet(202, 1, &[]), packet(201, 1, &[ours])].concat();
        assert_eq!(about(7, &compound), expected);
        assert_eq!(about(9, &compound), None);
        assert_eq!(expected.map(Reception::lost_permille), Some(250));
        assert_eq!(expected.map(Reception::jitter), Some(Duration::from_millis(10)));
    }

    #[test]
    fn more_packets_than_expected_are_no_loss() {
        let report = about(7, &packet(201, 1, &[block(7, 0, -3, 1)])).unwrap();
        assert_eq!(report.packets_lost, 0);
    }

    #[test]
    fn rubbish_says_nothing() {
        let good = packet(201, 1, &[block(7, 1, 1, 1)]);
        for end in 0..good.len() {
            assert_eq!(about(7, &good[..end]), None, "cut after {end}");
        }
        let mut lies = good.clone();
        lies[3] = 200;
        assert_eq!(about(7, &lies), None, "longer than it is");
        let mut miscounted = good.clone();
        miscounted[0] = 0x80;
        assert_eq!(about(7, &miscounted), None, "no block, by its own word");
        assert!(may_concern_us(&good) && !may_concern_us(&miscounted));
        assert!(!may_concern_us(&[0x90, 111, 0, 1]) && !may_concern_us(&[]));
    }

    #[test]
    fn a_report_fits_one_word() {
        for report in [
            Reception { lost_256ths: 255, packets_lost: LOST_MAX, jitter_samples: u32::MAX },
            Reception { lost_256ths: 1, packets_lost: 2, jitter_samples: 3 },
        ] {
            assert_eq!(Reception::unpack(report.pack()), report);
        }
    }
}
