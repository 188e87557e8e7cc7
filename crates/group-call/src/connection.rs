//! One join of one call: its payload, its answer, its events.

use std::net::SocketAddr;
use std::time::Duration;

use domain::fault::{Fault, Reason};

use crate::sender::Sender;

/// Why the server's answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// `{"stream":true}`: the call is too large to speak in, parts are fetched instead.
    #[error("the call is in broadcast mode")]
    Broadcast,
    /// `{"rtmp":…}`: the call is fed by a live stream.
    #[error("the call is a live stream")]
    Rtmp,
    /// No candidate that can be reached over UDP.
    #[error("no usable candidate: {0}")]
    NoCandidate(String),
    /// Not what a media server answers.
    #[error("unreadable answer: {0}")]
    Malformed(String),
    /// The answer was applied already; a connection serves one join.
    #[error("an answer was applied before")]
    AlreadyApplied,
    /// The WebRTC stack refused.
    #[error("webrtc: {0}")]
    Stack(String),
}

impl From<AnswerFault> for Fault {
    fn from(fault: AnswerFault) -> Fault {
        let detail = fault.to_string();
        match fault {
            AnswerFault::Broadcast | AnswerFault::Rtmp => {
                Fault::refused(Reason::BroadcastOnly, detail)
            }
            AnswerFault::NoCandidate(_) => Fault::transient(Reason::CallUnreachable, detail),
            AnswerFault::Malformed(_) => Fault::transient(Reason::Unreadable, detail),
            AnswerFault::AlreadyApplied | AnswerFault::Stack(_) => {
                Fault::transient(Reason::Internal, detail)
            }
        }
    }
}

/// What a connection reports. Handlers run on the reactor thread and must only forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// Packets can flow now.
    Connected,
    /// Could not connect, or the server is gone. The last event.
    Lost(Fault),
    /// The server closed the connection. The last event.
    Closed,
    /// A text from the server's data channel (JSON with `colibriClass`), at most 16 KiB.
    ServerMessage(String),
}

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The payload exists, no answer yet.
    Prepared,
    /// The answer is applied, checks and handshakes run.
    Connecting,
    /// Packets can flow.
    Connected,
    /// Failed or vanished.
    Lost,
    /// Closed by either side.
    Closed,
}

/// The DTLS handshake's state, for /stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtlsState {
    New,
    Connecting,
    Connected,
    Closed,
    Failed,
}

/// Numbers of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// RTP packets handed to the network.
    pub packets_sent: u64,
    /// Opus bytes in them.
    pub bytes_sent: u64,
    /// Frames lost because the queue was full, the frame too large, or the connection not up yet.
    pub packets_dropped: u64,
    /// Datagrams that arrived, RTP of other speakers included.
    pub datagrams_received: u64,
    /// How long ago the last datagram arrived.
    pub last_inbound: Option<Duration>,
    /// Local and remote address in use.
    pub selected_pair: Option<(SocketAddr, SocketAddr)>,
    pub dtls: DtlsState,
    /// The last ICE round trip.
    pub round_trip: Option<Duration>,
}

/// One join: made by [`crate::Transport::prepare`], brought up by [`Connection::apply`]. Dropping it ends everything.
pub struct Connection;

// === impl Connection ===

impl Connection {
    /// The JSON for `phone.joinGroupCall`.
    pub fn payload(&self) -> String {
        String::new()
    }

    /// The SSRC declared in the payload; 31 bits, not zero.
    pub fn ssrc(&self) -> u32 {
        0
    }

    /// Takes the server's answer and starts connecting; progress comes as events. Returns as soon as the answer is accepted.
    pub async fn apply(
        &mut self,
        _answer_json: &str,
        _on_event: impl Fn(ConnectionEvent) + Send + Sync + 'static,
    ) -> Result<(), AnswerFault> {
        Err(AnswerFault::AlreadyApplied)
    }

    /// The hot path of this connection. Several may exist; they share one RTP stream.
    pub fn sender(&self) -> Sender {
        Sender
    }

    pub fn state(&self) -> State {
        State::Prepared
    }

    pub fn stats(&self) -> Stats {
        Stats {
            packets_sent: 0,
            bytes_sent: 0,
            packets_dropped: 0,
            datagrams_received: 0,
            last_inbound: None,
            selected_pair: None,
            dtls: DtlsState::New,
            round_trip: None,
        }
    }

    /// Says goodbye to the server and ends; takes at most about a second.
    pub async fn close(self) {}
}
