//! Everything the world knows, under one lock, and the parcels that wait to be pushed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use grammers_tl_types as tl;
use tl::Serializable;

use super::account::{Account, Sort};
use super::chat::{Chat, Invite};
use super::elsewhere::Export;
use super::files::Files;
use super::ids::{self, Kind};
use super::letter::Letter;
use super::mailbox::{LetterId, Mailbox};
use super::refusal::Refusal;
use super::transcript::Event;
use super::waiting::Waiting;

/// Seconds since 1970; handed in, so that tests can hold time still.
pub type Clock = Arc<dyn Fn() -> i32 + Send + Sync>;

/// The first data centre of the box, where everybody is at home who is not said to be elsewhere.
pub(crate) const DC: i32 = 2;

/// Updates on their way to every session of a user but one.
pub(crate) struct Parcel {
    pub user: i64,
    pub bytes: Vec<u8>,
    pub except: Option<i64>,
}

/// What tests and the demo may switch on.
#[derive(Default)]
pub(crate) struct Switches {
    /// Pushes to a user that get lost on the way.
    pub lost_pushes: HashMap<i64, u32>,
    /// Requests refused before they are looked at: by user (0 = anyone) and method, how often, and how.
    pub refusals: Vec<(i64, u32, u32, Refusal)>,
    /// Requests answered with these bytes instead: by user (0 = anyone) and method, how often.
    pub answers: Vec<(i64, u32, u32, Vec<u8>)>,
    /// Answers to a method in which one constructor is replaced by another.
    pub disguises: Vec<(u32, u32, u32)>,
    /// Messages with these words are of a constructor that nobody knows: in pushes, and perhaps in answers too.
    pub garbled: Vec<(String, bool)>,
    /// `help.getConfig` lists addresses too that are not for ordinary connections.
    pub lists_snares: bool,
    /// Events per slice of a difference.
    pub slice: usize,
    /// A channel difference longer than this is answered with "too long".
    pub channel_gap_max: usize,
}

pub(crate) struct State {
    clock: Clock,
    pub accounts: BTreeMap<i64, Account>,
    pub chats: BTreeMap<i64, Chat>,
    pub letters: HashMap<LetterId, Letter>,
    next_letter: LetterId,
    pub invites: BTreeMap<String, Invite>,
    pub files: Files,
    pub waiting: Waiting,
    pub switches: Switches,
    pub login_code: String,
    /// Code requests by phone: the hash that `signIn` must bring.
    pub codes: HashMap<String, String>,
    pub outbox: VecDeque<Parcel>,
    pub news: VecDeque<Event>,
    /// The data centres that `help.getConfig` names, with their ports.
    pub ports: BTreeMap<i32, u16>,
    /// Logins on their way to another data centre.
    pub exports: Vec<Export>,
    counter: i64,
    /// Methods that were asked for and are not here, with how often.
    pub unknown: BTreeMap<String, u64>,
}

impl State {
    pub(crate) fn empty(clock: Clock, login_code: String) -> Self {
        Self {
            clock,
            accounts: BTreeMap::new(),
            chats: BTreeMap::new(),
            letters: HashMap::new(),
            next_letter: 1,
            invites: BTreeMap::new(),
            files: Files::default(),
            waiting: Waiting::default(),
            switches: Switches { slice: 100, channel_gap_max: 1_000, ..Switches::default() },
            login_code,
            codes: HashMap::new(),
            outbox: VecDeque::new(),
            news: VecDeque::new(),
            ports: BTreeMap::new(),
            exports: Vec::new(),
            counter: 0,
            unknown: BTreeMap::new(),
        }
    }

    pub(crate) fn now(&self) -> i32 {
        (self.clock)()
    }

    /// A number never given before.
    pub(crate) fn fresh(&mut self) -> i64 {
        self.counter += 1;
        ids::mix(self.counter, i64::from(self.now()))
    }

    pub(crate) fn next_letter(&mut self) -> LetterId {
        let id = self.next_letter;
        self.next_letter += 1;
        id
    }

    /// The data centre of an account.
    pub(crate) fn home(&self, user: i64) -> i32 {
        self.accounts.get(&user).map_or(DC, |account| account.home)
    }

    pub(crate) fn is_bot(&self, user: i64) -> bool {
        self.accounts.get(&user).is_some_and(Account::is_bot)
    }

    pub(crate) fn access_hash(&self, viewer: i64, target: i64) -> i64 {
        ids::access_hash(self.accounts.get(&viewer).map_or(0, Account::circle), target)
    }

    pub(crate) fn by_username(&self, name: &str) -> Option<i64> {
        let is_it = |u: &Option<String>| u.as_deref().is_some_and(|u| u.eq_ignore_ascii_case(name));
        let account = self.accounts.values().find(|a| is_it(&a.username)).map(|a| a.id);
        account.or_else(|| self.chats.values().find(|c| is_it(&c.username)).map(|c| c.id))
    }

    /// Whoever is told when something happens in `chat`, including the author.
    pub(crate) fn audience(&self, chat: i64, author: i64) -> Vec<i64> {
        match ids::kind(chat) {
            Kind::User(other) if other == author => vec![author],
            Kind::User(other) => vec![author, other],
            _ => self.chats.get(&chat).map(Chat::present).unwrap_or_default(),
        }
    }

    /// The box in which `viewer` keeps the messages of `chat`.
    pub(crate) fn mailbox(&self, viewer: i64, chat: i64) -> Option<&Mailbox> {
        match ids::kind(chat) {
            Kind::Channel(_) => self.chats.get(&chat).map(|c| &c.mailbox),
            _ => self.accounts.get(&viewer).map(|a| &a.mailbox),
        }
    }

    /// The letter that `viewer` calls `id` in `chat`.
    pub(crate) fn letter(&self, viewer: i64, chat: i64, id: i32) -> Option<&Letter> {
        let letter = self.letters.get(self.mailbox(viewer, chat)?.letters.get(&id)?)?;
        (letter.dialog_for(viewer) == chat && !letter.is_deleted).then_some(letter)
    }

    /// Whether a bot with privacy mode may see this letter; everybody else may.
    pub(crate) fn may_see(&self, viewer: i64, letter: &Letter) -> bool {
        let Some(account) = self.accounts.get(&viewer) else { return false };
        let Sort::Bot { is_private, .. } = account.sort else { return true };
        let is_group = letter.chat < 0;
        let is_admin = self.chats.get(&letter.chat).is_some_and(|c| c.is_admin(viewer));
        if !is_private
            || !is_group
            || is_admin
            || letter.author == viewer
            || letter.action.is_some()
        {
            return true;
        }
        let is_reply = letter
            .reply_to
            .and_then(|id| self.letters.get(&id))
            .is_some_and(|l| l.author == viewer);
        let mentions = account.username.as_deref().is_some_and(|name| {
            letter.text.to_lowercase().contains(&format!("@{}", name.to_lowercase()))
        });
        let is_other_bot = self.is_bot(letter.author);
        !is_other_bot
            && (letter.text.starts_with('/')
                || is_reply
                || mentions
                || letter.via_bot == Some(viewer))
    }

    /// Queues updates for every session of `user` but `except`, unless a switch loses them.
    pub(crate) fn push(&mut self, user: i64, updates: &tl::enums::Updates, except: Option<i64>) {
        if let Some(left) = self.switches.lost_pushes.get_mut(&user).filter(|left| **left > 0) {
            *left -= 1;
            tracing::debug!(user, "a push was lost on purpose");
            return;
        }
        self.outbox.push_back(Parcel { user, bytes: updates.to_bytes(), except });
    }
}
