//! The data centre: one MTProto server on loopback — transports, key exchange, encryption, sessions, pushes.
//!
//! It knows bytes and sessions; what a request means is the business of a [`Service`]. It imports nothing of the bot
//! and shares no protocol code with it, so that both cannot be wrong in the same way. It must never be reachable from
//! outside: its RSA key is a public test key. Protocol facts are from core.telegram.org/mtproto.

mod calls;
mod connection;
mod crypto;
mod door;
mod exchange;
mod faults;
mod inbox;
mod links;
mod outbox;
mod rsa;
mod service;
mod session;
mod state;
mod stats;
mod tasks;
mod temp_keys;
mod tl;
mod transport;
mod unwrap;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use self::door::Door;
pub use self::faults::{DhAnswer, Envelope, Faults, Instead, Rule, Target};
pub use self::service::{Answer, Caller, Service};
use self::state::{At, Shared, State};
pub use self::stats::{EarlyRetry, KeyStats, Stats};

/// The identifier of an authorization key: the lower 64 bits of its SHA-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct KeyId(pub u64);

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
///
/// The data centre keeps its service: a service that keeps a handle in return should keep a [`WeakDc`].
#[derive(Clone)]
pub struct Dc {
    house: Arc<House>,
    address: SocketAddr,
}

/// A handle that does not keep the data centre running.
#[derive(Clone)]
pub struct WeakDc {
    house: Weak<House>,
    address: SocketAddr,
}

impl WeakDc {
    /// The handle, unless the last one is gone.
    pub fn upgrade(&self) -> Option<Dc> {
        self.house.upgrade().map(|house| Dc { house, address: self.address })
    }
}

/// What ends with the last handle.
struct House {
    shared: Arc<Shared>,
    faults: Faults,
}

impl Drop for House {
    fn drop(&mut self) {
        self.shared.tasks.abort();
    }
}

impl Dc {
    /// Binds the port and begins to serve.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start(settings: Settings, service: Arc<dyn Service>) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(settings, service));
        let (door, address) = Door::open(&shared).await?;
        let faults = Faults { shared: shared.clone(), door };
        Ok(Self { house: Arc::new(House { shared, faults }), address })
    }

    /// A handle for the service itself.
    pub fn downgrade(&self) -> WeakDc {
        WeakDc { house: Arc::downgrade(&self.house), address: self.address }
    }

    /// The address clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number given in the settings.
    pub fn dc_id(&self) -> i32 {
        self.shared().settings.dc_id
    }

    /// The public key clients must trust to make authorization keys of their own.
    pub fn rsa(&self) -> RsaInfo {
        rsa::info()
    }

    /// Makes an authorization key without the exchange, for clients which cannot be taught another RSA key.
    pub fn register_key(&self) -> [u8; 256] {
        let auth_key = crypto::random();
        self.add_key(&auth_key);
        auth_key
    }

    /// Accepts an authorization key made elsewhere, such as one from a saved session of an earlier run.
    pub fn add_key(&self, auth_key: &[u8; 256]) -> KeyId {
        self.shared().lock().add_key(auth_key)
    }

    /// The identifier of an authorization key.
    pub fn key_id(auth_key: &[u8; 256]) -> KeyId {
        KeyId(crypto::key_id(auth_key))
    }

    /// From now on the key speaks for the user.
    pub fn bind_user(&self, key: KeyId, user: i64) {
        self.set_user(key, Some(user));
    }

    /// The key speaks for nobody (log out, revoked session).
    pub fn unbind(&self, key: KeyId) {
        self.set_user(key, None);
    }

    /// For whom the key speaks.
    pub fn user_of(&self, key: KeyId) -> Option<i64> {
        self.shared().lock().user_of(key)
    }

    /// Forgets the key and its sessions; its next message is answered with the transport error -404.
    pub fn drop_key(&self, key: KeyId) {
        let gone = self.shared().lock().drop_key(key);
        gone.iter().for_each(|caller| self.shared().service.disconnected(caller));
    }

    /// Pushes a serialized `Updates` to every live session of the user which wants updates: one connection each, the
    /// newest. Returns how many there were; nothing is kept for the others, the difference recovers it.
    pub fn push_to_user(&self, user: i64, updates: Vec<u8>, except_session: Option<i64>) -> usize {
        self.push(&updates, except_session, |state, at| state.user_of(at.key) == Some(user))
    }

    /// The same for every live session of one key.
    pub fn push_to_key(&self, key: KeyId, updates: Vec<u8>, except_session: Option<i64>) -> usize {
        self.push(&updates, except_session, |state, at| state.matches(at, Target::Key(key)))
    }

    /// Pushes to one session, whether it wants updates or not. False when it has no connection.
    pub fn push_to_session(&self, key: KeyId, session: i64, updates: Vec<u8>) -> bool {
        let mut state = self.shared().lock();
        let wanted =
            |state: &State, at: At| at.session == session && state.matches(at, Target::Key(key));
        let at = state.live(wanted).first().copied();
        at.is_some_and(|at| state.push(at, updates))
    }

    /// The live sessions of a user, the oldest first.
    pub fn sessions_of(&self, user: i64) -> Vec<Caller> {
        let state = self.shared().lock();
        let live = state.live(|state, at| state.user_of(at.key) == Some(user));
        live.into_iter().filter_map(|at| state.live_caller(at)).collect()
    }

    /// The switchboard of what can go wrong.
    pub fn faults(&self) -> &Faults {
        &self.house.faults
    }

    /// The referee's book, as it is now.
    pub fn stats(&self) -> Stats {
        let state = self.shared().lock();
        let unacked = state.sessions.values().map(|session| session.unacked.len() as u64).sum();
        Stats { unacked, ..state.stats.clone() }
    }

    /// The server's clock: unix seconds, with the offset of [`Faults::set_clock_offset`].
    pub fn now(&self) -> i64 {
        self.shared().lock().clock().0
    }

    /// Closes the port and every connection, and waits for the tasks to end. Other handles stay valid and dead.
    pub async fn stop(self) {
        self.shared().tasks.stop().await;
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.house.shared
    }

    fn set_user(&self, key: KeyId, user: Option<i64>) {
        let mut state = self.shared().lock();
        let key = state.authorization(key);
        if let Some(key) = state.keys.get_mut(&key) {
            key.user = user;
        }
    }

    fn push(
        &self,
        updates: &[u8],
        except: Option<i64>,
        wanted: impl Fn(&State, At) -> bool,
    ) -> usize {
        let mut state = self.shared().lock();
        let live = state.live(|state, at| {
            let wants = state.sessions.get(&at).is_some_and(|session| session.wants_updates);
            wants && Some(at.session) != except && wanted(state, at)
        });
        live.into_iter().filter(|at| state.push(*at, updates.to_vec())).count()
    }
}
