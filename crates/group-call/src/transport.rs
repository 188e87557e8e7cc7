//! The process-wide part: settings, and the reactor threads on which every connection runs.

use std::time::Duration;

use domain::fault::{Fault, Reason};

use crate::connection::Connection;

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
    /// Reactor threads that carry all connections; 1 is enough for some hundred calls per core.
    pub reactor_threads: usize,
    /// From the answer to the first possible packet; then the attempt has failed.
    pub connect_deadline: Duration,
    /// How long Connected waits for the data channel once DTLS is up (some servers read no RTP before it is open, others
    /// never open it).
    pub data_channel_grace: Duration,
    /// Without any inbound packet for this long the connection is lost.
    pub lost_after: Duration,
    /// Spacing of ICE checks while connecting.
    pub ice_check_interval: Duration,
    /// Spacing of ICE keepalives once connected; they also prove that the server is still there.
    pub ice_keepalive_interval: Duration,
    /// Bytes of payload (and 16 per packet) that may wait between the clock thread and the connection.
    pub queue_bytes: usize,
}

impl Settings {
    /// What works against Telegram: 10 s to connect, 20 s of silence until lost, one reactor thread, about a second of queue.
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

/// One per process; makes connections and owns the threads they run on.
pub struct Transport;

// === impl Transport ===

impl Transport {
    /// Starts the reactor threads.
    pub fn new(_settings: Settings) -> Result<Transport, Fault> {
        Ok(Transport)
    }

    /// Makes credentials, certificate and SSRC for one join. Touches no network; a connection serves one join only.
    pub async fn prepare(&self, _style: Style) -> Result<Connection, Fault> {
        Err(Fault::transient(Reason::Internal, "not built yet"))
    }
}
