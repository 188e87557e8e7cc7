//! Native style at work: DTLS server, controlled ICE agent, SCTP client, all on one task.
//!
//! webrtc's peer connection cannot play this part: as DTLS server it waits for the peer to open SCTP, where Telegram's
//! servers wait for us, and as controlled agent it waits for a nomination that lite servers never make. So the same
//! library's parts (`rtc`: STUN, DTLS, SRTP, SCTP) are put together here. This file does the I/O; the parts beside it do
//! none.

mod ice;
mod report;
mod secure;
mod talk;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rtc::shared::error::Result;
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use crate::answer::Answer;
use crate::connection::{ConnectionEvent, DtlsState};
use crate::leg::{MESSAGE_BYTES_MAX, NO_VIDEO, OnEvent, Setup};
use crate::pump::Press;
use crate::sender::{Frame, Outlet, PAYLOAD_BYTES_MAX};
use crate::shared::{Path, Shared};
use crate::signals::Signals;
use crate::socket::{Route, is_plain_fatal_alert};
use ice::{Agent, Outgoing, Pace, Way};
use report::Reporter;
use secure::{Secure, Secured};
use talk::{Said, Talk};

/// Sleeping longer than this is never needed.
const NAP_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Native {
    sockets: Vec<UdpSocket>,
    agent: Agent,
    secure: Secure,
    talk: Option<Talk>,
    press: Press,
    reporter: Reporter,
    out: Vec<Outgoing>,
    shared: Arc<Shared>,
    signals: Arc<Signals>,
    on_event: OnEvent,
}

// === impl Native ===

impl Native {
    /// Binds one socket per local address; must run on the reactor.
    pub(crate) fn new(
        setup: &Setup,
        answer: &Answer,
        routes: &[Route],
        on_event: OnEvent,
    ) -> Result<Native> {
        let Setup { identity, settings, .. } = setup;
        let (shared, signals) = (Arc::clone(&setup.shared), Arc::clone(&setup.signals));
        let mut locals: Vec<_> = routes.iter().map(|route| route.local).collect();
        locals.sort_unstable();
        locals.dedup();
        let bind = |local: &std::net::IpAddr| -> io::Result<UdpSocket> {
            let socket = std::net::UdpSocket::bind((*local, 0))?;
            socket.set_nonblocking(true)?;
            UdpSocket::from_std(socket)
        };
        let sockets = locals.iter().map(bind).collect::<io::Result<Vec<_>>>()?;
        let way = |route: &Route| {
            let socket =
                locals.binary_search(&route.local).expect("every route's address is among them");
            Way { socket, remote: route.remote }
        };
        let ways = routes.iter().map(way).collect();
        let pace =
            Pace { check: settings.ice_check_interval, keepalive: settings.ice_keepalive_interval };
        let remote = (answer.ufrag.clone(), answer.pwd.clone());
        let crypto = Arc::clone(&identity.crypto);
        let agent =
            Agent::new(identity.credentials.clone(), remote, ways, pace, crypto, Instant::now());
        let secure = Secure::new(identity, &answer.fingerprint)?;
        let press = Press::new(identity.credentials.ssrc, answer);
        let reporter = Reporter::new(identity.credentials.ssrc);
        shared.set_dtls(DtlsState::Connecting);
        let (talk, out) = (None, Vec::new());
        Ok(Native { sockets, agent, secure, talk, press, reporter, out, shared, signals, on_event })
    }

    /// Runs for ever.
    pub(crate) async fn drive(&mut self, outlet: &mut Outlet) {
        let mut datagram = vec![0; 2048];
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        loop {
            self.look_after_timers(Instant::now());
            self.flush().await;
            let nap = tokio::time::sleep_until(self.deadline().into());
            tokio::select! {
                arrival = receive(&self.sockets, &mut datagram) => {
                    // An error is an ICMP echo of an earlier packet; the other side may not be up yet.
                    if let (way, Ok(length)) = arrival {
                        self.arrived(Instant::now(), way, &datagram[..length]);
                    }
                }
                frame = outlet.next(&mut payload), if self.secure.is_ready() => self.send(frame, &payload),
                () = nap => {}
            }
        }
    }

    fn deadline(&self) -> Instant {
        let mut deadline = self.agent.deadline().min(Instant::now() + NAP_MAX);
        let talk = self.talk.as_ref().and_then(Talk::deadline);
        for other in [self.secure.deadline(), talk].into_iter().flatten() {
            deadline = deadline.min(other);
        }
        deadline
    }

    fn look_after_timers(&mut self, now: Instant) {
        self.agent.checks(now, &mut self.out);
        if let Err(fault) = self.secure.timeout(now) {
            tracing::debug!(%fault, "DTLS retransmission failed");
        }
        if let Some(talk) = &mut self.talk {
            let said = talk.timeout(now);
            self.heard(now, said);
        }
        if self.secure.is_ready()
            && let Some(report) = self.reporter.due(now, unix_time())
            && let (Ok(report), Some(way)) =
                (self.secure.protect_report(&report), self.agent.selected())
        {
            self.out.push((way, report.to_vec()));
        }
    }

    fn arrived(&mut self, now: Instant, way: Way, datagram: &[u8]) {
        self.shared.datagram_arrived();
        // RFC 7983. Media and its feedback are not for us: they were a sign of life, and go no further.
        match datagram {
            [0..=3, ..] => {
                let before = self.agent.selected();
                self.agent.handle(now, way, datagram, &mut self.out);
                if self.agent.selected() != before {
                    self.signals.ice_connected();
                }
                self.note_path();
            }
            [20..=63, ..] => {
                if is_plain_fatal_alert(datagram) && !self.secure.is_ready() {
                    self.signals.refused_by_server();
                }
                self.agent.accept(way);
                match self.secure.read(now, datagram) {
                    Ok(secured) => {
                        secured.into_iter().for_each(|secured| self.secured(now, secured))
                    }
                    Err(fault) => tracing::debug!(%fault, "DTLS datagram not taken"),
                }
            }
            _ => {}
        }
    }

    fn secured(&mut self, now: Instant, secured: Secured) {
        match secured {
            Secured::Connected => {
                match Talk::new(now) {
                    Ok(talk) => self.talk = Some(talk),
                    Err(fault) => tracing::warn!(%fault, "no data channel"),
                }
                self.shared.set_dtls(DtlsState::Connected);
                self.signals.changed.notify_one();
            }
            Secured::Data(packet) => {
                if let Some(talk) = &mut self.talk {
                    let said = talk.read(now, packet.freeze());
                    self.heard(now, said);
                }
            }
            Secured::Closed => {
                self.shared.set_dtls(DtlsState::Closed);
                self.signals.changed.notify_one();
            }
        }
    }

    fn heard(&mut self, now: Instant, said: Vec<Said>) {
        for said in said {
            match said {
                Said::Open => {
                    if let Some(talk) = &mut self.talk
                        && let Err(fault) = talk.say(now, NO_VIDEO)
                    {
                        tracing::debug!(%fault, "video constraints not sent");
                    }
                    self.signals.channel_opened();
                }
                Said::Message(data) => {
                    if data.len() <= MESSAGE_BYTES_MAX
                        && let Ok(text) = std::str::from_utf8(&data)
                    {
                        (self.on_event)(ConnectionEvent::ServerMessage(text.to_owned()));
                    }
                }
            }
        }
    }

    fn note_path(&self) {
        let Some(way) = self.agent.selected() else { return };
        let Ok(local) = self.sockets[way.socket].local_addr() else { return };
        let round_trip = self.agent.round_trip();
        self.shared.set_path(Path { selected_pair: Some((local, way.remote)), round_trip });
    }

    fn send(&mut self, frame: Frame, payload: &[u8; PAYLOAD_BYTES_MAX]) {
        let Some(way) = self.agent.selected() else { return };
        let packet = self.press.packet(frame, &payload[..frame.length], unix_time());
        match self.secure.protect(&packet) {
            Ok(protected) => {
                self.out.push((way, protected.to_vec()));
                self.reporter.sent(frame, Instant::now());
                self.shared.packets_sent.fetch_add(1, Ordering::Relaxed);
                self.shared.bytes_sent.fetch_add(frame.length as u64, Ordering::Relaxed);
            }
            Err(fault) => tracing::debug!(%fault, "packet not protected"),
        }
    }

    /// Hands everything to the sockets.
    async fn flush(&mut self) {
        let now = Instant::now();
        if let Some(talk) = &mut self.talk {
            for packet in talk.transmits(now) {
                if let Err(fault) = self.secure.write(now, &packet) {
                    tracing::debug!(%fault, "SCTP packet not sent");
                }
            }
        }
        while let Some(datagram) = self.secure.poll_transmit() {
            if is_plain_fatal_alert(&datagram) && !self.secure.is_ready() {
                self.signals.refused_by_us();
            }
            if let Some(way) = self.agent.selected() {
                self.out.push((way, datagram.to_vec()));
            }
        }
        for (way, datagram) in self.out.drain(..) {
            // A datagram that cannot leave is a lost datagram; the layers above are made for loss.
            if let Err(fault) = self.sockets[way.socket].send_to(&datagram, way.remote).await {
                tracing::debug!(%fault, to = %way.remote, "datagram lost at home");
            }
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(&mut self) {
        // Whatever SCTP still wants to say is of no interest any more.
        self.talk = None;
        if let Err(fault) = self.secure.close(Instant::now()) {
            tracing::debug!(%fault, "no goodbye");
        }
        self.flush().await;
    }
}

fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The next datagram on any socket.
async fn receive(sockets: &[UdpSocket], buffer: &mut [u8]) -> (Way, io::Result<usize>) {
    poll_fn(|context| {
        for (socket, io) in sockets.iter().enumerate() {
            let mut read = ReadBuf::new(buffer);
            if let Poll::Ready(result) = io.poll_recv_from(context, &mut read) {
                let length = read.filled().len();
                let nowhere = SocketAddr::from(([0; 4], 0));
                let remote = *result.as_ref().unwrap_or(&nowhere);
                return Poll::Ready((Way { socket, remote }, result.map(|_| length)));
            }
        }
        Poll::Pending
    })
    .await
}
