//! Outbox — from a message body to bytes for the wire: ids, containers, encryption, frames.

use std::sync::Arc;

use super::crypto::{AuthKey, FROM_SERVER, seal};
use super::session::Class;
use super::state::{At, Shared, State};
use super::tl::{MSG_CONTAINER, Put};
use super::transport::Encoder;

/// Messages packed into one container, and their bytes; clients refuse messages of more than 1 MiB.
const PACKED_MAX: usize = 100;
const PACKED_BYTES_MAX: usize = 64 << 10;

/// Something for the writer of a connection.
pub(super) enum Out {
    Message(Message),
    /// The content of a frame.
    Frame(Vec<u8>),
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// A frame of this length is announced, then come these bytes.
    Announced(usize, Vec<u8>),
    /// Everything before is sent, then the connection is closed.
    End,
}

/// A message with its place in the session, not yet encrypted.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) at: At,
    pub(super) auth_key: Arc<AuthKey>,
    /// The session id written into the message.
    pub(super) session: i64,
    pub(super) salt: i64,
    pub(super) id: i64,
    pub(super) seq: i32,
    pub(super) body: Vec<u8>,
    /// It may travel in a container.
    pub(super) is_packable: bool,
}

impl Message {
    pub(super) fn seal(&self) -> Vec<u8> {
        let plain =
            Vec::with_capacity(self.body.len() + 64).put_i64(self.salt).put_i64(self.session);
        seal(&self.auth_key, FROM_SERVER, plain.put(&self.inner()))
    }

    /// The message as it stands in a container.
    pub(super) fn inner(&self) -> Vec<u8> {
        let head = Vec::with_capacity(self.body.len() + 16).put_i64(self.id).put_i32(self.seq);
        head.put_i32(self.body.len() as i32).put(&self.body)
    }
}

impl State {
    /// Gives the body its place in the session.
    pub(super) fn message(
        &mut self,
        at: At,
        body: Vec<u8>,
        class: Class,
        is_content: bool,
    ) -> Option<Message> {
        let auth_key = self.keys.get(&at.key)?.auth_key.clone();
        let (clock, salt) = (self.clock(), self.salt(at.key));
        let session = self.session(at);
        let (id, seq) = (session.next_id(clock, class), session.next_seq(is_content));
        if is_content {
            session.expect_ack(id, None);
        }
        Some(Message { at, auth_key, session: at.session, salt, id, seq, body, is_packable: true })
    }

    /// The connection a session is spoken to on: the wanted one while it lives, else the newest.
    pub(super) fn link_of(&self, at: At, wanted: Option<u64>) -> Option<u64> {
        let links = &self.sessions.get(&at)?.links;
        wanted.filter(|link| links.contains(link)).or(links.last().copied())
    }

    /// Answers a service message; needs no acknowledgement.
    pub(super) fn reply(&mut self, at: At, link: u64, body: Vec<u8>) {
        if let Some(message) = self.message(at, body, Class::Answer, false) {
            self.put(link, Out::Message(message));
        }
    }

    /// Sends an update to the newest connection of the session; false when there is none.
    pub(super) fn push(&mut self, at: At, body: Vec<u8>) -> bool {
        let Some(link) = self.link_of(at, None) else { return false };
        let Some(message) = self.message(at, body, Class::Notice, true) else { return false };
        let is_sent = self.put(link, Out::Message(message));
        self.stats.pushes += u64::from(is_sent);
        is_sent
    }

    /// Sends an `rpc_result`, or keeps it until the session has a connection again.
    pub(super) fn deliver(&mut self, at: At, wanted: Option<u64>, request: i64, result: Vec<u8>) {
        let Some(link) = self.link_of(at, wanted) else {
            if let Some(session) = self.sessions.get_mut(&at) {
                session.undelivered.push_back(result);
                if session.undelivered.len() > PACKED_MAX {
                    session.undelivered.pop_front();
                }
            }
            return;
        };
        let Some(message) = self.message(at, result, Class::Answer, true) else { return };
        self.session(at).expect_ack(message.id, Some(request));
        self.put(link, Out::Message(message));
    }
}

/// Turns what waits for a connection into bytes.
pub(super) fn encode(shared: &Shared, encoder: &mut Encoder, batch: Vec<Out>) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut pack: Vec<Message> = Vec::new();
    for out in batch {
        if let Out::Message(message) = &out
            && !fits(shared, &pack, message)
        {
            bytes.extend(flush(shared, encoder, &mut pack));
        }
        if !matches!(out, Out::Message(_)) {
            bytes.extend(flush(shared, encoder, &mut pack));
        }
        match out {
            Out::Message(message) => pack.push(message),
            Out::Frame(payload) => bytes.extend(encoder.frame(&payload)),
            Out::Bytes(raw) => bytes.extend(encoder.raw(raw)),
            Out::Announced(length, raw) => {
                bytes.extend(encoder.announcement(length));
                bytes.extend(encoder.raw(raw));
            }
            Out::End => return (bytes, true),
        }
    }
    bytes.extend(flush(shared, encoder, &mut pack));
    (bytes, false)
}

fn fits(shared: &Shared, pack: &[Message], next: &Message) -> bool {
    let Some(first) = pack.first() else { return true };
    let waiting: usize = pack.iter().map(|message| message.body.len() + 16).sum();
    shared.settings.packs_containers
        && first.is_packable
        && next.is_packable
        && first.at == next.at
        && pack.len() < PACKED_MAX
        && waiting + next.body.len() <= PACKED_BYTES_MAX
}

fn flush(shared: &Shared, encoder: &mut Encoder, pack: &mut Vec<Message>) -> Vec<u8> {
    let sealed = match &pack[..] {
        [] => return Vec::new(),
        [one] => one.seal(),
        [first, ..] => {
            let inner: Vec<u8> = pack.iter().flat_map(Message::inner).collect();
            let body = Vec::new().put_id(MSG_CONTAINER).put_i32(pack.len() as i32).put(&inner);
            let container = shared.lock().message(first.at, body, Class::Notice, false);
            match container {
                Some(container) => container.seal(),
                // The key was dropped meanwhile: nothing can be said with it any more.
                None => Vec::new(),
            }
        }
    };
    pack.clear();
    if sealed.is_empty() { Vec::new() } else { encoder.frame(&sealed) }
}
