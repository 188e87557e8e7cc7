//! Misfortunes of the world itself: refusals, lost pushes, poisoned answers, locked accounts. (Misfortunes of the wire
//! are the data centre's.)

use grammers_tl_types as tl;
use tl::{Identifiable as _, Serializable as _};

use super::World;
use super::refusal::Refusal;

impl World {
    /// The next `times` requests of `method` (a constructor id) by `user` (`None`: by anyone) are refused so.
    pub fn refuse(&self, user: Option<i64>, method: u32, times: u32, refusal: Refusal) {
        self.with(|state| {
            state.switches.refusals.push((user.unwrap_or(0), method, times, refusal))
        });
    }

    /// The next `times` requests of `method` are answered with these bytes (unknown constructors and other poison).
    pub fn answer_with(&self, user: Option<i64>, method: u32, times: u32, bytes: Vec<u8>) {
        self.with(|state| state.switches.answers.push((user.unwrap_or(0), method, times, bytes)));
    }

    /// The next `updates.getState` of `user` counts so many events in whose pushes are still to come.
    pub fn state_ahead(&self, user: i64, n_events: i32) {
        let state = self.with(|state| state.updates_state(user));
        let ahead = tl::types::updates::State { pts: state.pts + n_events, ..state };
        let bytes = tl::enums::updates::State::from(ahead).to_bytes();
        self.answer_with(Some(user), tl::functions::updates::GetState::CONSTRUCTOR_ID, 1, bytes);
    }

    /// Ends every refusal and poisoned answer that is left.
    pub fn relent(&self) {
        self.with(|state| {
            state.switches.refusals.clear();
            state.switches.answers.clear();
            state.switches.lost_pushes.clear();
        });
    }

    /// The next `n` pushes to `user` get lost: its client finds a gap, or nothing at all until the next one.
    pub fn lose_pushes(&self, user: i64, n: u32) {
        self.with(|state| state.switches.lost_pushes.insert(user, n));
    }

    /// Pushes bytes as they are, known to the schema or not.
    pub fn push_raw(&self, user: i64, bytes: Vec<u8>) {
        if let Some(wire) = self.wire() {
            wire.push(user, bytes, None);
        }
    }

    /// How many events one slice of a difference carries at most.
    pub fn slice_differences(&self, n_events: usize) {
        self.with(|state| state.switches.slice = n_events.max(1));
    }

    /// Channel differences of more events than this are "too long".
    pub fn limit_channel_gaps(&self, n_events: usize) {
        self.with(|state| state.switches.channel_gap_max = n_events);
    }

    /// `help.getConfig` names addresses too that are not for ordinary connections (IPv6, for media, for obfuscated
    /// transports, of a CDN), all of them dead, around the good ones.
    pub fn list_snares(&self) {
        self.with(|state| state.switches.lists_snares = true);
    }

    /// File references given out so far stop working; messages fetched anew carry fresh ones.
    pub fn expire_file_references(&self) {
        self.with(|state| state.files.expire_references());
    }

    /// Every request of this account is refused from now on (`401 USER_DEACTIVATED`…), or served again.
    pub fn lock_account(&self, user: i64, refusal: Option<Refusal>) {
        self.with(|state| {
            if let Some(account) = state.accounts.get_mut(&user) {
                account.refused = refusal;
            }
        });
    }

    /// Terminates every session of the account: its keys speak for nobody, as after "terminate all sessions".
    pub fn revoke_sessions(&self, user: i64) {
        if let Some(wire) = self.wire() {
            wire.unbind_all(user);
        }
    }

    /// The account cannot join one more channel: `CHANNELS_TOO_MUCH`.
    pub fn fill_channels(&self, user: i64, is_full: bool) {
        self.with(|state| {
            if let Some(account) = state.accounts.get_mut(&user) {
                account.has_too_many_channels = is_full;
            }
        });
    }

    /// Members wait this many seconds between messages.
    pub fn slow_down(&self, chat: i64, seconds: i32) {
        self.with(|state| {
            if let Some(place) = state.chats.get_mut(&chat) {
                place.slow_mode = seconds;
            }
        });
    }

    /// Methods that clients asked for and the world does not know, with how often.
    pub fn unknown_methods(&self) -> Vec<(String, u64)> {
        self.with(|state| state.unknown.iter().map(|(name, n)| (name.clone(), *n)).collect())
    }

    /// Bytes of files given out so far.
    pub fn bytes_served(&self) -> u64 {
        self.with(|state| state.files.served)
    }
}
