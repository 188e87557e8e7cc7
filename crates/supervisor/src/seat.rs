//! A seat — one incarnation of an actor: what belongs to this life and ends with it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ractor::{ActorRef, Message};
use tokio::time::Instant;
use tracing::Span;

use crate::{
    failure::{Exit, Failure},
    handle::{Door, hand_over},
    node::Node,
    task::TaskSet,
    tree::Tree,
};

pub(crate) struct Seat<M> {
    pub(crate) tree: Tree,
    pub(crate) node: Arc<Node>,
    pub(crate) incarnation: u64,
    pub(crate) tasks: Arc<TaskSet>,
    pub(crate) span: Span,
    door: Arc<Door<M>>,
    actor: OnceLock<ActorRef<M>>,
    exit: Mutex<Option<Exit>>,
}

impl<M: Message> Seat<M> {
    pub(crate) fn new(tree: Tree, node: Arc<Node>, incarnation: u64, door: Arc<Door<M>>) -> Self {
        let span = tracing::info_span!(parent: None, "actor", path = %node.path, incarnation);
        Self {
            tasks: Arc::new(TaskSet::new(node.tasks.clone())),
            tree,
            node,
            incarnation,
            span,
            door,
            actor: OnceLock::new(),
            exit: Mutex::new(None),
        }
    }

    /// The actor exists: its own tasks can reach it from now on.
    pub(crate) fn take_place(&self, actor: ActorRef<M>) {
        self.actor.set(actor).ok();
    }

    /// The actor is up: everybody can reach it from now on.
    pub(crate) fn open_door(&self) {
        if let Some(actor) = self.actor.get() {
            self.door.open(actor.clone());
        }
    }

    /// This life is over. What still runs of it is aborted; [`TaskSet::ended`] awaits it.
    pub(crate) fn leave(&self) {
        self.tasks.abort();
        self.door.close();
    }

    pub(crate) fn handle(&self) -> crate::Handle<M> {
        self.door.handle()
    }

    /// Puts a message into this incarnation's own mailbox, past the bound: results of its own
    /// tasks must not be lost because others are noisy. False when it takes no more.
    pub(crate) fn deliver(&self, message: M) -> bool {
        let Some(actor) = self.actor.get() else { return false };
        self.node.mailbox.entered();
        let is_delivered = hand_over(actor, message).is_ok();
        if !is_delivered {
            self.node.mailbox.left();
        }
        is_delivered
    }

    /// Remembers how this life ends; the first word counts.
    pub(crate) fn record(&self, exit: Exit) {
        self.exit.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(exit);
    }

    pub(crate) fn recorded(&self) -> Option<Exit> {
        self.exit.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the actor after its present message, as a failure.
    pub(crate) fn fail(&self, failure: Failure) {
        self.record(Exit::Failed(failure));
        if let Some(actor) = self.actor.get() {
            actor.stop(None);
        }
    }

    pub(crate) fn begin_message(&self) {
        self.node.mailbox.begin(Instant::now());
    }
}
