//! What the clock thread, the reactor and the owner of a connection all see: a few atomics, no lock on the hot path.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

use crate::connection::{DtlsState, State, Stats};
use crate::reception::Reception;

/// Common state of one connection.
#[derive(Debug)]
pub(crate) struct Shared {
    born: Instant,
    state: AtomicU8,
    dtls: AtomicU8,
    pub(crate) packets_sent: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    pub(crate) packets_dropped: AtomicU64,
    /// What the RTP clock showed when this was born, going by the last packet; and when that was, in milliseconds since,
    /// plus one. 0 = none yet.
    rtp_at_birth: AtomicU32,
    last_packet_ms: AtomicU64,
    datagrams_received: AtomicU64,
    /// Milliseconds from `born` to the last datagram, plus one; 0 = none yet.
    last_inbound_ms: AtomicU64,
    /// The last receiver report in one word; all ones = none yet, which no report is.
    reception: AtomicU64,
    path: Mutex<Path>,
    /// Wakes the task that empties the frame queue.
    pub(crate) outlet: AtomicWaker,
}

/// The route in use; changes rarely.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) selected_pair: Option<(SocketAddr, SocketAddr)>,
    pub(crate) round_trip: Option<Duration>,
}

/// What was sent, as sender reports tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    /// What the RTP clock shows now.
    pub(crate) timestamp: u32,
    /// Since the last packet.
    pub(crate) quiet: Duration,
}

/// More packets lost than a report has room for.
const NO_RECEPTION: u64 = u64::MAX;
const STATES: [State; 5] =
    [State::Prepared, State::Connecting, State::Connected, State::Lost, State::Closed];
const DTLS_STATES: [DtlsState; 5] = [
    DtlsState::New,
    DtlsState::Connecting,
    DtlsState::Connected,
    DtlsState::Closed,
    DtlsState::Failed,
];

// === impl Shared ===

impl Shared {
    pub(crate) fn new() -> Shared {
        Shared {
            born: Instant::now(),
            state: AtomicU8::new(State::Prepared as u8),
            dtls: AtomicU8::new(DtlsState::New as u8),
            packets_sent: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            packets_dropped: AtomicU64::new(0),
            rtp_at_birth: AtomicU32::new(0),
            last_packet_ms: AtomicU64::new(0),
            datagrams_received: AtomicU64::new(0),
            last_inbound_ms: AtomicU64::new(0),
            reception: AtomicU64::new(NO_RECEPTION),
            path: Mutex::new(Path::default()),
            outlet: AtomicWaker::new(),
        }
    }

    pub(crate) fn state(&self) -> State {
        STATES[usize::from(self.state.load(Ordering::Acquire))]
    }

    /// Moves on; the ends (lost, closed) are final.
    pub(crate) fn set_state(&self, state: State) {
        let advance = |now: u8| (now < State::Lost as u8).then_some(state as u8);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, advance).is_ok() {
            self.outlet.wake();
        }
    }

    pub(crate) fn set_dtls(&self, state: DtlsState) {
        self.dtls.store(state as u8, Ordering::Relaxed);
    }

    pub(crate) fn dtls(&self) -> DtlsState {
        DTLS_STATES[usize::from(self.dtls.load(Ordering::Relaxed))]
    }

    /// A packet of `bytes` of Opus left. For whoever makes the packets; there is only one at a time.
    pub(crate) fn packet_sent(&self, bytes: usize, timestamp: u32, now: Instant) {
        self.packets_sent.fetch_add(1, Ordering::Relaxed);
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
        self.rtp_at_birth.store(timestamp.wrapping_sub(self.samples(now)), Ordering::Relaxed);
        let ms = now.saturating_duration_since(self.born).as_millis();
        self.last_packet_ms.store(u64::try_from(ms).unwrap_or(u64::MAX - 1) + 1, Ordering::Relaxed);
    }

    /// What was sent until `now`, for reports; `None` before the first packet.
    pub(crate) fn sent(&self, now: Instant) -> Option<Sent> {
        let last = self.last_packet_ms.load(Ordering::Relaxed).checked_sub(1)?;
        let age = now.saturating_duration_since(self.born);
        Some(Sent {
            // Reports have 32 bits for each.
            packets: self.packets_sent.load(Ordering::Relaxed) as u32,
            octets: self.bytes_sent.load(Ordering::Relaxed) as u32,
            timestamp: self.rtp_at_birth.load(Ordering::Relaxed).wrapping_add(self.samples(now)),
            quiet: age.saturating_sub(Duration::from_millis(last)),
        })
    }

    /// Since this was born, at 48 kHz; the low 32 bits, as RTP timestamps are.
    fn samples(&self, now: Instant) -> u32 {
        (now.saturating_duration_since(self.born).as_micros() * 48 / 1000) as u32
    }

    /// Any datagram is a sign of life.
    pub(crate) fn datagram_arrived(&self) {
        self.datagrams_received.fetch_add(1, Ordering::Relaxed);
        let ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.last_inbound_ms.store(ms + 1, Ordering::Relaxed);
    }

    pub(crate) fn inbound_age(&self) -> Option<Duration> {
        let ms = self.last_inbound_ms.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.born.elapsed().saturating_sub(Duration::from_millis(ms)))
    }

    pub(crate) fn set_reception(&self, reception: Reception) {
        self.reception.store(reception.pack(), Ordering::Relaxed);
    }

    fn reception(&self) -> Option<Reception> {
        let word = self.reception.load(Ordering::Relaxed);
        (word != NO_RECEPTION).then(|| Reception::unpack(word))
    }

    pub(crate) fn set_path(&self, path: Path) {
        *self.path.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }

    pub(crate) fn path(&self) -> Path {
        *self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stats(&self) -> Stats {
        let path = self.path();
        Stats {
            packets_sent: self.packets_sent.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            packets_dropped: self.packets_dropped.load(Ordering::Relaxed),
            datagrams_received: self.datagrams_received.load(Ordering::Relaxed),
            last_inbound: self.inbound_age(),
            selected_pair: path.selected_pair,
            dtls: self.dtls(),
            round_trip: path.round_trip,
            reception: self.reception(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_extend_the_last_timestamp_to_now() {
        let shared = Shared::new();
        assert_eq!(shared.sent(shared.born), None);
        // The RTP clock wraps on the way.
        let start = shared.born + Duration::from_secs(7);
        shared.packet_sent(300, u32::MAX - 959, start);
        shared.packet_sent(200, 0, start + Duration::from_millis(20));
        let sent = shared.sent(start + Duration::from_millis(1_020)).unwrap();
        let quiet = Duration::from_secs(1);
        assert_eq!(sent, Sent { packets: 2, octets: 500, timestamp: 48_000, quiet });
    }
}
