//! Rooms without a world: one chat, and a memory of what was pushed to whom.

use std::sync::{Mutex, MutexGuard};

use grammers_tl_types as tl;
use tl::enums::Update;

use super::{ADMIN, ALICE, BOB, BOT};
use crate::world::rooms::{Membership, Rooms};

pub(super) const CHAT: i64 = -1_000_000_000_100;
pub(super) const NOW: i32 = 1_800_000_000;

/// To whom, what, and all but which session.
type Pushed = Vec<(i64, Vec<Update>, Option<(i64, i64)>)>;

#[derive(Default)]
pub(super) struct FakeRooms {
    pushed: Mutex<Pushed>,
    messages: Mutex<Vec<tl::enums::MessageAction>>,
}

impl FakeRooms {
    pub(super) fn new() -> FakeRooms {
        FakeRooms::default()
    }

    /// Takes what was pushed to a user so far.
    pub(super) fn take(&self, user: i64) -> Vec<Update> {
        let mut taken = Vec::new();
        self.pushed().retain(|(to, updates, except)| {
            let is_taken = *to == user && *except != Some((user, user * 10));
            if is_taken {
                taken.extend(updates.iter().cloned());
            }
            !is_taken
        });
        taken
    }

    pub(super) fn messages(&self) -> Vec<tl::enums::MessageAction> {
        self.messages.lock().unwrap().clone()
    }

    fn pushed(&self) -> MutexGuard<'_, Pushed> {
        self.pushed.lock().unwrap()
    }
}

impl Rooms for FakeRooms {
    fn exists(&self, chat: i64) -> bool {
        chat == CHAT
    }

    fn chat_of_peer(&self, _viewer: i64, peer: &tl::enums::InputPeer) -> Option<i64> {
        matches!(peer, tl::enums::InputPeer::Channel(channel) if channel.channel_id == 100)
            .then_some(CHAT)
    }

    fn user_of_peer(&self, viewer: i64, peer: &tl::enums::InputPeer) -> Option<i64> {
        match peer {
            tl::enums::InputPeer::PeerSelf => Some(viewer),
            tl::enums::InputPeer::User(user) => Some(user.user_id),
            _ => None,
        }
    }

    fn member(&self, chat: i64, user: i64) -> Membership {
        let is_member = chat == CHAT && (ADMIN..=BOT).contains(&user);
        let is_admin = is_member && user == ADMIN;
        Membership {
            is_member,
            is_admin,
            is_creator: is_admin,
            manage_call: is_admin,
            is_bot: user == BOT,
            is_banned: false,
        }
    }

    fn members(&self, chat: i64) -> Vec<i64> {
        if chat == CHAT { vec![ADMIN, ALICE, BOB, BOT] } else { Vec::new() }
    }

    fn push_updates(
        &self,
        chat: i64,
        per_user: &dyn Fn(i64) -> Option<Vec<Update>>,
        except: Option<(i64, i64)>,
    ) {
        for user in self.members(chat) {
            if let Some(updates) = per_user(user) {
                self.pushed().push((user, updates, except));
            }
        }
    }

    fn service_message(&self, _chat: i64, _from_user: i64, action: tl::enums::MessageAction) {
        self.messages.lock().unwrap().push(action);
    }

    fn peer(&self, _chat: i64) -> tl::enums::Peer {
        tl::types::PeerChannel { channel_id: 100 }.into()
    }

    fn peer_users(&self, _viewer: i64, users: &[i64]) -> Vec<tl::enums::User> {
        // An empty user cannot say that it is a bot.
        users
            .iter()
            .map(
                |user| if *user == BOT { bot() } else { tl::types::UserEmpty { id: *user }.into() },
            )
            .collect()
    }

    fn peer_chats(&self, _viewer: i64, _chats: &[i64]) -> Vec<tl::enums::Chat> {
        Vec::new()
    }

    fn wrap_updates(&self, _viewer: i64, updates: Vec<Update>) -> tl::enums::Updates {
        let (users, chats) = (Vec::new(), Vec::new());
        tl::types::Updates { updates, users, chats, date: NOW, seq: 0 }.into()
    }

    fn now(&self) -> i32 {
        NOW
    }
}

/// A user object whose `bot` flag is set, read from bytes because it has some fifty fields.
fn bot() -> tl::enums::User {
    use tl::{Deserializable, Identifiable};
    const BOT_FLAG: u32 = 1 << 14;
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&tl::types::User::CONSTRUCTOR_ID.to_le_bytes());
    // flags (bot, and the version of its information that a bot must have), flags2, id, version
    bytes.extend_from_slice(&BOT_FLAG.to_le_bytes());
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    bytes.extend_from_slice(&BOT.to_le_bytes());
    bytes.extend_from_slice(&1_i32.to_le_bytes());
    tl::enums::User::from_bytes(&bytes).unwrap()
}
