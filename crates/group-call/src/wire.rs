//! The straight way out in native style: header, SRTP and one UDP datagram, all on the thread that sends.
//!
//! Nothing here waits or allocates: the socket does not block, and a datagram for which it has no room is a lost one.
//! The reactor sees none of it. It lays the wire when the handshake is complete, moves it when ICE chooses another path,
//! and cuts it at the end; what it reports about the sound it reads from a few atomics.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::header::{HEADER_BYTES, Letterhead};
use crate::packetizer::Stamp;
use crate::sender::{Exit, Inlet, PAYLOAD_BYTES_MAX};
use crate::socket::Datagrams;
use crate::srtp::{Protector, TAG_BYTES_MAX};

/// All that a packet needs on its way out.
pub(crate) struct Wire {
    head: Letterhead,
    protector: Protector,
    socket: Arc<Datagrams>,
    remote: SocketAddr,
    datagram: [u8; HEADER_BYTES + PAYLOAD_BYTES_MAX + TAG_BYTES_MAX],
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Sent,
    /// It has got its number, but did not leave.
    Lost,
    /// It is as if it had never been.
    Refused,
}

/// The reactor's hand on a wire. Its lock is held for moments; a frame that comes in such a moment is dropped rather than
/// kept waiting.
pub(crate) struct Switch(Arc<Mutex<Inlet>>);

/// The time of day as RTP wants it.
pub(crate) fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

// === impl Wire ===

impl Wire {
    pub(crate) fn new(
        head: Letterhead,
        protector: Protector,
        socket: Arc<Datagrams>,
        remote: SocketAddr,
    ) -> Wire {
        let datagram = [0; HEADER_BYTES + PAYLOAD_BYTES_MAX + TAG_BYTES_MAX];
        Wire { head, protector, socket, remote, datagram }
    }

    /// `payload` is at most [`PAYLOAD_BYTES_MAX`] long.
    pub(crate) fn send(&mut self, stamp: Stamp, level: u8, payload: &[u8]) -> Fate {
        self.head.write(stamp, level, wall_clock(), &mut self.datagram);
        self.datagram[HEADER_BYTES..HEADER_BYTES + payload.len()].copy_from_slice(payload);
        let protected = self.protector.protect(&mut self.datagram, HEADER_BYTES, payload.len());
        let Ok(length) = protected else { return Fate::Lost };
        match self.socket.send(&self.datagram[..length], self.remote) {
            Ok(_) => Fate::Sent,
            Err(_) => Fate::Lost,
        }
    }
}

// === impl Switch ===

impl Switch {
    pub(crate) fn new(inlet: Arc<Mutex<Inlet>>) -> Switch {
        Switch(inlet)
    }

    fn set(&self, change: impl FnOnce(&mut Option<Box<Wire>>)) {
        if let Exit::Wire(wire) = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).exit {
            change(wire);
        }
    }

    /// From now on frames leave.
    pub(crate) fn lay(&self, wire: Wire) {
        let wire = Box::new(wire);
        self.set(|place| *place = Some(wire));
    }

    /// They leave by another path.
    pub(crate) fn redirect(&self, socket: &Arc<Datagrams>, remote: SocketAddr) {
        self.set(|wire| {
            if let Some(wire) = wire {
                wire.socket = Arc::clone(socket);
                wire.remote = remote;
            }
        });
    }

    /// No more frames leave, and the socket is let go.
    pub(crate) fn cut(&self) {
        let mut last = None;
        self.set(|wire| last = wire.take());
        drop(last);
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.cut();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Extensions;
    use crate::connection::State;
    use crate::packetizer::Packetizer;
    use crate::sender::wired;
    use crate::shared::Shared;
    use rtc::srtp::config::Config;
    use rtc::srtp::protection_profile::ProtectionProfile;
    use std::net::UdpSocket;

    fn protector() -> Protector {
        let profile = ProtectionProfile::AeadAes128Gcm;
        let mut config = Config { profile, ..Config::default() };
        let material = vec![7; config.keying_material_len()];
        config.set_session_keys_from_keying_material(&material, false).unwrap();
        let provider = webrtc::peer_connection::crypto::default_provider().unwrap();
        Protector::new(&config, provider.crypto()).unwrap()
    }

    fn ear() -> (UdpSocket, SocketAddr) {
        let ear = UdpSocket::bind("127.0.0.1:0").unwrap();
        ear.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let address = ear.local_addr().unwrap();
        (ear, address)
    }

    /// Sequence number and timestamp of the next packet.
    fn hear(ear: &UdpSocket) -> (u16, u32) {
        let mut buffer = [0; 2048];
        assert!(ear.recv(&mut buffer).unwrap() > HEADER_BYTES);
        let word = |at: usize| u32::from_be_bytes(buffer[at..at + 4].try_into().unwrap());
        (word(0) as u16, word(4))
    }

    #[tokio::test]
    async fn frames_leave_by_the_wire_that_is_laid_until_it_is_cut() {
        let ((first, there), (second, elsewhere)) = (ear(), ear());
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            Arc::new(Datagrams::new(socket).unwrap())
        };
        let (ours, other) = (socket(), socket());
        let shared = Arc::new(Shared::new());
        let (mut sender, switch) = wired(Packetizer::new(9, 0), Arc::clone(&shared));
        shared.set_state(State::Connected);
        let mut send = || sender.send(b"sound", 960, 20, true).unwrap();

        send();
        let head = Letterhead::new(1, 111, Extensions::USUAL);
        switch.lay(Wire::new(head, protector(), Arc::clone(&ours), there));
        send();
        assert_eq!(hear(&first), (9, 960), "the frame before had no wire");
        switch.redirect(&other, elsewhere);
        send();
        assert_eq!(hear(&second), (10, 1920), "the numbers go on by another path");
        assert_eq!((Arc::strong_count(&ours), Arc::strong_count(&other)), (1, 2));
        drop(switch);
        send();
        assert_eq!(Arc::strong_count(&other), 1, "the socket is let go");
        let stats = shared.stats();
        assert_eq!((stats.packets_sent, stats.bytes_sent, stats.packets_dropped), (2, 10, 2));
    }
}
