//! Inbox — one encrypted message of a client: may it be believed, and what does it say to the server itself?

mod service_messages;

use super::Caller;
use super::calls::Call;
use super::crypto::random;
use super::outbox::{Message, Out};
use super::session::{Class, Seen};
use super::state::{At, State};
use super::tl::{GZIP_PACKED, MSG_CONTAINER, Malformed, Put, Reader, constructor, gunzip};

const MSG_COPY: u32 = 0xe060_46b2;
const MSGS_ACK: u32 = 0x62d6_b459;
const PING: u32 = 0x7abe_77ec;
const PING_DELAY_DISCONNECT: u32 = 0xf342_7b8c;
const GET_FUTURE_SALTS: u32 = 0xb921_bd04;
const MSGS_STATE_REQ: u32 = 0xda69_fb52;
const MSGS_STATE_INFO: u32 = 0x04de_b57d;
const MSGS_ALL_INFO: u32 = 0x8cc0_d131;
const MSG_DETAILED_INFO: u32 = 0x276d_3ec6;
const MSG_RESEND_REQ: u32 = 0x7d86_1a08;
const RPC_DROP_ANSWER: u32 = 0x58e4_a740;
const DESTROY_SESSION: u32 = 0xe751_2126;
const DESTROY_AUTH_KEY: u32 = 0xd143_5160;
const DESTROY_AUTH_KEY_OK: u32 = 0xf660_e1d4;
const HTTP_WAIT: u32 = 0x9299_359f;
const BAD_MSG_NOTIFICATION: u32 = 0xa7ef_f811;
const BAD_SERVER_SALT: u32 = 0xedab_447b;
const NEW_SESSION_CREATED: u32 = 0x9ec2_0908;

/// Seconds a message id may be behind and ahead of the server's clock.
const BEHIND_MAX: i64 = 300;
const AHEAD_MAX: i64 = 30;
/// Messages allowed in one container.
const CONTAINER_MAX: usize = 1020;

/// One message, from the top level or from a container.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) id: i64,
    pub(super) seq: i32,
    pub(super) body: &'a [u8],
}

/// What is to be done when the lock is released.
pub(super) enum Effect {
    Connected(Caller),
    Disconnected(Caller),
    Call(Box<Call>),
}

/// The handling of one frame, under the lock.
pub(super) struct Turn<'a> {
    pub(super) state: &'a mut State,
    pub(super) at: At,
    pub(super) link: u64,
    pub(super) is_strict: bool,
    pub(super) effects: Vec<Effect>,
    pub(super) acks: Vec<i64>,
}

impl Turn<'_> {
    /// Reads the decrypted content: salt, session, message id, sequence number, length, body, padding.
    pub(super) fn read<'p>(plain: &'p [u8]) -> Result<(i64, i64, Incoming<'p>), Malformed> {
        let mut reader = Reader::new(plain);
        let (salt, session, id) = (reader.i64()?, reader.i64()?, reader.i64()?);
        let (seq, length) = (reader.i32()?, reader.u32()? as usize);
        let body = reader.raw(length)?;
        let is_padded_right = (12..=1024).contains(&reader.left().len());
        if is_padded_right && length.is_multiple_of(4) && length > 0 {
            Ok((salt, session, Incoming { id, seq, body }))
        } else {
            Err(Malformed)
        }
    }

    /// Handles the message of a frame. Malformed bytes inside cost the connection.
    pub(super) fn handle(&mut self, salt: i64, message: Incoming<'_>) -> Result<(), Malformed> {
        self.state.attach(self.link, self.at);
        if let Some(code) = self.judge_id(message.id) {
            self.complain(message, code);
            return Ok(());
        }
        if !self.state.is_salt_good(self.at.key, salt) {
            self.state.stats.bad_salts += 1;
            let salt = self.state.salt(self.at.key);
            let body = Vec::new().put_id(BAD_SERVER_SALT).put_i64(message.id).put_i32(message.seq);
            self.correct(body.put_i32(48).put_i64(salt));
            return Ok(());
        }
        let inner = match constructor(message.body) {
            MSG_CONTAINER => Some(read_container(message.body)?),
            _ => None,
        };
        self.welcome(inner.iter().flatten().map(|m| m.id).min().unwrap_or(message.id));
        let result = match inner {
            Some(inner) => self.container(message, &inner),
            None => self.one(message, 0),
        };
        let acks = std::mem::take(&mut self.acks);
        if !acks.is_empty() {
            self.reply(Vec::new().put_id(MSGS_ACK).put_longs(&acks));
        }
        result
    }

    fn judge_id(&self, id: i64) -> Option<i32> {
        let seconds = (id >> 32) - self.state.clock().0;
        match () {
            () if id & 3 != 0 => Some(18),
            () if self.is_strict && seconds < -BEHIND_MAX => Some(16),
            () if self.is_strict && seconds > AHEAD_MAX => Some(17),
            () => None,
        }
    }

    fn complain(&mut self, message: Incoming<'_>, code: i32) {
        *self.state.stats.bad_messages.entry(code).or_default() += 1;
        let body = Vec::new().put_id(BAD_MSG_NOTIFICATION).put_i64(message.id).put_i32(message.seq);
        self.correct(body.put_i32(code));
    }

    /// Corrections travel alone: a client whose clock is wrong reads nothing else, not even a container (Telethon).
    fn correct(&mut self, body: Vec<u8>) {
        if let Some(message) = self.state.message(self.at, body, Class::Answer, false) {
            self.state.put(self.link, Out::Message(Message { is_packable: false, ..message }));
        }
    }

    pub(super) fn reply(&mut self, body: Vec<u8>) {
        self.state.reply(self.at, self.link, body);
    }

    /// The first good message of a session, or of a connection of it.
    fn welcome(&mut self, first: i64) {
        let (at, link) = (self.at, self.link);
        let session = self.state.session(at);
        let is_new = !std::mem::replace(&mut session.is_announced, true);
        let undelivered = std::mem::take(&mut session.undelivered);
        if is_new {
            let body = Vec::new()
                .put_id(NEW_SESSION_CREATED)
                .put_i64(first)
                .put_i64(i64::from_le_bytes(random()));
            let body = body.put_i64(self.state.salt(at.key));
            if let Some(message) = self.state.message(at, body, Class::Notice, true) {
                self.state.put(link, Out::Message(message));
            }
        }
        let session = self.state.session(at);
        if is_new || !session.was_reachable {
            session.was_reachable = true;
            self.effects.push(Effect::Connected(self.state.caller(at, link)));
        }
        for result in undelivered {
            let request = Reader::new(result.get(4..).unwrap_or_default()).i64().unwrap_or(0);
            self.state.deliver(at, Some(link), request, result);
        }
    }

    fn container(&mut self, outer: Incoming<'_>, inner: &[Incoming<'_>]) -> Result<(), Malformed> {
        if inner
            .iter()
            .any(|message| constructor(message.body) == MSG_CONTAINER || message.id >= outer.id)
        {
            self.complain(outer, 64);
            return Ok(());
        }
        inner.iter().try_for_each(|message| self.one(*message, 0))?;
        let latest = self.state.clock().0 + AHEAD_MAX;
        if self.is_strict
            && let Some(code) =
                self.state.session(self.at).judge_seq(outer.id, outer.seq, Some(false), latest)
        {
            self.complain(outer, code);
        }
        Ok(())
    }

    fn one(&mut self, message: Incoming<'_>, depth: u8) -> Result<(), Malformed> {
        let latest = self.state.clock().0 + AHEAD_MAX;
        let session = self.state.session(self.at);
        if session.seen(message.id).is_some() {
            self.repeat(message);
            return Ok(());
        }
        let complaint = match () {
            () if message.id & 3 != 0 => Some(18),
            () if session.is_forgotten(message.id) => Some(20),
            () if self.is_strict => {
                session.judge_seq(message.id, message.seq, wants_odd(message.body), latest)
            }
            () => None,
        };
        if let Some(code) = complaint {
            self.complain(message, code);
            return Ok(());
        }
        session.remember(message.id, Seen::Done);
        if message.seq & 1 == 1 {
            self.acks.push(message.id);
        }
        self.body(message, depth)
    }

    /// The client said it again: so does the server, if it had an answer.
    fn repeat(&mut self, message: Incoming<'_>) {
        self.state.stats.duplicates += 1;
        if message.seq & 1 == 1 {
            self.acks.push(message.id);
        }
        if let Some(Seen::Answered(result)) = self.state.session(self.at).seen(message.id).cloned()
        {
            self.state.deliver(self.at, Some(self.link), message.id, result);
        }
    }

    fn body(&mut self, message: Incoming<'_>, depth: u8) -> Result<(), Malformed> {
        let mut reader = Reader::new(message.body);
        match reader.u32()? {
            GZIP_PACKED if depth < 4 => {
                let unpacked = gunzip(reader.left())?;
                self.body(Incoming { body: &unpacked, ..message }, depth + 1)
            }
            MSG_COPY if depth < 4 => {
                let (id, seq, length) = (reader.i64()?, reader.i32()?, reader.u32()? as usize);
                self.one(Incoming { id, seq, body: reader.raw(length)? }, depth + 1)
            }
            MSG_CONTAINER => {
                self.complain(message, 64);
                Ok(())
            }
            MSGS_ACK => {
                for id in reader.longs()? {
                    let is_ours = self.state.session(self.at).acknowledge(id);
                    self.state.stats.acks += u64::from(is_ours);
                }
                Ok(())
            }
            PING => self.ping(message.id, reader.i64()?, None),
            PING_DELAY_DISCONNECT => self.ping(message.id, reader.i64()?, Some(reader.i32()?)),
            GET_FUTURE_SALTS => self.future_salts(message.id, reader.i32()?),
            MSGS_STATE_REQ => self.states(message.id, &reader.longs()?),
            MSG_RESEND_REQ => self.resend(message.id, &reader.longs()?),
            MSGS_STATE_INFO | MSGS_ALL_INFO | MSG_DETAILED_INFO | HTTP_WAIT => Ok(()),
            RPC_DROP_ANSWER => self.drop_answer(message.id, reader.i64()?),
            DESTROY_SESSION => self.destroy_session(reader.i64()?),
            DESTROY_AUTH_KEY => {
                self.reply(Vec::new().put_id(DESTROY_AUTH_KEY_OK));
                let gone = self.state.drop_key(self.at.key);
                self.effects.extend(gone.into_iter().map(Effect::Disconnected));
                Ok(())
            }
            _ => {
                self.request(message);
                Ok(())
            }
        }
    }
}

/// Whether the sequence number must be odd (requests), even (acknowledgements, containers), or may be either.
fn wants_odd(body: &[u8]) -> Option<bool> {
    match constructor(body) {
        MSGS_ACK | MSG_CONTAINER => Some(false),
        PING
        | PING_DELAY_DISCONNECT
        | GET_FUTURE_SALTS
        | MSGS_STATE_REQ
        | MSGS_STATE_INFO
        | MSGS_ALL_INFO
        | MSG_DETAILED_INFO
        | MSG_RESEND_REQ
        | RPC_DROP_ANSWER
        | DESTROY_SESSION
        | DESTROY_AUTH_KEY
        | HTTP_WAIT
        | MSG_COPY
        | GZIP_PACKED => None,
        _ => Some(true),
    }
}

fn read_container(body: &[u8]) -> Result<Vec<Incoming<'_>>, Malformed> {
    let mut reader = Reader::new(&body[4..]);
    let n = reader.u32()? as usize;
    if n > CONTAINER_MAX {
        return Err(Malformed);
    }
    let mut inner = Vec::with_capacity(n);
    for _ in 0..n {
        let (id, seq, length) = (reader.i64()?, reader.i32()?, reader.u32()? as usize);
        inner.push(Incoming { id, seq, body: reader.raw(length)? });
    }
    Ok(inner)
}
