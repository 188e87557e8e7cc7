//! The UDP sockets under webrtc: plain datagrams, with a tap that sees what passes.
//!
//! The tap counts life signs, drops what we never use before it is decrypted (other people's RTP, feedback on media that
//! we do not repair), notices a refused DTLS handshake, and lets us choose the path ([`crate::nomination`]). Sending
//! never fails: a datagram that cannot leave is a lost datagram, and loss is what the layers above are made for.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_util::task::AtomicWaker;
use tokio::io::ReadBuf;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use crate::nomination::Nomination;
use crate::shared::Shared;

const STUN_REQUEST: u16 = 0x0001;
const STUN_SUCCESS: u16 = 0x0101;
/// RTCP packet types that we let in: sender and receiver reports (RFC 3550).
const RTCP_REPORTS: std::ops::RangeInclusive<u8> = 200..=201;

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
        let probe = std::net::UdpSocket::bind((any, 0)).ok()?;
        probe.connect(remote).ok()?;
        let local = probe.local_addr().ok()?.ip();
        (!local.is_unspecified()).then_some(Route { local, remote })
    };
    remotes.into_iter().filter_map(route).collect()
}

/// What is learnt from the datagrams of one connection.
#[derive(Debug)]
pub(crate) struct Tap {
    shared: Arc<Shared>,
    routes: Vec<Route>,
    checks: Mutex<Checks>,
    has_checks_by_server: AtomicBool,
    is_refused_by_us: AtomicBool,
    is_refused_by_server: AtomicBool,
}

#[derive(Debug, Default)]
struct Checks {
    /// When our first check was answered, on which socket and by whom.
    answered: Option<(Instant, Arc<Door>, SocketAddr)>,
    /// Transactions whose replies must not leave.
    forged: Vec<[u8; 12]>,
}

/// A way into one socket for datagrams of our own making.
#[derive(Debug, Default)]
struct Door {
    waiting: Mutex<VecDeque<(SocketAddr, Vec<u8>)>>,
    waker: AtomicWaker,
}

/// One socket, tapped.
#[derive(Debug)]
pub(crate) struct TappedSocket {
    io: tokio::net::UdpSocket,
    local: SocketAddr,
    tap: Arc<Tap>,
    door: Arc<Door>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Tap ===

impl Tap {
    pub(crate) fn new(shared: Arc<Shared>, routes: Vec<Route>) -> Tap {
        Tap {
            shared,
            routes,
            checks: Mutex::default(),
            has_checks_by_server: AtomicBool::new(false),
            is_refused_by_us: AtomicBool::new(false),
            is_refused_by_server: AtomicBool::new(false),
        }
    }

    /// When the server first answered one of our checks.
    pub(crate) fn first_answer(&self) -> Option<Instant> {
        locked(&self.checks).answered.as_ref().map(|(when, _, _)| *when)
    }

    /// Whether the server sends checks itself, and so will nominate.
    pub(crate) fn has_checks_by_server(&self) -> bool {
        self.has_checks_by_server.load(Ordering::Relaxed)
    }

    /// We sent a fatal alert while the DTLS handshake was unprotected: the server's certificate or offer did not suit.
    pub(crate) fn is_refused_by_us(&self) -> bool {
        self.is_refused_by_us.load(Ordering::Relaxed)
    }

    /// The server did.
    pub(crate) fn is_refused_by_server(&self) -> bool {
        self.is_refused_by_server.load(Ordering::Relaxed)
    }

    /// Lets webrtc's agent receive `nomination` on the path that was answered first.
    pub(crate) fn inject(&self, nomination: Nomination) {
        let mut checks = locked(&self.checks);
        let Some((door, remote)) =
            checks.answered.as_ref().map(|(_, door, remote)| (Arc::clone(door), *remote))
        else {
            return;
        };
        checks.forged.push(nomination.transaction);
        drop(checks);
        locked(&door.waiting).push_back((remote, nomination.datagram));
        door.waker.wake();
    }

    /// Whether webrtc should see this datagram.
    fn admits(&self, datagram: &[u8], from: SocketAddr, door: &Arc<Door>) -> bool {
        self.shared.datagram_arrived();
        // RFC 7983: 0..=3 STUN, 20..=63 DTLS, 128..=191 RTP and RTCP.
        match datagram {
            [0..=3, ..] => {
                match message_type(datagram) {
                    Some(STUN_REQUEST) => self.has_checks_by_server.store(true, Ordering::Relaxed),
                    Some(STUN_SUCCESS) => {
                        let answered = &mut locked(&self.checks).answered;
                        answered.get_or_insert_with(|| (Instant::now(), Arc::clone(door), from));
                    }
                    _ => {}
                }
                true
            }
            [128..=191, kind, ..] => RTCP_REPORTS.contains(kind),
            [20..=63, ..] => {
                if is_plain_fatal_alert(datagram) {
                    self.is_refused_by_server.store(true, Ordering::Relaxed);
                }
                true
            }
            _ => false,
        }
    }

    /// Whether the network should see this datagram.
    fn releases(&self, datagram: &[u8], local: IpAddr, to: SocketAddr) -> bool {
        match datagram {
            [0..=3, ..] => match message_type(datagram) {
                Some(STUN_SUCCESS) => {
                    let forged = &locked(&self.checks).forged;
                    !datagram.get(8..20).is_some_and(|id| forged.iter().any(|forged| forged == id))
                }
                // Every socket is paired with every candidate, but only one of them is on the way there.
                Some(STUN_REQUEST) => self
                    .routes
                    .iter()
                    .find(|route| route.remote == to)
                    .is_none_or(|route| route.local == local),
                _ => true,
            },
            [21, ..] => {
                if is_plain_fatal_alert(datagram) {
                    self.is_refused_by_us.store(true, Ordering::Relaxed);
                }
                true
            }
            _ => true,
        }
    }
}

fn message_type(datagram: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*datagram.first()?, *datagram.get(1)?]))
}

/// A fatal alert (RFC 5246 §7.2) in a DTLS record of epoch 0, which is not encrypted.
fn is_plain_fatal_alert(datagram: &[u8]) -> bool {
    datagram.len() >= 15 && datagram[0] == 21 && datagram[3..5] == [0, 0] && datagram[13] == 2
}

// === impl TappedSocket ===

impl TappedSocket {
    /// Must be called on the reactor that will poll it.
    pub(crate) fn new(socket: std::net::UdpSocket, tap: Arc<Tap>) -> io::Result<TappedSocket> {
        socket.set_nonblocking(true)?;
        let io = tokio::net::UdpSocket::from_std(socket)?;
        let local = io.local_addr()?;
        Ok(TappedSocket { io, local, tap, door: Arc::new(Door::default()) })
    }
}

impl AsyncUdpSocket for TappedSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn poll_send(
        &self,
        context: &mut Context<'_>,
        transmit: &Transmit<'_>,
    ) -> Poll<io::Result<usize>> {
        let length = transmit.contents.len();
        if self.tap.releases(transmit.contents, self.local.ip(), transmit.destination)
            && let Err(fault) =
                ready!(self.io.poll_send_to(context, transmit.contents, transmit.destination))
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
        self.door.waker.register(context.waker());
        let (length, from) = loop {
            if let Some((from, datagram)) = locked(&self.door.waiting).pop_front() {
                let length = datagram.len().min(buf.len());
                buf[..length].copy_from_slice(&datagram[..length]);
                break (length, from);
            }
            let mut read = ReadBuf::new(buf);
            let from = ready!(self.io.poll_recv_from(context, &mut read))?;
            if self.tap.admits(read.filled(), from, &self.door) {
                break (read.filled().len(), from);
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

    fn tap() -> (Tap, Arc<Door>, SocketAddr) {
        let remote: SocketAddr = "203.0.113.1:32000".parse().unwrap();
        let routes = vec![Route { local: "192.0.2.2".parse().unwrap(), remote }];
        (Tap::new(Arc::new(Shared::new()), routes), Arc::default(), remote)
    }

    #[test]
    fn other_peoples_sound_is_a_life_sign_but_goes_no_further() {
        let (tap, door, from) = tap();
        let rtp = [0x90, 111, 0, 1, 0, 0, 0, 0];
        assert!(!tap.admits(&rtp, from, &door));
        assert!(!tap.admits(&[0x8f, 205, 0, 1], from, &door), "transport-cc feedback");
        assert!(tap.admits(&[0x81, 201, 0, 7], from, &door), "a receiver report");
        assert!(tap.admits(&[22, 254, 253, 0], from, &door), "DTLS");
        assert!(!tap.admits(&[], from, &door));
        assert!(!tap.admits(&[255; 40], from, &door));
        let stats = tap.shared.stats();
        assert_eq!(stats.datagrams_received, 6);
        assert!(stats.last_inbound.is_some());
    }

    #[test]
    fn checks_leave_only_from_the_socket_on_the_way() {
        let (tap, _, remote) = tap();
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
    fn replies_to_our_own_nomination_stay_at_home() {
        let (tap, door, remote) = tap();
        let mut success = vec![1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        success.extend([9; 12]);
        assert!(tap.admits(&success, remote, &door));
        tap.inject(Nomination { datagram: vec![0, 1], transaction: [9; 12] });
        assert_eq!(locked(&door.waiting).pop_front(), Some((remote, vec![0, 1])));
        assert!(!tap.releases(&success, "192.0.2.2".parse().unwrap(), remote));
        success[19] = 8;
        assert!(tap.releases(&success, "192.0.2.2".parse().unwrap(), remote));
    }

    #[test]
    fn a_plain_fatal_alert_is_noticed_and_an_encrypted_one_is_not() {
        let (tap, door, remote) = tap();
        let mut alert = [0u8; 15];
        alert[..3].copy_from_slice(&[21, 254, 253]);
        alert[13] = 1;
        assert!(tap.admits(&alert, remote, &door) && !tap.is_refused_by_server());
        alert[13] = 2;
        alert[4] = 1;
        assert!(tap.admits(&alert, remote, &door) && !tap.is_refused_by_server());
        alert[4] = 0;
        assert!(tap.admits(&alert, remote, &door) && tap.is_refused_by_server());
        assert!(tap.releases(&alert, remote.ip(), remote) && tap.is_refused_by_us());
    }

    #[test]
    fn loopback_is_reached_from_loopback() {
        let remote: SocketAddr = "127.0.0.1:32000".parse().unwrap();
        assert_eq!(routes([remote]), vec![Route { local: [127, 0, 0, 1].into(), remote }]);
    }
}
