//! Service — the seam between the wire and the world: who asks, what is asked, what is answered.

use futures_util::future::BoxFuture;

use super::KeyId;

/// What stands behind the wire: accounts, chats, methods.
pub trait Service: Send + Sync + 'static {
    /// Answers one request.
    ///
    /// `request` is the bare TL body with its constructor id, already unwrapped from containers, gzip,
    /// `invokeWithLayer`, `initConnection`, `invokeAfterMsg(s)` and `invokeWithoutUpdates`. The synchronous part of
    /// `call` runs in the order in which requests arrived; the futures run side by side. The same message id of one
    /// session never arrives twice.
    fn call(&self, caller: Caller, request: Vec<u8>) -> BoxFuture<'static, Answer>;

    /// The session became reachable: its first live connection carried a message.
    fn connected(&self, caller: &Caller) {
        let _ = caller;
    }

    /// The session lost its last connection.
    fn disconnected(&self, caller: &Caller) {
        let _ = caller;
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The authorization: the permanent key, also when a bound temporary key encrypted the message.
    pub key: KeyId,
    /// The temporary key that carried the message, if one did.
    pub temp_key: Option<KeyId>,
    /// The session id, chosen by the client.
    pub session: i64,
    /// The TCP connection, numbered from 1 for the life of the data centre.
    pub connection: u64,
    /// The layer of the last `invokeWithLayer` of this session, else of this key, else `Settings::layer`.
    pub layer: i32,
    /// The user bound to the key by [`Dc::bind_user`].
    pub user: Option<i64>,
    /// The request was wrapped in `invokeWithoutUpdates`.
    pub without_updates: bool,
    /// The message id of the request; 0 outside a request.
    pub message: i64,
}

/// What a [`Service`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A serialized TL object (or bare vector) which becomes the result.
    Result(Vec<u8>),
    /// An RPC error such as `420 FLOOD_WAIT_7`.
    Error { code: i32, name: String },
    /// No answer, ever: the client waits.
    Never,
}

impl Answer {
    /// An RPC error.
    pub fn error(code: i32, name: impl Into<String>) -> Self {
        Self::Error { code, name: name.into() }
    }

    /// The error of a method which the service does not know; counted in [`Stats::unknown_requests`].
    pub fn unknown_method(id: u32) -> Self {
        Self::error(400, format!("INPUT_METHOD_INVALID_{id}"))
    }
}
