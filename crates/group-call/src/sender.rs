//! The hot path: frames in, RTP out, called by a clock thread every 20 ms for each call.
//!
//! In native style the packet is made and sent on the spot ([`crate::wire`]); in web style a copy is left to the reactor
//! ([`crate::queue`]). Either way the clock thread neither allocates nor waits for anybody.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Instant;

use crate::connection::State;
use crate::packetizer::{Packetizer, audio_level};
use crate::queue::{Chute, Outlet, ring};
use crate::shared::Shared;
use crate::wire::{Fate, Switch, Wire};

/// Largest Opus payload that fits one packet on any path (1500 bytes less IP, UDP, RTP, extensions and SRTP tag).
pub(crate) const PAYLOAD_BYTES_MAX: usize = 1400;

/// The connection is over; whoever sends should drop its [`Sender`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct Closed;

/// Sends Opus frames over one connection. Never waits and allocates nothing.
///
/// Clones share one RTP stream; frames of two clones used at the same instant are dropped rather than waited for.
#[derive(Clone)]
pub struct Sender {
    inlet: Arc<Mutex<Inlet>>,
    shared: Arc<Shared>,
}

/// What the clones share.
pub(crate) struct Inlet {
    packetizer: Packetizer,
    pub(crate) exit: Exit,
}

/// How frames leave.
pub(crate) enum Exit {
    Queue(Box<Chute>),
    /// Once it is laid.
    Wire(Option<Box<Wire>>),
}

fn sender(packetizer: Packetizer, exit: Exit, shared: Arc<Shared>) -> Sender {
    Sender { inlet: Arc::new(Mutex::new(Inlet { packetizer, exit })), shared }
}

/// A sender whose frames wait in a ring of `bytes` for the reactor.
pub(crate) fn queued(
    bytes: usize,
    packetizer: Packetizer,
    shared: Arc<Shared>,
) -> (Sender, Outlet) {
    let (chute, outlet) = ring(bytes, Arc::clone(&shared));
    (sender(packetizer, Exit::Queue(Box::new(chute)), shared), outlet)
}

/// A sender whose frames leave at once, as soon as the reactor has laid a wire for them.
pub(crate) fn wired(packetizer: Packetizer, shared: Arc<Shared>) -> (Sender, Switch) {
    let sender = sender(packetizer, Exit::Wire(None), shared);
    let switch = Switch::new(Arc::clone(&sender.inlet));
    (sender, switch)
}

// === impl Sender ===

impl Sender {
    /// Sends one Opus frame of `samples` (48 kHz per channel, 960 for 20 ms). `level` is in -dBov (0 loudest, 127 silence)
    /// and `voice` the V bit of RFC 6464; servers forward only who seems to speak.
    ///
    /// Before the connection is up, or when the socket or the queue is full, the frame is dropped and counted
    /// ([`crate::Stats`]), while the RTP clock goes on.
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
        let fits = !payload.is_empty() && payload.len() <= PAYLOAD_BYTES_MAX;
        let fate = if is_up && fits {
            inlet.send(payload, audio_level(level, voice), &self.shared)
        } else {
            Fate::Refused
        };
        match fate {
            Fate::Sent | Fate::Lost => inlet.packetizer.sent(samples),
            Fate::Refused => inlet.packetizer.dropped(samples),
        }
        if fate != Fate::Sent {
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
    fn send(&mut self, payload: &[u8], level: u8, shared: &Shared) -> Fate {
        let stamp = self.packetizer.next();
        match &mut self.exit {
            Exit::Queue(chute) => {
                if !chute.push(stamp, level, payload) {
                    return Fate::Refused;
                }
                shared.outlet.wake();
                Fate::Sent
            }
            Exit::Wire(None) => Fate::Refused,
            Exit::Wire(Some(wire)) => {
                let fate = wire.send(stamp, level, payload);
                if fate == Fate::Sent {
                    shared.packet_sent(payload.len(), stamp.timestamp, Instant::now());
                }
                fate
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packetizer::Stamp;

    fn connected(bytes: usize) -> (Sender, Outlet, Arc<Shared>) {
        let shared = Arc::new(Shared::new());
        let (sender, outlet) = queued(bytes, Packetizer::new(65_535, 10), Arc::clone(&shared));
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
        let (mut sender, mut outlet) = queued(4096, Packetizer::new(5, 0), Arc::clone(&shared));
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
