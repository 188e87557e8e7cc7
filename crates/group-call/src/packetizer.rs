//! RTP bookkeeping of one stream: sequence number, timestamp, marker. Pure; knows neither clock nor network.

/// What one frame gets in its RTP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    /// Set on the first packet after silence (RFC 3551: the beginning of a talk spurt).
    pub(crate) marker: bool,
}

/// Numbers frames. The RTP clock runs at 48 kHz and never stops for silence, loss or pauses that are told by `skip`.
#[derive(Debug, Clone)]
pub(crate) struct Packetizer {
    sequence: u16,
    timestamp: u32,
    is_after_silence: bool,
}

// === impl Packetizer ===

impl Packetizer {
    /// Both start at random values (RFC 3550 §5.1).
    pub(crate) fn new(sequence: u16, timestamp: u32) -> Packetizer {
        Packetizer { sequence, timestamp, is_after_silence: true }
    }

    /// What the next frame will be stamped with; changes nothing.
    pub(crate) fn next(&self) -> Stamp {
        Stamp { sequence: self.sequence, timestamp: self.timestamp, marker: self.is_after_silence }
    }

    /// The frame went out.
    pub(crate) fn sent(&mut self, samples: u32) {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.is_after_silence = false;
    }

    /// The frame was lost on our side: its time passes, but no sequence number is used up (a receiver conceals the gap).
    pub(crate) fn dropped(&mut self, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
    }

    /// Silence: time passes without packets.
    pub(crate) fn skip(&mut self, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.is_after_silence = true;
    }
}

/// The byte of RFC 6464: voice activity in the top bit, -dBov below.
pub(crate) fn audio_level(level: u8, voice: bool) -> u8 {
    level.min(127) | if voice { 0x80 } else { 0 }
}

/// abs-send-time: seconds as 6.18 fixed point, 24 bits, big-endian (webrtc.org, abs-send-time).
pub(crate) fn send_time(since_epoch: std::time::Duration) -> [u8; 3] {
    let seconds = since_epoch.as_secs() & 0x3f;
    let fraction = (u64::from(since_epoch.subsec_nanos()) << 18) / 1_000_000_000;
    let [.., a, b, c] = ((seconds << 18) | fraction).to_be_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn sequence_and_timestamp_count_on() {
        let mut packetizer = Packetizer::new(7, 1000);
        assert_eq!(packetizer.next(), Stamp { sequence: 7, timestamp: 1000, marker: true });
        packetizer.sent(960);
        assert_eq!(packetizer.next(), Stamp { sequence: 8, timestamp: 1960, marker: false });
        packetizer.sent(2880);
        assert_eq!(packetizer.next(), Stamp { sequence: 9, timestamp: 4840, marker: false });
    }

    #[test]
    fn the_sequence_wraps_after_65535_and_the_timestamp_after_32_bits() {
        let mut packetizer = Packetizer::new(65_535, u32::MAX - 959);
        packetizer.sent(960);
        assert_eq!(packetizer.next(), Stamp { sequence: 0, timestamp: 0, marker: false });
    }

    #[test]
    fn skipping_moves_the_clock_and_marks_the_next_packet() {
        let mut packetizer = Packetizer::new(1, 0);
        packetizer.sent(960);
        packetizer.skip(960);
        packetizer.skip(960);
        assert_eq!(packetizer.next(), Stamp { sequence: 2, timestamp: 2880, marker: true });
        packetizer.sent(960);
        assert!(!packetizer.next().marker);
    }

    #[test]
    fn a_dropped_frame_leaves_a_hole_in_time_but_not_in_the_sequence() {
        let mut packetizer = Packetizer::new(1, 0);
        packetizer.sent(960);
        packetizer.dropped(960);
        assert_eq!(packetizer.next(), Stamp { sequence: 2, timestamp: 1920, marker: false });
    }

    #[test]
    fn the_level_byte_is_that_of_rfc_6464() {
        assert_eq!(audio_level(20, true), 0x94);
        assert_eq!(audio_level(0, false), 0x00);
        assert_eq!(audio_level(127, false), 0x7f);
        assert_eq!(audio_level(200, true), 0xff);
    }

    #[test]
    fn send_time_is_6_18_fixed_point_and_wraps_every_64_seconds() {
        assert_eq!(send_time(Duration::ZERO), [0, 0, 0]);
        assert_eq!(send_time(Duration::from_millis(500)), [0x02, 0x00, 0x00]);
        assert_eq!(send_time(Duration::from_secs(1)), [0x04, 0x00, 0x00]);
        assert_eq!(send_time(Duration::from_secs(64 + 1)), [0x04, 0x00, 0x00]);
        assert_eq!(send_time(Duration::new(63, 999_999_999)), [0xff, 0xff, 0xff]);
    }
}
