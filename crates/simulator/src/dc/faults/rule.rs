//! Rule — what shall go wrong, for whom, and when.

use std::time::Duration;

use crate::dc::{Answer, KeyId};

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
    /// One connection, by its number in [`crate::dc::Caller`].
    Connection(u64),
}

/// How [`super::Faults::push_raw`] wraps the bytes inside the encrypted message.
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
    pub(in crate::dc) method: Option<u32>,
    pub(in crate::dc) user: Option<i64>,
    pub(in crate::dc) skip: u32,
    pub(in crate::dc) times: u32,
    pub(in crate::dc) performs: bool,
    pub(in crate::dc) instead: Instead,
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
