//! The controlled agent of native style: checks every way to the server, answers the server's checks, picks a way.
//!
//! RFC 8445 as far as a group call needs it: we have no candidates of our own to tell (the server learns our address from
//! our checks), the server has a few host candidates, and nobody is behind a relay. Unlike a textbook agent it uses a way
//! as soon as its own check succeeded, because Telegram's servers are lite and never nominate; when a server does, its
//! choice wins. No I/O, no clock.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::ice::attributes::control::AttrControlled;
use rtc::ice::attributes::priority::PriorityAttr;
use rtc::shared::error::Result;
use rtc::stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc::stun::textattrs::{TextAttribute, Username};
use rtc::stun::xoraddr::XorMappedAddress;
use webrtc::peer_connection::crypto::RTCCryptoProvider;

use crate::payload::Credentials;

/// A peer-reflexive host candidate as libwebrtc rates it (RFC 8445 §5.1.2).
const PRIORITY: u32 = 0x6e7e_1eff;
/// Unanswered checks that are remembered per way.
const PENDING_MAX: usize = 16;
/// Ways that a server may add by checking us from other addresses.
const WAYS_MAX: usize = 24;
/// Keepalives without an answer after which every way is tried again.
const STALE_KEEPALIVES: u32 = 3;

/// One way to the server: a socket of ours and an address of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) socket: usize,
    pub(crate) remote: SocketAddr,
}

struct Checked {
    way: Way,
    pending: VecDeque<([u8; 12], Instant)>,
}

/// A datagram to be sent.
pub(crate) type Outgoing = (Way, Vec<u8>);

pub(crate) struct Agent {
    local: Credentials,
    remote_ufrag: String,
    remote_pwd: String,
    tie_breaker: u64,
    ways: Vec<Checked>,
    selected: Option<Way>,
    check_interval: Duration,
    keepalive_interval: Duration,
    next_check: Instant,
    last_answer: Option<Instant>,
    round_trip: Option<Duration>,
    crypto: Arc<dyn RTCCryptoProvider>,
}

/// How often to check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) check: Duration,
    pub(crate) keepalive: Duration,
}

// === impl Agent ===

impl Agent {
    pub(crate) fn new(
        local: Credentials,
        remote: (String, String),
        ways: Vec<Way>,
        pace: Pace,
        crypto: Arc<dyn RTCCryptoProvider>,
        now: Instant,
    ) -> Agent {
        let ways = ways.into_iter().map(|way| Checked { way, pending: VecDeque::new() }).collect();
        Agent {
            local,
            remote_ufrag: remote.0,
            remote_pwd: remote.1,
            tie_breaker: rand::random(),
            ways,
            selected: None,
            check_interval: pace.check,
            keepalive_interval: pace.keepalive,
            next_check: now,
            last_answer: None,
            round_trip: None,
            crypto,
        }
    }

    pub(crate) fn selected(&self) -> Option<Way> {
        self.selected
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// When [`Agent::checks`] wants to be called.
    pub(crate) fn deadline(&self) -> Instant {
        self.next_check
    }

    /// The checks that are due.
    pub(crate) fn checks(&mut self, now: Instant, out: &mut Vec<Outgoing>) {
        if now < self.next_check {
            return;
        }
        let is_stale = self.last_answer.is_none_or(|when| {
            now.duration_since(when) > self.keepalive_interval * STALE_KEEPALIVES
        });
        let only = self.selected.filter(|_| !is_stale);
        self.next_check = now
            + if self.selected.is_some() { self.keepalive_interval } else { self.check_interval };
        for index in 0..self.ways.len() {
            if only.is_none_or(|way| way == self.ways[index].way) {
                self.check(index, now, out);
            }
        }
    }

    fn check(&mut self, index: usize, now: Instant, out: &mut Vec<Outgoing>) {
        let transaction = TransactionId::new();
        let username = format!("{}:{}", self.remote_ufrag, self.local.ufrag);
        let request = self.message(
            &self.remote_pwd,
            vec![
                Box::new(BINDING_REQUEST),
                Box::new(transaction),
                Box::new(Username::new(ATTR_USERNAME, username)),
                Box::new(AttrControlled(self.tie_breaker)),
                Box::new(PriorityAttr(PRIORITY)),
            ],
        );
        let Ok(request) = request else { return };
        let checked = &mut self.ways[index];
        if checked.pending.len() == PENDING_MAX {
            checked.pending.pop_front();
        }
        checked.pending.push_back((transaction.0, now));
        out.push((checked.way, request));
    }

    /// A STUN datagram that arrived by `way`. Anything that is not provably the server's is ignored.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        way: Way,
        datagram: &[u8],
        out: &mut Vec<Outgoing>,
    ) {
        let mut message = Message { raw: datagram.to_vec(), ..Message::default() };
        if message.decode().is_err() {
            return;
        }
        if message.typ == BINDING_REQUEST {
            self.answer(now, way, &mut message, out);
        } else if message.typ == BINDING_SUCCESS {
            self.succeed(now, way, &mut message);
        }
    }

    fn answer(&mut self, now: Instant, way: Way, request: &mut Message, out: &mut Vec<Outgoing>) {
        let expected = format!("{}:{}", self.local.ufrag, self.remote_ufrag);
        let is_for_us = TextAttribute::get_from_as(request, ATTR_USERNAME)
            .is_ok_and(|username| username.text == expected);
        if !is_for_us || !self.is_signed(request, &self.local.pwd) {
            return;
        }
        let reply = self.message(
            &self.local.pwd,
            vec![
                Box::new(BINDING_SUCCESS),
                Box::new(request.transaction_id),
                Box::new(XorMappedAddress { ip: way.remote.ip(), port: way.remote.port() }),
            ],
        );
        if let Ok(reply) = reply {
            out.push((way, reply));
        }
        let is_known = self.ways.iter().any(|checked| checked.way == way);
        if !is_known && self.ways.len() < WAYS_MAX {
            // Peer-reflexive: the server checks us from an address that it did not tell.
            self.ways.push(Checked { way, pending: VecDeque::new() });
            self.check(self.ways.len() - 1, now, out);
        }
        if request.contains(ATTR_USE_CANDIDATE) {
            self.selected = Some(way);
        }
    }

    fn succeed(&mut self, now: Instant, way: Way, response: &mut Message) {
        if !self.is_signed(response, &self.remote_pwd) {
            return;
        }
        let transaction = response.transaction_id.0;
        let Some(checked) = self.ways.iter_mut().find(|checked| checked.way == way) else { return };
        let Some(position) = checked.pending.iter().position(|(id, _)| *id == transaction) else {
            return;
        };
        let sent = checked.pending[position].1;
        checked.pending.drain(..=position);
        let is_stale = self.last_answer.is_none_or(|when| {
            now.duration_since(when) > self.keepalive_interval * STALE_KEEPALIVES
        });
        if self.selected.is_none() || (is_stale && self.selected != Some(way)) {
            self.selected = Some(way);
        }
        if self.selected == Some(way) {
            self.last_answer = Some(now);
            self.round_trip = Some(now.duration_since(sent));
        }
    }

    /// The server spoke DTLS by a way that is known: it can be used although our own check is still on its way.
    pub(crate) fn accept(&mut self, way: Way) {
        if self.selected.is_none() && self.ways.iter().any(|checked| checked.way == way) {
            self.selected = Some(way);
        }
    }

    fn message<'a>(&'a self, pwd: &str, mut parts: Vec<Box<dyn Setter + 'a>>) -> Result<Vec<u8>> {
        let crypto = self.crypto.crypto();
        parts.push(Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
            pwd.to_owned(),
            crypto,
        )));
        parts.push(Box::new(FINGERPRINT));
        let mut message = Message::new();
        message.build(&parts)?;
        Ok(message.raw)
    }

    fn is_signed(&self, message: &mut Message, pwd: &str) -> bool {
        MessageIntegrity::check(message, pwd.as_bytes(), self.crypto.crypto()).is_ok()
    }
}
