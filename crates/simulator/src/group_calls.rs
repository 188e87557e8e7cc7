//! Telegram's group calls as a server sees them: the phone.* methods, who may do what, and who is told.
//!
//! It answers requests of user accounts, keeps the participants of every call and hands media transports to the SFU.
//! It never touches a socket. Facts are those of core.telegram.org/api/group-calls and of clients that work live.

mod announce;
mod call;
mod control;
mod edit;
mod join;
mod leave;
mod manage;
mod methods;
mod presentation;
mod read;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::Notify;

use self::call::Call;
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

impl Settings {
    /// Answers at once.
    pub fn prompt() -> Settings {
        Settings { answer_delay: Duration::ZERO, seed: 0x5eed }
    }
}

/// Something going wrong on purpose, once, at the next join of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 500 GROUPCALL_ADD_PARTICIPANTS_FAILED.
    AddParticipantsFailed,
    /// 400 GROUPCALL_INVALID, as when the call was replaced a moment ago.
    Invalid,
    /// GROUPCALL_SSRC_DUPLICATE_MUCH.
    SsrcDuplicate,
    /// 420 FLOOD_WAIT_x, in seconds.
    FloodWait(u32),
    /// A broadcast: `{"stream":true}`.
    Stream,
    /// An RTMP broadcast: nobody can publish.
    Rtmp,
    /// The call says that it is a conference, from now on.
    Conference,
    /// The answer names a certificate that the server does not have.
    BadFingerprint,
    /// The answer has no updateGroupCallConnection.
    NoConnection,
    /// The answer has an update that no layer knows among the others.
    UnknownUpdate,
    /// The answer is held back for so many milliseconds.
    Late(u32),
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
    pub has_presentation: bool,
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
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    calls: Vec<Call>,
    /// Faults for chats that have no call yet.
    waiting_faults: Vec<(i64, Fault)>,
    rng: StdRng,
    next_id: i64,
}

/// An RPC error as Telegram words it: 400 `GROUPCALL_INVALID`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal(i32, String);

impl Refusal {
    fn bad(name: &str) -> Refusal {
        Refusal(400, name.to_owned())
    }

    fn forbidden(name: &str) -> Refusal {
        Refusal(403, name.to_owned())
    }
}

impl GroupCalls {
    /// Group calls in these rooms, with media on this server.
    pub fn new(rooms: Weak<dyn Rooms>, sfu: Sfu, settings: Settings) -> GroupCalls {
        let rng = StdRng::seed_from_u64(settings.seed);
        let state = Mutex::new(State {
            calls: Vec::new(),
            waiting_faults: Vec::new(),
            rng,
            next_id: 0x5000_0000_0001,
        });
        let inner =
            Arc::new(Inner { rooms, sfu: sfu.clone(), settings, state, changed: Notify::new() });
        let weak = Arc::downgrade(&inner);
        sfu.on_dropped(move |dropped| {
            if let Some(inner) = weak.upgrade() {
                GroupCalls { inner }.transport_dropped(dropped);
            }
        });
        GroupCalls { inner }
    }

    /// The answer to a request, or `None` when it is not a method of group calls. `request` starts with the method's
    /// constructor (no invokeWithLayer around it). What the request does is done when this returns; only the answer
    /// may take time.
    pub fn handle(
        &self,
        user: i64,
        session: i64,
        request: &[u8],
    ) -> Option<BoxFuture<'static, Answer>> {
        methods::dispatch(self, methods::Asker { user, session }, request)
    }

    /// The media server behind the calls.
    pub fn sfu(&self) -> &Sfu {
        &self.inner.sfu
    }

    fn rooms(&self) -> Result<Arc<dyn Rooms>, Refusal> {
        self.inner.rooms.upgrade().ok_or_else(|| Refusal(500, "WORLD_IS_GONE".to_owned()))
    }

    /// Never held while rooms are asked: they have locks of their own.
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn live(&mut self, chat: i64) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.chat == chat && call.duration.is_none())
    }

    /// By its place on the media server, which stays when the chat moves.
    fn live_in(&mut self, room: i64) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.room == room && call.duration.is_none())
    }

    fn call(&mut self, id: i64) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.id == id)
    }
}
