//! Peers as clients name them, and the proof (access hash) that they know them.

use grammers_tl_types as tl;

use super::chat::Chat;
use super::ids::{self, Kind, channel_chat};
use super::refusal::{Answered, bad};
use super::state::State;

impl State {
    /// A bot may leave the hash out for peers it has met; everybody else must prove it.
    fn is_proved(&self, viewer: i64, target: i64, given: i64) -> bool {
        given == self.access_hash(viewer, target) || (given == 0 && self.is_bot(viewer))
    }

    pub(crate) fn user_named(&self, viewer: i64, user: &tl::enums::InputUser) -> Answered<i64> {
        use tl::enums::InputUser;
        let (id, is_right) = match user {
            InputUser::UserSelf => (viewer, true),
            InputUser::User(u) => {
                (u.user_id, u.user_id == viewer || self.is_proved(viewer, u.user_id, u.access_hash))
            }
            InputUser::FromMessage(m) => (m.user_id, true),
            InputUser::Empty => return Err(bad("USER_ID_INVALID")),
        };
        if is_right && self.accounts.contains_key(&id) {
            Ok(id)
        } else {
            Err(bad("USER_ID_INVALID"))
        }
    }

    pub(crate) fn channel_named(
        &self,
        viewer: i64,
        channel: &tl::enums::InputChannel,
    ) -> Answered<i64> {
        use tl::enums::InputChannel;
        let (id, is_right) = match channel {
            InputChannel::Channel(c) => {
                let id = channel_chat(c.channel_id);
                (id, self.is_proved(viewer, id, c.access_hash))
            }
            InputChannel::FromMessage(m) => (channel_chat(m.channel_id), true),
            InputChannel::Empty => return Err(bad("CHANNEL_INVALID")),
        };
        if is_right && self.chats.contains_key(&id) { Ok(id) } else { Err(bad("CHANNEL_INVALID")) }
    }

    /// The dialog behind an input peer, as a Bot-API id.
    pub(crate) fn peer_named(&self, viewer: i64, peer: &tl::enums::InputPeer) -> Answered<i64> {
        use tl::enums::InputPeer;
        match peer {
            InputPeer::PeerSelf => Ok(viewer),
            InputPeer::User(u) => {
                let user = tl::types::InputUser { user_id: u.user_id, access_hash: u.access_hash };
                self.user_named(viewer, &user.into()).map_err(|_| bad("PEER_ID_INVALID"))
            }
            InputPeer::Chat(c) => {
                let chat =
                    self.chats.get(&-c.chat_id).filter(|chat| chat.members.contains_key(&viewer));
                chat.map(|chat| chat.id).ok_or_else(|| bad("PEER_ID_INVALID"))
            }
            InputPeer::Channel(c) => {
                let channel = tl::types::InputChannel {
                    channel_id: c.channel_id,
                    access_hash: c.access_hash,
                };
                self.channel_named(viewer, &channel.into())
            }
            InputPeer::UserFromMessage(m) if self.accounts.contains_key(&m.user_id) => {
                Ok(m.user_id)
            }
            InputPeer::ChannelFromMessage(m)
                if self.chats.contains_key(&channel_chat(m.channel_id)) =>
            {
                Ok(channel_chat(m.channel_id))
            }
            _ => Err(bad("PEER_ID_INVALID")),
        }
    }

    /// The chat, when `viewer` may look into it.
    pub(crate) fn readable(&self, viewer: i64, chat: i64) -> Answered<&Chat> {
        let place = self.chats.get(&chat).ok_or_else(|| bad("CHANNEL_INVALID"))?;
        let is_public = place.username.is_some() && !self.is_bot(viewer);
        if place.is_banned(viewer) || !(place.is_member(viewer) || is_public) {
            return Err(bad(if place.is_channel() {
                "CHANNEL_PRIVATE"
            } else {
                "CHAT_ID_INVALID"
            }));
        }
        Ok(place)
    }

    /// The dialog, when `viewer` may look into it.
    pub(crate) fn open(&self, viewer: i64, peer: &tl::enums::InputPeer) -> Answered<i64> {
        let id = self.peer_named(viewer, peer)?;
        if !matches!(ids::kind(id), Kind::User(_)) {
            self.readable(viewer, id)?;
        }
        Ok(id)
    }

    /// The chat, when `viewer` is an administrator with the right that `has` looks for.
    pub(crate) fn administered(
        &mut self,
        viewer: i64,
        chat: i64,
        has: impl Fn(&grammers_tl_types::types::ChatAdminRights) -> bool,
    ) -> Answered<&mut Chat> {
        self.readable(viewer, chat)?;
        let place = self.chats.get_mut(&chat).ok_or_else(|| bad("CHANNEL_INVALID"))?;
        if place.rights(viewer).is_some_and(|rights| has(&rights)) {
            Ok(place)
        } else {
            Err(bad("CHAT_ADMIN_REQUIRED"))
        }
    }
}
