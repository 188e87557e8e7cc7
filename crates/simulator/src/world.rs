//! The world — Telegram's accounts, chats, messages, updates and files, behind the wire that `dc` speaks.
//!
//! It answers RPCs ([`World::answer`]) and pushes updates ([`Wire`]); tests and the demo act in it as people would
//! (`script`). It never touches a socket and never imports the bot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, watch};

mod account;
mod blank;
mod chat;
mod difference;
mod disguise;
mod elsewhere;
mod erase;
mod files;
mod government;
mod html;
mod ids;
mod letter;
mod mailbox;
mod membership;
mod migration;
mod peers;
mod permission;
mod population;
mod post;
mod refusal;
pub mod rooms;
mod rooms_here;
mod rpc;
mod script;
mod settle;
mod state;
mod switches;
mod telegram;
#[cfg(test)]
mod tests;
mod transcript;
mod view;
mod waiting;
mod wire;

pub use disguise::CHANNEL_FULL_OF_LAYER_200;
pub use population::{
    ADA, ASSISTANT, BORIS, BOT, CLARA, DMITRI, EVE, Person, Place, PlaceKind, Population, Robot,
    SECOND_ASSISTANT, jam, kitchen, news,
};
pub use refusal::Refusal;
pub use rooms::{Membership, Rooms};
pub use rpc::{Asker, Reply};
pub use script::{Audio, Upload, UploadKind};
pub use state::Clock;
pub use telegram::{Settings, Telegram};
pub use transcript::{Button, CallbackAnswer, Event, Shown};
pub use wire::{Calls, Wire};

use state::State;

/// Events kept for an onlooker that is late.
const TRANSCRIPT: usize = 4_096;

/// The whole world; cheap to clone, every clone is the same world.
#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Held while parcels are handed over, so that pushes leave in the order in which things happened.
    delivery: Mutex<()>,
    wire: Mutex<Option<Arc<dyn Wire>>>,
    calls: Mutex<Option<Arc<dyn Calls>>>,
    news: broadcast::Sender<Event>,
    changes: watch::Sender<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic inside the box fails the test that caused it; the rest may go on with what is there.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// A world with this population, not yet connected to any wire.
    pub fn new(population: &Population, clock: Clock) -> Self {
        let (news, _) = broadcast::channel(TRANSCRIPT);
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(settle::settle(population, clock)),
                delivery: Mutex::new(()),
                wire: Mutex::new(None),
                calls: Mutex::new(None),
                news,
                changes: watch::Sender::new(0),
            }),
        }
    }

    /// Connects the wire over which updates leave, and names the data centres and ports that clients are told.
    pub fn connect(&self, wire: Arc<dyn Wire>, ports: &[(i32, u16)]) {
        self.with(|state| state.ports = ports.iter().copied().collect());
        *lock(&self.shared.wire) = Some(wire);
    }

    /// Connects group calls.
    pub fn connect_calls(&self, calls: Arc<dyn Calls>) {
        *lock(&self.shared.calls) = Some(calls);
    }

    /// Lets go of the wire and the group calls, which hold on to the world themselves.
    pub fn disconnect(&self) {
        *lock(&self.shared.wire) = None;
        *lock(&self.shared.calls) = None;
    }

    fn calls(&self) -> Option<Arc<dyn Calls>> {
        lock(&self.shared.calls).clone()
    }

    fn wire(&self) -> Option<Arc<dyn Wire>> {
        lock(&self.shared.wire).clone()
    }

    /// Works on the state, then hands over whatever is to be told.
    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let result = work(&mut lock(&self.shared.state));
        self.deliver();
        result
    }

    fn deliver(&self) {
        let _order = lock(&self.shared.delivery);
        let (parcels, news) = {
            let mut state = lock(&self.shared.state);
            let mut parcels = std::mem::take(&mut state.outbox);
            parcels.iter_mut().for_each(|parcel| state.switches.disguise_push(&mut parcel.bytes));
            (parcels, std::mem::take(&mut state.news))
        };
        if let Some(wire) = self.wire() {
            for parcel in parcels {
                wire.push(parcel.user, parcel.bytes, parcel.except);
            }
        }
        let happened = !news.is_empty();
        for event in news {
            // Nobody may be watching.
            drop(self.shared.news.send(event));
        }
        if happened {
            self.shared.changes.send_modify(|n| *n += 1);
        }
    }

    /// Asks group calls which chats have one, so that chats can show it. Never called under the lock: group calls ask
    /// the world back.
    fn refresh_calls(&self) {
        let Some(calls) = self.calls() else { return };
        let chats: Vec<i64> = lock(&self.shared.state).chats.keys().copied().collect();
        let marks: Vec<_> = chats.into_iter().map(|chat| (chat, calls.call_of(chat))).collect();
        let mut state = lock(&self.shared.state);
        for (chat, call) in marks {
            let Some(place) = state.chats.get_mut(&chat) else { continue };
            let mark = call.map(|(id, access_hash, is_not_empty)| chat::CallMark {
                id,
                access_hash,
                is_not_empty,
            });
            place.call = mark;
        }
    }
}
