//! A member of the box who joins group calls by itself: hears what is forwarded, and can speak.
//!
//! It is a real WebRTC client on a UDP socket that goes through the same join JSON, ICE, DTLS and SRTP as any other;
//! nothing is handed to it inside the process but the answer to its join.

pub(crate) mod client;

use std::time::{Duration, Instant};

use grammers_tl_types as tl;
use tl::{Deserializable, Serializable};

use self::client::Client;
use crate::dc::Answer;
use crate::group_calls::GroupCalls;
use crate::sfu::SrtpPolicy;

/// How long a join may take until media flows.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

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

/// What a member has heard in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets received, also those forgotten or taken since.
    pub packets: u64,
    /// RTCP of the server.
    pub rtcp: u64,
    /// Messages of the server on the data channel.
    pub messages: u64,
}

/// Why a member could not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("the call refused the join: {code} {name}")]
    Refused { code: i32, name: String },
    #[error("the answer to the join is not usable: {0}")]
    Answer(String),
    #[error("the transport did not connect in time")]
    NotConnected,
    #[error("the socket failed: {0}")]
    Socket(#[from] std::io::Error),
}

/// A joined member. Dropping it ends its transport without a word, as a crash would.
pub struct Listener {
    client: Client,
    calls: GroupCalls,
    user: i64,
    session: i64,
    call: tl::enums::InputGroupCall,
}

impl Listener {
    /// Joins the chat's call as `user` and waits until the transport is connected (15 s at most).
    ///
    /// # Errors
    /// See [`JoinError`].
    pub async fn join(
        calls: &GroupCalls,
        user: i64,
        chat: i64,
        style: Style,
    ) -> Result<Listener, JoinError> {
        let (id, access_hash) = calls
            .call_of(chat)
            .ok_or_else(|| JoinError::Answer("the chat has no group call".to_owned()))?;
        let call: tl::enums::InputGroupCall = tl::types::InputGroupCall { id, access_hash }.into();
        let client = Client::bind(style, SrtpPolicy::Any)?;
        // Members inside the process have sessions that no connection of the data centre will ever have.
        let session = -user;
        let request = tl::functions::phone::JoinGroupCall {
            muted: false,
            video_stopped: true,
            call: call.clone(),
            join_as: tl::enums::InputPeer::PeerSelf,
            invite_hash: None,
            public_key: None,
            block: None,
            params: tl::types::DataJson { data: client.payload() }.into(),
        };
        let bytes = ask(calls, user, session, &request.to_bytes()).await?;
        let updates = tl::enums::Updates::from_bytes(&bytes)
            .map_err(|error| JoinError::Answer(error.to_string()))?;
        let answer = connection(updates)
            .ok_or_else(|| JoinError::Answer("no updateGroupCallConnection".to_owned()))?;
        client.connect(&answer).map_err(JoinError::Answer)?;
        client.wait(CONNECT_WITHIN, |client| client.is_connected() || client.is_closed()).await;
        if !client.is_connected() {
            return Err(JoinError::NotConnected);
        }
        Ok(Listener { client, calls: calls.clone(), user, session, call })
    }

    /// The audio source this member joined with.
    pub fn ssrc(&self) -> u32 {
        self.client.ssrc()
    }

    /// The packets received so far, oldest first; the oldest are forgotten beyond 30 000.
    pub fn packets(&self) -> Vec<Packet> {
        self.client.packets()
    }

    /// Takes the packets received so far.
    pub fn take_packets(&self) -> Vec<Packet> {
        self.client.take_packets()
    }

    /// What was received since the join.
    pub fn stats(&self) -> Stats {
        self.client.stats()
    }

    /// The transport was closed by the other end.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Waits until the other end closed the transport; false when that did not happen in time.
    pub async fn wait_closed(&self, within: Duration) -> bool {
        self.client.wait(within, Client::is_closed).await
    }

    /// Waits until `n` packets are there that were not taken; false when that did not happen in time.
    pub async fn wait_for_packets(&self, n: usize, within: Duration) -> bool {
        self.client.wait(within, |client| client.n_packets() >= n).await
    }

    /// Sends one Opus packet that lasts `samples` at 48 kHz; the next timestamp is that much later. `level` is -dBov.
    pub fn send_opus(&self, payload: &[u8], samples: u32, level: u8, voice: bool) {
        self.client.send_opus(payload, samples, level, voice);
    }

    /// Says nothing for `samples` at 48 kHz: only the timestamp advances.
    pub fn skip(&self, samples: u32) {
        self.client.skip(samples);
    }

    /// Leaves the call as a client does: phone.leaveGroupCall, then the end of the transport.
    pub async fn leave(self) {
        let request = tl::functions::phone::LeaveGroupCall {
            call: self.call.clone(),
            source: self.client.ssrc() as i32,
        };
        if let Err(error) = ask(&self.calls, self.user, self.session, &request.to_bytes()).await {
            tracing::debug!(user = self.user, %error, "leaving failed");
        }
    }
}

async fn ask(
    calls: &GroupCalls,
    user: i64,
    session: i64,
    request: &[u8],
) -> Result<Vec<u8>, JoinError> {
    let answer = calls
        .handle(user, session, request)
        .ok_or_else(|| JoinError::Answer("not a method of group calls".to_owned()))?
        .await;
    match answer {
        Answer::Result(bytes) => Ok(bytes),
        Answer::Error { code, name } => Err(JoinError::Refused { code, name }),
        Answer::Never => Err(JoinError::NotConnected),
    }
}

fn connection(updates: tl::enums::Updates) -> Option<serde_json::Value> {
    let tl::enums::Updates::Updates(updates) = updates else { return None };
    updates.updates.into_iter().find_map(|update| match update {
        tl::enums::Update::GroupCallConnection(connection) => {
            let tl::enums::DataJson::Json(json) = connection.params;
            serde_json::from_str(&json.data).ok()
        }
        _ => None,
    })
}
