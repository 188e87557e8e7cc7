//! The two neighbours of the world: the wire below it and the group calls beside it.

use super::rpc::Reply;

/// The wire: where updates leave and where keys are signed in and out. No method waits.
pub trait Wire: Send + Sync {
    /// Sends serialized `Updates` to every session of `user` at home but `except`.
    fn push(&self, user: i64, updates: Vec<u8>, except: Option<i64>);

    /// From now on this auth key of this data centre speaks for `user` there.
    fn bind(&self, dc: i32, key: i64, user: i64);

    /// This auth key of this data centre speaks for nobody any more.
    fn unbind(&self, dc: i32, key: i64);

    /// No key speaks for `user` any more (all its sessions were terminated).
    fn unbind_all(&self, user: i64);
}

/// Group calls: they answer `phone.*` and tell which chat has a call.
pub trait Calls: Send + Sync {
    /// The answer to a whole request (with its constructor id); `None` when it is none of theirs.
    fn handle(&self, user: i64, session: i64, request: &[u8]) -> Option<Reply>;

    /// Id, access hash and whether anybody is in it, for the call of a chat. Never called under the world's lock.
    fn call_of(&self, chat: i64) -> Option<(i64, i64, bool)>;
}
