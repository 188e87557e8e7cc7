//! Store — what outlives the process: queues, positions, commands that were obeyed.
//!
//! parent   root (one_for_one), permanent, first up and last down, shutdown 2 s
//! hears    its own engine; everybody's commits reach the engine by the shelf
//! tells    nobody
//! survives everything that was committed · loses: nothing; commits under way are tried again

use std::time::Duration;

use domain::{Class, Fault};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::schema::BEAT_EVERY;
use storage::{Driver, Store};
use supervisor::{ChildSpec, Context, Door, Failure};

use crate::keep::Keeps;
use crate::shelf::Shelf;
use crate::wire;

/// What waits is committed in milliseconds; with the others' deadlines this stays below the unit's.
const END_MAX: Duration = Duration::from_secs(2);
/// A beat that is not written by then is old.
const BEAT_MAX: Duration = Duration::from_secs(5);

pub(crate) enum Msg {
    Opened(Box<Result<(Store, Driver), Fault>>),
    Ended(Result<(), Fault>),
    Beat,
    Beaten,
}

#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) settings: storage::Settings,
    pub(crate) shelf: Shelf,
    pub(crate) keeps: Keeps,
}

pub(crate) struct Args {
    context: Context<Msg>,
    parts: Parts,
}

pub(crate) struct Keeper;

pub(crate) struct State {
    context: Context<Msg>,
    parts: Parts,
    store: Option<Store>,
    is_beating: bool,
    /// It is known to be unwell.
    is_failing: bool,
}

pub(crate) fn child_spec(door: Door<Msg>, parts: Parts) -> ChildSpec {
    ChildSpec::behind(door, "store", move |context| {
        (Keeper, Args { context, parts: parts.clone() })
    })
    .deadline(END_MAX)
}

impl Actor for Keeper {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { context, parts } = args;
        let settings = parts.settings.clone();
        let opening = async move { Msg::Opened(Box::new(storage::open(settings).await)) };
        context.tasks().spawn(opening);
        Ok(State { context, parts, store: None, is_beating: false, is_failing: false })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Opened(opened) => state.opened(*opened)?,
            Msg::Ended(Ok(())) => return Err(Failure::transient("the store was closed").into()),
            Msg::Ended(Err(fault)) => return Err(wire::failure(fault).into()),
            Msg::Beat => state.beat(),
            Msg::Beaten => state.is_beating = false,
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.parts.shelf.put(None);
        if let Some(store) = state.store.take() {
            state.context.tasks().finish(async move { store.close().await });
        }
        Ok(())
    }
}

// === impl State ===

impl State {
    fn opened(&mut self, opened: Result<(Store, Driver), Fault>) -> Result<(), ActorProcessingErr> {
        let (store, driver) = opened.map_err(|fault| {
            if fault.class == Class::Fatal {
                tracing::error!(%fault, "the state cannot be kept; what is queued now will not survive a restart");
            }
            wire::failure(fault)
        })?;
        let engine = store.stats().engine;
        tracing::info!(engine, "state is kept");
        let ended = self.context.clone();
        self.context.tasks().finish(async move {
            let outcome = driver.run().await;
            // an actor that is ending asked for this end
            let _is_ending = !ended.tell_self(Msg::Ended(outcome));
        });
        self.parts.shelf.put(Some(store.clone()));
        self.store = Some(store);
        self.context.tasks().every(BEAT_EVERY, || Msg::Beat);
        self.context.ready();
        Ok(())
    }

    /// One row a second for all chats together, and one more for each whose position stood still or leapt.
    fn beat(&mut self) {
        self.look();
        if self.is_beating {
            return;
        }
        let Some(writes) = self.parts.keeps.beat() else { return };
        self.is_beating = true;
        let shelf = self.parts.shelf.clone();
        self.context.tasks().spawn(async move {
            // the shelf tells what did not work, and the next sign comes in a second
            let _unwritten = shelf.commit(writes, BEAT_MAX).await.is_err();
            Msg::Beaten
        });
    }

    /// Everybody's commits are meant, not only these.
    fn look(&mut self) {
        match (self.parts.shelf.is_failing(), self.is_failing) {
            (true, false) => self.context.degraded("cannot write"),
            (false, true) => self.context.ready(),
            _ => return,
        }
        self.is_failing = !self.is_failing;
    }
}
