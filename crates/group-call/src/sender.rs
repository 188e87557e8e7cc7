//! The hot path: frames in, RTP out, called by a clock thread every 20 ms for each call.
//!
//! A frame is copied into a preallocated ring of bytes together with its RTP stamp, and the connection's task on the
//! reactor is woken. webrtc's own `write_rtp` boxes a future and locks the track per packet; here that happens on the
//! reactor, so the clock thread neither allocates nor waits for anybody.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, TryLockError};
use std::task::Poll;

use crate::connection::State;
use crate::packetizer::{Packetizer, Stamp, audio_level};
use crate::shared::Shared;

/// Largest Opus payload that fits one packet on any path (1500 bytes less IP, UDP, RTP, extensions and SRTP tag).
pub(crate) const PAYLOAD_BYTES_MAX: usize = 1400;
/// Bytes before each payload in the ring: length 2, sequence 2, timestamp 4, marker 1, level 1.
const RECORD_HEADER: usize = 10;

/// The connection is over; whoever sends should drop its [`Sender`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct Closed;

/// Hands Opus frames to one connection. Never waits and allocates nothing.
///
/// Clones share one RTP stream; frames of two clones used at the same instant are dropped rather than waited for.
#[derive(Clone)]
pub struct Sender {
    inlet: Arc<Mutex<Inlet>>,
    shared: Arc<Shared>,
}

/// The clock thread's end of the ring.
struct Inlet {
    ring: rtrb::Producer<u8>,
    packetizer: Packetizer,
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
pub(crate) fn queue(bytes: usize, packetizer: Packetizer, shared: Arc<Shared>) -> (Sender, Outlet) {
    let (producer, consumer) = rtrb::RingBuffer::new(bytes.max(RECORD_HEADER + PAYLOAD_BYTES_MAX));
    let inlet =
        Inlet { ring: producer, packetizer, record: [0; RECORD_HEADER + PAYLOAD_BYTES_MAX] };
    let sender = Sender { inlet: Arc::new(Mutex::new(inlet)), shared: Arc::clone(&shared) };
    (sender, Outlet { ring: consumer, shared })
}

// === impl Sender ===

impl Sender {
    /// Sends one Opus frame of `samples` (48 kHz per channel, 960 for 20 ms). `level` is in -dBov (0 loudest, 127 silence)
    /// and `voice` the V bit of RFC 6464; servers forward only who seems to speak.
    ///
    /// Before the connection is up, or when its queue is full, the frame is dropped and counted ([`crate::Stats`]), while
    /// the RTP clock goes on.
    ///
    /// # Errors
    /// [`Closed`] once the connection is lost or closed.
    pub fn send(
        &mut self,
        payload: &[u8],
        samples: u32,
        level: u8,
        voice: bool,
    ) -> Result<(), Closed> {
        let is_up = match self.shared.state() {
            State::Connected => true,
            State::Prepared | State::Connecting => false,
            State::Lost | State::Closed => return Err(Closed),
        };
        let mut inlet = match self.inlet.try_lock() {
            Ok(inlet) => inlet,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.shared.packets_dropped.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
        };
        if is_up && inlet.push(payload, audio_level(level, voice)) {
            inlet.packetizer.sent(samples);
            self.shared.outlet.wake();
        } else {
            inlet.packetizer.dropped(samples);
            self.shared.packets_dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Numbers of the connection behind it.
    pub fn stats(&self) -> crate::Stats {
        self.shared.stats()
    }

    /// Lets `samples` pass in silence: no packet, but the RTP clock goes on, and the next packet is marked.
    pub fn skip(&mut self, samples: u32) {
        match self.inlet.try_lock() {
            Ok(mut inlet) => inlet.packetizer.skip(samples),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().packetizer.skip(samples),
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("state", &self.shared.state()).finish_non_exhaustive()
    }
}

// === impl Inlet ===

impl Inlet {
    /// Whether the frame fit.
    fn push(&mut self, payload: &[u8], level: u8) -> bool {
        let length = payload.len();
        if length == 0 || length > PAYLOAD_BYTES_MAX {
            return false;
        }
        let stamp = self.packetizer.next();
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

    fn pop(&mut self, payload: &mut [u8; PAYLOAD_BYTES_MAX]) -> Option<Frame> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(bytes: usize) -> (Sender, Outlet, Arc<Shared>) {
        let shared = Arc::new(Shared::new());
        let (sender, outlet) = queue(bytes, Packetizer::new(65_535, 10), Arc::clone(&shared));
        shared.set_state(State::Connecting);
        shared.set_state(State::Connected);
        (sender, outlet, shared)
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        let (mut sender, mut outlet, _) = connected(4096);
        sender.send(b"first", 960, 20, true).unwrap();
        sender.skip(960);
        sender.send(&[7; PAYLOAD_BYTES_MAX], 960, 127, false).unwrap();
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        let frame = outlet.pop(&mut payload).unwrap();
        assert_eq!(frame.stamp, Stamp { sequence: 65_535, timestamp: 10, marker: true });
        assert_eq!((frame.level, &payload[..frame.length]), (0x94, &b"first"[..]));
        let frame = outlet.pop(&mut payload).unwrap();
        assert_eq!(frame.stamp, Stamp { sequence: 0, timestamp: 1930, marker: true });
        assert_eq!((frame.level, frame.length, payload[1399]), (0x7f, PAYLOAD_BYTES_MAX, 7));
        assert!(outlet.pop(&mut payload).is_none());
    }

    #[test]
    fn a_full_queue_drops_and_counts_but_never_waits() {
        let (mut sender, mut outlet, shared) = connected(0);
        for _ in 0..40 {
            sender.send(&[1; 200], 960, 0, true).unwrap();
        }
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        let mut frames = 0;
        while outlet.pop(&mut payload).is_some() {
            frames += 1;
        }
        assert_eq!(frames, 6);
        assert_eq!(shared.stats().packets_dropped, 34);
        sender.send(&[2; 200], 960, 0, true).unwrap();
        let frame = outlet.pop(&mut payload).unwrap();
        assert_eq!(frame.stamp.sequence, 65_535u16.wrapping_add(6));
        assert_eq!(frame.stamp.timestamp, 10 + 40 * 960);
    }

    #[test]
    fn frames_before_the_connection_is_up_are_dropped_and_the_clock_goes_on() {
        let shared = Arc::new(Shared::new());
        let (mut sender, mut outlet) = queue(4096, Packetizer::new(5, 0), Arc::clone(&shared));
        sender.send(b"early", 960, 0, true).unwrap();
        shared.set_state(State::Connected);
        sender.send(b"now", 960, 0, true).unwrap();
        let frame = outlet.pop(&mut [0; PAYLOAD_BYTES_MAX]).unwrap();
        assert_eq!(frame.stamp, Stamp { sequence: 5, timestamp: 960, marker: true });
        assert_eq!(shared.stats().packets_dropped, 1);
    }

    #[test]
    fn oversized_and_empty_frames_are_dropped() {
        let (mut sender, mut outlet, shared) = connected(8192);
        sender.send(&[0; PAYLOAD_BYTES_MAX + 1], 960, 0, true).unwrap();
        sender.send(&[], 960, 0, true).unwrap();
        assert!(outlet.pop(&mut [0; PAYLOAD_BYTES_MAX]).is_none());
        assert_eq!(shared.stats().packets_dropped, 2);
    }

    #[test]
    fn a_lost_connection_refuses_frames_and_stays_lost() {
        let (mut sender, _outlet, shared) = connected(4096);
        shared.set_state(State::Lost);
        shared.set_state(State::Connected);
        assert_eq!(shared.state(), State::Lost);
        assert_eq!(sender.send(b"x", 960, 0, true), Err(Closed));
    }
}
