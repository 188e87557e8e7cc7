//! Assistants — one_for_one over the userbot accounts, and the roster that says which one serves a chat.

pub(crate) mod assistant;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ChatId;
use domain::call::Seat;
use storage::{Record, Write};
use supervisor::{Backoff, ChildSpec, Handle, Intensity, Strategy, SupervisorSpec, door};
use telegram::{Account, Session};

use super::chats::chat::call;
use crate::remembered::Remembered;
use crate::requests::{Asking, Request};
use crate::wire::Slot;

/// Restarts in a minute that one assistant may need (its backoff allows four) and that all may need at least.
const RESTARTS_EACH: u32 = 8;
const RESTARTS_MIN: u32 = 20;
/// Updates and requests that may wait for one assistant.
const BOUND: usize = 2_048;
/// Who is there to enter voice chats. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Roster {
    places: Arc<Vec<Place>>,
    /// Who served a chat last; it is in the group already and people know it.
    last: Arc<Mutex<Remembered>>,
    n_assigned: Arc<AtomicU64>,
}

/// One assistant, as others see it.
struct Place {
    handle: Handle<assistant::Msg>,
    /// Set while it is signed in.
    n_calls: Arc<AtomicUsize>,
    watchers: Watchers,
    account: Slot,
}

/// The calls that want to hear what their assistant hears about them.
#[derive(Clone, Default)]
pub(crate) struct Watchers(Arc<Mutex<Vec<Watcher>>>);

#[derive(Clone)]
pub(crate) struct Watcher {
    /// Which promise it belongs to.
    n: u64,
    pub(crate) chat: ChatId,
    pub(crate) call: Handle<call::Msg>,
}

/// An assistant's promise to one chat; dropping it frees the assistant.
pub(crate) struct Assigned {
    pub(crate) seat: Seat,
    /// What has to be written of it, when the chat was served by another one before.
    pub(crate) change: Option<Write>,
    n: u64,
    handle: Handle<assistant::Msg>,
    n_calls: Arc<AtomicUsize>,
    watchers: Watchers,
}

/// When Telegram is away all of them fail at the same pace; that must not look like a broken supervisor.
fn intensity(n_assistants: usize) -> Intensity {
    let n_assistants = u32::try_from(n_assistants).unwrap_or(u32::MAX);
    let restarts_max = RESTARTS_MIN.max(RESTARTS_EACH.saturating_mul(n_assistants));
    Intensity { restarts_max, within: std::time::Duration::from_secs(60) }
}

/// The supervisor, and the roster of its children.
pub(crate) fn child_spec(
    telegram: telegram::Settings,
    sessions: Vec<Session>,
    bot_account: Slot,
    reconnect: Backoff,
) -> (ChildSpec, Roster) {
    let (mut places, mut children) = (Vec::new(), Vec::new());
    let intensity = intensity(sessions.len());
    for (index, session) in sessions.into_iter().enumerate() {
        let (door, handle) = door(BOUND);
        let place = Place {
            handle,
            n_calls: Arc::default(),
            watchers: Watchers::default(),
            account: Slot::new(),
        };
        let parts = assistant::Parts {
            telegram: telegram.clone(),
            session,
            bot_account: bot_account.clone(),
            watchers: place.watchers.clone(),
            slot: place.account.clone(),
        };
        let child = assistant::child_spec(door, (index + 1).to_string(), parts);
        children.push(child.backoff(reconnect));
        places.push(place);
    }
    let roster =
        Roster { places: Arc::new(places), last: Arc::default(), n_assigned: Arc::default() };
    // they do not depend on each other: together they have one deadline, however many they are
    let spec = SupervisorSpec::new(Strategy::OneForOne, intensity).together(children);
    (ChildSpec::supervisor("assistants", spec), roster)
}

// === impl Roster ===

impl Roster {
    /// All of them, in their order.
    pub(crate) fn handles(&self) -> impl Iterator<Item = Handle<assistant::Msg>> {
        self.places.iter().map(|place| place.handle.clone())
    }

    /// The accounts of all that are signed in.
    pub(crate) fn readers(&self) -> Vec<Account> {
        self.places.iter().filter_map(|place| place.account.now()).collect()
    }

    /// Who served which chat in an earlier process.
    pub(crate) fn restore(&self, records: Vec<Record>) {
        self.last().restore(records, self.places.len());
    }

    /// The chat has another id now.
    pub(crate) fn moved(&self, from: ChatId, to: ChatId) -> Vec<Write> {
        self.last().moved(from, to)
    }

    /// Whether the one that served the chat before a restart is on its way.
    pub(crate) fn is_awaited(&self, chat: ChatId, not: &[Seat]) -> bool {
        let last = self.last();
        let is_away = |seat: &Seat| !not.contains(seat) && !self.places[seat.0].account.is_taken();
        last.of(chat).filter(is_away).is_some() && last.is_awaited(chat)
    }

    fn last(&self) -> MutexGuard<'_, Remembered> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An assistant that is signed in and none of `not`: the one that served the chat last, else the least busy. It
    /// serves the chat until the promise is dropped.
    pub(crate) fn assign(
        &self,
        chat: ChatId,
        call: Handle<call::Msg>,
        not: &[Seat],
    ) -> Option<Assigned> {
        let mut last = self.last();
        let is_free = |seat: &Seat| {
            !not.contains(seat)
                && self.places.get(seat.0).is_some_and(|place| place.account.is_taken())
        };
        let load = |seat: &Seat| self.places[seat.0].n_calls.load(Ordering::Acquire);
        let known = last.of(chat).filter(|seat| !not.contains(seat));
        let seats = (0..self.places.len()).map(Seat);
        let seat = known.filter(is_free).or_else(|| seats.filter(is_free).min_by_key(load))?;
        let change = last.note(chat, seat);
        drop(last);
        let place = &self.places[seat.0];
        place.n_calls.fetch_add(1, Ordering::AcqRel);
        let n = self.n_assigned.fetch_add(1, Ordering::Relaxed);
        place.watchers.lock().push(Watcher { n, chat, call });
        Some(Assigned {
            seat,
            change,
            n,
            handle: place.handle.clone(),
            n_calls: place.n_calls.clone(),
            watchers: place.watchers.clone(),
        })
    }
}

// === impl Assigned ===

impl Assigned {
    /// Sends a request; one that the assistant cannot take is answered as if Telegram had not.
    pub(crate) fn ask(&self, request: Request, call: Handle<call::Msg>) {
        if let Err(undelivered) = self.handle.send(assistant::Msg::Ask(Asking::new(request, call)))
        {
            tracing::debug!(%undelivered, "an assistant cannot be asked");
        }
    }
}

impl Drop for Assigned {
    fn drop(&mut self) {
        self.n_calls.fetch_sub(1, Ordering::AcqRel);
        self.watchers.lock().retain(|watcher| watcher.n != self.n);
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
