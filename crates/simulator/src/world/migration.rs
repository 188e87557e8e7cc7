//! A basic group becomes a supergroup (core.telegram.org/api/channel#migration): a new chat with another id, the same
//! people and the same voice chat; the old one stays to be read, and says where everybody went.

use std::collections::{BTreeMap, HashMap};

use grammers_tl_types as tl;
use tl::types;

use super::chat::Chat;
use super::ids::channel_chat;
use super::letter::Draft;
use super::mailbox::Mailbox;
use super::population::PlaceKind;
use super::refusal::{Answered, bad};
use super::state::State;
use super::{World, ids};

/// Channels that came to be this way are numbered from here.
const FIRST_CHANNEL: i64 = 1_000_000;

impl State {
    fn migrate(&mut self, chat: i64) -> Answered<i64> {
        let date = self.now();
        let is_group =
            |place: &&mut Chat| place.kind == PlaceKind::Group && place.migrated_to.is_none();
        let old =
            self.chats.get_mut(&chat).filter(is_group).ok_or_else(|| bad("CHAT_ID_INVALID"))?;
        let channel_id = FIRST_CHANNEL - chat;
        let to = channel_chat(channel_id);
        let (title, creator) = (old.title.clone(), old.creator);
        old.migrated_to = Some(to);
        old.version += 1;
        let new = Chat {
            id: to,
            kind: PlaceKind::Supergroup,
            title: title.clone(),
            username: None,
            date,
            version: 1,
            members: old.members.clone(),
            creator,
            call: old.call.take(),
            linked: None,
            default_rights: old.default_rights.clone(),
            slow_mode: 0,
            wrote: HashMap::new(),
            invites: HashMap::new(),
            requests: BTreeMap::new(),
            mailbox: Mailbox::default(),
            told: HashMap::new(),
            pinned: None,
            migrated_to: None,
        };
        let present = new.present();
        self.chats.insert(to, new);
        for user in present {
            self.tell_of_chat(to, user, None);
        }
        let action = types::MessageActionChatMigrateTo { channel_id }.into();
        self.post(creator, chat, Draft { action: Some(action), ..Draft::default() }, None);
        let ids::Kind::Group(chat_id) = ids::kind(chat) else { return Err(bad("CHAT_ID_INVALID")) };
        let action = types::MessageActionChannelMigrateFrom { title, chat_id }.into();
        self.post(creator, to, Draft { action: Some(action), ..Draft::default() }, None);
        Ok(to)
    }
}

impl World {
    pub(super) fn migrate(&self, chat: i64) -> Answered<i64> {
        self.with(|state| state.migrate(chat))
    }
}
