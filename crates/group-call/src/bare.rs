//! What sending costs at least: a header, SRTP and one UDP datagram for each frame, with no connection around them. The
//! benchmark's yardstick; the bot does not use it.

use std::net::{SocketAddr, UdpSocket};

use domain::fault::{Fault, Reason};
use rtc::srtp::config::Config;
use rtc::srtp::protection_profile::ProtectionProfile;
use webrtc::peer_connection::crypto;

use crate::answer::Extensions;
use crate::header::{HEADER_BYTES, Letterhead};
use crate::packetizer::Packetizer;
use crate::sender::PAYLOAD_BYTES_MAX;
use crate::srtp::{Protector, TAG_BYTES_MAX};
use crate::wire::wall_clock;

/// One stream towards an address where somebody should listen, for what nobody takes is cheaper.
pub struct Bare {
    head: Letterhead,
    protector: Protector,
    packetizer: Packetizer,
    socket: UdpSocket,
    datagram: [u8; HEADER_BYTES + PAYLOAD_BYTES_MAX + TAG_BYTES_MAX],
}

// === impl Bare ===

impl Bare {
    /// AES-256-GCM, the profile of most servers, with a key of zeros.
    ///
    /// # Errors
    /// Transient, when there is no socket or no cipher.
    pub fn new(to: SocketAddr) -> Result<Bare, Fault> {
        let failed = |fault: &dyn std::fmt::Display| {
            Fault::transient(Reason::Internal, format!("no bare stream: {fault}"))
        };
        let profile = ProtectionProfile::AeadAes256Gcm;
        let mut config = Config { profile, ..Config::default() };
        let material = vec![0; config.keying_material_len()];
        config
            .set_session_keys_from_keying_material(&material, false)
            .map_err(|fault| failed(&fault))?;
        let provider = crypto::default_provider().map_err(|fault| failed(&fault))?;
        let protector =
            Protector::new(&config, provider.crypto()).map_err(|fault| failed(&fault))?;
        let connect = || -> std::io::Result<UdpSocket> {
            let socket = UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(to)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        Ok(Bare {
            head: Letterhead::new(rand::random(), 111, Extensions::USUAL),
            protector,
            packetizer: Packetizer::new(rand::random(), rand::random()),
            socket: connect().map_err(|fault| failed(&fault))?,
            datagram: [0; HEADER_BYTES + PAYLOAD_BYTES_MAX + TAG_BYTES_MAX],
        })
    }

    /// Sends one frame of 20 ms; whether it left. Payloads are cut to what fits a packet.
    pub fn send(&mut self, payload: &[u8]) -> bool {
        let payload = &payload[..payload.len().min(PAYLOAD_BYTES_MAX)];
        self.head.write(self.packetizer.next(), 0x94, wall_clock(), &mut self.datagram);
        self.packetizer.sent(960);
        self.datagram[HEADER_BYTES..HEADER_BYTES + payload.len()].copy_from_slice(payload);
        self.protector
            .protect(&mut self.datagram, HEADER_BYTES, payload.len())
            .is_ok_and(|length| self.socket.send(&self.datagram[..length]).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bare_frame_is_one_datagram_as_long_as_a_real_one() {
        let ear = UdpSocket::bind("127.0.0.1:0").unwrap();
        ear.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut bare = Bare::new(ear.local_addr().unwrap()).unwrap();
        assert!(bare.send(&[7; 320]));
        let mut buffer = [0; 2048];
        assert_eq!(ear.recv(&mut buffer).unwrap(), HEADER_BYTES + 320 + TAG_BYTES_MAX);
        assert!(!buffer[HEADER_BYTES..].starts_with(&[7; 8]), "it is encrypted");
    }
}
