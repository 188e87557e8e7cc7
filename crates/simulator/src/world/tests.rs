//! The world without a network: requests go straight to the counter, pushes are caught by a recording wire.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};

use grammers_tl_types as tl;
use tl::{Deserializable, RemoteCall, Serializable, enums, types};

use super::population::{ADA, BORIS, BOT, CLARA, DMITRI, EVE, jam};
use super::state::DC;
use super::{Asker, Population, Refusal, Wire, World, lock};

mod bots;
mod differences;
mod doors;
mod elsewhere;
mod files;
mod login;
mod sending;
mod whole;

/// What was pushed: the user, the updates, the session left out.
type Pushed = (i64, Vec<u8>, Option<i64>);

/// A wire that only writes down.
#[derive(Default)]
struct Notebook {
    pushed: Mutex<Vec<Pushed>>,
    bound: Mutex<Vec<(i64, i64)>>,
    /// Keys that were signed in elsewhere than at the first data centre.
    guests: Mutex<Vec<(i32, i64, i64)>>,
}

impl Wire for Notebook {
    fn push(&self, user: i64, updates: Vec<u8>, except: Option<i64>) {
        lock(&self.pushed).push((user, updates, except));
    }

    fn bind(&self, dc: i32, key: i64, user: i64) {
        if dc == DC {
            lock(&self.bound).push((key, user));
        } else {
            lock(&self.guests).push((dc, key, user));
        }
    }

    fn unbind(&self, _: i32, key: i64) {
        lock(&self.bound).retain(|(bound, _)| *bound != key);
    }

    fn unbind_all(&self, user: i64) {
        lock(&self.bound).retain(|(_, bound)| *bound != user);
    }
}

struct Town {
    world: World,
    notebook: Arc<Notebook>,
    clock: Arc<AtomicI32>,
}

fn town() -> Town {
    town_of(&Population::small())
}

fn town_of(population: &Population) -> Town {
    let clock = Arc::new(AtomicI32::new(1_700_000_000));
    let hand = Arc::clone(&clock);
    let world = World::new(population, Arc::new(move || hand.load(Ordering::SeqCst)));
    let notebook = Arc::new(Notebook::default());
    world.connect(Arc::clone(&notebook) as Arc<dyn Wire>, &[(DC, 4_430), (4, 4_440)]);
    Town { world, notebook, clock }
}

impl Town {
    fn asker(&self, user: i64) -> Asker {
        Asker { dc: DC, key: user * 10, session: user * 100, user: Some(user) }
    }

    /// Asks as `asker` and decodes the answer.
    async fn ask_as<F: RemoteCall>(&self, asker: Asker, request: &F) -> Result<F::Return, Refusal> {
        let bytes = self.world.answer(asker, &request.to_bytes()).await?;
        Ok(F::Return::from_bytes(&bytes).unwrap())
    }

    async fn ask<F: RemoteCall>(&self, user: i64, request: &F) -> Result<F::Return, Refusal> {
        self.ask_as(self.asker(user), request).await
    }

    /// The name of the error that the request is refused with.
    async fn refused<F: RemoteCall>(&self, user: i64, request: &F) -> String {
        match self.ask(user, request).await {
            Ok(_) => String::new(),
            Err(refusal) => refusal.name,
        }
    }

    /// Takes what was pushed to `user` so far.
    fn pushed(&self, user: i64) -> Vec<enums::Update> {
        let mut pushed = lock(&self.notebook.pushed);
        let mut updates = Vec::new();
        pushed.retain(|(to, bytes, _)| {
            if *to == user {
                let enums::Updates::Updates(all) = enums::Updates::from_bytes(bytes).unwrap()
                else {
                    return false;
                };
                updates.extend(all.updates);
            }
            *to != user
        });
        updates
    }

    fn channel(&self, user: i64, chat: i64) -> enums::InputChannel {
        let channel_id = World::channel_id(chat).unwrap();
        types::InputChannel { channel_id, access_hash: self.world.access_hash(user, chat) }.into()
    }

    fn peer(&self, user: i64, chat: i64) -> enums::InputPeer {
        match World::channel_id(chat) {
            Some(channel_id) => types::InputPeerChannel {
                channel_id,
                access_hash: self.world.access_hash(user, chat),
            }
            .into(),
            None if chat > 0 => types::InputPeerUser {
                user_id: chat,
                access_hash: self.world.access_hash(user, chat),
            }
            .into(),
            None => types::InputPeerChat { chat_id: -chat }.into(),
        }
    }

    fn text(&self, user: i64, chat: i64, text: &str) -> tl::functions::messages::SendMessage {
        send_message(
            self.peer(user, chat),
            text,
            i64::from(self.clock.fetch_add(1, Ordering::SeqCst)),
        )
    }

    fn channel_pts(&self, chat: i64) -> i32 {
        lock(&self.world.shared.state).chats[&chat].mailbox.pts
    }
}

fn send_message(
    peer: enums::InputPeer,
    text: &str,
    random_id: i64,
) -> tl::functions::messages::SendMessage {
    tl::functions::messages::SendMessage {
        no_webpage: false,
        silent: false,
        background: false,
        clear_draft: false,
        noforwards: false,
        update_stickersets_order: false,
        invert_media: false,
        allow_paid_floodskip: false,
        peer,
        reply_to: None,
        message: text.to_owned(),
        random_id,
        reply_markup: None,
        entities: None,
        schedule_date: None,
        schedule_repeat_period: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        allow_paid_stars: None,
        suggested_post: None,
        rich_message: None,
    }
}

/// The message ids that an answer or a push brings, with their texts.
fn texts(updates: &[enums::Update]) -> Vec<(i32, String)> {
    let message = |update: &enums::Update| match update {
        enums::Update::NewMessage(u) => Some(u.message.clone()),
        enums::Update::NewChannelMessage(u) => Some(u.message.clone()),
        enums::Update::EditMessage(u) => Some(u.message.clone()),
        enums::Update::EditChannelMessage(u) => Some(u.message.clone()),
        _ => None,
    };
    updates.iter().filter_map(message).filter_map(|message| text_of(&message)).collect()
}

fn text_of(message: &enums::Message) -> Option<(i32, String)> {
    match message {
        enums::Message::Message(message) => Some((message.id, message.message.clone())),
        _ => None,
    }
}

fn opened(updates: enums::Updates) -> types::Updates {
    match updates {
        enums::Updates::Updates(updates) => updates,
        other => panic!("not updates: {other:?}"),
    }
}
