//! Who may write where.

use super::ids::{self, Kind};
use super::refusal::{Answered, Refusal, bad, forbidden};
use super::state::State;

impl State {
    /// Whether `user` may write into `chat` now.
    pub(crate) fn may_write(&self, user: i64, chat: i64) -> Answered<()> {
        if let Kind::User(other) = ids::kind(chat) {
            let is_blocked =
                self.accounts.get(&other).is_some_and(|account| account.blocked.contains(&user));
            let is_gone =
                self.accounts.get(&other).is_some_and(|account| account.refused.is_some());
            return match (is_blocked, is_gone) {
                (true, _) => Err(forbidden("USER_IS_BLOCKED")),
                (_, true) => Err(bad("INPUT_USER_DEACTIVATED")),
                _ if self.is_bot(other) && self.is_bot(user) => Err(bad("USER_IS_BOT")),
                _ => Ok(()),
            };
        }
        let place = self.readable(user, chat)?;
        if place.migrated_to.is_some() {
            return Err(bad("CHAT_ID_INVALID"));
        }
        let is_admin = place.is_admin(user);
        if !place.is_member(user) || (place.is_broadcast() && !is_admin) {
            return Err(forbidden("CHAT_WRITE_FORBIDDEN"));
        }
        if is_admin {
            return Ok(());
        }
        if place.restrictions(user).is_some_and(|rights| rights.send_messages) {
            return Err(bad("USER_BANNED_IN_CHANNEL"));
        }
        if place.default_rights.send_messages {
            return Err(forbidden("CHAT_WRITE_FORBIDDEN"));
        }
        let last = place.wrote.get(&user).copied().unwrap_or(0);
        let wait = last + place.slow_mode - self.now();
        if place.slow_mode > 0 && wait > 0 {
            return Err(Refusal::new(420, format!("SLOWMODE_WAIT_{wait}")));
        }
        Ok(())
    }
}
