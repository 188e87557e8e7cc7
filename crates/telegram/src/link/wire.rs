//! The wire: bytes of one connection in and out, without a socket or a clock.
//!
//! Requests become encrypted frames, frames become answers and news. It believes nothing: a frame of an absurd length
//! ends the connection at once, and so does a panic of the library, which it is not allowed to survive half way.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

use grammers_client::sender::{InvocationError, ReadError, RpcError};
use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl::{self, Deserializable as _, Identifiable, Serializable as _};
use grammers_crypto::DequeBuffer;
use grammers_mtproto::MsgId;
use grammers_mtproto::mtp::{BadMessage, Deserialization, Encrypted, Mtp as _};
use grammers_mtproto::transport::{Error as TransportError, Full, Transport as _};
use tokio::sync::oneshot;

use super::{Answer, Ask, News};

/// The longest frame that is waited for. Telegram's own are about one MiB at most, and longer messages the library
/// refuses; a longer announcement is garbage that would be waited for for ever.
const FRAME_MAX: i32 = 4 << 20;

/// How often the protocol may refuse a request as badly addressed before it fails.
const RESENDS_MAX: u32 = 5;

/// Acknowledgements travel with requests; after this many messages without any request one is made up for them.
const ACK_EVERY: u32 = 1_000;

/// Before its end: what a full frame adds to its content.
const LEADING: usize = 256;

/// Where a server's message keeps its number, which tells the server's time.
const MESSAGE_ID: usize = 8 + 16 + 8 + 8;

const OUT: usize = 64 * 1024;

pub(super) struct Wire {
    mtp: Encrypted,
    transport: Full,
    requests: Vec<Request>,
    out: DequeBuffer<u8>,
    /// How much of `out` the socket took.
    sent: usize,
    inbox: Vec<u8>,
    unacked: u32,
    /// The server's clock at its last message, in seconds.
    server_s: i64,
    /// How far the server's clock is from ours, when it turned out that ours is ahead.
    offset: Option<i32>,
}

struct Request {
    body: Vec<u8>,
    /// Its message and the container that this one travelled in; `None` until it is written.
    sent_as: Option<(MsgId, MsgId)>,
    resends: u32,
    /// `None` for what the connection asks for itself.
    answer: Option<oneshot::Sender<Answer>>,
}

// === impl Wire ===

impl Wire {
    /// `offset` is what is to be added to our clock, in seconds.
    pub(super) fn new(key: [u8; 256], offset: i32) -> Wire {
        Wire {
            mtp: Encrypted::build().time_offset(offset).finish(key),
            transport: Full::new(),
            requests: Vec::new(),
            out: DequeBuffer::with_capacity(OUT, LEADING),
            sent: 0,
            inbox: Vec::new(),
            unacked: 0,
            server_s: 0,
            offset: None,
        }
    }

    /// Set when the connection ended because our clock is ahead of the server's: the next one has to begin with it, since
    /// message numbers cannot go back within one session.
    pub(super) fn offset(&self) -> Option<i32> {
        self.offset
    }

    /// Takes over what another connection was asked for and what it could not say, or was refused to.
    pub(super) fn inherit(&mut self, other: &mut Wire) {
        let unsent =
            other.requests.extract_if(.., |one| one.sent_as.is_none() && one.answer.is_some());
        self.requests.extend(unsent);
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        let Ask { body, answer } = ask;
        self.requests.push(Request { body, sent_as: None, resends: 0, answer: Some(answer) });
    }

    /// What the socket has to send now.
    pub(super) fn pending(&mut self) -> &[u8] {
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
            self.write();
        }
        &self.out[self.sent..]
    }

    /// The socket took this much of it.
    pub(super) fn sent(&mut self, n: usize) {
        self.sent = (self.sent + n).min(self.out.len());
    }

    fn write(&mut self) {
        self.requests.retain(Request::is_wanted);
        if self.unacked >= ACK_EVERY && self.requests.iter().all(|one| one.sent_as.is_some()) {
            let body = tl::functions::Ping { ping_id: rand::random() }.to_bytes();
            self.requests.push(Request { body, sent_as: None, resends: 0, answer: None });
        }
        let mut written = Vec::new();
        for (index, request) in self.requests.iter_mut().enumerate() {
            if request.sent_as.is_some() {
                continue;
            }
            // `None`: the container is full, or salts have to come first; the rest goes next time
            let Some(id) = self.mtp.push(&mut self.out, &request.body) else { break };
            request.sent_as = Some((id, id));
            written.push(index);
        }
        if let Some(container) = self.mtp.finalize(&mut self.out) {
            self.unacked = 0;
            for index in written {
                let request = &mut self.requests[index];
                request.sent_as = request.sent_as.map(|(id, _)| (id, container));
            }
            self.transport.pack(&mut self.out);
        }
    }

    /// Takes bytes off the socket. After an error the connection is over.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<News>, ReadError> {
        self.inbox.extend_from_slice(bytes);
        let mut news = Vec::new();
        let mut read = 0;
        while let Some((found, next)) = self.frame(read)? {
            read = next;
            for one in found {
                self.one(one, &mut news)?;
            }
        }
        self.inbox.drain(..read);
        Ok(news)
    }

    /// The next whole frame from `at` on, decrypted and taken apart, and where the one after it begins.
    fn frame(&mut self, at: usize) -> Result<Option<(Vec<Deserialization>, usize)>, ReadError> {
        if let Some(length) = self.inbox[at..].first_chunk().map(|bytes| i32::from_le_bytes(*bytes))
            && length > FRAME_MAX
        {
            return Err(TransportError::BadLen { got: length }.into());
        }
        let (transport, mtp) = (&mut self.transport, &mut self.mtp);
        let frame = match transport.unpack(&mut self.inbox[at..]) {
            Ok(frame) => frame,
            Err(TransportError::MissingBytes) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let content = &mut self.inbox[at..][frame.data_range];
        // "a packet whose payload consists of 4 bytes" (core.telegram.org/mtproto/mtproto-transports#transport-errors)
        if let Ok(code) = <[u8; 4]>::try_from(&*content) {
            let status = i32::from_le_bytes(code).unsigned_abs();
            return Err(TransportError::BadStatus { status }.into());
        }
        // The state is thrown away with the connection, so nobody sees it half changed.
        let found = catch_unwind(AssertUnwindSafe(|| mtp.deserialize(content)));
        let found = found.map_err(|panic| {
            let text = format!("against the protocol: {}", text_of(panic.as_ref()));
            ReadError::Io(io::Error::new(io::ErrorKind::InvalidData, text))
        })??;
        // it was decrypted in place: the key's number and the message's, salt and session, then its own number
        if let Some(id) = content.get(MESSAGE_ID..).and_then(|rest| rest.first_chunk()) {
            self.server_s = i64::from_le_bytes(*id) >> 32;
        }
        Ok(Some((found, at + frame.next_offset)))
    }

    fn one(&mut self, found: Deserialization, news: &mut Vec<News>) -> Result<(), ReadError> {
        match found {
            Deserialization::Update(bytes) => {
                self.unacked += 1;
                news.push(match tl::enums::Updates::from_bytes(&bytes) {
                    Ok(updates) => News::Updates(Box::new(UpdatesLike::Updates(updates))),
                    Err(error) => News::Unreadable { bytes, error, is_answer: false },
                });
            }
            Deserialization::OwnUpdate { msg_id, update } => {
                let body = self.find(msg_id).map(|request| request.body.as_slice());
                news.push(own(body.unwrap_or_default(), update));
            }
            Deserialization::RpcResult(result) => self.answer(result.msg_id, |_| Ok(result.body)),
            Deserialization::RpcError(error) => self.answer(error.msg_id, |body| {
                let asked = body.first_chunk().map_or(0, |id| u32::from_le_bytes(*id));
                Err(InvocationError::Rpc(RpcError::from(error.error).with_caused_by(asked)))
            }),
            Deserialization::Failure(failure) => {
                self.answer(failure.msg_id, |_| Err(InvocationError::Deserialize(failure.error)))
            }
            Deserialization::BadMessage(bad) => return self.bad(&bad),
        }
        Ok(())
    }

    fn find(&self, id: MsgId) -> Option<&Request> {
        self.requests.iter().find(|request| request.sent_as.is_some_and(|(own, _)| own == id))
    }

    fn answer(&mut self, id: MsgId, answer: impl FnOnce(&[u8]) -> Answer) {
        let at = self.requests.iter().position(|one| one.sent_as.is_some_and(|(own, _)| own == id));
        let Some(at) = at else {
            tracing::debug!("an answer that nobody waits for");
            return;
        };
        let request = self.requests.swap_remove(at);
        if let Some(asker) = request.answer {
            drop(asker.send(answer(&request.body)));
        }
    }

    /// The server did not take a message of ours: with a wrong salt or clock it had no effect and is sent again.
    fn bad(&mut self, bad: &BadMessage) -> Result<(), ReadError> {
        tracing::debug!(code = bad.code, why = bad.description(), "message refused");
        if !matches!(bad.code, 16 | 17 | 20 | 32 | 33 | 48) {
            // our numbering is in disorder; a new connection begins with a new one
            let text = format!("message refused with {}: {}", bad.code, bad.description());
            return Err(ReadError::Io(io::Error::other(text)));
        }
        let mut at = 0;
        while at < self.requests.len() {
            let request = &mut self.requests[at];
            let is_meant = request
                .sent_as
                .is_some_and(|(own, container)| bad.msg_id == own || bad.msg_id == container);
            if !is_meant {
                at += 1;
            } else if bad.code != 20 && request.resends < RESENDS_MAX {
                request.resends += 1;
                request.sent_as = None;
                at += 1;
            } else if let Some(asker) = self.requests.swap_remove(at).answer {
                drop(asker.send(Err(InvocationError::Dropped("the server refused the message"))));
            }
        }
        if bad.code == 17 {
            let ours =
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            let offset = self.server_s - i64::try_from(ours).unwrap_or(i64::MAX);
            self.offset = Some(i32::try_from(offset).unwrap_or(0));
            return Err(ReadError::Io(io::Error::other("our clock is ahead of the server's")));
        }
        Ok(())
    }

    /// The connection is over: whoever waits is told why.
    pub(super) fn fail(&mut self, error: &InvocationError) {
        for request in self.requests.drain(..) {
            if let Some(asker) = request.answer {
                drop(asker.send(Err(super::again(error))));
            }
        }
    }
}

impl Request {
    fn is_wanted(&self) -> bool {
        self.answer.as_ref().is_none_or(|answer| !answer.is_closed())
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("of unknown kind")
}

/// Updates that an own request brought back; they move the sequences like all others.
fn own(request: &[u8], bytes: Vec<u8>) -> News {
    let error = match tl::enums::Updates::from_bytes(&bytes) {
        Ok(updates) => return News::Updates(Box::new(own_updates(request, updates))),
        Err(error) => error,
    };
    match own_affected(request, &bytes) {
        Some(updates) => News::Updates(Box::new(updates)),
        None => News::Unreadable { bytes, error, is_answer: true },
    }
}

fn own_updates(request: &[u8], updates: tl::enums::Updates) -> UpdatesLike {
    if let tl::enums::Updates::UpdateShortSentMessage(update) = &updates
        && let Some(request) = sent::<tl::functions::messages::SendMessage>(request)
    {
        return UpdatesLike::ShortSentMessage { request, update: update.clone() };
    }
    UpdatesLike::Updates(updates)
}

/// Answers that are not updates and move the sequences all the same.
fn own_affected(request: &[u8], bytes: &[u8]) -> Option<UpdatesLike> {
    use tl::enums::messages::{AffectedMessages, ChatInviteJoinResult, InvitedUsers};
    if let Ok(AffectedMessages::Messages(affected)) = AffectedMessages::from_bytes(bytes) {
        let deleted = sent::<tl::functions::channels::DeleteMessages>(request);
        return Some(match deleted {
            // the answer's place is the channel's then, not the account's
            Some(tl::functions::channels::DeleteMessages {
                channel: tl::enums::InputChannel::Channel(channel),
                id,
            }) => UpdatesLike::AffectedChannelMessages {
                affected,
                channel_id: channel.channel_id,
                message_ids: id,
            },
            _ => UpdatesLike::AffectedMessages(affected),
        });
    }
    if let Ok(InvitedUsers::Users(invited)) = InvitedUsers::from_bytes(bytes) {
        return Some(UpdatesLike::InvitedUsers(invited));
    }
    if let Ok(ChatInviteJoinResult::Ok(joined)) = ChatInviteJoinResult::from_bytes(bytes) {
        return Some(UpdatesLike::ChatInviteJoinResult(joined));
    }
    None
}

fn sent<T: Identifiable + tl::Deserializable>(request: &[u8]) -> Option<T> {
    let body = request.strip_prefix(&T::CONSTRUCTOR_ID.to_le_bytes())?;
    T::from_bytes(body).ok()
}
