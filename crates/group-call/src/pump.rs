//! Web style: from the frame queue to webrtc. Builds RTP packets on the reactor, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::rtp::header::{EXTENSION_PROFILE_ONE_BYTE, Extension, Header};
use rtc::rtp::packet::Packet;
use webrtc::media_stream::track_local::TrackLocal;

use crate::answer::{Answer, Extensions};
use crate::packetizer::send_time;
use crate::queue::{Frame, Outlet};
use crate::sender::PAYLOAD_BYTES_MAX;
use crate::shared::Shared;
use crate::wire::wall_clock;

/// Bytes of the three extensions' values: level 1, send time 3, transport-cc 2.
const VALUES: usize = 6;
/// Packets are cut from blocks of this size, so one allocation serves some fifty of them.
const BLOCK: usize = 16 * 1024;

/// Turns frames into packets.
pub(crate) struct Press {
    ssrc: u32,
    payload_type: u8,
    extensions: Extensions,
    transport_sequence: u16,
    block: BytesMut,
}

// === impl Press ===

impl Press {
    pub(crate) fn new(ssrc: u32, answer: &Answer) -> Press {
        let (payload_type, extensions) = (answer.opus_payload_type, answer.extensions);
        Press {
            ssrc,
            payload_type,
            extensions,
            transport_sequence: 0,
            block: BytesMut::with_capacity(BLOCK),
        }
    }

    /// One packet. `since_epoch` is the wall clock, for abs-send-time.
    pub(crate) fn packet(&mut self, frame: Frame, payload: &[u8], since_epoch: Duration) -> Packet {
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        if self.block.capacity() < VALUES + payload.len() {
            self.block.reserve(BLOCK);
        }
        self.block.extend_from_slice(&[frame.level]);
        self.block.extend_from_slice(&send_time(since_epoch));
        self.block.extend_from_slice(&self.transport_sequence.to_be_bytes());
        self.block.extend_from_slice(payload);
        let bytes = self.block.split().freeze();
        Packet { header: self.header(frame, &bytes), payload: bytes.slice(VALUES..) }
    }

    fn header(&self, frame: Frame, values: &Bytes) -> Header {
        let mut extensions = vec![
            Extension { id: self.extensions.audio_level, payload: values.slice(0..1) },
            Extension { id: self.extensions.send_time, payload: values.slice(1..4) },
            Extension { id: self.extensions.transport_cc, payload: values.slice(4..6) },
        ];
        extensions.sort_unstable_by_key(|extension| extension.id);
        Header {
            version: 2,
            marker: frame.stamp.marker,
            payload_type: self.payload_type,
            sequence_number: frame.stamp.sequence,
            timestamp: frame.stamp.timestamp,
            ssrc: self.ssrc,
            extension: true,
            extension_profile: EXTENSION_PROFILE_ONE_BYTE,
            extensions,
            // Three one-byte headers and six bytes of values, to the next multiple of four (RFC 8285).
            extensions_padding: 3,
            ..Header::default()
        }
    }
}

/// Sends what comes out of the queue until webrtc takes no more.
pub(crate) async fn pump(
    mut outlet: Outlet,
    mut press: Press,
    track: Arc<dyn TrackLocal>,
    shared: Arc<Shared>,
) {
    let mut payload = [0; PAYLOAD_BYTES_MAX];
    loop {
        let frame = outlet.next(&mut payload).await;
        let packet = press.packet(frame, &payload[..frame.length], wall_clock());
        if let Err(fault) = track.write_rtp(packet).await {
            tracing::debug!(%fault, "webrtc takes no more packets");
            return;
        }
        shared.packet_sent(frame.length, frame.stamp.timestamp, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packetizer::Stamp;
    use rtc::shared::marshal::Marshal;

    #[test]
    fn a_packet_has_the_one_byte_form_and_all_three_extensions() {
        let answer = Answer {
            ufrag: String::new(),
            pwd: String::new(),
            fingerprint: String::new(),
            setup: None,
            candidates: vec![],
            opus_payload_type: 111,
            extensions: Extensions::USUAL,
        };
        let mut press = Press::new(0x0a1f_214d, &answer);
        let stamp = Stamp { sequence: 0x4523, timestamp: 0x3dbe_6f7a, marker: true };
        let frame = Frame { stamp, level: 0x94, length: 3 };
        let packet = press.packet(frame, b"abc", Duration::from_millis(1500));
        let bytes = packet.marshal().unwrap();
        let expected = [
            0x90, 0xef, 0x45, 0x23, 0x3d, 0xbe, 0x6f, 0x7a, 0x0a, 0x1f, 0x21,
            0x4d, // fixed header
            0xbe, 0xde, 0x00, 0x03, // one-byte form, three words
            0x10, 0x94, 0x22, 0x06, 0x00, 0x00, 0x31, 0x00, 0x01, 0x00, 0x00,
            0x00, // 1, 2, 3, padding
            b'a', b'b', b'c',
        ];
        assert_eq!(&bytes[..], &expected[..]);
        for _ in 0..200 {
            press.packet(frame, &[1; 325], Duration::ZERO);
        }
        assert_eq!(press.transport_sequence, 201);
    }
}
