//! Native style at work: DTLS server, controlled ICE agent, SCTP client, all on one task. The sound does not come by
//! here: once keys and path are known, it leaves on the thread that makes it ([`crate::wire`]).
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
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rtc::shared::error::Result;

use crate::answer::Answer;
use crate::connection::{ConnectionEvent, DtlsState};
use crate::header::Letterhead;
use crate::leg::{MESSAGE_BYTES_MAX, NO_VIDEO, OnEvent, Setup};
use crate::reception;
use crate::shared::{Path, Shared};
use crate::signals::Signals;
use crate::socket::{Datagrams, Route, is_plain_fatal_alert};
use crate::srtp::Protector;
use crate::wire::{Switch, Wire, wall_clock};
use ice::{Agent, Outgoing, Pace, Way};
use report::Reporter;
use secure::{Secure, Secured};
use talk::{Said, Talk};

/// Sleeping longer than this is never needed.
const NAP_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Native {
    sockets: Vec<Arc<Datagrams>>,
    agent: Agent,
    secure: Secure,
    talk: Option<Talk>,
    ssrc: u32,
    head: Letterhead,
    /// What the wire still waits for a path with; and the path it was laid by.
    protector: Option<Protector>,
    laid: Option<Way>,
    switch: Switch,
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
        switch: Switch,
    ) -> Result<Native> {
        let Setup { identity, settings, .. } = setup;
        let (shared, signals) = (Arc::clone(&setup.shared), Arc::clone(&setup.signals));
        let mut locals: Vec<_> = routes.iter().map(|route| route.local).collect();
        locals.sort_unstable();
        locals.dedup();
        let bind = |local: &std::net::IpAddr| -> io::Result<Arc<Datagrams>> {
            Ok(Arc::new(Datagrams::new(std::net::UdpSocket::bind((*local, 0))?)?))
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
        let (ssrc, payload_type) = (identity.credentials.ssrc, answer.opus_payload_type);
        let head = Letterhead::new(ssrc, payload_type, answer.extensions);
        let reporter = Reporter::new(ssrc);
        shared.set_dtls(DtlsState::Connecting);
        Ok(Native {
            sockets,
            agent,
            secure,
            talk: None,
            ssrc,
            head,
            protector: None,
            laid: None,
            switch,
            reporter,
            out: Vec::new(),
            shared,
            signals,
            on_event,
        })
    }

    /// Runs for ever.
    pub(crate) async fn drive(&mut self) {
        let mut datagram = vec![0; 2048];
        let mut nap = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            self.look_after_timers(Instant::now());
            self.flush();
            nap.as_mut().reset(self.deadline().into());
            tokio::select! {
                arrival = receive(&self.sockets, &self.shared, &mut datagram) => {
                    // An error is an ICMP echo of an earlier packet; the other side may not be up yet.
                    if let (way, Ok(length)) = arrival {
                        self.arrived(Instant::now(), way, &datagram[..length]);
                    }
                }
                () = &mut nap => {}
            }
        }
    }

    fn deadline(&self) -> Instant {
        let mut deadline = self.agent.deadline().min(Instant::now() + NAP_MAX);
        let talk = self.talk.as_ref().and_then(Talk::deadline);
        let others = [self.secure.deadline(), talk, self.reporter.deadline()];
        for other in others.into_iter().flatten() {
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
            && let Some(report) = self.reporter.due(now, wall_clock(), self.shared.sent(now))
            && let (Ok(report), Some(way)) =
                (self.secure.protect_report(&report), self.agent.selected())
        {
            self.out.push((way, report.freeze()));
        }
    }

    fn arrived(&mut self, now: Instant, way: Way, datagram: &[u8]) {
        self.shared.datagram_arrived();
        let before = self.agent.selected();
        // RFC 7983.
        match datagram {
            [0..=3, ..] => {
                self.agent.handle(now, way, datagram, &mut self.out);
                self.note_path(before);
            }
            [20..=63, ..] => {
                if is_plain_fatal_alert(datagram) && !self.secure.is_ready() {
                    self.signals.refused_by_server();
                }
                self.agent.accept(way);
                self.note_path(before);
                match self.secure.read(now, datagram) {
                    Ok(secured) => {
                        secured.into_iter().for_each(|secured| self.secured(now, secured))
                    }
                    Err(fault) => tracing::debug!(%fault, "DTLS datagram not taken"),
                }
            }
            [128..=191, ..] => self.reported(datagram),
            _ => {}
        }
    }

    /// What the server says of our packets.
    fn reported(&mut self, datagram: &[u8]) {
        match self.secure.open_report(datagram) {
            Ok(report) => {
                if let Some(reception) = reception::about(self.ssrc, &report) {
                    self.shared.set_reception(reception);
                }
            }
            Err(fault) => tracing::debug!(%fault, "report not taken"),
        }
    }

    fn secured(&mut self, now: Instant, secured: Secured) {
        match secured {
            Secured::Connected(protector) => {
                self.protector = Some(protector);
                self.lay_wire();
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

    fn note_path(&mut self, before: Option<Way>) {
        let Some(way) = self.agent.selected() else { return };
        if before.is_none() {
            self.signals.ice_connected();
        }
        let local = self.sockets[way.socket].local();
        let round_trip = self.agent.round_trip();
        self.shared.set_path(Path { selected_pair: Some((local, way.remote)), round_trip });
        self.lay_wire();
    }

    /// Keeps the sound on the selected path, once there are keys for it.
    fn lay_wire(&mut self) {
        let Some(way) = self.agent.selected() else { return };
        let socket = &self.sockets[way.socket];
        if let Some(protector) = self.protector.take() {
            let wire = Wire::new(self.head.clone(), protector, Arc::clone(socket), way.remote);
            self.switch.lay(wire);
        } else if self.laid.is_some_and(|laid| laid != way) {
            self.switch.redirect(socket, way.remote);
        } else {
            return;
        }
        self.laid = Some(way);
    }

    /// Hands everything to the sockets.
    fn flush(&mut self) {
        let now = Instant::now();
        if let Some(talk) = &mut self.talk {
            for packet in talk.transmits(now) {
                if let Err(fault) = self.secure.write(now, &packet) {
                    tracing::debug!(%fault, "SCTP packet not sent");
                }
            }
        }
        while let Some(datagram) = self.secure.poll_transmit(now) {
            if is_plain_fatal_alert(&datagram) && !self.secure.is_ready() {
                self.signals.refused_by_us();
            }
            if let Some(way) = self.agent.selected() {
                self.out.push((way, datagram.freeze()));
            }
        }
        for (way, datagram) in self.out.drain(..) {
            // A datagram that cannot leave is a lost datagram; the layers above are made for loss.
            if let Err(fault) = self.sockets[way.socket].send(&datagram, way.remote) {
                tracing::debug!(%fault, to = %way.remote, "datagram lost at home");
            }
        }
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self) {
        self.switch.cut();
        // Whatever SCTP still wants to say is of no interest any more.
        self.talk = None;
        if let Err(fault) = self.secure.close(Instant::now()) {
            tracing::debug!(%fault, "no goodbye");
        }
        self.flush();
    }
}

/// The next datagram on any socket that is for us. Media and feedback on it (RFC 7983) are not: they are a sign of life and
/// nothing else, and there are many of them, so they go no further; reports of how we are received do.
async fn receive(
    sockets: &[Arc<Datagrams>],
    shared: &Shared,
    buffer: &mut [u8],
) -> (Way, io::Result<usize>) {
    poll_fn(|context| {
        for (socket, io) in sockets.iter().enumerate() {
            while let Poll::Ready(result) = io.poll_receive(context, buffer) {
                let length = result.as_ref().map_or(0, |(length, _)| *length);
                let datagram = &buffer[..length];
                if matches!(datagram, [128..=191, ..]) && !reception::may_concern_us(datagram) {
                    shared.datagram_arrived();
                    continue;
                }
                let nowhere = SocketAddr::from(([0; 4], 0));
                let remote = result.as_ref().map_or(nowhere, |(_, remote)| *remote);
                return Poll::Ready((Way { socket, remote }, result.map(|(length, _)| length)));
            }
        }
        Poll::Pending
    })
    .await
}
