//! The queue between a clock thread and the reactor, in web style: frames go in on one side and come out on the other.
//!
//! webrtc's `write_rtp` boxes a future and locks the track per packet; behind this queue that happens on the reactor, so
//! the clock thread neither allocates nor waits for anybody.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use crate::packetizer::Stamp;
use crate::sender::PAYLOAD_BYTES_MAX;
use crate::shared::Shared;

/// Bytes before each payload in the ring: length 2, sequence 2, timestamp 4, marker 1, level 1.
const RECORD_HEADER: usize = 10;

/// The clock thread's end of the ring.
pub(crate) struct Chute {
    ring: rtrb::Producer<u8>,
    /// One record is put together here and pushed as a whole, so the other end never sees half of one.
    record: [u8; RECORD_HEADER + PAYLOAD_BYTES_MAX],
}

/// The reactor's end of the ring.
pub(crate) struct Outlet {
    ring: rtrb::Consumer<u8>,
    shared: Arc<Shared>,
}

/// One frame as it comes out of the ring; its payload is in the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) stamp: Stamp,
    pub(crate) level: u8,
    pub(crate) length: usize,
}

/// A ring of `bytes`, and both its ends.
pub(crate) fn ring(bytes: usize, shared: Arc<Shared>) -> (Chute, Outlet) {
    let (producer, consumer) = rtrb::RingBuffer::new(bytes.max(RECORD_HEADER + PAYLOAD_BYTES_MAX));
    let record = [0; RECORD_HEADER + PAYLOAD_BYTES_MAX];
    (Chute { ring: producer, record }, Outlet { ring: consumer, shared })
}

// === impl Chute ===

impl Chute {
    /// Whether the frame fit. `payload` is at most [`PAYLOAD_BYTES_MAX`] long.
    pub(crate) fn push(&mut self, stamp: Stamp, level: u8, payload: &[u8]) -> bool {
        let length = payload.len();
        let record = &mut self.record[..RECORD_HEADER + length];
        // PAYLOAD_BYTES_MAX fits 16 bits.
        record[0..2].copy_from_slice(&(length as u16).to_le_bytes());
        record[2..4].copy_from_slice(&stamp.sequence.to_le_bytes());
        record[4..8].copy_from_slice(&stamp.timestamp.to_le_bytes());
        record[8] = u8::from(stamp.marker);
        record[9] = level;
        record[RECORD_HEADER..].copy_from_slice(payload);
        self.ring.push_entire_slice(record).is_ok()
    }
}

// === impl Outlet ===

impl Outlet {
    /// Waits for a frame and copies its payload to the front of `payload`.
    pub(crate) async fn next(&mut self, payload: &mut [u8; PAYLOAD_BYTES_MAX]) -> Frame {
        poll_fn(|context| {
            if let Some(frame) = self.pop(payload) {
                return Poll::Ready(frame);
            }
            self.shared.outlet.register(context.waker());
            // A frame may have come between the look and the registration.
            self.pop(payload).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    pub(crate) fn pop(&mut self, payload: &mut [u8; PAYLOAD_BYTES_MAX]) -> Option<Frame> {
        let mut header = [0; RECORD_HEADER];
        self.ring.pop_entire_slice(&mut header).ok()?;
        let [l0, l1, s0, s1, t0, t1, t2, t3, marker, level] = header;
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        self.ring.pop_entire_slice(&mut payload[..length]).expect("records are pushed whole");
        let stamp = Stamp {
            sequence: u16::from_le_bytes([s0, s1]),
            timestamp: u32::from_le_bytes([t0, t1, t2, t3]),
            marker: marker != 0,
        };
        Some(Frame { stamp, level, length })
    }
}
