//! One login, one process of this machine, whichever directories the processes keep their files in.
//!
//! A name in Linux's abstract namespace belongs to whoever binds it, and is free the moment that process is gone, however
//! it ended. Containers with a network of their own do not see it; elsewhere than on Linux there is none.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;

use ring::digest;

use super::strings::Key;

/// A process that was killed takes a moment to go, and one that is being started holds a copy for a moment.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// So that the name tells nothing of the key.
const PURPOSE: &[u8] = b"armedmusic login 1\n";

/// As long as this lives, nobody else on this machine gets one for the same key. `None` where that cannot be known.
pub(super) fn claim(key: &Key) -> io::Result<Option<UnixDatagram>> {
    for _ in 1..TRIES {
        match bind(key) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => thread::sleep(PAUSE),
            Err(error) => return unknown(&error),
            Ok(claim) => return Ok(claim),
        }
    }
    bind(key)
}

/// A system that has no such sockets, or allows none, starts bots all the same.
fn unknown(error: &io::Error) -> io::Result<Option<UnixDatagram>> {
    tracing::debug!(%error, "whether another process uses this login cannot be known");
    Ok(None)
}

#[cfg(target_os = "linux")]
fn bind(key: &Key) -> io::Result<Option<UnixDatagram>> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::SocketAddr;

    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(PURPOSE);
    hash.update(key);
    let name: String =
        hash.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let address = SocketAddr::from_abstract_name(format!("armedmusic-login-{name}"))?;
    UnixDatagram::bind_addr(&address).map(Some)
}

#[cfg(not(target_os = "linux"))]
fn bind(_: &Key) -> io::Result<Option<UnixDatagram>> {
    Ok(None)
}
