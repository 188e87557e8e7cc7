//! Administrators' work: promoting, restricting, banning, forgiving.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::{Desk, methods};
use crate::world::chat::{Role, all_rights, no_rights, unrestricted};
use crate::world::ids::{Kind, kind};
use crate::world::refusal::{Answered, bad, forbidden};

impl Desk<'_> {
    pub(super) fn admins(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            channels::EditAdmin => edit_admin,
            channels::EditBanned => edit_banned,
            messages::EditChatAdmin => edit_chat_admin,
            messages::EditChatDefaultBannedRights => default_rights,
            channels::EditTitle => edit_title,
        )
    }

    fn edit_admin(&mut self, q: tl::functions::channels::EditAdmin) -> Answered<enums::Updates> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        let user = self.state.user_named(self.user, &q.user_id)?;
        let place = self.state.administered(self.user, chat, |rights| rights.add_admins)?;
        if place.creator == user {
            return Err(bad("USER_CREATOR"));
        }
        if !place.is_member(user) {
            return Err(bad("USER_NOT_PARTICIPANT"));
        }
        let enums::ChatAdminRights::Rights(rights) = q.admin_rights;
        let by = self.user;
        let role = if rights == no_rights() { Role::Member } else { Role::Admin { rights, by } };
        self.state.set_role(chat, by, user, role, q.rank.filter(|rank| !rank.is_empty()));
        Ok(self.chat_changed(chat))
    }

    fn edit_banned(&mut self, q: tl::functions::channels::EditBanned) -> Answered<enums::Updates> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        let user = self
            .state
            .peer_named(self.user, &q.participant)
            .map_err(|_| bad("PARTICIPANT_ID_INVALID"))?;
        let by = self.user;
        let place = self.state.administered(by, chat, |rights| rights.ban_users)?;
        if !matches!(kind(user), Kind::User(_)) {
            return Err(bad("PARTICIPANT_ID_INVALID"));
        }
        if place.creator == user || (place.is_admin(user) && place.creator != by) {
            return Err(bad("USER_ADMIN_INVALID"));
        }
        let enums::ChatBannedRights::Rights(rights) = q.banned_rights;
        let is_nothing =
            types::ChatBannedRights { until_date: 0, ..rights.clone() } == unrestricted();
        let is_in = place.is_member(user);
        if is_nothing {
            // Forgiven: whoever was shut out may come back, whoever is in is a plain member.
            let role = if is_in { Role::Member } else { Role::Left };
            self.state.set_role(chat, by, user, role, None);
        } else if rights.view_messages {
            self.state.remove(chat, by, user, Role::Banned { rights, by }, self.except());
        } else {
            self.state.set_role(chat, by, user, Role::Restricted { rights, by }, None);
        }
        Ok(self.chat_changed(chat))
    }

    fn edit_chat_admin(&mut self, q: tl::functions::messages::EditChatAdmin) -> Answered<bool> {
        let chat = -q.chat_id;
        let user = self.state.user_named(self.user, &q.user_id)?;
        let by = self.user;
        let place = self.state.chats.get(&chat).ok_or_else(|| bad("CHAT_ID_INVALID"))?;
        if place.creator != by {
            return Err(forbidden("CHAT_ADMIN_REQUIRED"));
        }
        if !place.is_member(user) {
            return Err(bad("USER_NOT_PARTICIPANT"));
        }
        let role = if q.is_admin { Role::Admin { rights: all_rights(), by } } else { Role::Member };
        self.state.set_role(chat, by, user, role, None);
        Ok(true)
    }

    fn default_rights(
        &mut self,
        q: tl::functions::messages::EditChatDefaultBannedRights,
    ) -> Answered<enums::Updates> {
        let chat = self.state.open(self.user, &q.peer)?;
        let enums::ChatBannedRights::Rights(rights) = q.banned_rights;
        let place = self.state.administered(self.user, chat, |rights| rights.ban_users)?;
        if place.default_rights == rights {
            return Err(bad("CHAT_NOT_MODIFIED"));
        }
        place.default_rights = rights;
        Ok(self.chat_changed(chat))
    }

    fn edit_title(&mut self, q: tl::functions::channels::EditTitle) -> Answered<enums::Updates> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        let place = self.state.administered(self.user, chat, |rights| rights.change_info)?;
        if place.title == q.title {
            return Err(bad("CHAT_NOT_MODIFIED"));
        }
        place.title.clone_from(&q.title);
        let action = types::MessageActionChatEditTitle { title: q.title }.into();
        let draft = crate::world::letter::Draft { action: Some(action), ..Default::default() };
        self.state.post(self.user, chat, draft, self.except());
        Ok(self.chat_changed(chat))
    }
}
