//! Peers as requests need them: a number and the access hash that proves having met it.

use domain::{ChatId, ChatKind, Reason, UserId};
use grammers_client::session::types::PeerInfo;
use grammers_client::tl;

use super::Account;
use crate::fault::CallError;

// === impl Account (peers) ===

impl Account {
    /// Remembers whoever came along with an answer or an update.
    pub(crate) fn learn(&self, users: &[tl::enums::User], chats: &[tl::enums::Chat]) {
        let mut memory = self.session().memory().lock();
        users.iter().for_each(|user| memory.cache(&PeerInfo::from(user)));
        chats.iter().for_each(|chat| memory.cache(&PeerInfo::from(chat)));
    }

    pub(crate) fn input_peer(&self, chat: ChatId) -> Result<tl::enums::InputPeer, CallError> {
        Ok(match chat.kind() {
            ChatKind::Private(id) if self.session().user_id() == Some(UserId(id)) => {
                tl::enums::InputPeer::PeerSelf
            }
            ChatKind::Private(id) => {
                let access_hash = self.access_hash(chat)?;
                tl::types::InputPeerUser { user_id: id, access_hash }.into()
            }
            ChatKind::Group(id) => tl::types::InputPeerChat { chat_id: id }.into(),
            ChatKind::Channel(id) => {
                let access_hash = self.access_hash(chat)?;
                tl::types::InputPeerChannel { channel_id: id, access_hash }.into()
            }
        })
    }

    pub(crate) fn input_channel(&self, id: i64) -> Result<tl::enums::InputChannel, CallError> {
        let access_hash = self.access_hash(ChatId::channel(id))?;
        Ok(tl::types::InputChannel { channel_id: id, access_hash }.into())
    }

    pub(crate) fn input_user(&self, user: UserId) -> Result<tl::enums::InputUser, CallError> {
        if self.session().user_id() == Some(user) {
            return Ok(tl::enums::InputUser::UserSelf);
        }
        let access_hash = self.access_hash(ChatId::private(user.0))?;
        Ok(tl::types::InputUser { user_id: user.0, access_hash }.into())
    }

    /// Bots may leave the hash out of whomever they met; users may not (core.telegram.org, "Peers").
    fn access_hash(&self, chat: ChatId) -> Result<i64, CallError> {
        let memory = self.session().memory().lock();
        let known =
            memory.peers.get(&chat.0).and_then(|peer| peer.info.auth()).map(|auth| auth.hash());
        match known {
            Some(hash) => Ok(hash),
            None if memory.is_bot => Ok(0),
            None => {
                let detail = format!("this account has not met the peer {chat}");
                Err(CallError::refused(Reason::AssistantNotIn, detail))
            }
        }
    }
}

/// A peer's id as bot APIs write it.
pub(crate) fn chat_id(peer: &tl::enums::Peer) -> ChatId {
    match peer {
        tl::enums::Peer::User(peer) => ChatId::private(peer.user_id),
        tl::enums::Peer::Chat(peer) => ChatId::group(peer.chat_id),
        tl::enums::Peer::Channel(peer) => ChatId::channel(peer.channel_id),
    }
}

/// The users and chats that a container of updates brings along.
pub(crate) fn contents(
    updates: &tl::enums::Updates,
) -> (&[tl::enums::Update], &[tl::enums::User], &[tl::enums::Chat]) {
    match updates {
        tl::enums::Updates::Updates(all) => (&all.updates, &all.users, &all.chats),
        tl::enums::Updates::Combined(all) => (&all.updates, &all.users, &all.chats),
        tl::enums::Updates::UpdateShort(short) => (std::slice::from_ref(&short.update), &[], &[]),
        _ => (&[], &[], &[]),
    }
}
