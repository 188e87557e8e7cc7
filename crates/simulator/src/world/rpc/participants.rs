//! Members: who is in, who comes, who goes.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::{Desk, methods};
use crate::world::chat::{Role, unrestricted};
use crate::world::ids::{Kind, kind};
use crate::world::membership::Way;
use crate::world::refusal::{Answered, bad, forbidden};
use crate::world::view::Mentioned;

impl Desk<'_> {
    pub(super) fn participants(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            channels::GetParticipant => participant,
            channels::GetParticipants => all_participants,
            channels::JoinChannel => join_channel,
            channels::LeaveChannel => leave_channel,
            channels::InviteToChannel => invite_to_channel,
            messages::AddChatUser => add_chat_user,
            messages::DeleteChatUser => delete_chat_user,
        )
    }

    fn participant(
        &mut self,
        q: tl::functions::channels::GetParticipant,
    ) -> Answered<enums::channels::ChannelParticipant> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        let user = self
            .state
            .peer_named(self.user, &q.participant)
            .map_err(|_| bad("PARTICIPANT_ID_INVALID"))?;
        let place = self.state.readable(self.user, chat)?;
        let is_known = place.members.get(&user).is_some_and(|member| member.role != Role::Left);
        if place.is_broadcast() && !place.is_admin(self.user) && user != self.user {
            return Err(bad("CHAT_ADMIN_REQUIRED"));
        }
        if !is_known {
            return Err(bad("USER_NOT_PARTICIPANT"));
        }
        let participant = self.state.participant_for(self.user, place, user);
        let mut mentioned = Mentioned::default();
        mentioned.add_participant(&participant);
        Ok(types::channels::ChannelParticipant {
            participant,
            chats: mentioned.chats(self.state, self.user),
            users: mentioned.users(self.state, self.user),
        }
        .into())
    }

    fn all_participants(
        &mut self,
        q: tl::functions::channels::GetParticipants,
    ) -> Answered<enums::channels::ChannelParticipants> {
        use enums::ChannelParticipantsFilter as Filter;
        let chat = self.state.channel_named(self.user, &q.channel)?;
        let place = self.state.readable(self.user, chat)?;
        let is_admin = place.is_admin(self.user);
        let wants_banned = matches!(
            q.filter,
            Filter::ChannelParticipantsKicked(_) | Filter::ChannelParticipantsBanned(_)
        );
        if !is_admin && (wants_banned || place.is_broadcast()) {
            return Err(bad("CHAT_ADMIN_REQUIRED"));
        }
        let named = |user: i64, wanted: &str| {
            let wanted = wanted.to_lowercase();
            self.state.accounts.get(&user).is_some_and(|account| {
                let name = account.username.as_deref().unwrap_or_default().to_lowercase();
                account.first_name.to_lowercase().contains(&wanted) || name.contains(&wanted)
            })
        };
        let keep = |user: &i64| match &q.filter {
            Filter::ChannelParticipantsAdmins => place.is_admin(*user),
            Filter::ChannelParticipantsBots => place.is_member(*user) && self.state.is_bot(*user),
            Filter::ChannelParticipantsKicked(f) => place.is_banned(*user) && named(*user, &f.q),
            Filter::ChannelParticipantsBanned(f) => {
                matches!(place.role(*user), Some(Role::Restricted { .. })) && named(*user, &f.q)
            }
            Filter::ChannelParticipantsSearch(f) => place.is_member(*user) && named(*user, &f.q),
            Filter::ChannelParticipantsContacts(_) => false,
            _ => place.is_member(*user),
        };
        let all: Vec<i64> = place.members.keys().copied().filter(keep).collect();
        let page = all.iter().skip(q.offset.max(0) as usize).take(q.limit.clamp(0, 200) as usize);
        let mut mentioned = Mentioned::default();
        mentioned.add(chat);
        let mut participants = Vec::new();
        for user in page {
            let participant = self.state.participant_for(self.user, place, *user);
            mentioned.add_participant(&participant);
            participants.push(participant);
        }
        Ok(types::channels::ChannelParticipants {
            count: all.len() as i32,
            participants,
            chats: mentioned.chats(self.state, self.user),
            users: mentioned.users(self.state, self.user),
        }
        .into())
    }

    fn join_channel(
        &mut self,
        q: tl::functions::channels::JoinChannel,
    ) -> Answered<enums::messages::ChatInviteJoinResult> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        let place = self.state.chats.get(&chat).ok_or_else(|| bad("CHANNEL_INVALID"))?;
        if place.is_banned(self.user) || place.username.is_none() {
            return Err(bad("CHANNEL_PRIVATE"));
        }
        if place.is_member(self.user) {
            return Ok(self.joined(chat));
        }
        self.state.join(chat, self.user, Way::Alone, self.except())?;
        Ok(self.joined(chat))
    }

    pub(super) fn joined(&self, chat: i64) -> enums::messages::ChatInviteJoinResult {
        types::messages::ChatInviteJoinResultOk { updates: self.chat_changed(chat) }.into()
    }

    fn leave_channel(
        &mut self,
        q: tl::functions::channels::LeaveChannel,
    ) -> Answered<enums::Updates> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        let place = self.state.readable(self.user, chat)?;
        if !place.is_member(self.user) {
            return Err(bad("USER_NOT_PARTICIPANT"));
        }
        if place.creator == self.user {
            return Err(bad("USER_CREATOR"));
        }
        self.state.remove(chat, self.user, self.user, Role::Left, self.except());
        Ok(self.chat_changed(chat))
    }

    /// Whether this account may bring others in.
    fn may_invite(&self, chat: i64) -> Answered<()> {
        let place = self.state.readable(self.user, chat)?;
        let as_admin = place.rights(self.user).is_some_and(|rights| rights.invite_users);
        let as_member = place.is_member(self.user)
            && !place.is_broadcast()
            && !place.default_rights.invite_users;
        if as_admin || (as_member && !place.is_admin(self.user)) {
            Ok(())
        } else {
            Err(bad("CHAT_ADMIN_REQUIRED"))
        }
    }

    fn bring_in(&mut self, chat: i64, user: i64) -> Answered<()> {
        let place = self.state.readable(self.user, chat)?;
        if place.is_banned(user) {
            if !place.rights(self.user).is_some_and(|rights| rights.ban_users) {
                return Err(bad("USER_KICKED"));
            }
            self.state.remove(chat, self.user, user, Role::Left, None);
        }
        if self.state.is_bot(self.user) {
            // Telegram lets no bot add people; it must invite them with a link.
            return Err(bad("USER_BOT"));
        }
        self.state.join(chat, user, Way::Invited(self.user), self.except())
    }

    fn invited(&self, chat: i64) -> enums::messages::InvitedUsers {
        types::messages::InvitedUsers {
            updates: self.chat_changed(chat),
            missing_invitees: Vec::new(),
        }
        .into()
    }

    fn invite_to_channel(
        &mut self,
        q: tl::functions::channels::InviteToChannel,
    ) -> Answered<enums::messages::InvitedUsers> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        self.may_invite(chat)?;
        for user in &q.users {
            let user = self.state.user_named(self.user, user)?;
            match self.bring_in(chat, user) {
                Err(refusal) if refusal.name == "USER_ALREADY_PARTICIPANT" && q.users.len() > 1 => {
                }
                other => other?,
            }
        }
        Ok(self.invited(chat))
    }

    fn group(&self, chat_id: i64) -> Answered<i64> {
        let chat = -chat_id;
        let is_group = matches!(kind(chat), Kind::Group(_)) && self.state.chats.contains_key(&chat);
        if is_group { Ok(chat) } else { Err(bad("CHAT_ID_INVALID")) }
    }

    fn add_chat_user(
        &mut self,
        q: tl::functions::messages::AddChatUser,
    ) -> Answered<enums::messages::InvitedUsers> {
        let chat = self.group(q.chat_id)?;
        let user = self.state.user_named(self.user, &q.user_id)?;
        self.may_invite(chat)?;
        self.bring_in(chat, user)?;
        Ok(self.invited(chat))
    }

    fn delete_chat_user(
        &mut self,
        q: tl::functions::messages::DeleteChatUser,
    ) -> Answered<enums::Updates> {
        let chat = self.group(q.chat_id)?;
        let user = self.state.user_named(self.user, &q.user_id)?;
        let place = self.state.readable(self.user, chat)?;
        let may_ban = place.rights(self.user).is_some_and(|rights| rights.ban_users);
        if user != self.user && !may_ban {
            return Err(forbidden("CHAT_ADMIN_REQUIRED"));
        }
        if !place.is_member(user) {
            return Err(bad("USER_NOT_PARTICIPANT"));
        }
        let role = if user == self.user {
            Role::Left
        } else {
            Role::Banned {
                rights: types::ChatBannedRights { view_messages: true, ..unrestricted() },
                by: self.user,
            }
        };
        self.state.remove(chat, self.user, user, role, self.except());
        Ok(self.chat_changed(chat))
    }
}
