//! What the service manager is told (sd_notify(3)): datagrams to the socket that it names.
//!
//! Sending to a socket that nobody reads blocks once its queue is full, so all of it happens on a thread of its own,
//! behind a short queue that drops what does not fit. Nothing here ever waits for the service manager.

mod herald;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

pub use herald::{Herald, View, Watch, is_settled, status};

/// Messages that may wait; each is a line or two, and the newest status is all that matters.
const WAITING_MAX: usize = 16;

/// One thing that the service manager understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Start-up is over.
    Ready,
    /// One line for `systemctl status`.
    Status(String),
    /// Alive, and found so.
    Watchdog,
    /// Draining.
    Stopping,
    /// The stop takes at most this much longer.
    ExtendTimeout(Duration),
}

/// The way to the service manager, if there is one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notify {
    queue: Option<SyncSender<String>>,
    watchdog: Option<Duration>,
}

// === impl Notify ===

impl Notify {
    /// Whoever started this process with `NOTIFY_SOCKET`, and how often it wants to hear that it lives
    /// (`WATCHDOG_USEC`, meant for this process when `WATCHDOG_PID` says nothing else).
    pub fn from_environment() -> io::Result<Notify> {
        let Some(address) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(Notify::nobody()) };
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| is_ours && *usec > 0);
        Notify::to(address, watchdog.map(Duration::from_micros))
    }

    /// Nobody wants to know.
    pub fn nobody() -> Notify {
        Notify { queue: None, watchdog: None }
    }

    /// Tells the socket at `address`: a path, or `@` and a name in Linux's abstract namespace.
    pub fn to(address: OsString, watchdog: Option<Duration>) -> io::Result<Notify> {
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&socket_address(&address)?)?;
        let (queue, waiting) = sync_channel(WAITING_MAX);
        thread::Builder::new().name("notify".into()).spawn(move || tell(&socket, &waiting))?;
        Ok(Notify { queue: Some(queue), watchdog })
    }

    pub fn is_heard(&self) -> bool {
        self.queue.is_some()
    }

    /// Silence for this long means that we are dead.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Never waits: what the service manager has no room for is dropped, and the next message says it again.
    pub fn send(&self, lines: &[Line]) {
        let Some(queue) = self.queue.as_ref().filter(|_| !lines.is_empty()) else { return };
        let message: String = lines.iter().map(|line| format!("{line}\n")).collect();
        if queue.try_send(message).is_err() {
            tracing::debug!("the service manager does not listen");
        }
    }
}

/// The body of the thread; it may block for ever without anybody noticing.
fn tell(socket: &UnixDatagram, waiting: &Receiver<String>) {
    for message in waiting {
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::debug!(%error, "the service manager was not told");
        }
    }
}

fn socket_address(address: &OsStr) -> io::Result<SocketAddr> {
    match address.as_bytes().split_first() {
        #[cfg(target_os = "linux")]
        Some((b'@', name)) => {
            use std::os::linux::net::SocketAddrExt as _;
            SocketAddr::from_abstract_name(name)
        }
        _ => SocketAddr::from_pathname(address),
    }
}

// === impl Line ===

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Ready => write!(f, "READY=1"),
            // a line break would begin another assignment
            Line::Status(text) => write!(f, "STATUS={}", text.replace(['\n', '\r'], " ")),
            Line::Watchdog => write!(f, "WATCHDOG=1"),
            Line::Stopping => write!(f, "STOPPING=1"),
            Line::ExtendTimeout(left) => write!(f, "EXTEND_TIMEOUT_USEC={}", left.as_micros()),
        }
    }
}

#[cfg(test)]
mod tests;
