//! Users, contacts and names.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::{Desk, methods};
use crate::world::blank;
use crate::world::ids::peer;
use crate::world::refusal::{Answered, bad};
use crate::world::view::Mentioned;

impl Desk<'_> {
    pub(super) fn accounts(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            users::GetUsers => users,
            users::GetFullUser => full_user,
            contacts::ResolveUsername => resolve_username,
            contacts::ResolvePhone => resolve_phone,
            contacts::GetContacts => contacts,
            contacts::GetStatuses => statuses,
            contacts::ImportContacts => import_contacts,
            contacts::Search => search_contacts,
            contacts::Block => block,
            contacts::Unblock => unblock,
            contacts::GetTopPeers => top_peers,
        )
    }

    fn users(&mut self, q: tl::functions::users::GetUsers) -> Answered<Vec<enums::User>> {
        let known = q.id.iter().filter_map(|user| self.state.user_named(self.user, user).ok());
        Ok(known.filter_map(|id| self.state.user_for(self.user, id)).collect())
    }

    fn full_user(
        &mut self,
        q: tl::functions::users::GetFullUser,
    ) -> Answered<enums::users::UserFull> {
        let id = self.state.user_named(self.user, &q.id)?;
        let account = self.state.accounts.get(&id).ok_or_else(|| bad("USER_ID_INVALID"))?;
        let bot_info = account.is_bot().then(|| self.state.bot_info(account).into());
        let blocked =
            self.state.accounts.get(&self.user).is_some_and(|me| me.blocked.contains(&id));
        let full_user = types::UserFull { bot_info, blocked, ..blank::user_full(id) };
        let users = self.state.user_for(self.user, id).into_iter().collect();
        Ok(types::users::UserFull { full_user: full_user.into(), chats: Vec::new(), users }.into())
    }

    fn resolved(&self, id: i64) -> Answered<enums::contacts::ResolvedPeer> {
        let mut mentioned = Mentioned::default();
        mentioned.add(id);
        Ok(types::contacts::ResolvedPeer {
            peer: peer(id),
            chats: mentioned.chats(self.state, self.user),
            users: mentioned.users(self.state, self.user),
        }
        .into())
    }

    fn resolve_username(
        &mut self,
        q: tl::functions::contacts::ResolveUsername,
    ) -> Answered<enums::contacts::ResolvedPeer> {
        let is_name = !q.username.is_empty()
            && q.username.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(bad("USERNAME_INVALID"));
        }
        let id = self.state.by_username(&q.username).ok_or_else(|| bad("USERNAME_NOT_OCCUPIED"))?;
        self.resolved(id)
    }

    fn resolve_phone(
        &mut self,
        q: tl::functions::contacts::ResolvePhone,
    ) -> Answered<enums::contacts::ResolvedPeer> {
        let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
        let wanted = digits(&q.phone);
        let mut accounts = self.state.accounts.values();
        let found = accounts
            .find(|a| a.phone.as_deref().is_some_and(|p| digits(p) == wanted))
            .map(|a| a.id);
        self.resolved(found.ok_or_else(|| bad("PHONE_NOT_OCCUPIED"))?)
    }

    fn contacts(
        &mut self,
        _: tl::functions::contacts::GetContacts,
    ) -> Answered<enums::contacts::Contacts> {
        Ok(types::contacts::Contacts { contacts: Vec::new(), saved_count: 0, users: Vec::new() }
            .into())
    }

    fn statuses(
        &mut self,
        _: tl::functions::contacts::GetStatuses,
    ) -> Answered<Vec<enums::ContactStatus>> {
        Ok(Vec::new())
    }

    fn import_contacts(
        &mut self,
        q: tl::functions::contacts::ImportContacts,
    ) -> Answered<enums::contacts::ImportedContacts> {
        let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
        let mut imported = Vec::new();
        let mut mentioned = Mentioned::default();
        for contact in &q.contacts {
            let enums::InputContact::InputPhoneContact(contact) = contact;
            let wanted = digits(&contact.phone);
            let mut accounts = self.state.accounts.values();
            if let Some(a) =
                accounts.find(|a| a.phone.as_deref().is_some_and(|p| digits(p) == wanted))
            {
                imported.push(
                    types::ImportedContact { user_id: a.id, client_id: contact.client_id }.into(),
                );
                mentioned.add(a.id);
            }
        }
        Ok(types::contacts::ImportedContacts {
            imported,
            popular_invites: Vec::new(),
            retry_contacts: Vec::new(),
            users: mentioned.users(self.state, self.user),
        }
        .into())
    }

    fn search_contacts(
        &mut self,
        q: tl::functions::contacts::Search,
    ) -> Answered<enums::contacts::Found> {
        let wanted = q.q.trim_start_matches('@').to_lowercase();
        let has = |name: &Option<String>, title: &str| {
            title.to_lowercase().contains(&wanted)
                || name.as_ref().is_some_and(|n| n.to_lowercase().contains(&wanted))
        };
        let mut results = Vec::new();
        let mut mentioned = Mentioned::default();
        let accounts =
            self.state.accounts.values().filter(|a| has(&a.username, &a.first_name)).map(|a| a.id);
        let is_findable =
            |c: &&crate::world::chat::Chat| c.username.is_some() || c.is_member(self.user);
        let chats = self.state.chats.values().filter(is_findable);
        let chats = chats.filter(|c| has(&c.username, &c.title)).map(|c| c.id);
        for id in accounts.chain(chats).take(q.limit.clamp(0, 100) as usize) {
            results.push(peer(id));
            mentioned.add(id);
        }
        Ok(types::contacts::Found {
            my_results: Vec::new(),
            results,
            chats: mentioned.chats(self.state, self.user),
            users: mentioned.users(self.state, self.user),
        }
        .into())
    }

    fn set_blocked(&mut self, peer: &enums::InputPeer, is_blocked: bool) -> Answered<bool> {
        let other = self.state.peer_named(self.user, peer)?;
        let Some(account) = self.state.accounts.get_mut(&self.user) else { return Ok(false) };
        Ok(if is_blocked { account.blocked.insert(other) } else { account.blocked.remove(&other) })
    }

    fn block(&mut self, q: tl::functions::contacts::Block) -> Answered<bool> {
        self.set_blocked(&q.id, true)
    }

    fn unblock(&mut self, q: tl::functions::contacts::Unblock) -> Answered<bool> {
        self.set_blocked(&q.id, false)
    }

    fn top_peers(
        &mut self,
        _: tl::functions::contacts::GetTopPeers,
    ) -> Answered<enums::contacts::TopPeers> {
        Ok(enums::contacts::TopPeers::Disabled)
    }
}
