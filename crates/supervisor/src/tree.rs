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
    ChildSpec, Handle, Unanswered,
    bucket::{Bucket, RestartBudget},
    catch::caught_call,
    contract::Contract,
    event::{EVENTS_KEPT, Event, EventKind, Events},
    failure::{self, Exit},
    node::Node,
    snapshot::Snapshot,
    supervisor::{Answer, Denied, Msg, Order},
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

    /// What the specs of all children say, parents before children, siblings in start order.
    pub fn contracts(&self) -> Vec<Contract> {
        let mut contracts = Vec::new();
        if let Some(root) = self.shared.root.get() {
            root.contracts_into(&mut contracts);
        }
        contracts
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

    /// Adds a child to the running supervisor at `parent`, as its youngest, and waits until it is
    /// up. It is gone again when its supervisor is restarted.
    ///
    /// # Errors
    /// The child is not up. When it failed, a strict supervisor has not kept it; others retry.
    pub async fn start_child(&self, parent: &str, spec: ChildSpec, within: Duration) -> Answer {
        self.order(parent, Order::Start(Box::new(spec)), within).await
    }

    /// Ends the child at `path` by the rules of its spec and waits until it is down. It stays
    /// down until [`Tree::restart_child`] or a restart of its group or its supervisor.
    ///
    /// # Errors
    /// There is no such child, or no answer in time.
    pub async fn terminate_child(&self, path: &str, within: Duration) -> Answer {
        let (parent, id) = path.rsplit_once('/').ok_or(Denied::NotFound)?;
        self.order(parent, Order::Terminate(id.into()), within).await
    }

    /// Starts a child that was terminated or has finished, and waits until it is up.
    ///
    /// # Errors
    /// The child is not up. When it failed, a strict supervisor leaves it down; others retry.
    pub async fn restart_child(&self, path: &str, within: Duration) -> Answer {
        let (parent, id) = path.rsplit_once('/').ok_or(Denied::NotFound)?;
        self.order(parent, Order::Restart(id.into()), within).await
    }

    /// Forgets a child that was terminated or has finished, until its supervisor is restarted.
    ///
    /// # Errors
    /// There is no such child, or it is not down for good.
    pub async fn delete_child(&self, path: &str, within: Duration) -> Answer {
        let (parent, id) = path.rsplit_once('/').ok_or(Denied::NotFound)?;
        self.order(parent, Order::Delete(id.into()), within).await
    }

    async fn order(&self, parent: &str, order: Order, within: Duration) -> Answer {
        let supervisor = self.find::<Msg>(parent).ok_or(Denied::NotFound)?;
        supervisor.ask(|reply| Msg::Order(order, reply), within).await?
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

    /// Text that others may see; of a redactor that panics, nothing.
    pub(crate) fn redact(&self, text: &str) -> String {
        caught_call(|| (self.shared.redact)(text)).unwrap_or_else(|_| "…".to_owned())
    }

    pub(crate) fn redacted(&self, exit: Exit) -> Exit {
        exit.redacted(|text| self.redact(text))
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
