//! Chats: what they are and what is known of them in full.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::{Desk, methods};
use crate::world::blank;
use crate::world::chat::CallMark;
use crate::world::ids::{Kind, channel_chat, kind};
use crate::world::refusal::{Answered, bad};
use crate::world::view::Mentioned;

fn input_call(mark: CallMark) -> enums::InputGroupCall {
    types::InputGroupCall { id: mark.id, access_hash: mark.access_hash }.into()
}

impl Desk<'_> {
    pub(super) fn chats(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            channels::GetChannels => get_channels,
            channels::GetFullChannel => full_channel,
            channels::GetSendAs => send_as,
            channels::ToggleSlowMode => slow_mode,
            messages::GetChats => get_chats,
            messages::GetFullChat => full_chat,
            messages::GetCommonChats => common_chats,
            messages::GetPeerSettings => peer_settings,
            messages::GetOnlines => onlines,
        )
    }

    fn get_channels(
        &mut self,
        q: tl::functions::channels::GetChannels,
    ) -> Answered<enums::messages::Chats> {
        let mut chats = Vec::new();
        for channel in &q.id {
            let id = self.state.channel_named(self.user, channel)?;
            chats.extend(self.state.chat_for(self.user, id));
        }
        Ok(types::messages::Chats { chats }.into())
    }

    fn get_chats(
        &mut self,
        q: tl::functions::messages::GetChats,
    ) -> Answered<enums::messages::Chats> {
        let mut chats = Vec::new();
        for id in &q.id {
            let is_known = self
                .state
                .chats
                .get(&-id)
                .is_some_and(|chat| chat.members.contains_key(&self.user));
            if !is_known {
                return Err(bad("CHAT_ID_INVALID"));
            }
            chats.extend(self.state.chat_for(self.user, -id));
        }
        Ok(types::messages::Chats { chats }.into())
    }

    fn full_channel(
        &mut self,
        q: tl::functions::channels::GetFullChannel,
    ) -> Answered<enums::messages::ChatFull> {
        let id = self.state.channel_named(self.user, &q.channel)?;
        let place = self.state.readable(self.user, id)?;
        let mut mentioned = Mentioned::default();
        mentioned.add(id);
        mentioned.add(self.user);
        place.linked.iter().for_each(|linked| mentioned.add(*linked));
        let bots: Vec<_> =
            place.present().into_iter().filter(|user| self.state.is_bot(*user)).collect();
        bots.iter().for_each(|bot| mentioned.add(*bot));
        let bot_info = bots.iter().filter_map(|bot| self.state.accounts.get(bot));
        let invite = place.invites.get(&self.user).and_then(|hash| self.state.invites.get(hash));
        let n_admins = place.present().iter().filter(|user| place.is_admin(**user)).count() as i32;
        let n_banned = place.members.keys().filter(|user| place.is_banned(**user)).count() as i32;
        let top = place.mailbox.letters.keys().next_back().copied().unwrap_or(0);
        let read = place.mailbox.read.get(&self.user).copied().unwrap_or(0);
        let linked = place.linked.and_then(|linked| match kind(linked) {
            Kind::Channel(channel) => Some(channel),
            _ => None,
        });
        let bare = channel_chat(0) - id;
        let full = types::ChannelFull {
            can_view_participants: !place.is_broadcast() || place.is_admin(self.user),
            participants_count: Some(place.present().len() as i32),
            admins_count: Some(n_admins),
            kicked_count: Some(n_banned),
            banned_count: Some(0),
            online_count: Some(1),
            read_inbox_max_id: read,
            read_outbox_max_id: top,
            unread_count: (top - read).max(0),
            bot_info: bot_info.map(|bot| self.state.bot_info(bot).into()).collect(),
            exported_invite: invite.map(super::invites::exported),
            linked_chat_id: linked,
            slowmode_seconds: (place.slow_mode > 0).then_some(place.slow_mode),
            pinned_msg_id: place.pinned,
            pts: place.mailbox.pts,
            call: place.call.map(input_call),
            requests_pending: (!place.requests.is_empty()).then_some(place.requests.len() as i32),
            recent_requesters: (!place.requests.is_empty())
                .then(|| place.requests.keys().copied().collect()),
            ..blank::channel_full(bare)
        };
        Ok(types::messages::ChatFull {
            full_chat: full.into(),
            chats: mentioned.chats(self.state, self.user),
            users: mentioned.users(self.state, self.user),
        }
        .into())
    }

    fn full_chat(
        &mut self,
        q: tl::functions::messages::GetFullChat,
    ) -> Answered<enums::messages::ChatFull> {
        let id = -q.chat_id;
        if !matches!(kind(id), Kind::Group(_)) {
            return Err(bad("CHAT_ID_INVALID"));
        }
        let place = self.state.readable(self.user, id).map_err(|_| bad("CHAT_ID_INVALID"))?;
        let mut mentioned = Mentioned::default();
        mentioned.add(id);
        place.present().iter().for_each(|user| mentioned.add(*user));
        let invite = place.invites.get(&self.user).and_then(|hash| self.state.invites.get(hash));
        let full = types::ChatFull {
            call: place.call.map(input_call),
            exported_invite: invite.map(super::invites::exported),
            ..blank::chat_full(q.chat_id, &self.state.group_participants(self.user, place))
        };
        Ok(types::messages::ChatFull {
            full_chat: full.into(),
            chats: mentioned.chats(self.state, self.user),
            users: mentioned.users(self.state, self.user),
        }
        .into())
    }

    fn common_chats(
        &mut self,
        q: tl::functions::messages::GetCommonChats,
    ) -> Answered<enums::messages::Chats> {
        let other = self.state.user_named(self.user, &q.user_id)?;
        let common = self
            .state
            .chats
            .values()
            .filter(|chat| chat.is_member(self.user) && chat.is_member(other));
        let chats = common.filter_map(|chat| self.state.chat_for(self.user, chat.id)).collect();
        Ok(types::messages::Chats { chats }.into())
    }

    fn send_as(
        &mut self,
        q: tl::functions::channels::GetSendAs,
    ) -> Answered<enums::channels::SendAsPeers> {
        let chat = self.state.open(self.user, &q.peer)?;
        let mut mentioned = Mentioned::default();
        mentioned.add(self.user);
        let is_anonymous =
            self.state.chats.get(&chat).is_some_and(|place| place.is_anonymous(self.user));
        let peer = if is_anonymous { chat } else { self.user };
        mentioned.add(peer);
        let one =
            types::SendAsPeer { premium_required: false, peer: crate::world::ids::peer(peer) };
        Ok(types::channels::SendAsPeers {
            peers: vec![one.into()],
            chats: mentioned.chats(self.state, self.user),
            users: mentioned.users(self.state, self.user),
        }
        .into())
    }

    fn slow_mode(
        &mut self,
        q: tl::functions::channels::ToggleSlowMode,
    ) -> Answered<enums::Updates> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        self.state.administered(self.user, chat, |rights| rights.ban_users)?.slow_mode = q.seconds;
        Ok(self.chat_changed(chat))
    }

    fn peer_settings(
        &mut self,
        _: tl::functions::messages::GetPeerSettings,
    ) -> Answered<enums::messages::PeerSettings> {
        let settings = blank::peer_settings();
        Ok(types::messages::PeerSettings { settings, chats: Vec::new(), users: Vec::new() }.into())
    }

    fn onlines(&mut self, _: tl::functions::messages::GetOnlines) -> Answered<enums::ChatOnlines> {
        Ok(types::ChatOnlines { onlines: 1 }.into())
    }

    /// Updates that carry the chat as it is now.
    pub(super) fn chat_changed(&self, chat: i64) -> enums::Updates {
        let mut bundle = crate::world::post::Bundle::default();
        bundle.mentioned.add(chat);
        bundle.updates.push(match kind(chat) {
            Kind::Channel(channel_id) => types::UpdateChannel { channel_id }.into(),
            _ => types::UpdateChat { chat_id: -chat }.into(),
        });
        bundle.seal(self.state, self.user)
    }
}
