//! Acting on people and chats without a client: new accounts, members, administrators, bans.

use grammers_tl_types as tl;

use super::account::Sort;
use super::chat::{Chat, Role, all_rights, unrestricted};
use super::membership::Way;
use super::population::{Person, Place};
use super::refusal::Refusal;
use super::{World, settle};

impl World {
    /// Opens another account. One with this id is replaced.
    pub fn add_person(&self, person: &Person) {
        self.with(|state| state.accounts.insert(person.id, settle::person(person, Sort::Person)));
    }

    /// Opens another assistant's account.
    pub fn add_assistant(&self, person: &Person) {
        self.with(|state| {
            state.accounts.insert(person.id, settle::person(person, Sort::Assistant))
        });
    }

    /// Founds another chat.
    pub fn add_place(&self, place: &Place) {
        self.with(|state| settle::found(state, place));
    }

    /// Everybody who is in the chat.
    pub fn present(&self, chat: i64) -> Vec<i64> {
        self.with(|state| state.chats.get(&chat).map(Chat::present).unwrap_or_default())
    }

    /// `by` brings `user` in.
    ///
    /// # Errors
    /// Already in, unknown chat, or the account has too many channels.
    pub fn add_member(&self, chat: i64, by: i64, user: i64) -> Result<(), Refusal> {
        self.with(|state| state.join(chat, user, Way::Invited(by), None))
    }

    /// The chat's creator throws `user` out; it may come back.
    pub fn kick(&self, chat: i64, user: i64) {
        self.take_out(chat, user, Role::Left);
    }

    /// The chat's creator throws `user` out and locks the door.
    pub fn ban(&self, chat: i64, user: i64) {
        let rights = tl::types::ChatBannedRights { view_messages: true, ..unrestricted() };
        let by = self.creator(chat);
        self.take_out(chat, user, Role::Banned { rights, by });
    }

    fn creator(&self, chat: i64) -> i64 {
        self.with(|state| state.chats.get(&chat).map_or(0, |place| place.creator))
    }

    fn take_out(&self, chat: i64, user: i64, role: Role) {
        let by = self.creator(chat);
        self.with(|state| state.remove(chat, by, user, role, None));
    }

    /// `user` leaves by itself.
    pub fn leave(&self, chat: i64, user: i64) {
        self.with(|state| state.remove(chat, user, user, Role::Left, None));
    }

    /// Lets a banned user come back in; lifts restrictions of a member.
    pub fn forgive(&self, chat: i64, user: i64) {
        let by = self.creator(chat);
        self.with(|state| {
            let is_in = state.chats.get(&chat).is_some_and(|place| place.is_member(user));
            state.set_role(chat, by, user, if is_in { Role::Member } else { Role::Left }, None);
        });
    }

    /// The member may read, but not write.
    pub fn silence(&self, chat: i64, user: i64) {
        let by = self.creator(chat);
        let rights = tl::types::ChatBannedRights { send_messages: true, ..unrestricted() };
        self.with(|state| state.set_role(chat, by, user, Role::Restricted { rights, by }, None));
    }

    /// Makes `user` an administrator with every right but anonymity, or with those that `choose` leaves.
    pub fn promote(
        &self,
        chat: i64,
        user: i64,
        choose: impl FnOnce(&mut tl::types::ChatAdminRights),
    ) {
        let by = self.creator(chat);
        let mut rights = all_rights();
        choose(&mut rights);
        self.with(|state| state.promote(chat, by, user, Some(rights)));
    }

    /// Takes the administrator's rights away.
    pub fn demote(&self, chat: i64, user: i64) {
        let by = self.creator(chat);
        self.with(|state| state.set_role(chat, by, user, Role::Member, None));
    }

    /// Makes a group private: it has no public name any more, or gets one.
    pub fn rename(&self, chat: i64, username: Option<&str>) {
        self.with(|state| {
            if let Some(place) = state.chats.get_mut(&chat) {
                place.username = username.map(str::to_owned);
            }
        });
    }

    /// `user` stops talking with `other` (a person stops a bot), or talks again.
    pub fn block(&self, user: i64, other: i64, is_blocked: bool) {
        self.with(|state| {
            let Some(account) = state.accounts.get_mut(&user) else { return };
            if is_blocked {
                account.blocked.insert(other);
            } else {
                account.blocked.remove(&other);
            }
        });
    }
}
