//! Bot — commands in, words out: the account that people talk to.
//!
//! parent   root (one_for_one), permanent, last to accept and first to refuse, shutdown 5 s
//! hears    its own account (messages, presses), players (events)
//! tells    chats (commands), people
//! survives the session and the button key, on disk · loses: what it was about to say

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::callback::{Generation, Seal};
use domain::event::{By, Event, Via};
use domain::permission::Controls;
use domain::player::Input;
use domain::track::{Request, Requester};
use domain::{Attempt, ChatId, Fault, MessageId, UserId};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use supervisor::{ChildSpec, Context, Door};
use telegram::{Account, CallError, Callback, Incoming, Me, MemberStatus, Message, Sender};
use tokio::time::Instant;

use super::chats::Chats;
use crate::inbox::{self, Control, PlayAsked, Wish};
use crate::settings;
use crate::speech::book::Ink;
use crate::speech::{Arg, Language, Texts};
use crate::voice::{Said, Voice};
use crate::wire::{self, Slot};

/// Standings that are remembered; beyond it the oldest knowledge is dropped as a whole.
const STANDINGS_MAX: usize = 10_000;

pub(crate) enum Msg {
    Ready(Result<Box<Me>, CallError>),
    Incoming(Box<Incoming>),
    Ended(Result<(), Fault>),
    /// News of a chat's player.
    Event {
        chat: ChatId,
        generation: Generation,
        event: Box<Event>,
    },
    /// A request that came while its player ended.
    Again {
        chat: ChatId,
        username: Option<String>,
        input: Box<Input>,
    },
    /// The replied-to message was fetched.
    Replied {
        chat: Box<telegram::Chat>,
        asked_in: MessageId,
        requester: Requester,
        outcome: Result<Option<Request>, Fault>,
    },
    /// Whether somebody is an administrator; the command waits for it.
    Standing {
        chat: ChatId,
        user: UserId,
        is_admin: Option<bool>,
        control: Control,
        by: Box<By>,
        only: Option<Attempt>,
    },
    /// A request reached its player after all.
    Taken,
    /// A request could not be handed to a player.
    NotTaken {
        chat: ChatId,
        asked_in: MessageId,
        fault: Fault,
    },
    /// Something was said, or could not be.
    Said(Said),
    /// The pause after a failure is over.
    Resume(ChatId),
}

pub(crate) struct Parts {
    pub(crate) telegram: telegram::Settings,
    pub(crate) settings: settings::Bot,
    pub(crate) controls: Controls,
    pub(crate) chats: Chats,
    pub(crate) account: Slot,
    pub(crate) texts: Arc<Texts>,
}

pub(crate) struct Args {
    context: Context<Msg>,
    parts: Arc<Parts>,
}

pub(crate) struct Bot;

pub(crate) struct State {
    context: Context<Msg>,
    parts: Arc<Parts>,
    account: Account,
    updates: Option<telegram::Updates>,
    me: Option<Me>,
    voice: Voice,
    seal: Seal,
    standings: HashMap<(ChatId, UserId), (bool, Instant)>,
    started: Instant,
}

pub(crate) fn child_spec(door: Door<Msg>, parts: Parts) -> ChildSpec {
    let parts = Arc::new(parts);
    ChildSpec::behind(door, "bot", move |context| (Bot, Args { context, parts: parts.clone() }))
}

impl Actor for Bot {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { context, parts } = args;
        let (account, updates, runner) =
            telegram::connect(parts.telegram.clone(), parts.settings.session.clone());
        wire::drive(runner, &context, Msg::Ended);
        let (signing, token) = (account.clone(), parts.settings.token.clone());
        context
            .tasks()
            .spawn(async move { Msg::Ready(signing.sign_in_bot(&token).await.map(Box::new)) });
        let seal = Seal::new(&parts.settings.button_key);
        let voice = Voice::new(context.clone(), account.clone());
        let (standings, started) = (HashMap::new(), Instant::now());
        Ok(State {
            context,
            parts,
            account,
            updates: Some(updates),
            me: None,
            voice,
            seal,
            standings,
            started,
        })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Ready(outcome) => state.signed_in(outcome)?,
            Msg::Incoming(incoming) => state.incoming(*incoming),
            Msg::Ended(Ok(())) => {
                return Err(supervisor::Failure::transient("the connection ended").into());
            }
            Msg::Ended(Err(fault)) => return Err(wire::failure(fault).into()),
            Msg::Event { chat, generation, event } => state.event(chat, generation, *event),
            Msg::Again { chat, username, input } => state.hand_over(chat, username, *input),
            Msg::Replied { chat, asked_in, requester, outcome } => {
                state.replied(&chat, asked_in, requester, outcome)
            }
            Msg::Standing { chat, user, is_admin, control, by, only } => {
                state.standing_known(chat, user, is_admin, control, *by, only);
            }
            Msg::Taken => {}
            Msg::NotTaken { chat, asked_in, fault } => state.not_taken(chat, asked_in, &fault),
            Msg::Said(said) => state.voice.said(said),
            Msg::Resume(chat) => state.voice.resume(chat),
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.parts.account.put(None);
        state.account.close();
        Ok(())
    }
}

// === impl State: Telegram ===

impl State {
    fn signed_in(&mut self, outcome: Result<Box<Me>, CallError>) -> Result<(), ActorProcessingErr> {
        let me = outcome.map_err(|error| wire::failure(error.into()))?;
        tracing::info!(username = me.user.username, "bot signed in");
        self.me = Some(*me);
        self.parts.account.put(Some(self.account.clone()));
        if let Some(updates) = self.updates.take() {
            let pump = wire::pump(updates, self.context.clone(), |incoming| {
                Msg::Incoming(Box::new(incoming))
            });
            self.context.tasks().spawn_quiet(pump);
        }
        self.context.tasks().spawn_quiet(crate::voice::publish_commands(
            self.account.clone(),
            self.parts.texts.clone(),
        ));
        if let Some(group) = self.parts.settings.logger {
            let events = self.context.tree().events();
            let language = self.parts.settings.language.unwrap_or(Language::En);
            let alert = crate::voice::alert(
                self.account.clone(),
                group,
                events,
                self.parts.texts.clone(),
                language,
            );
            self.context.tasks().spawn_quiet(alert);
        }
        self.context.ready();
        Ok(())
    }

    fn incoming(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Message(message) => self.message(&message),
            Incoming::Callback(callback) => self.callback(&callback),
            Incoming::Member(change) if change.is_self => {
                self.standings.clear();
                if matches!(change.status, MemberStatus::Member | MemberStatus::Administrator) {
                    self.say(change.chat.id, None, "start-group", &[]);
                }
            }
            Incoming::Member(change) => {
                self.standings.remove(&(change.chat.id, change.user));
            }
            Incoming::Lost(fault) => tracing::warn!(%fault, "the bot's connection was lost"),
            _ => {}
        }
    }

    fn message(&mut self, message: &Message) {
        let username =
            self.me.as_ref().and_then(|me| me.user.username.as_deref()).unwrap_or_default();
        let wish = inbox::read(message, username, self.parts.settings.owner);
        if wish == Wish::Nothing || self.is_stale(message.date) {
            return;
        }
        let chat = message.chat.id;
        self.voice.listen(chat, self.language_of(&message.from));
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
            Wish::NotHere => self.say(chat, reply_to, "only-in-groups", &[]),
            Wish::Play { asked, requester } => self.play(message, asked, requester),
            Wish::Control { control, by, only } => self.control(chat, control, by, only),
            Wish::Nothing | Wish::Stale { .. } | Wish::Forged { .. } => {}
        }
    }

    fn callback(&mut self, callback: &Callback) {
        let chat = callback.chat;
        let current = self.voice.generation(chat);
        match inbox::press(callback, &self.seal, current, self.parts.settings.owner) {
            Wish::Control { control, by, only } => self.control(chat, control, by, only),
            Wish::Stale { by } => self.refuse(chat, &by, "stale"),
            Wish::Forged { by } => {
                tracing::warn!(%chat, user = by.standing.user.0, "forged callback data refused");
                self.refuse(chat, &by, "forged");
            }
            _ => {}
        }
    }

    fn is_stale(&self, date: Duration) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(date) > self.parts.settings.command_age_max
    }

    fn language_of(&self, from: &Sender) -> Language {
        let theirs = || match from {
            Sender::User(user) => user.language.as_deref().map(Language::from_tag),
            _ => None,
        };
        self.parts.settings.language.or_else(theirs).unwrap_or(Language::En)
    }
}

// === impl State: commands ===

impl State {
    fn play(&mut self, message: &Message, asked: PlayAsked, requester: Requester) {
        let chat = message.chat.clone();
        let asked_in = message.id;
        match asked {
            PlayAsked::Request(request) => {
                self.hand_over(
                    chat.id,
                    chat.username,
                    Input::Play { request, requester, asked_in },
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
            PlayAsked::Nothing => self.say(chat.id, Some(asked_in), "reason-nothing-asked", &[]),
        }
    }

    fn replied(
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
                    Input::Play { request, requester, asked_in },
                );
            }
            Ok(None) => self.say(chat.id, Some(asked_in), "reason-nothing-asked", &[]),
            Err(fault) => self.not_taken(chat.id, asked_in, &fault),
        }
    }

    /// To the chat's player; a new one is started when there is none.
    fn hand_over(&mut self, chat: ChatId, username: Option<String>, input: Input) {
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

    fn not_taken(&mut self, chat: ChatId, asked_in: MessageId, fault: &Fault) {
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
    fn standing_known(
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
        let Err(input) = self.parts.chats.tell(chat, control.input(by, only)) else { return };
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

// === impl State: words ===

impl State {
    fn event(&mut self, chat: ChatId, generation: Generation, event: Event) {
        let texts = self.parts.texts.clone();
        let ink = Ink { texts: &texts, seal: &self.seal, chat };
        self.voice.tell(chat, generation, event, ink);
    }

    fn say(
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
        let ink = Ink { texts: &texts, seal: &self.seal, chat };
        self.voice.refuse(chat, by, id, ink);
    }
}
