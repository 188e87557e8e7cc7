//! Telegram's group calls as a server sees them: the phone.* methods, who may do what, and who is told.
//!
//! It answers requests of user accounts, keeps the participants of every call and hands media transports to the SFU.
//! It never touches a socket.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::dc::Answer;
use crate::sfu::Sfu;
use crate::world::rooms::Rooms;

/// What can be set before the first call.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long the answer to phone.joinGroupCall is held back.
    pub answer_delay: Duration,
    /// Makes the order of the updates in an answer, and every other choice, repeatable.
    pub seed: u64,
}

/// Something going wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next join is answered 500 GROUPCALL_ADD_PARTICIPANTS_FAILED.
    AddParticipantsFailed,
    /// The next join is answered GROUPCALL_SSRC_DUPLICATE_MUCH.
    SsrcDuplicate,
    /// The next join is answered 420 FLOOD_WAIT_x, in seconds.
    FloodWait(u32),
    /// The next join is answered with a broadcast: `{"stream":true}`.
    Stream,
    /// The next join is answered with an RTMP broadcast.
    Rtmp,
    /// The call of the next join says that it is a conference.
    Conference,
    /// The answer to the next join names a certificate the server does not have.
    BadFingerprint,
    /// The answer to the next join has no updateGroupCallConnection.
    NoConnection,
}

/// One participant as the server keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    pub user: i64,
    /// The audio source as on the wire.
    pub ssrc: u32,
    pub is_muted: bool,
    pub can_self_unmute: bool,
    /// 10000 is 100 %.
    pub volume: Option<i32>,
    /// ICE and DTLS are done.
    pub is_connected: bool,
}

/// All group calls of the box. Clones are handles to the same ones.
#[derive(Clone)]
pub struct GroupCalls {
    inner: Arc<Inner>,
}

struct Inner {
    rooms: Weak<dyn Rooms>,
    sfu: Sfu,
    settings: Settings,
}

impl GroupCalls {
    pub fn new(rooms: Weak<dyn Rooms>, sfu: Sfu, settings: Settings) -> GroupCalls {
        GroupCalls { inner: Arc::new(Inner { rooms, sfu, settings }) }
    }

    /// The answer to a request, or `None` when it is not a method of group calls. `request` starts with the method's
    /// constructor (no invokeWithLayer around it).
    pub fn handle(
        &self,
        _user: i64,
        _session: i64,
        _request: &[u8],
    ) -> Option<BoxFuture<'static, Answer>> {
        None
    }

    /// The id and access hash of the chat's call that has not ended.
    pub fn call_of(&self, _chat: i64) -> Option<(i64, i64)> {
        let _ = (&self.inner.rooms, &self.inner.sfu, &self.inner.settings);
        None
    }

    /// Starts a call as an administrator would; the id and access hash of it.
    pub fn start_call(&self, _chat: i64) -> (i64, i64) {
        (0, 0)
    }

    /// Ends the chat's call for everybody.
    pub fn discard(&self, _chat: i64) {}

    /// Who is in the chat's call.
    pub fn participants(&self, _chat: i64) -> Vec<Participant> {
        Vec::new()
    }

    /// Mutes a participant as an administrator; it cannot unmute itself.
    pub fn force_mute(&self, _chat: i64, _user: i64) {}

    /// Lets a force-muted participant unmute itself, as an administrator's "unmute" does.
    pub fn allow_speaking(&self, _chat: i64, _user: i64) {}

    /// Removes a participant from the call: a row with `left`.
    pub fn kick(&self, _chat: i64, _user: i64) {}

    /// New members of the call are force-muted unless they are administrators.
    pub fn set_join_muted(&self, _chat: i64, _join_muted: bool) {}

    /// Makes something go wrong once.
    pub fn inject(&self, _chat: i64, _fault: Fault) {}

    /// Tells a participant that it has left, though it has not: a row with `left` and its own source.
    pub fn claim_left(&self, _chat: i64, _user: i64) {}

    /// Tells a participant that it is joined from elsewhere: its own row with a foreign source.
    pub fn claim_other_source(&self, _chat: i64, _user: i64, _ssrc: u32) {}

    /// Waits until the participants of the chat's call satisfy `wanted`; false when that did not happen in time.
    pub async fn wait_for(
        &self,
        _chat: i64,
        _within: Duration,
        _wanted: impl Fn(&[Participant]) -> bool + Send,
    ) -> bool {
        false
    }
}
