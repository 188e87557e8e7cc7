//! Child specs — what a supervisor must know to start a child, again and again.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use ractor::{Actor, ActorCell, Message};
use serde::{Deserialize, Serialize};

use crate::{
    backoff::Backoff,
    context::Context,
    contract::Group,
    failure::Failure,
    handle::{Door, Seal, door},
    launch::{self, Launch, Limits},
    mailbox::Mailbox,
    shutdown::{Ending, Shutdown},
    supervisor::Supervisor,
    supervisor_spec::SupervisorSpec,
};

/// When a child that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Always.
    Permanent,
    /// Only when it ended abnormally.
    Transient,
    /// Never, not even with its group.
    Temporary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Worker,
    Supervisor,
}

/// Messages that may wait for a worker whose door was not chosen by its owner.
const BOUND: usize = 256;
/// Erlang's default for workers.
const WORKER_DEADLINE: Duration = Duration::from_secs(5);

type Start = Arc<dyn Fn(Launch) -> Result<ActorCell, Failure> + Send + Sync>;

/// One child of a supervisor. Cloning it clones the recipe, not the child.
#[derive(Clone)]
#[must_use = "a child spec does nothing until a supervisor has it"]
pub struct ChildSpec {
    pub(crate) id: Arc<str>,
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) ending: Ending,
    pub(crate) kind: Kind,
    pub(crate) level: u64,
    pub(crate) is_significant: bool,
    pub(crate) backoff: Backoff,
    /// What a supervisor is to its children.
    pub(crate) group: Option<Group>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) handle: Arc<dyn Any + Send + Sync>,
    pub(crate) door: Arc<dyn Seal>,
    pub(crate) start: Start,
}

impl ChildSpec {
    /// A worker. `start` is called for every incarnation and hands over a fresh behaviour and its
    /// arguments; it must not block. Permanent, five seconds to drain, standard backoff.
    ///
    /// # Panics
    /// When `id` is empty or contains a slash: ids are the parts of a path.
    pub fn worker<A, M, F>(id: impl Into<Arc<str>>, start: F) -> Self
    where
        A: Actor<Msg = M>,
        M: Message,
        F: Fn(Context<M>) -> (A, A::Arguments) + Send + Sync + 'static,
    {
        Self::behind(door(BOUND).0, id, start)
    }

    /// A worker behind a door whose handle its owner has already given to others.
    ///
    /// # Panics
    /// Like [`ChildSpec::worker`].
    pub fn behind<A, M, F>(door: Door<M>, id: impl Into<Arc<str>>, start: F) -> Self
    where
        A: Actor<Msg = M>,
        M: Message,
        F: Fn(Context<M>) -> (A, A::Arguments) + Send + Sync + 'static,
    {
        Self::new(door, id.into(), Kind::Worker, move |context, _| start(context))
            .shutdown(Shutdown::Deadline(WORKER_DEADLINE))
    }

    /// A supervisor with its children. Permanent, stopped without a deadline (its children have
    /// theirs), standard backoff.
    ///
    /// # Panics
    /// Like [`ChildSpec::worker`].
    pub fn supervisor(id: impl Into<Arc<str>>, mut spec: SupervisorSpec) -> Self {
        let door = spec.take_door();
        let group = Some(Group {
            strategy: spec.strategy,
            intensity: spec.intensity,
            is_dynamic: spec.dynamic.is_some(),
        });
        let spec = Arc::new(spec);
        let child = Self::new(door, id.into(), Kind::Supervisor, move |context, launch| {
            (Supervisor, Supervisor::args(spec.clone(), context, launch.report.clone()))
        })
        .shutdown(Shutdown::Infinity);
        Self { group, ..child }
    }

    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    pub fn permanent(self) -> Self {
        self.restart(Restart::Permanent)
    }

    pub fn transient(self) -> Self {
        self.restart(Restart::Transient)
    }

    pub fn temporary(self) -> Self {
        self.restart(Restart::Temporary)
    }

    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Short for `shutdown(Shutdown::Deadline(deadline))`.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.shutdown(Shutdown::Deadline(deadline))
    }

    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Its end can end its supervisor; see [`crate::AutoShutdown`]. Without meaning for permanent
    /// children, whose ends are never final.
    pub fn significant(mut self) -> Self {
        self.is_significant = true;
        self
    }

    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    fn new<A, M, F>(door: Door<M>, id: Arc<str>, kind: Kind, start: F) -> Self
    where
        A: Actor<Msg = M>,
        M: Message,
        F: Fn(Context<M>, &Launch) -> (A, A::Arguments) + Send + Sync + 'static,
    {
        assert!(!id.is_empty() && !id.contains('/'), "not a child id: {id:?}");
        let door = Arc::new(door);
        let mailbox = door.mailbox();
        let handle = Arc::new(door.handle());
        let opened = door.clone();
        let start: Start = Arc::new(move |launch| launch::launch(&opened, &start, launch));
        Self {
            id,
            restart: Restart::Permanent,
            shutdown: Shutdown::Infinity,
            ending: Ending::Drain,
            kind,
            level: 0,
            is_significant: false,
            backoff: Backoff::STANDARD,
            group: None,
            mailbox,
            handle,
            door,
            start,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        let finish_within = match self.shutdown {
            Shutdown::BrutalKill => Some(Duration::ZERO),
            Shutdown::Deadline(deadline) => Some(deadline),
            Shutdown::Infinity => None,
        };
        Limits { kind: self.kind, finish_within }
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("restart", &self.restart)
            .field("shutdown", &self.shutdown)
            .finish_non_exhaustive()
    }
}
