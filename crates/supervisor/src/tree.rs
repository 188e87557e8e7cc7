//! The tree as a whole — what all its supervisors share, and what may be asked from outside.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use ractor::Message;
use rand::{SeedableRng, rngs::StdRng};
use tokio::{sync::broadcast, time::Instant};

use crate::{
    Handle, Unanswered,
    bucket::{Bucket, RestartBudget},
    event::{EVENTS_KEPT, Event, EventKind, Events},
    failure,
    node::Node,
    snapshot::Snapshot,
    supervisor::Msg,
};

/// What the whole tree shares.
#[derive(Debug, Clone)]
pub struct Options {
    pub restart_budget: RestartBudget,
    /// Fixes the jitter, for tests; `None` takes chance from the system.
    pub seed: Option<u64>,
    /// Makes error texts fit for logs and pages; [`crate::redact`] unless there is a better one.
    pub redact: fn(&str) -> String,
}

impl Default for Options {
    /// Exactly Erlang: no budget. The application sets its own.
    fn default() -> Self {
        Self { restart_budget: RestartBudget::UNLIMITED, seed: None, redact: failure::redact }
    }
}

/// A view of the living tree; cheap to clone, and it never waits for an actor.
#[derive(Clone)]
pub struct Tree {
    shared: Arc<Shared>,
}

struct Shared {
    root: OnceLock<Arc<Node>>,
    events: broadcast::Sender<Event>,
    bucket: Mutex<Bucket>,
    rng: Mutex<StdRng>,
    redact: fn(&str) -> String,
}

impl Tree {
    pub(crate) fn new(options: &Options) -> Self {
        let rng = options.seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64);
        Self {
            shared: Arc::new(Shared {
                root: OnceLock::new(),
                events: broadcast::Sender::new(EVENTS_KEPT),
                bucket: Mutex::new(Bucket::new(options.restart_budget, Instant::now())),
                rng: Mutex::new(rng),
                redact: options.redact,
            }),
        }
    }

    pub(crate) fn plant(&self, root: Arc<Node>) {
        self.shared.root.get_or_init(|| root);
    }

    /// All children as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let mut children = Vec::new();
        if let Some(root) = self.shared.root.get() {
            root.snapshot_into(Instant::now(), &mut children);
        }
        Snapshot { children }
    }

    /// Everything that happens from now on.
    pub fn events(&self) -> Events {
        Events { receiver: self.shared.events.subscribe(), missed: 0 }
    }

    /// The handle to the child at `path` (like `root/chats/-100123/player`), if there is one now
    /// and its messages are `M`. It stays good through restarts, but not beyond the end of a
    /// dynamic child: look a dynamic child up again rather than keep its handle.
    pub fn find<M: Message>(&self, path: &str) -> Option<Handle<M>> {
        let node = self.node(path)?;
        node.handle.downcast_ref::<Handle<M>>().cloned()
    }

    /// Starts the parked child at `path`, or one in backoff, at once: for a human who has mended
    /// the cause. False when there is no such child or its supervisor cannot hear.
    pub fn retry(&self, path: &str) -> bool {
        let Some((parent, id)) = path.rsplit_once('/') else { return false };
        self.find::<Msg>(parent).is_some_and(|parent| parent.send(Msg::Retry(id.into())).is_ok())
    }

    /// Kills the present incarnation of the child at `path`, as a crash would: what becomes of it is its supervisor's
    /// business. For rehearsals of bad days. False when there is no such child or its supervisor cannot hear.
    pub fn kill(&self, path: &str) -> bool {
        let Some((parent, id)) = path.rsplit_once('/') else { return false };
        self.find::<Msg>(parent).is_some_and(|parent| parent.send(Msg::Kill(id.into())).is_ok())
    }

    /// Asks the root supervisor itself for a sign of life and says how long the way there and back
    /// took: for a watchdog. Only the root's own handler answers.
    ///
    /// # Errors
    /// The root did not answer within `within`, or is not there.
    pub async fn ping(&self, within: Duration) -> Result<Duration, Unanswered> {
        let root = self.shared.root.get().ok_or(Unanswered::Down)?;
        let handle = self.find::<Msg>(&root.path).ok_or(Unanswered::Down)?;
        let asked = Instant::now();
        handle.ask(Msg::Ping, within).await?;
        Ok(asked.elapsed())
    }

    pub(crate) fn node(&self, path: &str) -> Option<Arc<Node>> {
        let root = self.shared.root.get()?;
        match path.split_once('/') {
            None => (path == &*root.id).then(|| root.clone()),
            Some((id, below)) => (id == &*root.id).then(|| root.descend(below))?,
        }
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        (self.shared.redact)(text)
    }

    pub(crate) fn redactor(&self) -> fn(&str) -> String {
        self.shared.redact
    }

    pub(crate) fn emit(&self, node: &Node, incarnation: u64, kind: EventKind) {
        // nobody listening is not an error
        self.shared.events.send(Event { path: node.path.to_string(), incarnation, kind }).ok();
    }

    pub(crate) fn take_restart_token(&self, now: Instant) -> Duration {
        self.shared.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }

    pub(crate) fn with_rng<T>(&self, call: impl FnOnce(&mut StdRng) -> T) -> T {
        call(&mut self.shared.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").finish_non_exhaustive()
    }
}
