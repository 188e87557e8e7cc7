//! Chats — dynamic: one child per chat that plays; a chat ends when nothing is left to play.

pub(crate) mod chat;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use domain::permission::Controls;
use domain::player::Input;
use domain::{ChatId, Fault, Reason};
use sources::cache::Cache;
use storage::{Table, Write};
use supervisor::{
    Backoff, ChildSpec, Dynamic, Handle, Intensity, NotStarted, SupervisorSpec, Undelivered,
};
use telegram::Account;

pub(crate) use chat::player;

use super::extractors::resolver;
use super::{assistants, bot};
use crate::given::{Back, Given};
use crate::keep::Keeps;
use crate::settings::{Chat, Sources};
use crate::sheet::Sheet;
use crate::shelf::Shelf;
use crate::stats::{Activity, ChatStats};
use crate::wire::Slot;

const INTENSITY: Intensity =
    Intensity { restarts_max: 100, within: std::time::Duration::from_secs(60) };
/// How often a request may meet a player that is just ending before it is told so.
const STARTS_MAX: u32 = 40;
/// Between two looks at a player that is dead.
const BETWEEN_LIVES: std::time::Duration = std::time::Duration::from_millis(250);
/// The first new life comes at once, the second after five seconds, the third after ten; nobody waits for the fourth.
const LOOKS_MAX: u32 = 60;

/// What every chat is built of.
pub(crate) struct Parts {
    pub(crate) settings: Chat,
    pub(crate) call_settings: domain::call::Settings,
    pub(crate) sources: Sources,
    pub(crate) cache: Cache,
    pub(crate) engine: Arc<media::Engine>,
    pub(crate) transport: Arc<group_call::Transport>,
    pub(crate) resolver: Handle<resolver::Msg>,
    pub(crate) roster: assistants::Roster,
    pub(crate) bot: Handle<bot::Msg>,
    pub(crate) bot_account: Slot,
    pub(crate) shelf: Shelf,
    pub(crate) keeps: Keeps,
}

/// The way to the players. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Chats {
    dynamic: Dynamic,
    parts: Arc<chat::Parts>,
    players: Players,
}

/// A command comes back: there is no player, it takes no more, or it is between two lives.
enum Refused {
    Nobody(Box<Input>),
    Full(Box<Input>),
    Down(Box<Input>),
}

/// A command that no player took.
pub(crate) enum Untaken {
    /// Nothing plays there; the command comes back.
    Nobody(Box<Input>),
    Fault(Fault),
}

/// Who plays where. The sheet goes with the chat, the handle may outlive it.
type Known = HashMap<ChatId, (Handle<player::Msg>, Weak<Sheet>)>;
type Players = Arc<Mutex<Known>>;

/// The supervisor, and the way to its chats.
pub(crate) fn child_spec(parts: Parts) -> Result<(ChildSpec, Chats), Fault> {
    let (spec, dynamic) = SupervisorSpec::dynamic(INTENSITY);
    let http = sources::http::Http::new(parts.sources.http.clone())?;
    let direct = sources::direct::Direct::new(http, parts.sources.direct.clone());
    let players = Players::default();
    let ends = End { dynamic: dynamic.clone(), players: players.clone() };
    let parts = Arc::new(chat::Parts { shared: parts, direct, ends });
    let spec =
        ChildSpec::supervisor("chats", spec.keeps_children()).backoff(Backoff::FIRST_IMMEDIATE);
    Ok((spec, Chats { dynamic, parts, players }))
}

/// How a chat ends itself.
#[derive(Clone)]
pub(crate) struct End {
    dynamic: Dynamic,
    players: Players,
}

// === impl Chats ===

impl Chats {
    /// What a chat shows of itself, if it has a player.
    pub(crate) fn sheet(&self, chat: ChatId) -> Option<Arc<Sheet>> {
        self.players().get(&chat).and_then(|(_, sheet)| sheet.upgrade())
    }

    /// What all chats show of themselves, by their numbers.
    pub(crate) fn read(&self) -> Vec<ChatStats> {
        let mut chats: Vec<ChatStats> =
            self.sheets().into_iter().map(|(chat, sheet)| sheet.read(chat)).collect();
        chats.sort_unstable_by_key(|chat| chat.chat);
        chats
    }

    /// Chats in which something sounds.
    pub(crate) fn n_playing(&self) -> usize {
        let is_playing = |(_, sheet): &(ChatId, Arc<Sheet>)| sheet.activity() == Activity::Playing;
        self.sheets().iter().filter(|one| is_playing(one)).count()
    }

    fn sheets(&self) -> Vec<(ChatId, Arc<Sheet>)> {
        let players = self.players();
        players.iter().filter_map(|(chat, (_, sheet))| Some((*chat, sheet.upgrade()?))).collect()
    }

    /// Accounts that may read what the bot may not: public channels.
    pub(crate) fn readers(&self) -> Vec<Account> {
        self.parts.shared.roster.readers()
    }

    pub(crate) fn controls(&self) -> Controls {
        self.parts.shared.settings.player.controls
    }

    /// Hands a command to the chat's player, if there is one.
    pub(crate) fn tell(&self, chat: ChatId, input: Input) -> Result<(), Box<Input>> {
        self.give(chat, None, Box::new(input)).map_err(Refused::into_input)
    }

    fn give(
        &self,
        chat: ChatId,
        username: Option<String>,
        input: Box<Input>,
    ) -> Result<(), Refused> {
        let player = self.players().get(&chat).map(|(player, _)| player.clone());
        let Some(player) = player else { return Err(Refused::Nobody(input)) };
        let back = Back { bot: self.parts.shared.bot.clone(), chat, username };
        player.send(player::Msg::Input(Given::new(input, back))).map_err(|undelivered| {
            let is_full = matches!(undelivered, Undelivered::Full(_));
            let player::Msg::Input(given) = undelivered.into_message() else {
                unreachable!("what was sent comes back")
            };
            if is_full { Refused::Full(given.read()) } else { Refused::Down(given.read()) }
        })
    }

    /// Hands a request to the chat's player, and starts one when there is none; gives it back while an old one ends.
    pub(crate) fn play_now(
        &self,
        chat: ChatId,
        username: Option<String>,
        input: Input,
    ) -> Result<(), Box<Input>> {
        let input = match self.give(chat, username.clone(), Box::new(input)) {
            Ok(()) => return Ok(()),
            Err(refused) => refused.into_input(),
        };
        if self.is_there(chat) || self.start(chat, username.clone()).is_err() {
            return Err(input);
        }
        self.give(chat, username, input).map_err(Refused::into_input)
    }

    /// Hands a request to the chat's player, and starts one when there is none. Waits while an old one ends.
    pub(crate) async fn play(
        &self,
        chat: ChatId,
        username: Option<String>,
        input: Input,
    ) -> Result<(), Fault> {
        let mut input = Box::new(input);
        for _ in 0..STARTS_MAX {
            match self.command(chat, username.clone(), input).await {
                Ok(()) => return Ok(()),
                Err(Untaken::Fault(fault)) => return Err(fault),
                Err(Untaken::Nobody(back)) => input = back,
            }
            self.dynamic.end_and_wait(&chat.to_string()).await;
            self.start(chat, username.clone())?;
        }
        Err(Fault::transient(Reason::Stopping, "the player kept ending"))
    }

    /// Hands a command to the chat's player. It waits while that is between two lives, in which the queue is kept.
    pub(crate) async fn command(
        &self,
        chat: ChatId,
        username: Option<String>,
        mut input: Box<Input>,
    ) -> Result<(), Untaken> {
        for _ in 0..LOOKS_MAX {
            match self.give(chat, username.clone(), input) {
                Ok(()) => return Ok(()),
                Err(Refused::Nobody(input)) => return Err(Untaken::Nobody(input)),
                Err(Refused::Full(_)) => {
                    let fault = Fault::transient(Reason::QueueFull, "the mailbox is full");
                    return Err(Untaken::Fault(fault));
                }
                Err(Refused::Down(back)) => input = back,
            }
            if !self.is_there(chat) {
                return Err(Untaken::Nobody(input));
            }
            tokio::time::sleep(BETWEEN_LIVES).await;
        }
        let fault = Fault::transient(Reason::Stopping, "the player did not come back in time");
        Err(Untaken::Fault(fault))
    }

    /// Whether the chat has a player, though it may be between two lives, or ending.
    pub(crate) fn is_there(&self, chat: ChatId) -> bool {
        self.dynamic.contains(&chat.to_string())
    }

    /// What an earlier process left in the store, once.
    pub(crate) async fn load(&self, within: std::time::Duration) -> Result<Vec<ChatId>, Fault> {
        let shared = &self.parts.shared;
        let store = shared.shelf.open(within).await?;
        match store.scan(Table::Assignments).await {
            Ok(records) => shared.roster.restore(records),
            Err(fault) => {
                tracing::warn!(%fault, "who served which chat cannot be read; all are assigned anew")
            }
        }
        shared.keeps.load(&store, shared.settings.player).await
    }

    /// Lets the chat's player go on with what was kept; there is nothing any more when the chat has moved.
    pub(crate) fn resume(&self, chat: ChatId, username: Option<String>) -> Result<(), Fault> {
        if !self.keeps().of(chat).has_kept() {
            return Ok(());
        }
        self.start(chat, username)
    }

    /// Lets the chat's player take in what an earlier process left beside it; one is started when there is none any more.
    pub(crate) async fn take_in(&self, chat: ChatId, username: Option<String>) {
        for _ in 0..STARTS_MAX {
            if !self.keeps().of(chat).has_earlier() {
                return;
            }
            let player = self.players().get(&chat).map(|(player, _)| player.clone());
            let is_told = player.is_some_and(|player| player.send(player::Msg::Earlier).is_ok());
            if !is_told
                && !self.is_there(chat)
                && let Err(fault) = self.start(chat, username.clone())
            {
                tracing::debug!(%chat, %fault, "what was left here waits");
            }
            tokio::time::sleep(BETWEEN_LIVES).await;
        }
        tracing::warn!(%chat, "what was left here waits for the chat's next player");
    }

    /// The chat has another id now. Its player ends in order, and what it leaves is the new chat's, to go on with; what
    /// has to be written of that comes back.
    pub(crate) async fn moved(&self, from: ChatId, to: ChatId) -> Vec<Write> {
        self.players().remove(&from);
        self.dynamic.end_and_wait(&from.to_string()).await;
        let mut writes = self.parts.shared.roster.moved(from, to);
        writes.extend(self.keeps().moved(from, to));
        writes
    }

    pub(crate) fn keeps(&self) -> &Keeps {
        &self.parts.shared.keeps
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.parts.shared.shelf
    }

    fn start(&self, chat: ChatId, username: Option<String>) -> Result<(), Fault> {
        let mut players = self.players();
        let (spec, player, sheet) = chat::child_spec(chat, username, self.parts.clone());
        match self.dynamic.start(spec) {
            Ok(()) => {
                players.insert(chat, (player, sheet));
                Ok(())
            }
            // somebody else was quicker, its player is in the map or will be
            Err(NotStarted::Present) => Ok(()),
            Err(NotStarted::Full | NotStarted::Down) => {
                Err(Fault::transient(Reason::Stopping, "no new chat can be started now"))
            }
        }
    }

    fn players(&self) -> MutexGuard<'_, Known> {
        self.players.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Refused ===

impl Refused {
    fn into_input(self) -> Box<Input> {
        match self {
            Refused::Nobody(input) | Refused::Full(input) | Refused::Down(input) => input,
        }
    }
}

// === impl End ===

impl End {
    /// Ends the chat: nobody finds its player any more, and the supervisor stops player and call in their order.
    pub(crate) fn finish(&self, chat: ChatId) {
        self.players.lock().unwrap_or_else(PoisonError::into_inner).remove(&chat);
        self.dynamic.end(&chat.to_string());
    }
}
