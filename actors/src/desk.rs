//! The bot's desk: what people ask is read, their standing looked up, the command handed on, the answer written.
//!
//! Part of the bot's actor: nothing here waits, what has to wait is a task whose answer comes back as a message.

mod commands;
mod linked;
mod moving;
pub(crate) mod search;
pub(crate) mod stats;
pub(crate) mod why;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::callback::{Generation, Seal};
use domain::event::{By, Event, Via};
use domain::permission::Controls;
use domain::{ChatId, MessageId, UserId};
use supervisor::Context;
use telegram::{Account, Callback, MemberChange, MemberStatus, Message, Sender};
use tokio::time::Instant;

use crate::inbox::{self, Wish};
use crate::root::bot::{Msg, Parts};
use crate::speech::book::Ink;
use crate::speech::{Arg, Language};
use crate::voice::Voice;

/// Standings that are remembered; beyond it all are asked for anew.
const STANDINGS_MAX: usize = 10_000;
/// After an outage a chat is told once that what it asked came too late.
const TOO_LATE_EVERY: Duration = Duration::from_secs(60);

pub(crate) struct Desk {
    context: Context<Msg>,
    parts: Arc<Parts>,
    account: Account,
    /// The bot's own, once it is signed in.
    username: String,
    voice: Voice,
    seal: Seal,
    standings: HashMap<(ChatId, UserId), (bool, Instant)>,
    searches: search::Searches,
    moving: moving::Moving,
    /// When a chat was told last that something came too late.
    late: HashMap<ChatId, Instant>,
    started: Instant,
}

// === impl Desk ===

impl Desk {
    pub(crate) fn new(context: Context<Msg>, parts: Arc<Parts>, account: Account) -> Desk {
        Desk {
            voice: Voice::new(
                context.clone(),
                account.clone(),
                parts.chats.keeps().clone(),
                parts.chats.shelf().clone(),
            ),
            seal: Seal::new(&parts.settings.button_key),
            username: String::new(),
            standings: HashMap::new(),
            searches: search::Searches::default(),
            moving: moving::Moving::default(),
            late: HashMap::new(),
            started: Instant::now(),
            context,
            parts,
            account,
        }
    }

    pub(crate) fn signed_in(&mut self, username: String) {
        self.username = username;
    }

    pub(crate) fn voice(&mut self) -> &mut Voice {
        &mut self.voice
    }

    /// Somebody came, went, or is something else now.
    pub(crate) fn member_changed(&mut self, change: &MemberChange) {
        if !change.is_self {
            self.standings.remove(&(change.chat.id, change.user));
            return;
        }
        self.standings.clear();
        if matches!(change.status, MemberStatus::Member | MemberStatus::Administrator) {
            self.say(change.chat.id, None, "start-group", &[]);
        }
    }

    /// A chat goes on where an earlier process left it; nothing happens when it did already.
    pub(crate) fn resume(&mut self, chat: ChatId) {
        let Some(resume) = self.parts.chats.keeps().take_left(chat) else { return };
        if resume.is_beside {
            let (chats, username) = (self.parts.chats.clone(), resume.username);
            self.context.tasks().finish(async move { chats.take_in(chat, username).await });
            return;
        }
        self.voice.take_over(&resume);
        if let Err(fault) = self.parts.chats.resume(chat, resume.username) {
            tracing::warn!(%chat, %fault, "a chat does not go on");
        }
    }

    pub(crate) fn message(&mut self, message: &Message) {
        let wish = inbox::read(message, &self.username, &self.parts.settings.operators);
        let (chat, via) = (message.chat.id, Via::Message(message.id));
        if wish == Wish::Nothing {
            return self.settle(chat, via);
        }
        // a command does not wait for its chat's turn, and must not find it empty
        self.resume(chat);
        self.voice.listen(chat, self.language_of(&message.from));
        if !matches!(wish, Wish::Play { .. } | Wish::Control { .. }) && !self.once(chat, via) {
            return;
        }
        if let Some(age) =
            self.age(message.date).filter(|age| *age > self.parts.settings.command_age_max)
        {
            self.settle(chat, via);
            return self.too_late(chat, message.id, age);
        }
        let reply_to = Some(message.id);
        match wish {
            Wish::Start if chat.is_private() => {
                let name = message.user().map_or("", |user| user.name.as_str());
                self.say(
                    chat,
                    None,
                    "start-private",
                    &[("name", Arg::Text(&crate::speech::panel::name(name)))],
                );
            }
            Wish::Start => self.say(chat, reply_to, "start-group", &[]),
            Wish::Help => {
                let controls = match self.parts.controls {
                    Controls::Everyone => "everyone",
                    Controls::Admins => "admins",
                };
                self.say(chat, reply_to, "help", &[("controls", Arg::Text(controls))]);
            }
            Wish::Ping => {
                let uptime = crate::speech::texts::clock(self.started.elapsed());
                self.say(chat, reply_to, "ping", &[("uptime", Arg::Text(&uptime))]);
            }
            Wish::Stats { by } => self.stats(chat, &by),
            Wish::NotHere => self.say(chat, reply_to, "only-in-groups", &[]),
            Wish::Play { asked, requester } => self.play(message, asked, requester),
            Wish::Control { control, by, only } => self.control(chat, control, by, only),
            Wish::Why => self.why(chat, message.id),
            Wish::Search(words) => self.search(message, words),
            Wish::Nothing
            | Wish::Turn { .. }
            | Wish::Pick { .. }
            | Wish::Stale { .. }
            | Wish::Forged { .. } => {}
        }
    }

    pub(crate) fn callback(&mut self, callback: &Callback) {
        let chat = callback.chat;
        self.resume(chat);
        let current = self.voice.generation(chat);
        match inbox::press(callback, &self.seal, current, &self.parts.settings.operators) {
            Wish::Control { control, by, only } => self.control(chat, control, by, only),
            Wish::Turn { by, page } => {
                self.settle(chat, by.via);
                self.turn(chat, &by, page, callback.message);
            }
            Wish::Pick { by, search, at } => self.pick(chat, by, search, at, callback.message),
            Wish::Stale { by } => {
                self.settle(chat, by.via);
                self.refuse(chat, &by, "stale");
            }
            Wish::Forged { by } => {
                self.settle(chat, by.via);
                tracing::warn!(%chat, user = by.standing.user.0, "forged callback data refused");
                self.refuse(chat, &by, "forged");
            }
            _ => {}
        }
    }

    /// By Telegram's clock, which dated it: ours may be an hour off, and may jump.
    fn age(&self, date: Duration) -> Option<Duration> {
        self.parts.settings.login.session.time()?.checked_sub(date)
    }

    /// Asked while we were away; one word for all that a chat asked.
    fn too_late(&mut self, chat: ChatId, asked_in: MessageId, age: Duration) {
        let now = Instant::now();
        self.late.retain(|_, at| now - *at < TOO_LATE_EVERY);
        if self.late.insert(chat, now).is_none() {
            let ago = crate::speech::texts::clock(age);
            self.say(chat, Some(asked_in), "too-late", &[("ago", Arg::Text(&ago))]);
        }
    }

    /// What needs no player is done once as well; whether this is the first time.
    fn once(&mut self, chat: ChatId, via: Via) -> bool {
        let keep = self.parts.chats.keeps().of(chat);
        let is_new = keep.is_new(via);
        if is_new {
            let (shelf, writes) = (self.parts.chats.shelf().clone(), keep.done(via));
            self.context.tasks().spawn(async move {
                if let Err(fault) = keep.commit(&shelf, writes).await {
                    tracing::debug!(%chat, %fault, "a command was not written down");
                }
                Msg::Settled { chat, via }
            });
        } else {
            self.settle(chat, via);
        }
        is_new
    }

    /// It took effect, or never will: the place in the updates may move on.
    pub(crate) fn settle(&self, chat: ChatId, via: Via) {
        self.parts.settings.login.session.settle(&match via {
            Via::Message(message) => telegram::Heard::Message { chat: chat.0, id: message.0 },
            Via::Button(query) => telegram::Heard::Press(query),
        });
    }

    fn language_of(&self, from: &Sender) -> Language {
        let theirs = || match from {
            Sender::User(user) => user.language.as_deref().map(Language::from_tag),
            _ => None,
        };
        self.parts.settings.language.or_else(theirs).unwrap_or(Language::En)
    }
}

// === impl Desk: words ===

impl Desk {
    pub(crate) fn event(&mut self, chat: ChatId, generation: Generation, event: Event) {
        self.parts.failures.hear(chat, &event);
        let texts = self.parts.texts.clone();
        let is_kept = !self.parts.chats.shelf().is_failing();
        let ink = Ink { texts: &texts, seal: &self.seal, chat, is_kept };
        self.voice.tell(chat, generation, event, ink);
    }

    pub(crate) fn say(
        &mut self,
        chat: ChatId,
        reply_to: Option<MessageId>,
        id: &str,
        args: &[(&'static str, Arg<'_>)],
    ) {
        let texts = self.parts.texts.clone();
        self.voice.say(chat, reply_to, &texts, id, args);
    }

    fn refuse(&mut self, chat: ChatId, by: &By, id: &str) {
        let texts = self.parts.texts.clone();
        let is_kept = !self.parts.chats.shelf().is_failing();
        let ink = Ink { texts: &texts, seal: &self.seal, chat, is_kept };
        self.voice.refuse(chat, by, id, ink);
    }
}
