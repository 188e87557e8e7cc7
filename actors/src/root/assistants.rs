//! Assistants — one_for_one over the userbot accounts, and the roster that says which one serves a chat.

pub(crate) mod assistant;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ChatId;
use supervisor::{ChildSpec, Handle, Intensity, Strategy, SupervisorSpec, door};
use telegram::Session;

use super::chats::chat::call;
use crate::requests::Request;
use crate::wire::Slot;

const INTENSITY: Intensity =
    Intensity { restarts_max: 20, within: std::time::Duration::from_secs(60) };
/// Updates and requests that may wait for one assistant.
const BOUND: usize = 2_048;

/// Who is there to enter voice chats. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Roster(Arc<Vec<Seat>>);

/// One assistant, as others see it.
pub(crate) struct Seat {
    handle: Handle<assistant::Msg>,
    /// Set while it is signed in.
    is_ready: Arc<std::sync::atomic::AtomicBool>,
    n_calls: Arc<AtomicUsize>,
    watchers: Watchers,
}

/// The calls that want to hear what their assistant hears about them.
#[derive(Clone, Default)]
pub(crate) struct Watchers(Arc<Mutex<Vec<Watcher>>>);

#[derive(Clone)]
pub(crate) struct Watcher {
    pub(crate) chat: ChatId,
    pub(crate) call: Handle<call::Msg>,
}

/// An assistant's promise to one chat; dropping it frees the assistant.
pub(crate) struct Assigned {
    chat: ChatId,
    handle: Handle<assistant::Msg>,
    n_calls: Arc<AtomicUsize>,
    watchers: Watchers,
}

/// The supervisor, and the roster of its children.
pub(crate) fn child_spec(
    telegram: telegram::Settings,
    sessions: Vec<Session>,
    bot_account: Slot,
) -> (ChildSpec, Roster) {
    let mut seats = Vec::new();
    let mut spec = SupervisorSpec::new(Strategy::OneForOne, INTENSITY);
    for (index, session) in sessions.into_iter().enumerate() {
        let (door, handle) = door(BOUND);
        let seat = Seat {
            handle,
            is_ready: Arc::default(),
            n_calls: Arc::default(),
            watchers: Watchers::default(),
        };
        let parts = assistant::Parts {
            telegram: telegram.clone(),
            session,
            bot_account: bot_account.clone(),
            is_ready: seat.is_ready.clone(),
            watchers: seat.watchers.clone(),
        };
        spec = spec.child(assistant::child_spec(door, (index + 1).to_string(), parts));
        seats.push(seat);
    }
    (ChildSpec::supervisor("assistants", spec), Roster(Arc::new(seats)))
}

// === impl Roster ===

impl Roster {
    /// All of them, in their order.
    pub(crate) fn handles(&self) -> impl Iterator<Item = Handle<assistant::Msg>> {
        self.0.iter().map(|seat| seat.handle.clone())
    }

    /// The least busy assistant that is signed in; it serves the chat until the promise is dropped.
    pub(crate) fn assign(&self, chat: ChatId, call: Handle<call::Msg>) -> Option<Assigned> {
        let ready = self.0.iter().filter(|seat| seat.is_ready.load(Ordering::Acquire));
        let seat = ready.min_by_key(|seat| seat.n_calls.load(Ordering::Acquire))?;
        seat.n_calls.fetch_add(1, Ordering::AcqRel);
        seat.watchers.lock().push(Watcher { chat, call });
        Some(Assigned {
            chat,
            handle: seat.handle.clone(),
            n_calls: seat.n_calls.clone(),
            watchers: seat.watchers.clone(),
        })
    }
}

// === impl Assigned ===

impl Assigned {
    /// Sends a request; gives it back when the assistant cannot take it.
    pub(crate) fn ask(&self, request: Request, call: Handle<call::Msg>) -> Result<(), Request> {
        self.handle.send(assistant::Msg::Ask { request, call }).map_err(|undelivered| {
            match undelivered.into_message() {
                assistant::Msg::Ask { request, .. } => request,
                _ => unreachable!("what was sent comes back"),
            }
        })
    }
}

impl Drop for Assigned {
    fn drop(&mut self) {
        self.n_calls.fetch_sub(1, Ordering::AcqRel);
        self.watchers.lock().retain(|watcher| watcher.chat != self.chat);
    }
}

// === impl Watchers ===

impl Watchers {
    /// Those who serve `chat`, or all when the chat is not known.
    pub(crate) fn of(&self, chat: Option<ChatId>) -> Vec<Watcher> {
        self.lock()
            .iter()
            .filter(|watcher| chat.is_none_or(|chat| chat == watcher.chat))
            .cloned()
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watcher>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
