//! The process-wide part: settings, and the reactor threads on which every connection runs.

use std::sync::Arc;
use std::time::Duration;

use domain::fault::{Fault, Reason};
use rtc::dtls::crypto::Certificate;
use webrtc::peer_connection::crypto::{self, HashAlgorithm, RTCCryptoProvider};

use crate::connection::Connection;
use crate::payload::Credentials;
use crate::reactor::Reactors;
use crate::stack::{Identity, PROFILES};

/// Which side of the handshakes we declare to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Like Telegram's native clients: `passive`, so DTLS server and ICE controlled. The first choice.
    Native,
    /// Like Telegram's web clients: `active`, so DTLS client and ICE controlling. The second attempt.
    Web,
}

/// How connections behave; the same for the whole process.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Reactor threads that carry all connections; 1 is enough for some hundred calls.
    pub reactor_threads: usize,
    /// From the answer to the first possible packet; then the attempt has failed.
    pub connect_deadline: Duration,
    /// How long `Connected` waits for the data channel once DTLS is up (some servers read no RTP before it is open, others
    /// never open it).
    pub data_channel_grace: Duration,
    /// Without any inbound packet for this long the connection is lost.
    pub lost_after: Duration,
    /// Spacing of ICE checks while connecting.
    pub ice_check_interval: Duration,
    /// Spacing of ICE keepalives once connected; their replies prove that the server is still there.
    pub ice_keepalive_interval: Duration,
    /// Bytes that may wait between the clock thread and a connection of web style (10 per frame besides its payload); native
    /// style sends at once.
    pub queue_bytes: usize,
}

// === impl Settings ===

impl Settings {
    /// What suits Telegram: 10 s to connect, 20 s of silence until lost, one reactor thread, about a second of queue.
    pub fn recommended() -> Settings {
        Settings {
            reactor_threads: 1,
            connect_deadline: Duration::from_secs(10),
            data_channel_grace: Duration::from_millis(1500),
            lost_after: Duration::from_secs(20),
            ice_check_interval: Duration::from_millis(100),
            ice_keepalive_interval: Duration::from_secs(1),
            queue_bytes: 24 * 1024,
        }
    }
}

/// One per process: makes connections, and owns (together with them) the threads they run on.
#[derive(Clone)]
pub struct Transport {
    settings: Settings,
    reactors: Arc<Reactors>,
    crypto: Arc<dyn RTCCryptoProvider>,
}

// === impl Transport ===

impl Transport {
    /// Starts the reactor threads.
    ///
    /// # Errors
    /// Fatal, when the system gives no thread or no event queue.
    pub fn new(settings: Settings) -> Result<Transport, Fault> {
        let fatal = |what: &str, fault: &dyn std::fmt::Display| {
            Fault::fatal(Reason::Internal, format!("{what}: {fault}"))
        };
        let reactors = Reactors::start(settings.reactor_threads)
            .map_err(|fault| fatal("no reactor", &fault))?;
        let crypto =
            crypto::default_provider().map_err(|fault| fatal("no cryptography", &fault))?;
        Ok(Transport { settings, reactors: Arc::new(reactors), crypto })
    }

    /// Makes credentials, certificate (ECDSA P-256) and SSRC for one join. Touches no network; takes about a millisecond.
    ///
    /// A connection serves one join only: every attempt needs a new one.
    ///
    /// # Errors
    /// Transient, when no certificate can be made.
    pub async fn prepare(&self, style: Style) -> Result<Connection, Fault> {
        let failed = |fault: &dyn std::fmt::Display| {
            Fault::transient(Reason::Internal, format!("no certificate: {fault}"))
        };
        let primitives = self.crypto.crypto();
        let certificate = Certificate::generate_self_signed(vec!["WebRTC".to_owned()], primitives)
            .map_err(|fault| failed(&fault))?;
        let der = certificate.certificate.first().ok_or_else(|| failed(&"it is empty"))?;
        let hash = primitives.hash(HashAlgorithm::Sha256, der).map_err(|fault| failed(&fault))?;
        let octets: Vec<String> = hash.iter().map(|octet| format!("{octet:02X}")).collect();
        let fingerprint = octets.join(":");
        let identity = Identity {
            style,
            credentials: Credentials::random(),
            dtls_certificate: certificate,
            profiles: PROFILES.to_vec(),
            crypto: Arc::clone(&self.crypto),
        };
        Ok(Connection::new(
            identity,
            &fingerprint,
            self.settings.clone(),
            Arc::clone(&self.reactors),
        ))
    }

    /// Tasks that are alive on all reactors.
    #[cfg(test)]
    pub(crate) fn tasks(&self) -> usize {
        self.reactors.tasks()
    }
}
