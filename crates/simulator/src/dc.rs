//! The data centre: one MTProto server on loopback — transports, key exchange, encryption, sessions, pushes.
//!
//! It knows bytes and sessions; what a request means is the business of a [`Service`]. It imports nothing of the bot
//! and shares no protocol code with it, so that both cannot be wrong in the same way. It must never be reachable from
//! outside: its RSA key is a public test key. Protocol facts are from core.telegram.org/mtproto.

mod faults;
mod stats;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub use self::faults::{DhAnswer, Envelope, Faults, Instead, Rule, Target};
pub use self::stats::{EarlyRetry, KeyStats, Stats};

/// The identifier of an authorization key: the lower 64 bits of its SHA-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct KeyId(pub u64);

/// What stands behind the wire: accounts, chats, methods.
pub trait Service: Send + Sync + 'static {
    /// Answers one request.
    ///
    /// `request` is the bare TL body with its constructor id, already unwrapped from containers, gzip,
    /// `invokeWithLayer`, `initConnection`, `invokeAfterMsg(s)` and `invokeWithoutUpdates`. The synchronous part of
    /// `call` runs in the order in which requests arrived; the futures run side by side. The same message id of one
    /// session never arrives twice.
    fn call(&self, caller: Caller, request: Vec<u8>) -> BoxFuture<'static, Answer>;

    /// The session became reachable: its first live connection carried a message.
    fn connected(&self, caller: &Caller) {
        let _ = caller;
    }

    /// The session lost its last connection.
    fn disconnected(&self, caller: &Caller) {
        let _ = caller;
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The authorization: the permanent key, also when a bound temporary key encrypted the message.
    pub key: KeyId,
    /// The temporary key that carried the message, if one did.
    pub temp_key: Option<KeyId>,
    /// The session id, chosen by the client.
    pub session: i64,
    /// The TCP connection, numbered from 1 for the life of the data centre.
    pub connection: u64,
    /// The layer of the last `invokeWithLayer` of this session, else of this key, else `Settings::layer`.
    pub layer: i32,
    /// The user bound to the key by [`Dc::bind_user`].
    pub user: Option<i64>,
    /// The request was wrapped in `invokeWithoutUpdates`.
    pub without_updates: bool,
    /// The message id of the request; 0 outside a request.
    pub message: i64,
}

/// What a [`Service`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A serialized TL object (or bare vector) which becomes the result.
    Result(Vec<u8>),
    /// An RPC error such as `420 FLOOD_WAIT_7`.
    Error { code: i32, name: String },
    /// No answer, ever: the client waits.
    Never,
}

impl Answer {
    /// An RPC error.
    pub fn error(code: i32, name: impl Into<String>) -> Self {
        Self::Error { code, name: name.into() }
    }

    /// The error of a method which the service does not know; counted in [`Stats::unknown_requests`].
    pub fn unknown_method(id: u32) -> Self {
        Self::error(400, format!("INPUT_METHOD_INVALID_{id}"))
    }
}

/// How a data centre behaves when nothing is broken.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its number among the data centres of the world.
    pub dc_id: i32,
    /// The layer of clients which never told theirs.
    pub layer: i32,
    /// The largest frame accepted, in bytes; a larger one closes the connection.
    pub frame_bytes_max: usize,
    /// Results larger than this many bytes are gzipped when that makes them smaller; `None` never.
    pub gzip_over_bytes: Option<usize>,
    /// Several waiting messages of one session leave in one container.
    pub packs_containers: bool,
    /// Message ids outside the time window and wrong sequence numbers are refused with `bad_msg_notification`.
    pub is_strict: bool,
    /// A connection from which no whole frame came for this long is closed.
    pub idle_max: Duration,
    /// Messages which may wait for one connection; a client that reads slower is disconnected.
    pub outbox_max: usize,
}

impl Settings {
    /// A data centre with number 2 on a free loopback port, as strict as Telegram.
    pub fn loopback() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            dc_id: 2,
            layer: 230,
            frame_bytes_max: 2 << 20,
            gzip_over_bytes: Some(512),
            packs_containers: true,
            is_strict: true,
            idle_max: Duration::from_secs(300),
            outbox_max: 4096,
        }
    }
}

/// The public half of the RSA key, in the forms in which clients want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaInfo {
    /// PKCS#1, `-----BEGIN RSA PUBLIC KEY-----`.
    pub pem: String,
    /// The lower 64 bits of the SHA-1 of the TL-serialized key, as a signed number.
    pub fingerprint: i64,
    /// The modulus, lower-case hex.
    pub n_hex: String,
    /// The exponent, lower-case hex.
    pub e_hex: String,
}

/// A handle to a running data centre; clones are cheap. When the last one goes, every task and connection ends.
#[derive(Clone)]
pub struct Dc {
    faults: Arc<Faults>,
    address: SocketAddr,
}

impl Dc {
    /// Binds the port and begins to serve.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start(settings: Settings, _service: Arc<dyn Service>) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(settings.listen).await?;
        Ok(Self { faults: Arc::new(Faults {}), address: listener.local_addr()? })
    }

    /// The address clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The public key clients must trust to make authorization keys of their own.
    pub fn rsa(&self) -> RsaInfo {
        RsaInfo { pem: String::new(), fingerprint: 0, n_hex: String::new(), e_hex: String::new() }
    }

    /// Makes an authorization key without the exchange, for clients which cannot be taught another RSA key.
    pub fn register_key(&self) -> [u8; 256] {
        [0; 256]
    }

    /// Accepts an authorization key made elsewhere, such as one from a saved session of an earlier run.
    pub fn add_key(&self, auth_key: &[u8; 256]) -> KeyId {
        Self::key_id(auth_key)
    }

    /// The identifier of an authorization key.
    pub fn key_id(_auth_key: &[u8; 256]) -> KeyId {
        KeyId(0)
    }

    /// From now on the key speaks for the user.
    pub fn bind_user(&self, _key: KeyId, _user: i64) {}

    /// The key speaks for nobody (log out, revoked session).
    pub fn unbind(&self, _key: KeyId) {}

    /// For whom the key speaks.
    pub fn user_of(&self, _key: KeyId) -> Option<i64> {
        None
    }

    /// Forgets the key and its sessions; its next message is answered with the transport error -404.
    pub fn drop_key(&self, _key: KeyId) {}

    /// Pushes a serialized `Updates` to every live session of the user which wants updates. Returns how many there
    /// were; nothing is kept for the others, the difference recovers it.
    pub fn push_to_user(
        &self,
        _user: i64,
        _updates: Vec<u8>,
        _except_session: Option<i64>,
    ) -> usize {
        0
    }

    /// The same for every live session of one key.
    pub fn push_to_key(
        &self,
        _key: KeyId,
        _updates: Vec<u8>,
        _except_session: Option<i64>,
    ) -> usize {
        0
    }

    /// Pushes to one session, whether it wants updates or not. False when it has no connection.
    pub fn push_to_session(&self, _key: KeyId, _session: i64, _updates: Vec<u8>) -> bool {
        false
    }

    /// The live sessions of a user.
    pub fn sessions_of(&self, _user: i64) -> Vec<Caller> {
        Vec::new()
    }

    /// The switchboard of what can go wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The referee's book, as it is now.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// The server's clock: unix seconds, with the offset of [`Faults::set_clock_offset`].
    pub fn now(&self) -> i64 {
        0
    }

    /// Closes the port and every connection, and waits for the tasks to end.
    pub async fn stop(self) {}
}
