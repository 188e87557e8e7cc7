//! Faults — everything that can go wrong between a client and Telegram, at the push of a button.

use std::time::Duration;

use super::{Answer, KeyId};

/// Whose connections a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every connection.
    All,
    /// Connections that carried a message of a key of this user.
    User(i64),
    /// Connections that carried a message of this key.
    Key(KeyId),
    /// Connections that carried a message of this session.
    Session(i64),
    /// One connection, by its number in [`super::Caller`].
    Connection(u64),
}

/// How [`Faults::push_raw`] wraps the bytes inside the encrypted message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// At the top level.
    Plain,
    /// In a container, before a harmless `pong`.
    Container,
    /// In `gzip_packed`.
    Gzip,
}

/// What a client gets instead of the service's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// Another answer: an error, other bytes, or none.
    Answer(Answer),
    /// The right answer, later.
    Late(Duration),
    /// The answer is kept back and the connection is closed.
    Disconnect,
}

/// One arranged misfortune of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) method: Option<u32>,
    pub(super) user: Option<i64>,
    pub(super) skip: u32,
    pub(super) times: u32,
    pub(super) performs: bool,
    pub(super) instead: Instead,
}

impl Rule {
    /// The next call of the method (a constructor id) fares so; the service does not see it.
    pub fn on(method: u32, instead: Instead) -> Self {
        Self { method: Some(method), user: None, skip: 0, times: 1, performs: false, instead }
    }

    /// The next call of any method fares so.
    pub fn on_any(instead: Instead) -> Self {
        Self { method: None, user: None, skip: 0, times: 1, performs: false, instead }
    }

    /// The next call is answered with an RPC error.
    pub fn error(method: u32, code: i32, name: &str) -> Self {
        Self::on(method, Instead::Answer(Answer::error(code, name)))
    }

    /// The first `n` matching calls go well.
    pub fn skip(self, n: u32) -> Self {
        Self { skip: n, ..self }
    }

    /// Strikes `n` calls instead of one.
    pub fn times(self, n: u32) -> Self {
        Self { times: n, ..self }
    }

    /// Strikes calls of this user only.
    pub fn of_user(self, user: i64) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The service performs the call, only its answer is replaced.
    pub fn performed(self) -> Self {
        Self { performs: true, ..self }
    }
}

/// How the next key exchange ends instead of `dh_gen_ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhAnswer {
    /// `dh_gen_retry`: the client must try another number.
    Retry,
    /// `dh_gen_fail`: the client must begin again.
    Fail,
}

/// The switchboard. Counts returned are the connections struck.
pub struct Faults {}

impl Faults {
    /// Closes connections in the ordinary way (FIN).
    pub fn disconnect(&self, _target: Target) -> usize {
        0
    }

    /// Tears connections down (RST).
    pub fn reset(&self, _target: Target) -> usize {
        0
    }

    /// Half-opens connections that exist now: the server hears nothing and says nothing, and TCP stays up.
    pub fn mute(&self, _target: Target) -> usize {
        0
    }

    /// Ends [`Self::mute`]; what was said meanwhile is lost.
    pub fn unmute(&self, _target: Target) -> usize {
        0
    }

    /// New connections are born mute (true), or not.
    pub fn mute_new_connections(&self, _is_on: bool) {}

    /// Every RPC answer comes this much later; zero ends it.
    pub fn delay_answers(&self, _by: Duration) {}

    /// Closes the listening port: connecting is refused until [`Self::accept_connects`]. Open connections live on.
    pub async fn refuse_connects(&self) {}

    /// Opens the port again.
    pub async fn accept_connects(&self) {}

    /// Arranges how a call fares; of several rules for a call the oldest strikes.
    pub fn arrange(&self, _rule: Rule) {}

    /// Forgets rules which have not struck yet; returns how many there were.
    pub fn forget_rules(&self) -> usize {
        0
    }

    /// The next key exchange ends so.
    pub fn end_next_handshake(&self, _with: DhAnswer) {}

    /// Sends a transport error (-404, -429) on live connections and closes them.
    pub fn transport_error(&self, _target: Target, _code: i32) -> usize {
        0
    }

    /// Every frame that comes in is answered with this transport error, until `None`.
    pub fn refuse_frames(&self, _code: Option<i32>) {}

    /// Writes bytes to the socket as they are, outside any frame.
    pub fn write_bytes(&self, _target: Target, _bytes: Vec<u8>) -> usize {
        0
    }

    /// Sends a well-formed transport frame with this content.
    pub fn send_frame(&self, _target: Target, _payload: Vec<u8>) -> usize {
        0
    }

    /// Sends a frame whose content is noise that does not decrypt.
    pub fn send_noise(&self, _target: Target) -> usize {
        0
    }

    /// Announces a frame, sends half of it, and closes.
    pub fn send_truncated_frame(&self, _target: Target) -> usize {
        0
    }

    /// Announces a frame of an absurd length.
    pub fn send_oversized_length(&self, _target: Target) -> usize {
        0
    }

    /// Pushes TL bytes, known or unknown, whole or broken, to the live sessions of the target.
    pub fn push_raw(&self, _target: Target, _body: Vec<u8>, _envelope: Envelope) -> usize {
        0
    }

    /// Pushes in a message whose session id is not the client's.
    pub fn push_with_wrong_session(&self, _target: Target, _body: Vec<u8>) -> usize {
        0
    }

    /// Pushes the same encrypted message twice, byte for byte.
    pub fn push_twice(&self, _target: Target, _body: Vec<u8>) -> usize {
        0
    }

    /// Pushes two messages, the later message id first.
    pub fn push_swapped(&self, _target: Target, _first: Vec<u8>, _second: Vec<u8>) -> usize {
        0
    }

    /// All salts change at once: the next message of every client has a wrong one.
    pub fn change_salts(&self) {}

    /// Shifts the server's clock by seconds against this machine's.
    pub fn set_clock_offset(&self, _seconds: i64) {}
}
