//! The RTP header as bytes: written in place, packet after packet, where only a few of them change.

use std::time::Duration;

use crate::answer::Extensions;
use crate::packetizer::{Stamp, send_time};

/// Fixed part 12, head of the extensions 4, three one-byte extensions with 6 bytes of values, padding (RFC 8285).
pub(crate) const HEADER_BYTES: usize = 28;

const EXTENSIONS_AT: usize = 12;

/// Everything that stays the same, and where the rest goes.
#[derive(Debug, Clone)]
pub(crate) struct Letterhead {
    bytes: [u8; HEADER_BYTES],
    level_at: usize,
    send_time_at: usize,
    transport_cc_at: usize,
    transport_sequence: u16,
}

// === impl Letterhead ===

impl Letterhead {
    pub(crate) fn new(ssrc: u32, payload_type: u8, ids: Extensions) -> Letterhead {
        let mut bytes = [0; HEADER_BYTES];
        // Version 2, with extensions.
        bytes[0] = 0x90;
        bytes[1] = payload_type & 0x7f;
        bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
        bytes[EXTENSIONS_AT..EXTENSIONS_AT + 4].copy_from_slice(&[0xbe, 0xde, 0, 3]);
        // Ascending ids, as receivers may expect.
        let mut order = [(ids.audio_level, 1, 0), (ids.send_time, 3, 1), (ids.transport_cc, 2, 2)];
        order.sort_unstable();
        let mut places = [0; 3];
        let mut at = EXTENSIONS_AT + 4;
        for (id, length, which) in order {
            bytes[at] = id << 4 | (length - 1);
            places[which] = at + 1;
            at += 1 + usize::from(length);
        }
        let [level_at, send_time_at, transport_cc_at] = places;
        Letterhead { bytes, level_at, send_time_at, transport_cc_at, transport_sequence: 0 }
    }

    /// Writes the next packet's header to the front of `packet`. `since_epoch` is the wall clock, for abs-send-time.
    pub(crate) fn write(
        &mut self,
        stamp: Stamp,
        level: u8,
        since_epoch: Duration,
        packet: &mut [u8],
    ) {
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        let bytes = &mut self.bytes;
        bytes[1] = bytes[1] & 0x7f | u8::from(stamp.marker) << 7;
        bytes[2..4].copy_from_slice(&stamp.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&stamp.timestamp.to_be_bytes());
        bytes[self.level_at] = level;
        bytes[self.send_time_at..self.send_time_at + 3].copy_from_slice(&send_time(since_epoch));
        bytes[self.transport_cc_at..self.transport_cc_at + 2]
            .copy_from_slice(&self.transport_sequence.to_be_bytes());
        packet[..HEADER_BYTES].copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Answer;
    use crate::pump::Press;
    use crate::queue::Frame;
    use rtc::shared::marshal::Marshal as _;

    fn answer(opus_payload_type: u8, extensions: Extensions) -> Answer {
        Answer {
            ufrag: String::new(),
            pwd: String::new(),
            fingerprint: String::new(),
            setup: None,
            candidates: vec![],
            opus_payload_type,
            extensions,
        }
    }

    #[test]
    fn the_header_is_what_the_library_would_write() {
        let crossed = Extensions { audio_level: 9, send_time: 4, transport_cc: 14 };
        for (payload_type, extensions) in [(111, Extensions::USUAL), (96, crossed)] {
            let answer = answer(payload_type, extensions);
            let mut head = Letterhead::new(0x7a1f_214d, payload_type, extensions);
            let mut press = Press::new(0x7a1f_214d, &answer);
            for number in 0..300u32 {
                let stamp = Stamp {
                    sequence: (number as u16).wrapping_mul(300),
                    timestamp: number.wrapping_mul(0x0123_4567),
                    marker: number.is_multiple_of(3),
                };
                let (level, now) =
                    (number as u8, Duration::from_micros(u64::from(number) * 20_011));
                let frame = Frame { stamp, level, length: 3 };
                let expected = press.packet(frame, b"abc", now).marshal().unwrap();
                let mut packet = [0; HEADER_BYTES + 3];
                packet[HEADER_BYTES..].copy_from_slice(b"abc");
                head.write(stamp, level, now, &mut packet);
                assert_eq!(packet[..], expected[..], "packet {number}");
            }
        }
    }
}
