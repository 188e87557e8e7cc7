//! Assistant — one userbot session: enters groups, joins and leaves voice chats, hears what happens in them.
//!
//! parent   root/assistants (one_for_one), permanent, shutdown 5 s, backoff 5 s … 300 s, honours FLOOD_WAIT
//! hears    calls (requests), its own account (updates)
//! tells    the call that asked; the calls that an update is about
//! survives the session, on disk or in MongoDB · loses: requests under way, which answer that they were lost

use std::sync::Arc;
use std::time::Duration;

use domain::{Class, Fault, call::Row};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use supervisor::{ChildSpec, Context, Door, Handle, Reply};
use telegram::{Account, CallError, CallState, Incoming, Me, MemberStatus, Session};
use tokio::sync::watch;

use super::Watchers;
use crate::requests::{Asking, people_of};
use crate::root::chats::chat::call;
use crate::wire::{self, Shown, Slot};

/// How long the end waits for requests that are under way; the rest of the deadline is for the goodbye.
const REQUESTS_MAX: Duration = Duration::from_secs(3);

pub(crate) enum Msg {
    /// A call wants something of this account.
    Ask(Asking),
    /// Signed in, or not.
    Ready(Result<Box<Me>, CallError>),
    Incoming(Box<Incoming>),
    /// The connection is gone for good.
    Ended(Result<(), Fault>),
    /// Somebody wants a sign of life.
    Ping(Reply<()>),
}

#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) telegram: telegram::Settings,
    pub(crate) session: Session,
    pub(crate) bot_account: Slot,
    pub(crate) watchers: Watchers,
    /// Where others find this account while it is signed in.
    pub(crate) slot: Slot,
}

pub(crate) struct Args {
    context: Context<Msg>,
    parts: Parts,
}

pub(crate) struct Assistant;

pub(crate) struct State {
    context: Context<Msg>,
    parts: Parts,
    shown: Option<Shown>,
    account: Account,
    updates: Option<telegram::Updates>,
    me: Option<Me>,
    /// Requests that are under way.
    n_asked: Arc<watch::Sender<usize>>,
}

/// One request that is under way.
struct Asked(Arc<watch::Sender<usize>>);

pub(crate) fn child_spec(door: Door<Msg>, id: String, parts: Parts) -> ChildSpec {
    ChildSpec::behind(door, id, move |context| (Assistant, Args { context, parts: parts.clone() }))
}

impl Actor for Assistant {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { context, parts } = args;
        let (account, updates, runner) =
            telegram::connect(parts.telegram.clone(), parts.session.clone());
        wire::drive(runner, &context, Msg::Ended);
        let (signing, session) = (account.clone(), parts.session.clone());
        context.tasks().spawn(async move { Msg::Ready(sign_in(&signing, &session).await) });
        let n_asked = Arc::new(watch::Sender::new(0));
        Ok(State {
            context,
            parts,
            shown: None,
            account,
            updates: Some(updates),
            me: None,
            n_asked,
        })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Ask(asking) => state.ask(asking),
            Msg::Ready(outcome) => state.signed_in(outcome)?,
            Msg::Incoming(incoming) => state.incoming(*incoming),
            Msg::Ended(outcome) => return Err(state.ended(outcome).into()),
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
        let (account, mut n_asked) = (state.account.clone(), state.n_asked.subscribe());
        state.context.tasks().finish(async move {
            // leaving voice chats is among them
            let answered = n_asked.wait_for(|n| *n == 0);
            if tokio::time::timeout(REQUESTS_MAX, answered).await.is_err() {
                tracing::warn!("requests were not answered before the end");
            }
            account.close();
        });
        Ok(())
    }
}

/// Who this account is; its dialogs make the groups it is in known by their access hashes.
async fn sign_in(account: &Account, session: &Session) -> Result<Box<Me>, CallError> {
    // waiting for the store is not waiting for Telegram
    session.fetch().await?;
    let me = account.me().await?;
    account.load_dialogs().await?;
    Ok(Box::new(me))
}

// === impl State ===

impl State {
    fn signed_in(&mut self, outcome: Result<Box<Me>, CallError>) -> Result<(), ActorProcessingErr> {
        let me = outcome.map_err(|error| self.failed(error.into()))?;
        tracing::info!(path = self.context.path(), user = me.user.id.0, "assistant signed in");
        if let Some(updates) = self.updates.take() {
            let pump = wire::pump(updates, self.context.clone(), |incoming| {
                Msg::Incoming(Box::new(incoming))
            });
            self.context.tasks().spawn_quiet(pump);
        }
        self.me = Some(*me);
        self.shown = Some(self.parts.slot.show(self.account.clone()));
        self.context.ready();
        Ok(())
    }

    fn ended(&mut self, outcome: Result<(), Fault>) -> supervisor::Failure {
        match outcome {
            Ok(()) => supervisor::Failure::transient("the connection ended"),
            Err(fault) => self.failed(fault),
        }
    }

    /// The calls of a login that is gone look for another assistant at once.
    fn failed(&mut self, fault: Fault) -> supervisor::Failure {
        self.shown = None;
        if fault.class == Class::Fatal {
            self.tell(None, || call::Msg::AssistantLost(fault.clone()));
        }
        wire::failure(fault)
    }

    fn ask(&self, asking: Asking) {
        // not signed in: to let go of it is the answer
        let Some(me) = self.me.as_ref().map(|me| me.user.id) else { return };
        let account = self.account.clone();
        let bot = self.parts.bot_account.now();
        let asked = Asked::new(&self.n_asked);
        // a request whose caller ends meanwhile still has to be made: leaving is one of them
        self.context.tasks().finish(async move {
            asking.perform(&account, bot.as_ref(), me).await;
            drop(asked);
        });
    }

    fn incoming(&self, incoming: Incoming) {
        match incoming {
            Incoming::Participants(participants) => {
                let chat = self.account.chat_of_call(participants.call);
                let others =
                    || participants.rows.iter().filter(|row| !row.is_self && row.is_versioned);
                let came = others().filter(|row| row.just_joined && !row.has_left).count() as u32;
                let went = others().filter(|row| row.has_left).count() as u32;
                if came != went {
                    let call = participants.call;
                    self.tell(chat, || call::Msg::Moved { call, came, went });
                }
                let rows = participants.rows.into_iter().filter(|row| row.is_self);
                for row in rows {
                    self.tell(chat, || call::Msg::Row {
                        call: participants.call,
                        row: row_of(&row),
                    });
                }
            }
            Incoming::Call(changed) if matches!(changed.state, CallState::Discarded { .. }) => {
                self.tell(changed.chat, || call::Msg::Discarded(changed.call));
            }
            Incoming::Call(changed) => {
                if let CallState::Active(details) = &changed.state {
                    let (call, people) = (changed.call, people_of(details));
                    let chat = changed.chat.or_else(|| self.account.chat_of_call(call));
                    self.tell(chat, || call::Msg::Counted { call, people });
                }
                if changed.chat.is_some() {
                    self.tell(changed.chat, || call::Msg::Started);
                }
            }
            Incoming::Member(change) if change.is_self => {
                if matches!(change.status, MemberStatus::Left | MemberStatus::Banned) {
                    self.tell(Some(change.chat.id), || call::Msg::Removed);
                }
            }
            Incoming::Lost(fault) => {
                tracing::warn!(path = self.context.path(), %fault, "the assistant's connection was lost")
            }
            _ => {}
        }
    }

    fn tell(&self, chat: Option<domain::ChatId>, message: impl Fn() -> call::Msg) {
        for watcher in self.parts.watchers.of(chat) {
            reply(&watcher.call, message());
        }
    }
}

// === impl Asked ===

impl Asked {
    fn new(n_asked: &Arc<watch::Sender<usize>>) -> Asked {
        n_asked.send_modify(|n| *n += 1);
        Asked(n_asked.clone())
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

pub(crate) fn row_of(row: &telegram::Row) -> Row {
    Row {
        ssrc: row.ssrc,
        is_muted: row.is_muted,
        can_self_unmute: row.can_self_unmute,
        has_left: row.has_left,
    }
}

/// A call that is gone wants no answer.
fn reply(call: &Handle<call::Msg>, answer: call::Msg) {
    if call.send(answer).is_err() {
        tracing::debug!("a call did not wait for its answer");
    }
}
