//! DTLS server and SRTP of native style, on the parts that `rtc` is made of. No I/O, no clock.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType};
use rtc::dtls::endpoint::{Endpoint, EndpointEvent};
use rtc::dtls::state::State;
use rtc::shared::error::{Error, Result};
use rtc::shared::{TransportContext, TransportProtocol};
use rtc::srtp::config::{Config, LABEL_EXTRACTOR_DTLS_SRTP};
use rtc::srtp::context::Context;
use rtc::srtp::option::srtcp_replay_protection;
use rtc::srtp::protection_profile::ProtectionProfile;
use webrtc::peer_connection::SrtpProtectionProfile;
use webrtc::peer_connection::crypto::{HashAlgorithm, RTCCryptoProvider};

use crate::flight::Flight;
use crate::srtp::Protector;
use crate::stack::Identity;

/// Packets behind the latest one that may still come, each once.
const REPLAY_WINDOW: usize = 64;

/// Before a flight is repeated that the library does not repeat; it doubles. A peer's own timer is 1 s at first.
const PATIENCE: Duration = Duration::from_millis(400);

/// What came out of a datagram.
pub(crate) enum Secured {
    /// The handshake is complete; media can be protected by this.
    Connected(Protector),
    /// An SCTP packet.
    Data(BytesMut),
    /// The server said goodbye.
    Closed,
}

pub(crate) struct Secure {
    endpoint: Endpoint,
    flight: Flight,
    again: VecDeque<BytesMut>,
    /// DTLS sees one fixed address, whatever way ICE takes.
    peer: SocketAddr,
    /// For our reports; packets are protected by whoever sends them.
    reports: Option<Context>,
    /// For the server's.
    their_reports: Option<Context>,
    crypto: Arc<dyn RTCCryptoProvider>,
}

// === impl Secure ===

impl Secure {
    /// A server that accepts only the certificate with this fingerprint (SHA-256, upper-case hex with colons).
    pub(crate) fn new(identity: &Identity, fingerprint: &str) -> Result<Secure> {
        let crypto = Arc::clone(&identity.crypto);
        let (hasher, expected) = (Arc::clone(&crypto), fingerprint.to_owned());
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&crypto))
            .with_certificates(vec![identity.dtls_certificate.clone()])
            .with_srtp_protection_profiles(identity.profiles.clone())
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            // Certificates are self-signed: the fingerprint is what counts.
            .with_insecure_skip_verify(true)
            .with_verify_peer_certificate(Some(Arc::new(
                move |certificates: &[Vec<u8>], _: &[_]| {
                    let certificate = certificates.first().ok_or(Error::ErrNonCertificate)?;
                    let hash = hasher.crypto().hash(HashAlgorithm::Sha256, certificate);
                    let hash = hash.map_err(|fault| Error::Crypto(fault.to_string()))?;
                    let octets: Vec<String> =
                        hash.iter().map(|octet| format!("{octet:02X}")).collect();
                    if octets.join(":") == expected {
                        Ok(())
                    } else {
                        Err(Error::ErrNoMatchingCertificateFingerprint)
                    }
                },
            )))
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_replay_protection_window(REPLAY_WINDOW)
            .build(false, None)?;
        let placeholder = TransportContext::default();
        let endpoint =
            Endpoint::new(placeholder.local_addr, TransportProtocol::UDP, Some(Arc::new(config)));
        Ok(Secure {
            endpoint,
            flight: Flight::new(PATIENCE),
            again: VecDeque::new(),
            peer: placeholder.peer_addr,
            reports: None,
            their_reports: None,
            crypto,
        })
    }

    /// Whether media can be protected.
    pub(crate) fn is_ready(&self) -> bool {
        self.reports.is_some()
    }

    /// Takes a DTLS datagram; a refused handshake is seen by the alert that it leaves behind.
    pub(crate) fn read(&mut self, now: Instant, datagram: &[u8]) -> Result<Vec<Secured>> {
        self.flight.answered();
        let events = self.endpoint.read(now, self.peer, None, BytesMut::from(datagram))?;
        let mut secured = Vec::with_capacity(events.len());
        for event in events {
            match event {
                // Once only: a second protector would use the first one's keys from the beginning again.
                EndpointEvent::HandshakeComplete if self.reports.is_none() => {
                    let state = self
                        .endpoint
                        .get_connection_state(self.peer)
                        .ok_or(Error::ErrConnectionClosed)?;
                    let (protector, reports, theirs) = contexts(state, &*self.crypto)?;
                    self.reports = Some(reports);
                    self.their_reports = Some(theirs);
                    self.flight.end();
                    secured.push(Secured::Connected(protector));
                }
                EndpointEvent::ApplicationData(data) => secured.push(Secured::Data(data)),
                EndpointEvent::PeerClosed => secured.push(Secured::Closed),
                _ => {}
            }
        }
        Ok(secured)
    }

    /// Sends application data (SCTP).
    pub(crate) fn write(&mut self, now: Instant, data: &[u8]) -> Result<()> {
        self.endpoint.write(now, self.peer, data)
    }

    pub(crate) fn close(&mut self, now: Instant) -> Result<()> {
        self.endpoint.close(now)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&self.peer).or_else(|| self.flight.deadline())
    }

    /// Lets due retransmissions happen.
    pub(crate) fn timeout(&mut self, now: Instant) -> Result<()> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        if self.endpoint.poll_timeout(&self.peer).is_some() {
            return self.endpoint.handle_timeout(self.peer, now);
        }
        let again = self.flight.again(now);
        self.again.extend(again.iter().map(|datagram| BytesMut::from(datagram.as_slice())));
        Ok(())
    }

    /// The next DTLS datagram to be sent.
    pub(crate) fn poll_transmit(&mut self, now: Instant) -> Option<BytesMut> {
        if let Some(again) = self.again.pop_front() {
            return Some(again);
        }
        let datagram = self.endpoint.poll_transmit()?.message;
        if !self.is_ready() {
            self.flight.note(&datagram, now);
        }
        Some(datagram)
    }

    /// An SRTCP packet.
    pub(crate) fn protect_report(&mut self, report: &[u8]) -> Result<BytesMut> {
        self.reports.as_mut().ok_or(Error::ErrDtlsTransportNotStarted)?.encrypt_rtcp(report)
    }

    /// The plain compound inside an SRTCP packet of the server.
    pub(crate) fn open_report(&mut self, packet: &[u8]) -> Result<BytesMut> {
        self.their_reports.as_mut().ok_or(Error::ErrDtlsTransportNotStarted)?.decrypt_rtcp(packet)
    }
}

/// Protection for what we send (RFC 5764), packets and reports, which share a master key and nothing else; and for the
/// server's reports.
fn contexts(
    state: &State,
    crypto: &dyn RTCCryptoProvider,
) -> Result<(Protector, Context, Context)> {
    let profile = match state.srtp_protection_profile() {
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => ProtectionProfile::AeadAes128Gcm,
        SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => ProtectionProfile::AeadAes256Gcm,
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => {
            ProtectionProfile::Aes128CmHmacSha1_80
        }
        _ => return Err(Error::ErrNoSuchSrtpProfile),
    };
    let mut config = Config { profile, ..Config::default() };
    let material = state.export_keying_material(
        LABEL_EXTRACTOR_DTLS_SRTP,
        &[],
        config.keying_material_len(),
    )?;
    config.set_session_keys_from_keying_material(material.as_ref(), state.is_client())?;
    let (keys, crypto) = (&config.keys, crypto.crypto());
    let (key, salt) = (&keys.local_master_key, &keys.local_master_salt);
    let reports = Context::new(key, salt, profile, None, None, crypto)?;
    let (key, salt) = (&keys.remote_master_key, &keys.remote_master_salt);
    let window = Some(srtcp_replay_protection(REPLAY_WINDOW));
    let theirs = Context::new(key, salt, profile, None, window, crypto)?;
    Ok((Protector::new(&config, crypto)?, reports, theirs))
}
