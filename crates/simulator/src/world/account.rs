//! An account: a person, a bot or an assistant.

use std::collections::{BTreeMap, HashMap, HashSet};

use grammers_tl_types as tl;

use super::mailbox::{LetterId, Mailbox};
use super::refusal::Refusal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Person,
    Assistant,
    Bot { is_private: bool, inline: bool },
}

#[derive(Debug)]
pub(crate) struct Account {
    pub id: i64,
    pub sort: Sort,
    /// Its data centre.
    pub home: i32,
    pub phone: Option<String>,
    pub token: Option<String>,
    pub first_name: String,
    pub username: Option<String>,
    /// Of its app; bots are told it.
    pub language: String,
    pub mailbox: Mailbox,
    /// Messages already sent under a `random_id`; a repeated one gets the same answer.
    pub sent: HashMap<i64, LetterId>,
    pub blocked: HashSet<i64>,
    /// Commands of a bot by scope (serialized) and language.
    pub commands: BTreeMap<(Vec<u8>, String), Vec<tl::enums::BotCommand>>,
    /// When set, every request of this account is refused so.
    pub refused: Option<Refusal>,
    /// Channels are not joined any more: `CHANNELS_TOO_MUCH`.
    pub has_too_many_channels: bool,
    pub last_seen: i32,
    /// Numbers the events that only bots are told.
    pub qts: i32,
}

impl Account {
    pub(crate) fn is_bot(&self) -> bool {
        matches!(self.sort, Sort::Bot { .. })
    }

    /// Viewers that share their access hashes. People share theirs, so that one ready line serves them all; a bot and
    /// an assistant each have their own, as on Telegram, where a hash is worth nothing to another account.
    pub(crate) fn circle(&self) -> i64 {
        match self.sort {
            Sort::Person => 0,
            Sort::Assistant | Sort::Bot { .. } => self.id,
        }
    }
}
