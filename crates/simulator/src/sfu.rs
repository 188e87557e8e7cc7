//! The media server of group calls: one UDP socket, strict about everything a client sends, unchanged in what it
//! forwards.
//!
//! It stands in for Telegram's SFU. A client that is heard here sent RTP that every public source says is accepted; a
//! packet that breaks a rule is dropped and counted under a reason. It never renegotiates and never learns addresses
//! from signalling: a client is where its STUN checks come from.

pub mod payload;
pub mod settings;
pub mod stats;

mod answer;
mod checks;
mod core;
mod data;
pub(crate) mod dtls;
pub(crate) mod ice;
mod peer;
mod record;
mod reports;
mod rtcp;
mod rtp;
mod srtp;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::core::Core;
use self::peer::Outgoing;
use self::record::Recorder;
pub use payload::{BadPayload, JoinPayload};
pub use settings::{IceMode, SfuSettings, SrtpPolicy};
pub use stats::{PeerStats, Reason, SourceStats};

/// One joined transport of one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u64);

/// Why the server let a participant go by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// ICE and DTLS were not done in time.
    NeverConnected,
    /// No packet of any kind for too long.
    Silent,
    /// The client closed DTLS or SCTP, or broke them (wrong certificate, no common SRTP profile).
    Closed,
    /// A fault was injected.
    Fault,
}

/// A participant that the server dropped.
#[derive(Clone, Copy, Debug)]
pub struct Dropped {
    pub peer: PeerId,
    /// The room (chat) and user it was joined with.
    pub room: i64,
    pub user: i64,
    pub ssrc: u32,
    pub why: Gone,
}

type OnDropped = Box<dyn Fn(Dropped) + Send + Sync>;

/// The running server. Clones are handles to the same one; it stops when the last is dropped.
#[derive(Clone)]
pub struct Sfu {
    shared: Arc<Shared>,
    /// The one task; aborted with the last handle.
    _driver: Arc<JoinSet<()>>,
}

struct Shared {
    core: Mutex<Core>,
    socket: UdpSocket,
    address: SocketAddr,
    /// Something was joined or changed: the driver must look again.
    wake: Notify,
    /// Somebody connected, left or was dropped.
    changed: Notify,
    on_dropped: Mutex<Option<OnDropped>>,
}

impl Sfu {
    /// Binds the socket and starts serving. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The address is not concrete, the socket could not be bound, or the recording directory not made.
    pub fn start(settings: SfuSettings) -> io::Result<Sfu> {
        if settings.bind.ip().is_unspecified() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "clients must be told a concrete address",
            ));
        }
        let now = Instant::now();
        let recorder = settings
            .record
            .as_deref()
            .map(|directory| Recorder::new(directory, now))
            .transpose()?;
        let socket = std::net::UdpSocket::bind(settings.bind)?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let address = socket.local_addr()?;
        let shared = Arc::new(Shared {
            core: Mutex::new(Core::new(settings, address, recorder, now)),
            socket,
            address,
            wake: Notify::new(),
            changed: Notify::new(),
            on_dropped: Mutex::new(None),
        });
        let mut driver = JoinSet::new();
        driver.spawn(Arc::clone(&shared).drive());
        Ok(Sfu { shared, _driver: Arc::new(driver) })
    }

    /// The address of the socket.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Admits a participant of a room (chat) and returns its id and the answer's JSON object.
    pub fn join(&self, room: i64, user: i64, payload: &JoinPayload) -> (PeerId, serde_json::Value) {
        let joined = self.core().join(room, user, payload, Instant::now());
        self.shared.wake.notify_one();
        joined
    }

    /// Forgets a participant; whatever it still sends is not answered.
    pub fn leave(&self, peer: PeerId) {
        self.core().remove(peer);
        self.shared.changed.notify_waiters();
    }

    /// Whether the transport exists: joined, and neither left nor dropped.
    pub fn is_alive(&self, peer: PeerId) -> bool {
        self.core().peer(peer).is_some()
    }

    /// Whether ICE and DTLS are done.
    pub fn is_connected(&self, peer: PeerId) -> bool {
        self.core().peer(peer).is_some_and(|peer| peer.connected.is_some())
    }

    /// What signalling says about a participant: packets of a muted one are dropped and counted.
    pub fn set_muted(&self, peer: PeerId, is_muted: bool, is_force_muted: bool) {
        if let Some(peer) = self.core().peer(peer) {
            peer.is_muted = is_muted;
            peer.is_force_muted = is_force_muted;
        }
    }

    /// The counters of everybody in a room.
    pub fn stats(&self, room: i64) -> Vec<PeerStats> {
        self.core().stats(room)
    }

    /// STUN requests whose user name nobody here has.
    pub fn stun_strangers(&self) -> u64 {
        self.core().stun_strangers
    }

    /// Calls `tell` for every participant that the server drops by itself. There is one listener; it must not block.
    pub fn on_dropped(&self, tell: impl Fn(Dropped) + Send + Sync + 'static) {
        *self.shared.on_dropped.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Box::new(tell));
    }

    /// Completes when somebody connects, leaves or is dropped after this call.
    pub fn changed(&self) -> impl Future<Output = ()> + '_ {
        self.shared.changed.notified()
    }

    /// A black hole: nothing is read, sent or dropped until it ends.
    pub fn set_silent(&self, is_silent: bool) {
        let mut core = self.core();
        core.faults.is_silent = is_silent;
        core.wake(Instant::now());
        drop(core);
        self.shared.wake.notify_one();
    }

    /// Names a certificate in the following answers that the server does not have.
    pub fn set_wrong_certificate(&self, is_wrong: bool) {
        self.core().faults.names_wrong_certificate = is_wrong;
    }

    /// The share of RTP packets lost in each direction from now on, 0.0 to 1.0.
    pub fn set_loss(&self, loss: f64) {
        self.core().faults.loss = loss;
    }

    /// How long after a join nothing of that participant is read, for joins of the past and the future.
    pub fn set_quiet(&self, quiet: Duration) {
        self.core().settings.quiet = quiet;
    }

    /// Closes one transport with a DTLS close_notify and forgets it, without a word in signalling.
    pub fn close(&self, peer: PeerId) {
        let mut out = Outgoing::new();
        self.core().close(peer, Instant::now(), &mut out);
        self.shared.send(&out);
        self.shared.changed.notify_waiters();
    }

    /// Closes every transport with a DTLS close_notify and forgets it, without a word in signalling.
    pub fn close_all(&self) {
        let mut out = Outgoing::new();
        self.core().close_all(Instant::now(), &mut out);
        self.shared.send(&out);
        self.shared.changed.notify_waiters();
    }

    /// Drops every participant, as when the call moves to another server: all of them learn it by signalling.
    pub fn change(&self) {
        for peer in &mut self.core().peers {
            peer.gone = Some(Gone::Fault);
        }
        self.shared.wake.notify_one();
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.shared.core()
    }
}

impl Shared {
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn drive(self: Arc<Self>) {
        let mut buffer = vec![0; 2048];
        let mut connected = 0;
        loop {
            let deadline = self.turn(&mut buffer, &mut connected);
            tokio::select! {
                readable = self.socket.readable() => {
                    if let Err(error) = readable {
                        tracing::error!(%error, "media socket failed");
                        return;
                    }
                }
                () = tokio::time::sleep_until(deadline.into()) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// Reads what is there, does what is due, and says when to come again.
    fn turn(&self, buffer: &mut [u8], connected: &mut usize) -> Instant {
        const AT_ONCE_MAX: usize = 64;
        let mut out = Outgoing::new();
        for _ in 0..AT_ONCE_MAX {
            // An error other than "nothing there" is a refused datagram of a client that is gone.
            let Ok((length, from)) = self.socket.try_recv_from(buffer) else { break };
            self.core().receive(from, &buffer[..length], Instant::now(), &mut out);
            self.send(&out);
            out.clear();
        }
        let (dropped, deadline, now_connected) = {
            let mut core = self.core();
            let (dropped, deadline) = core.tick(Instant::now(), &mut out);
            (dropped, deadline, core.peers.iter().filter(|peer| peer.connected.is_some()).count())
        };
        self.send(&out);
        if let Some(tell) = &*self.on_dropped.lock().unwrap_or_else(PoisonError::into_inner) {
            dropped.iter().for_each(|one| tell(*one));
        }
        if !dropped.is_empty() || *connected != now_connected {
            *connected = now_connected;
            self.changed.notify_waiters();
        }
        deadline
    }

    fn send(&self, out: &Outgoing) {
        for (to, datagram) in out {
            // A full socket buffer loses the datagram, as networks do.
            if let Err(error) = self.socket.try_send_to(datagram, *to) {
                tracing::trace!(%error, %to, "datagram not sent");
            }
        }
    }
}
