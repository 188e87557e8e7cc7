//! The UDP sockets: plain datagrams, and under webrtc a tap that sees what passes.
//!
//! The tap counts life signs, drops what we never use before it is decrypted (other people's RTP, feedback on media that
//! we do not repair), and notices a refused DTLS handshake. Sending never fails: a datagram that cannot leave is a lost
//! datagram, and loss is what the layers above are made for.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use crate::flight::Flight;
use crate::shared::Shared;
use crate::signals::Signals;

/// RTCP packet types that we let in: sender and receiver reports (RFC 3550).
const RTCP_REPORTS: std::ops::RangeInclusive<u8> = 200..=201;

/// Before a handshake's flight is repeated from here; a little longer than the library's own patience of 1 s.
const PATIENCE: Duration = Duration::from_millis(1_200);

/// A server address and the local address from which the system would reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) local: IpAddr,
    pub(crate) remote: SocketAddr,
}

/// Which of `remotes` can be reached, and from where. Asks the routing table; sends nothing.
pub(crate) fn routes(remotes: impl IntoIterator<Item = SocketAddr>) -> Vec<Route> {
    let route = |remote: SocketAddr| {
        let any: IpAddr = if remote.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
        let probe = UdpSocket::bind((any, 0)).ok()?;
        probe.connect(remote).ok()?;
        let local = probe.local_addr().ok()?.ip();
        (!local.is_unspecified()).then_some(Route { local, remote })
    };
    remotes.into_iter().filter_map(route).collect()
}

/// A UDP socket that any thread may send by, and that its reactor reads.
///
/// The reactor is told when something arrived and nothing else. The kernel calls a socket writable again after every
/// single datagram that has left it; a reactor that listens to that wakes up for each.
#[derive(Debug)]
pub(crate) struct Datagrams {
    io: AsyncFd<UdpSocket>,
    local: SocketAddr,
}

/// What is learnt from the datagrams of one connection.
#[derive(Debug)]
pub(crate) struct Tap {
    shared: Arc<Shared>,
    signals: Arc<Signals>,
    routes: Vec<Route>,
    flight: Mutex<Flight>,
    /// By which socket DTLS goes, and where.
    way: Mutex<Option<(Arc<Datagrams>, SocketAddr)>>,
}

/// One socket, tapped.
#[derive(Debug)]
pub(crate) struct TappedSocket {
    io: Arc<Datagrams>,
    tap: Arc<Tap>,
}

// === impl Datagrams ===

impl Datagrams {
    /// Must be called on the reactor that will read it.
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Datagrams> {
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for types whose descriptor may change; a socket's may not"
        )]
        let io = AsyncFd::with_interest(socket, Interest::READABLE)?;
        Ok(Datagrams { io, local })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Never waits: a datagram for which there is no room is lost, as it could be anywhere else on its way.
    pub(crate) fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.io.get_ref().send_to(datagram, to)
    }

    pub(crate) fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        loop {
            let mut guard = ready!(self.io.poll_read_ready(context))?;
            if let Ok(received) = guard.try_io(|io| io.get_ref().recv_from(buffer)) {
                return Poll::Ready(received);
            }
        }
    }
}

// === impl Tap ===

impl Tap {
    pub(crate) fn new(shared: Arc<Shared>, signals: Arc<Signals>, routes: Vec<Route>) -> Tap {
        let flight = Mutex::new(Flight::new(PATIENCE));
        Tap { shared, signals, routes, flight, way: Mutex::default() }
    }

    /// While the handshake is under way, now and then: sends again what seems lost.
    pub(crate) fn repeat(&self, now: Instant) {
        let again = lock(&self.flight).again(now);
        let Some((socket, to)) = &*lock(&self.way) else { return };
        for datagram in again {
            if let Err(fault) = socket.send(&datagram, *to) {
                tracing::debug!(%fault, %to, "datagram lost at home");
            }
        }
    }

    /// The handshake is over.
    pub(crate) fn is_secured(&self) {
        lock(&self.flight).end();
        *lock(&self.way) = None;
    }

    fn leaves(&self, datagram: &[u8], socket: &Arc<Datagrams>, to: SocketAddr) {
        if matches!(datagram, [20 | 22, ..]) {
            lock(&self.flight).note(datagram, Instant::now());
            *lock(&self.way) = Some((Arc::clone(socket), to));
        }
    }

    /// Whether webrtc should see this datagram.
    fn admits(&self, datagram: &[u8]) -> bool {
        self.shared.datagram_arrived();
        // RFC 7983: 0..=3 STUN, 20..=63 DTLS, 128..=191 RTP and RTCP.
        match datagram {
            [0..=3, ..] => true,
            [128..=191, kind, ..] => RTCP_REPORTS.contains(kind),
            [20..=63, ..] => {
                if is_plain_fatal_alert(datagram) {
                    self.signals.refused_by_server();
                }
                lock(&self.flight).answered();
                true
            }
            _ => false,
        }
    }

    /// Whether the network should see this datagram.
    fn releases(&self, datagram: &[u8], local: IpAddr, to: SocketAddr) -> bool {
        match datagram {
            // Every socket is paired with every candidate, but only one of them is on the way there.
            [0, 1, ..] => self
                .routes
                .iter()
                .find(|route| route.remote == to)
                .is_none_or(|route| route.local == local),
            [21, ..] => {
                if is_plain_fatal_alert(datagram) {
                    self.signals.refused_by_us();
                }
                true
            }
            _ => true,
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A fatal alert (RFC 5246 §7.2) in a DTLS record of epoch 0, which is not encrypted.
pub(crate) fn is_plain_fatal_alert(datagram: &[u8]) -> bool {
    datagram.len() >= 15 && datagram[0] == 21 && datagram[3..5] == [0, 0] && datagram[13] == 2
}

// === impl TappedSocket ===

impl TappedSocket {
    /// Must be called on the reactor that will poll it.
    pub(crate) fn new(socket: UdpSocket, tap: Arc<Tap>) -> io::Result<TappedSocket> {
        Ok(TappedSocket { io: Arc::new(Datagrams::new(socket)?), tap })
    }
}

impl AsyncUdpSocket for TappedSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.io.local())
    }

    fn poll_send(&self, _: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let length = transmit.contents.len();
        self.tap.leaves(transmit.contents, &self.io, transmit.destination);
        if self.tap.releases(transmit.contents, self.io.local().ip(), transmit.destination)
            && let Err(fault) = self.io.send(transmit.contents, transmit.destination)
        {
            tracing::debug!(%fault, to = %transmit.destination, "datagram lost at home");
        }
        Poll::Ready(Ok(length))
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buf), Some(meta)) = (bufs.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        let (length, from) = loop {
            let (length, from) = ready!(self.io.poll_receive(context, buf))?;
            if self.tap.admits(&buf[..length]) {
                break (length, from);
            }
        };
        *meta = RecvMeta::default();
        meta.addr = from;
        meta.len = length;
        meta.stride = length.max(1);
        Poll::Ready(Ok(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap() -> (Tap, SocketAddr) {
        let remote: SocketAddr = "203.0.113.1:32000".parse().unwrap();
        let routes = vec![Route { local: "192.0.2.2".parse().unwrap(), remote }];
        (Tap::new(Arc::new(Shared::new()), Arc::default(), routes), remote)
    }

    #[test]
    fn other_peoples_sound_is_a_life_sign_but_goes_no_further() {
        let (tap, _) = tap();
        assert!(!tap.admits(&[0x90, 111, 0, 1, 0, 0, 0, 0]));
        assert!(!tap.admits(&[0x8f, 205, 0, 1]), "transport-cc feedback");
        assert!(tap.admits(&[0x81, 201, 0, 7]), "a receiver report");
        assert!(tap.admits(&[22, 254, 253, 0]), "DTLS");
        assert!(!tap.admits(&[]));
        assert!(!tap.admits(&[255; 40]));
        let stats = tap.shared.stats();
        assert_eq!(stats.datagrams_received, 6);
        assert!(stats.last_inbound.is_some());
    }

    #[test]
    fn checks_leave_only_from_the_socket_on_the_way() {
        let (tap, remote) = tap();
        let request = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        assert!(tap.releases(&request, "192.0.2.2".parse().unwrap(), remote));
        assert!(!tap.releases(&request, "127.0.0.1".parse().unwrap(), remote));
        assert!(tap.releases(
            &request,
            "127.0.0.1".parse().unwrap(),
            "198.51.100.7:9".parse().unwrap()
        ));
    }

    #[test]
    fn a_plain_fatal_alert_is_noticed_and_an_encrypted_one_is_not() {
        let (tap, remote) = tap();
        let mut alert = [0u8; 15];
        alert[..3].copy_from_slice(&[21, 254, 253]);
        alert[13] = 1;
        assert!(tap.admits(&alert) && !tap.signals.is_refused_by_server());
        alert[13] = 2;
        alert[4] = 1;
        assert!(tap.admits(&alert) && !tap.signals.is_refused_by_server());
        alert[4] = 0;
        assert!(tap.admits(&alert) && tap.signals.is_refused_by_server());
        assert!(tap.releases(&alert, remote.ip(), remote) && tap.signals.is_refused_by_us());
    }

    #[test]
    fn loopback_is_reached_from_loopback() {
        let remote: SocketAddr = "127.0.0.1:32000".parse().unwrap();
        assert_eq!(routes([remote]), vec![Route { local: [127, 0, 0, 1].into(), remote }]);
    }
}
