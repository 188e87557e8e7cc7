//! The bot's desk: what people ask is read, their standing looked up, the command handed on, the answer written.
//!
//! Part of the bot's actor: nothing here waits, what has to wait is a task whose answer comes back as a message.

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
use domain::player::Input;
use domain::track::{Request, Requester};
use domain::{Attempt, ChatId, Class, Fault, MessageId, UserId};
use supervisor::Context;
use telegram::{Account, Callback, MemberChange, MemberStatus, Message, Sender};
use tokio::time::Instant;

use crate::inbox::{self, Control, PlayAsked, Wish};
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

// === impl Desk: commands ===

impl Desk {
    fn play(&mut self, message: &Message, asked: PlayAsked, requester: Requester) {
        let chat = message.chat.clone();
        let asked_in = message.id;
        match asked {
            PlayAsked::Request(request) => {
                self.hand_over(
                    chat.id,
                    chat.username,
                    Input::Play { request, requester, asked_in, via: Via::Message(asked_in) },
                );
            }
            PlayAsked::Reply(reply_to) => {
                let account = self.account.clone();
                self.context.tasks().spawn(async move {
                    let outcome = match account.message(chat.id, reply_to).await {
                        Ok(content) => Ok(content
                            .and_then(|content| content.attachment)
                            .map(Request::Attachment)),
                        Err(error) => Err(error.into()),
                    };
                    Msg::Replied { chat: Box::new(chat), asked_in, requester, outcome }
                });
            }
            PlayAsked::Linked(link) => self.linked(message, link, requester),
            PlayAsked::Nothing => {
                self.settle(chat.id, Via::Message(asked_in));
                self.say(chat.id, Some(asked_in), "reason-nothing-asked", &[]);
            }
        }
    }

    pub(crate) fn replied(
        &mut self,
        chat: &telegram::Chat,
        asked_in: MessageId,
        requester: Requester,
        outcome: Result<Option<Request>, Fault>,
    ) {
        match outcome {
            Ok(Some(request)) => {
                self.hand_over(
                    chat.id,
                    chat.username.clone(),
                    Input::Play { request, requester, asked_in, via: Via::Message(asked_in) },
                );
            }
            Ok(None) => {
                self.settle(chat.id, Via::Message(asked_in));
                self.say(chat.id, Some(asked_in), "reason-nothing-asked", &[]);
            }
            Err(fault) if fault.class == Class::Refused => {
                self.settle(chat.id, Via::Message(asked_in));
                self.voice.reason(chat.id, asked_in, fault.reason, self.parts.texts.clone());
            }
            Err(fault) => self.not_taken(chat.id, asked_in, &fault),
        }
    }

    /// To the chat's player; a new one is started when there is none.
    pub(crate) fn hand_over(&mut self, chat: ChatId, username: Option<String>, input: Input) {
        let Err(input) = self.parts.chats.play_now(chat, username.clone(), input) else { return };
        let Input::Play { asked_in, .. } = *input else { return };
        let chats = self.parts.chats.clone();
        self.context.tasks().spawn(async move {
            match chats.play(chat, username, *input).await {
                Ok(()) => Msg::Taken,
                Err(fault) => Msg::NotTaken { chat, asked_in, fault },
            }
        });
    }

    pub(crate) fn not_taken(&mut self, chat: ChatId, asked_in: MessageId, fault: &Fault) {
        self.settle(chat, Via::Message(asked_in));
        tracing::warn!(%chat, %fault, "request not taken");
        self.voice.reason(chat, asked_in, fault.reason, self.parts.texts.clone());
    }

    fn control(&mut self, chat: ChatId, control: Control, by: By, only: Option<Attempt>) {
        let user = by.standing.user;
        let is_known =
            by.standing.is_anonymous_admin || by.standing.is_owner || !control.needs_standing();
        let known = self
            .standings
            .get(&(chat, user))
            .filter(|(_, at)| at.elapsed() < self.parts.settings.standing_max);
        match known {
            _ if is_known || self.parts.controls == Controls::Everyone => {
                self.command(chat, control, by, only)
            }
            Some((is_admin, _)) => {
                let is_admin = *is_admin;
                self.standing_known(chat, user, Some(is_admin), control, by, only);
            }
            None => {
                let account = self.account.clone();
                self.context.tasks().spawn(async move {
                    let is_admin = account
                        .participant(chat, user)
                        .await
                        .ok()
                        .map(|p| p.is_admin || p.is_creator);
                    Msg::Standing { chat, user, is_admin, control, by: Box::new(by), only }
                });
            }
        }
    }

    /// Somebody whose standing cannot be learnt commands as a member.
    pub(crate) fn standing_known(
        &mut self,
        chat: ChatId,
        user: UserId,
        is_admin: Option<bool>,
        control: Control,
        mut by: By,
        only: Option<Attempt>,
    ) {
        if let Some(is_admin) = is_admin {
            if self.standings.len() >= STANDINGS_MAX {
                self.standings.clear();
            }
            self.standings.entry((chat, user)).or_insert((is_admin, Instant::now()));
            by.standing.is_admin = is_admin;
        }
        self.command(chat, control, by, only);
    }

    fn command(&mut self, chat: ChatId, control: Control, by: By, only: Option<Attempt>) {
        let via = by.via;
        if control == Control::List {
            self.settle(chat, via);
        }
        let Err(input) = self.parts.chats.tell(chat, control.input(by, only)) else { return };
        self.settle(chat, via);
        // nobody plays here
        match *input {
            Input::List { by } => self.refuse(chat, &by, "queue-empty"),
            Input::Pause { by, .. }
            | Input::Resume { by, .. }
            | Input::Skip { by, .. }
            | Input::Stop { by, .. } => {
                let id = if matches!(by.via, Via::Button(_)) { "stale" } else { "nothing-playing" };
                self.refuse(chat, &by, id);
            }
            _ => {}
        }
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
