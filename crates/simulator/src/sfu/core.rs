//! All participants, and where a datagram goes. It knows time and bytes; the socket is its caller's.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use str0m::config::DtlsCert;
use str0m::crypto::CryptoProvider;

use super::peer::{Outgoing, Peer, Place};
use super::record::{Ear, Recorder};
use super::stats::Reason;
use super::{Dropped, Gone, JoinPayload, PeerId, PeerStats, SfuSettings, answer, dtls, ice, rtcp};

/// How often participants hear how their packets arrive, and get other RTCP they did not ask for.
const ANYTHING_EVERY: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(1);

/// What goes wrong on purpose while the server runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) is_silent: bool,
    pub(crate) names_wrong_certificate: bool,
    pub(crate) loss: f64,
}

pub(crate) struct Core {
    pub(crate) settings: SfuSettings,
    pub(crate) faults: Faults,
    pub(crate) peers: Vec<Peer>,
    crypto: CryptoProvider,
    /// One certificate for all, made once: a key for every join would hold up the media of others.
    certificate: DtlsCert,
    local: SocketAddr,
    by_address: HashMap<SocketAddr, PeerId>,
    recorder: Option<Recorder>,
    rng: StdRng,
    next_peer: u64,
    next_feedback: Instant,
    next_anything: Instant,
    /// STUN for nobody in particular: unknown user names.
    pub(crate) stun_strangers: u64,
}

impl Core {
    pub(crate) fn new(
        settings: SfuSettings,
        local: SocketAddr,
        recorder: Option<Recorder>,
        now: Instant,
    ) -> Core {
        let faults = Faults { loss: settings.loss, ..Faults::default() };
        let rng = StdRng::seed_from_u64(settings.seed);
        let crypto = dtls::provider();
        let certificate = crypto.dtls_provider.generate_certificate();
        let certificate = certificate.expect("aws-lc makes P-256 keys wherever it runs");
        Core {
            settings,
            faults,
            peers: Vec::new(),
            crypto,
            certificate,
            local,
            by_address: HashMap::new(),
            recorder,
            rng,
            next_peer: 1,
            next_feedback: now,
            next_anything: now + ANYTHING_EVERY,
            stun_strangers: 0,
        }
    }

    pub(crate) fn join(
        &mut self,
        room: i64,
        user: i64,
        payload: &JoinPayload,
        now: Instant,
    ) -> (PeerId, Value) {
        let id = PeerId(self.next_peer);
        self.next_peer += 1;
        let credentials = answer::credentials(&mut self.rng);
        let certificate = self.certificate.clone();
        let place = Place { id, room, user, local: self.local, now, certificate };
        let mut peer = Peer::new(place, payload.clone(), credentials, &self.crypto, &self.settings);
        let fingerprint = if self.faults.names_wrong_certificate {
            vec!["00"; 32].join(":")
        } else {
            peer.fingerprint()
        };
        let transport = answer::Transport {
            credentials: &peer.credentials,
            fingerprint: &fingerprint,
            is_client_active: payload.is_active,
            address: self.local,
        };
        let json = answer::json(&transport, &mut self.rng);
        self.peers.push(peer);
        (id, json)
    }

    pub(crate) fn peer(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.id == id)
    }

    pub(crate) fn remove(&mut self, id: PeerId) {
        self.peers.retain(|peer| peer.id != id);
        self.by_address.retain(|_, of| *of != id);
        if let Some(recorder) = &mut self.recorder {
            recorder.end(id);
        }
    }

    pub(crate) fn close(&mut self, id: PeerId, now: Instant, out: &mut Outgoing) {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == id) {
            peer.close(&self.crypto, now, out);
        }
        self.remove(id);
    }

    pub(crate) fn close_all(&mut self, now: Instant, out: &mut Outgoing) {
        for peer in &mut self.peers {
            peer.close(&self.crypto, now, out);
        }
        let ids: Vec<PeerId> = self.peers.iter().map(|peer| peer.id).collect();
        ids.into_iter().for_each(|id| self.remove(id));
    }

    pub(crate) fn stats(&self, room: i64) -> Vec<PeerStats> {
        self.peers.iter().filter(|peer| peer.room == room).map(Peer::stats).collect()
    }

    /// Takes one datagram from the socket.
    pub(crate) fn receive(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
        out: &mut Outgoing,
    ) {
        let Some(&first) = datagram.first() else { return };
        if self.faults.is_silent {
            return;
        }
        if first < 4
            && let Some(name) = ice::addressee(datagram)
        {
            return self.receive_check(&name, from, datagram, now, out);
        }
        let Some(at) = self
            .by_address
            .get(&from)
            .and_then(|id| self.peers.iter().position(|peer| peer.id == *id))
        else {
            return;
        };
        let peer = &mut self.peers[at];
        match (first, datagram.get(1)) {
            (128..192, Some(192..=223)) => peer.rtcp(datagram, now),
            (128..192, _) => self.receive_media(at, datagram, now, out),
            _ => peer.transport(&self.crypto, from, datagram, now, out),
        }
    }

    fn receive_check(
        &mut self,
        name: &str,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
        out: &mut Outgoing,
    ) {
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.credentials.ufrag == name) else {
            self.stun_strangers += 1;
            return;
        };
        let is_ignored = self.settings.ignore_passive && !peer.payload.is_active;
        if is_ignored || now.duration_since(peer.joined) < self.settings.quiet {
            return;
        }
        peer.stun(&self.crypto, from, datagram, now, out);
        if peer.address.is_some() {
            self.by_address.insert(from, peer.id);
        }
    }

    fn receive_media(&mut self, at: usize, datagram: &[u8], now: Instant, out: &mut Outgoing) {
        let is_lost = self.faults.loss > 0.0 && self.rng.random_bool(self.faults.loss.min(1.0));
        let peer = &mut self.peers[at];
        if is_lost {
            let ssrc = peer.payload.ssrc;
            peer.source(ssrc).count(Reason::Lost);
            return;
        }
        let Some(heard) = peer.hear(datagram, &self.settings, now) else { return };
        let (room, user, id) = (peer.room, peer.user, peer.id);
        let needs_sctp = self.settings.require_sctp;
        if let Some(recorder) = &mut self.recorder {
            recorder.write(Ear::anybody(room, id), &heard, now);
        }
        for other in &mut self.peers {
            let is_listening = other.room == room
                && other.user != user
                && other.id != id
                && (other.is_sctp_up || !needs_sctp);
            if !is_listening {
                continue;
            }
            if let Some(sealed) = other.seal(&heard) {
                if let Some(recorder) = &mut self.recorder {
                    recorder.write(Ear::member(other), &heard, now);
                }
                let is_lost =
                    self.faults.loss > 0.0 && self.rng.random_bool(self.faults.loss.min(1.0));
                if !is_lost {
                    out.push(sealed);
                }
            }
        }
    }

    /// Does what is due; returns who was dropped and when to come again.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut Outgoing) -> (Vec<Dropped>, Instant) {
        if self.faults.is_silent {
            return (Vec::new(), now + IDLE);
        }
        for peer in &mut self.peers {
            if peer.deadline <= now {
                peer.tick(&self.crypto, now, out);
            }
        }
        self.send_rtcp(now, out);
        let dropped = self.drop_dead(now);
        let feedback = if self.peers.is_empty() { now + IDLE } else { self.next_feedback };
        let soonest = self.peers.iter().map(|peer| peer.deadline).min().unwrap_or(now + IDLE);
        (dropped, soonest.min(feedback).min(now + IDLE).max(now + Duration::from_millis(1)))
    }

    fn send_rtcp(&mut self, now: Instant, out: &mut Outgoing) {
        let is_feedback_due = now >= self.next_feedback;
        let is_anything_due = now >= self.next_anything;
        if is_feedback_due {
            self.next_feedback = now + self.settings.feedback_every;
        }
        if is_anything_due {
            self.next_anything = now + ANYTHING_EVERY;
        }
        for peer in self.peers.iter_mut().filter(|peer| peer.connected.is_some()) {
            if is_feedback_due && let Some(report) = peer.feedback.report() {
                out.extend(peer.seal_rtcp(&report));
            }
            if is_anything_due {
                let ssrc = peer.payload.ssrc;
                if let Some(block) = peer.source(ssrc).report() {
                    out.extend(peer.seal_rtcp(&rtcp::report(block)));
                }
                out.extend(peer.seal_rtcp(&rtcp::anything(&mut self.rng, ssrc)));
                if self.settings.broken_rtcp {
                    out.extend(peer.seal_rtcp(&rtcp::unparsable(ssrc)));
                }
            }
        }
    }

    fn drop_dead(&mut self, now: Instant) -> Vec<Dropped> {
        let settings = &self.settings;
        let dead: Vec<Dropped> = self
            .peers
            .iter()
            .filter_map(|peer| {
                let why = if let Some(gone) = peer.gone {
                    gone
                } else if peer.connected.is_none() && now - peer.joined >= settings.connect_within {
                    Gone::NeverConnected
                } else if peer.connected.is_some() && now - peer.last_packet >= settings.silence_max
                {
                    Gone::Silent
                } else {
                    return None;
                };
                Some(Dropped {
                    peer: peer.id,
                    room: peer.room,
                    user: peer.user,
                    ssrc: peer.payload.ssrc,
                    why,
                })
            })
            .collect();
        dead.iter().for_each(|dropped| self.remove(dropped.peer));
        dead
    }

    /// The server is heard again after a silence; what it missed is nobody's fault.
    pub(crate) fn wake(&mut self, now: Instant) {
        for peer in &mut self.peers {
            peer.last_packet = now;
        }
    }
}
