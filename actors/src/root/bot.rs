//! Bot — commands in, words out: the account that people talk to.
//!
//! parent   root (one_for_one), permanent, last to accept and first to refuse, shutdown 5 s
//! hears    its own account (messages, presses), players (events)
//! tells    chats (commands), people
//! survives the session, on disk or in MongoDB, and the button key · loses: what it was about to say

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use domain::callback::Generation;
use domain::event::{By, Event, Via};
use domain::permission::Controls;
use domain::player::Input;
use domain::track::{Request, Requester, Track};
use domain::{Attempt, ChatId, Fault, MessageId, UserId};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use supervisor::{ChildSpec, Context, Door, Handle, Reply};
use telegram::{Account, CallError, Incoming, Me};

use super::chats::{Chats, Untaken};
use super::extractors::resolver;
use crate::alarm::Alarm;
use crate::desk::Desk;
use crate::desk::stats::Place;
use crate::desk::why::{Failure, Failures};
use crate::inbox::Control;
use crate::resolving::Told;
use crate::settings;
use crate::speech::panel::Saying;
use crate::speech::{Language, Texts};
use crate::stats::Board;
use crate::voice::Said;
use crate::wire::{self, Shown, Slot};

pub(crate) enum Msg {
    Ready(Result<Box<Me>, CallError>, Result<Vec<ChatId>, Fault>),
    /// The store came back and told what was playing before.
    Left(Vec<ChatId>),
    /// It is the turn of this chat of an earlier process to go on.
    Resume(ChatId),
    /// A group's music is under its new id now.
    Moved {
        from: ChatId,
        to: ChatId,
    },
    /// A player obeyed this, and it is written down.
    Settled {
        chat: ChatId,
        via: Via,
    },
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
    /// A command waited for a player that is between two lives, and none took it.
    NotCommanded {
        chat: ChatId,
        control: Control,
        by: Box<By>,
        untaken: Untaken,
    },
    /// Something was said, or could not be.
    Said(Said),
    /// The pause after a failure is over.
    SpeakOn(ChatId),
    /// A look-up or an opening led to nothing.
    WentWrong {
        chat: ChatId,
        failure: Box<Failure>,
    },
    /// There is something to choose from, or nothing.
    Searched {
        chat: Box<telegram::Chat>,
        asked_in: MessageId,
        words: String,
        told: Box<Told<Vec<Track>>>,
    },
    /// A page of numbers was drawn.
    Drawn {
        chat: ChatId,
        place: Place,
        saying: Saying,
    },
    /// Somebody wants a sign of life.
    Ping(Reply<()>),
}

/// How long the store may take to tell what was playing.
const LOAD_MAX: Duration = Duration::from_secs(20);
/// Between two questions for it, when it did not.
const LOAD_AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct Parts {
    pub(crate) telegram: telegram::Settings,
    pub(crate) settings: settings::Bot,
    pub(crate) controls: Controls,
    pub(crate) chats: Chats,
    pub(crate) account: Slot,
    pub(crate) texts: Arc<Texts>,
    pub(crate) board: Board,
    pub(crate) resolver: Handle<resolver::Msg>,
    /// The longest that a search takes.
    pub(crate) search_max: Duration,
    /// The last failure of every chat; it outlives the bot's actor.
    pub(crate) failures: Failures,
    /// Whether the log says already that the operators' group refuses us.
    pub(crate) is_refusal_told: Arc<AtomicBool>,
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
    shown: Option<Shown>,
    updates: Option<telegram::Updates>,
    desk: Desk,
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
            telegram::connect(parts.telegram.clone(), parts.settings.login.session.clone());
        wire::drive(runner, &context, Msg::Ended);
        let (signing, token) = (account.clone(), parts.settings.token.clone());
        let session = parts.settings.login.session.clone();
        let chats = parts.chats.clone();
        context.tasks().spawn(async move {
            let signing = async {
                session.fetch().await?;
                session.settle_by_hand();
                signing.sign_in_bot(&token).await
            };
            let (me, left) = tokio::join!(signing, chats.load(LOAD_MAX));
            Msg::Ready(me.map(Box::new), left)
        });
        let desk = Desk::new(context.clone(), parts.clone(), account.clone());
        Ok(State { context, parts, account, shown: None, updates: Some(updates), desk })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Ready(outcome, left) => state.signed_in(outcome, left)?,
            Msg::Left(left) => state.take_up(left),
            Msg::Resume(chat) => state.desk.resume(chat),
            Msg::Moved { from, to } => {
                state.desk.moved(from, to).into_iter().for_each(|held| state.incoming(held));
            }
            Msg::Settled { chat, via } => state.desk.settle(chat, via),
            Msg::Incoming(incoming) => state.incoming(*incoming),
            Msg::Ended(Ok(())) => {
                return Err(supervisor::Failure::transient("the connection ended").into());
            }
            Msg::Ended(Err(fault)) => return Err(wire::failure(fault).into()),
            Msg::Event { chat, generation, event } => state.desk.event(chat, generation, *event),
            Msg::Again { chat, username, input } => state.desk.again(chat, username, *input),
            Msg::Replied { chat, asked_in, requester, outcome } => {
                state.desk.replied(&chat, asked_in, requester, outcome)
            }
            Msg::Standing { chat, user, is_admin, control, by, only } => {
                state.desk.standing_known(chat, user, is_admin, control, *by, only);
            }
            Msg::Taken => {}
            Msg::WentWrong { chat, failure } => state.parts.failures.note(chat, *failure),
            Msg::Searched { chat, asked_in, words, told } => {
                state.desk.searched(&chat, asked_in, words, *told)
            }
            Msg::NotTaken { chat, asked_in, fault } => state.desk.not_taken(chat, asked_in, &fault),
            Msg::NotCommanded { chat, control, by, untaken } => {
                state.desk.not_commanded(chat, control, &by, &untaken);
            }
            Msg::Said(said) => state.desk.voice().said(said),
            Msg::SpeakOn(chat) => state.desk.voice().resume(chat),
            Msg::Drawn { chat, place, saying } => state.desk.drawn(chat, place, saying),
            Msg::Ping(reply) => {
                reply.send(());
            }
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.shown = None;
        state.account.close();
        Ok(())
    }
}

// === impl State ===

impl State {
    fn signed_in(
        &mut self,
        outcome: Result<Box<Me>, CallError>,
        left: Result<Vec<ChatId>, Fault>,
    ) -> Result<(), ActorProcessingErr> {
        let me = outcome.map_err(|error| wire::failure(error.into()))?;
        tracing::info!(username = me.user.username.as_deref(), "bot signed in");
        self.desk.signed_in(me.user.username.clone().unwrap_or_default());
        self.shown = Some(self.parts.account.show(self.account.clone()));
        match left {
            Ok(left) => self.take_up(left),
            Err(fault) => self.take_up_later(&fault),
        }
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
            let alarm = Alarm {
                account: self.account.clone(),
                me: me.user.id,
                group,
                texts: self.parts.texts.clone(),
                language,
                is_refusal_told: self.parts.is_refusal_told.clone(),
            };
            self.context.tasks().spawn_quiet(alarm.run(events));
        }
        self.context.ready();
        Ok(())
    }

    /// The store is away. Whoever asks for music gets it; the others go on once the store is there.
    fn take_up_later(&mut self, fault: &Fault) {
        tracing::error!(
            %fault,
            "what was playing before cannot be read yet, going on without; look at the store's own messages"
        );
        let chats = self.parts.chats.clone();
        self.context.tasks().spawn(async move {
            loop {
                match chats.load(LOAD_MAX).await {
                    Ok(left) => return Msg::Left(left),
                    Err(fault) => {
                        tracing::debug!(%fault, "what was playing before cannot be read yet")
                    }
                }
                tokio::time::sleep(LOAD_AGAIN).await;
            }
        });
    }

    /// Chats go on where an earlier process left them: a few at once, the others one after the other, because every one
    /// of them joins a voice chat.
    fn take_up(&mut self, left: Vec<ChatId>) {
        if left.is_empty() {
            return;
        }
        tracing::info!(chats = left.len(), "going on where it was left");
        let (context, pace) = (self.context.clone(), self.parts.settings.resume);
        self.context.tasks().spawn_quiet(pace.walk(left, move |chat| {
            context.tell_self(Msg::Resume(chat));
        }));
    }

    fn incoming(&mut self, incoming: Incoming) {
        let Some(incoming) = self.desk.hold(incoming) else { return };
        match incoming {
            Incoming::Message(message) => self.desk.message(&message),
            Incoming::Callback(callback) => self.desk.callback(&callback),
            Incoming::Member(change) => self.desk.member_changed(&change),
            Incoming::Migrated { from, to } => self.desk.migrate(from, to),
            Incoming::Lost(fault) => tracing::warn!(%fault, "the bot's connection was lost"),
            _ => {}
        }
    }
}
