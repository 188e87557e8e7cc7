//! Stats — what the referee wrote down: how clients behaved, seen from the server. It only counts; tests judge.

use std::collections::BTreeMap;
use std::time::Duration;

use super::KeyId;

/// Counters since the start of the data centre.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// TCP connections accepted.
    pub connections_opened: u64,
    /// TCP connections open now.
    pub connections_live: u64,
    /// Connections closed because the client broke the protocol or was too slow, by reason.
    pub connections_expelled: BTreeMap<&'static str, u64>,
    /// Authorization keys made by the key exchange.
    pub handshakes: u64,
    /// By key: its connections.
    pub keys: BTreeMap<KeyId, KeyStats>,
    /// By full TL name (`messages.sendMessage`), service messages excluded: requests, repetitions not counted.
    pub requests: BTreeMap<&'static str, u64>,
    /// By constructor id: requests absent from the schema, or refused with `INPUT_METHOD_INVALID`.
    pub unknown_requests: BTreeMap<u32, u64>,
    /// By RPC error name: errors answered, injected ones included.
    pub errors: BTreeMap<String, u64>,
    /// Requests repeated before a FLOOD_WAIT or SLOWMODE_WAIT was over.
    pub early_retries: Vec<EarlyRetry>,
    /// Messages whose id had been seen before in the same session.
    pub duplicates: u64,
    /// `bad_server_salt` sent.
    pub bad_salts: u64,
    /// `bad_msg_notification` sent, by code.
    pub bad_messages: BTreeMap<i32, u64>,
    /// Frames which came on mute connections.
    pub frames_unheard: u64,
    /// Pings of both kinds.
    pub pings: u64,
    /// Updates pushed, counted per session reached.
    pub pushes: u64,
    /// Messages acknowledged by clients.
    pub acks: u64,
    /// Messages of ours that clients should have acknowledged, and have not (yet).
    pub unacked: u64,
}

/// The connections of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct KeyStats {
    /// Connections which ever carried a message of this key.
    pub connections_opened: u64,
    /// Of these, open now.
    pub live: u64,
    /// The most that were open at the same time.
    pub live_peak: u64,
    /// Requests, service messages excluded.
    pub requests: u64,
}

/// A client that did not wait as long as it was told.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct EarlyRetry {
    /// Who.
    pub key: KeyId,
    /// The full TL name of the method.
    pub method: &'static str,
    /// How much of the wait was left.
    pub early_by: Duration,
}
