//! Invite links: making them, looking at them, coming in through them, and requests to be let in.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::{Desk, methods};
use crate::world::chat::Invite;
use crate::world::membership::Way;
use crate::world::refusal::{Answered, bad};
use crate::world::view::Mentioned;

/// An invite link as its administrator sees it.
pub(super) fn exported(invite: &Invite) -> enums::ExportedChatInvite {
    types::ChatInviteExported {
        revoked: invite.is_revoked,
        permanent: invite.usage_limit.is_none() && !invite.needs_approval,
        request_needed: invite.needs_approval,
        link: invite.link(),
        admin_id: invite.admin,
        date: invite.date,
        start_date: None,
        expire_date: None,
        usage_limit: invite.usage_limit,
        usage: Some(invite.usage),
        requested: None,
        subscription_expired: None,
        title: None,
        subscription_pricing: None,
    }
    .into()
}

impl Desk<'_> {
    pub(super) fn invites(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            messages::ExportChatInvite => export_invite,
            messages::EditExportedChatInvite => edit_invite,
            messages::CheckChatInvite => check_invite,
            messages::ImportChatInvite => import_invite,
            messages::HideChatJoinRequest => answer_request,
            messages::GetChatInviteImporters => importers,
        )
    }

    fn export_invite(
        &mut self,
        q: tl::functions::messages::ExportChatInvite,
    ) -> Answered<enums::ExportedChatInvite> {
        let chat = self.state.open(self.user, &q.peer)?;
        let admin = self.user;
        let hash = format!("Box{:016x}", self.state.fresh());
        let date = self.state.now();
        let place = self.state.administered(admin, chat, |rights| rights.invite_users)?;
        let is_extra = q.request_needed
            || q.usage_limit.is_some()
            || q.expire_date.is_some()
            || q.title.is_some();
        // A new primary link takes the old one's place.
        let replaced = (!is_extra).then(|| place.invites.insert(admin, hash.clone())).flatten();
        if let Some(old) = replaced.and_then(|old| self.state.invites.get_mut(&old)) {
            old.is_revoked = true;
        }
        let needs_approval = q.request_needed;
        let (is_revoked, usage, usage_limit) = (false, 0, q.usage_limit);
        let invite = Invite {
            hash: hash.clone(),
            chat,
            admin,
            date,
            needs_approval,
            is_revoked,
            usage,
            usage_limit,
        };
        let shown = exported(&invite);
        self.state.invites.insert(hash, invite);
        Ok(shown)
    }

    fn edit_invite(
        &mut self,
        q: tl::functions::messages::EditExportedChatInvite,
    ) -> Answered<enums::messages::ExportedChatInvite> {
        let chat = self.state.open(self.user, &q.peer)?;
        self.state.administered(self.user, chat, |rights| rights.invite_users)?;
        let hash = q.link.rsplit(['+', '/']).next().unwrap_or_default();
        let invite = self.state.invites.get_mut(hash).filter(|invite| invite.chat == chat);
        let invite = invite.ok_or_else(|| bad("INVITE_HASH_EXPIRED"))?;
        invite.is_revoked |= q.revoked;
        invite.needs_approval = q.request_needed.unwrap_or(invite.needs_approval);
        invite.usage_limit = q.usage_limit.or(invite.usage_limit);
        let invite = exported(invite);
        let users = self.state.user_for(self.user, self.user).into_iter().collect();
        Ok(types::messages::ExportedChatInvite { invite, users }.into())
    }

    /// The invite behind a hash, when it lets this account in.
    fn valid_invite(&self, hash: &str) -> Answered<Invite> {
        if hash.is_empty() {
            return Err(bad("INVITE_HASH_EMPTY"));
        }
        let invite = self.state.invites.get(hash).ok_or_else(|| bad("INVITE_HASH_INVALID"))?;
        let is_used_up = invite.usage_limit.is_some_and(|limit| invite.usage >= limit);
        let is_banned =
            self.state.chats.get(&invite.chat).is_none_or(|place| place.is_banned(self.user));
        if invite.is_revoked || is_used_up || is_banned {
            return Err(bad("INVITE_HASH_EXPIRED"));
        }
        Ok(invite.clone())
    }

    fn check_invite(
        &mut self,
        q: tl::functions::messages::CheckChatInvite,
    ) -> Answered<enums::ChatInvite> {
        let invite = self.valid_invite(&q.hash)?;
        let place = self.state.chats.get(&invite.chat).ok_or_else(|| bad("INVITE_HASH_EXPIRED"))?;
        if place.is_member(self.user) {
            let chat = self
                .state
                .chat_for(self.user, invite.chat)
                .ok_or_else(|| bad("INVITE_HASH_EXPIRED"))?;
            return Ok(types::ChatInviteAlready { chat }.into());
        }
        Ok(types::ChatInvite {
            channel: place.is_channel(),
            broadcast: place.is_broadcast(),
            public: place.username.is_some(),
            megagroup: place.is_channel() && !place.is_broadcast(),
            request_needed: invite.needs_approval,
            verified: false,
            scam: false,
            fake: false,
            can_refulfill_subscription: false,
            title: place.title.clone(),
            about: None,
            photo: types::PhotoEmpty { id: 0 }.into(),
            participants_count: place.present().len() as i32,
            participants: None,
            color: 1,
            subscription_pricing: None,
            subscription_form_id: None,
            bot_verification: None,
        }
        .into())
    }

    fn import_invite(
        &mut self,
        q: tl::functions::messages::ImportChatInvite,
    ) -> Answered<enums::messages::ChatInviteJoinResult> {
        let invite = self.valid_invite(&q.hash)?;
        let (user, date) = (self.user, self.state.now());
        let place =
            self.state.chats.get_mut(&invite.chat).ok_or_else(|| bad("INVITE_HASH_EXPIRED"))?;
        if place.is_member(user) {
            return Err(bad("USER_ALREADY_PARTICIPANT"));
        }
        if invite.needs_approval {
            let is_new = place.requests.insert(user, date).is_none();
            if is_new {
                self.tell_of_request(&invite);
            }
            return Err(bad("INVITE_REQUEST_SENT"));
        }
        self.state.join(invite.chat, user, Way::Link(invite.admin), self.except())?;
        if let Some(invite) = self.state.invites.get_mut(&q.hash) {
            invite.usage += 1;
        }
        Ok(self.joined(invite.chat))
    }

    /// Administrators hear that somebody knocks; bots hear who.
    fn tell_of_request(&mut self, invite: &Invite) {
        let chat = invite.chat;
        let Some(place) = self.state.chats.get(&chat) else { return };
        let admins: Vec<i64> = place
            .present()
            .into_iter()
            .filter(|user| place.rights(*user).is_some_and(|rights| rights.invite_users))
            .collect();
        let recent_requesters: Vec<i64> = place.requests.keys().copied().collect();
        let requests_pending = recent_requesters.len() as i32;
        let peer = crate::world::ids::peer(chat);
        let pending: enums::Update = types::UpdatePendingJoinRequests {
            peer: peer.clone(),
            requests_pending,
            recent_requesters,
        }
        .into();
        let date = self.state.now();
        for admin in admins {
            let Some(account) = self.state.accounts.get_mut(&admin) else { continue };
            let update = if account.is_bot() {
                account.qts += 1;
                types::UpdateBotChatInviteRequester {
                    peer: peer.clone(),
                    date,
                    user_id: self.user,
                    about: String::new(),
                    invite: exported(invite),
                    qts: account.qts,
                    query_id: None,
                }
                .into()
            } else {
                pending.clone()
            };
            self.state.announce(&[admin], &update, &[chat, self.user], None);
        }
    }

    fn answer_request(
        &mut self,
        q: tl::functions::messages::HideChatJoinRequest,
    ) -> Answered<enums::Updates> {
        let chat = self.state.open(self.user, &q.peer)?;
        let user = self.state.user_named(self.user, &q.user_id)?;
        let place = self.state.administered(self.user, chat, |rights| rights.invite_users)?;
        if place.requests.remove(&user).is_none() {
            return Err(bad("HIDE_REQUESTER_MISSING"));
        }
        if q.approved {
            self.state.join(chat, user, Way::Request, None)?;
        }
        Ok(self.chat_changed(chat))
    }

    fn importers(
        &mut self,
        q: tl::functions::messages::GetChatInviteImporters,
    ) -> Answered<enums::messages::ChatInviteImporters> {
        let chat = self.state.open(self.user, &q.peer)?;
        let place = self.state.administered(self.user, chat, |rights| rights.invite_users)?;
        let requests: Vec<(i64, i32)> =
            place.requests.iter().map(|(user, date)| (*user, *date)).collect();
        let mut mentioned = Mentioned::default();
        let importers = requests.iter().map(|(user_id, date)| {
            mentioned.add(*user_id);
            types::ChatInviteImporter {
                requested: true,
                via_chatlist: false,
                user_id: *user_id,
                date: *date,
                about: None,
                approved_by: None,
            }
            .into()
        });
        let importers: Vec<_> = importers.collect();
        let users = mentioned.users(self.state, self.user);
        Ok(types::messages::ChatInviteImporters { count: importers.len() as i32, importers, users }
            .into())
    }
}
