//! Nodes — the board on which the tree is written, readable without asking any actor.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use ractor::ActorCell;
use tokio::{sync::watch, time::Instant};

use crate::{
    child_spec::{ChildSpec, Kind},
    contract::Terms,
    failure::Failure,
    mailbox::Mailbox,
    snapshot::{ChildSnapshot, LastError, MailboxSnapshot, State, TaskSnapshot},
    task::TaskCounts,
};

/// Position among siblings, in start order; never used twice under one parent.
pub(crate) type Key = u64;

pub(crate) struct Node {
    pub(crate) id: Arc<str>,
    pub(crate) path: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) terms: Terms,
    /// The running incarnation; `None` only when it, its tasks and its subtree have ended.
    pub(crate) live: watch::Sender<Option<ActorCell>>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) tasks: Arc<TaskCounts>,
    /// A `Handle<M>` of the child's message type.
    pub(crate) handle: Arc<dyn Any + Send + Sync>,
    reset_after: Duration,
    status: Mutex<Status>,
    children: Mutex<BTreeMap<Key, Arc<Node>>>,
    next_key: AtomicU64,
}

/// What the supervisor of a child says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Waiting,
    Starting,
    Up,
    Backoff { until: Instant },
    Parked,
    Stopping,
    Ended,
}

/// What the child says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Health {
    Unknown,
    Ready { since: Instant },
    Degraded { text: String },
}

struct Status {
    stage: Stage,
    health: Health,
    incarnation: u64,
    restarts: u64,
    failures: u32,
    started_at: Option<Instant>,
    last_error: Option<(Failure, Instant)>,
}

impl Node {
    pub(crate) fn new(parent: Option<&Node>, spec: &ChildSpec) -> Arc<Self> {
        let path = match parent {
            Some(parent) => format!("{}/{}", parent.path, spec.id).into(),
            None => spec.id.clone(),
        };
        Arc::new(Self {
            id: spec.id.clone(),
            path,
            kind: spec.kind,
            terms: Terms::of(spec),
            live: watch::Sender::new(None),
            mailbox: spec.mailbox.clone(),
            tasks: Arc::default(),
            handle: spec.handle.clone(),
            reset_after: spec.backoff.reset_after,
            status: Mutex::new(Status {
                stage: Stage::Waiting,
                health: Health::Unknown,
                incarnation: 0,
                restarts: 0,
                failures: 0,
                started_at: None,
                last_error: None,
            }),
            children: Mutex::default(),
            next_key: AtomicU64::new(0),
        })
    }

    /// The places of the children that a supervisor begins with, in their order. A child that was
    /// there before keeps its place, and with it the count of its lives; those that had been added
    /// do not outlive their supervisor, and neither do their places.
    pub(crate) fn replant(&self, specs: &[ChildSpec]) -> Vec<(Key, Arc<Node>)> {
        let before = std::mem::take(&mut *self.children());
        let kept = |spec: &ChildSpec| before.values().find(|node| node.id == spec.id).cloned();
        specs.iter().map(|spec| self.put(spec, kept(spec))).collect()
    }

    /// Makes the place of a child that is added.
    pub(crate) fn place(&self, spec: &ChildSpec) -> (Key, Arc<Node>) {
        self.put(spec, None)
    }

    fn put(&self, spec: &ChildSpec, node: Option<Arc<Self>>) -> (Key, Arc<Self>) {
        let key = self.next_key.fetch_add(1, Relaxed);
        let node = node.unwrap_or_else(|| Self::new(Some(self), spec));
        self.children().insert(key, node.clone());
        (key, node)
    }

    pub(crate) fn remove(&self, key: Key) {
        self.children().remove(&key);
    }

    pub(crate) fn children_now(&self) -> Vec<Arc<Node>> {
        self.children().values().cloned().collect()
    }

    pub(crate) fn child(&self, id: &str) -> Option<Arc<Node>> {
        self.children().values().find(|node| &*node.id == id).cloned()
    }

    /// The node at a path relative to this one.
    pub(crate) fn descend(self: &Arc<Self>, path: &str) -> Option<Arc<Node>> {
        path.split('/').try_fold(self.clone(), |node, id| node.child(id))
    }

    pub(crate) fn incarnation(&self) -> u64 {
        self.status().incarnation
    }

    /// A new incarnation begins.
    pub(crate) fn begin(&self, incarnation: u64, now: Instant) {
        let mut status = self.status();
        if status.incarnation > 0 {
            status.restarts += 1;
        }
        status.incarnation = incarnation;
        status.health = Health::Unknown;
        status.started_at = Some(now);
    }

    pub(crate) fn set_stage(&self, stage: Stage, failures: u32) {
        let mut status = self.status();
        status.stage = stage;
        status.failures = failures;
    }

    pub(crate) fn set_error(&self, failure: Failure, now: Instant) {
        self.status().last_error = Some((failure, now));
    }

    /// True when this is news.
    pub(crate) fn set_ready(&self, now: Instant) -> bool {
        let mut status = self.status();
        let is_news = !matches!(status.health, Health::Ready { .. });
        if is_news {
            status.health = Health::Ready { since: now };
        }
        is_news
    }

    pub(crate) fn set_degraded(&self, text: String) -> bool {
        let mut status = self.status();
        let health = Health::Degraded { text };
        let is_news = status.health != health;
        status.health = health;
        is_news
    }

    /// How long the child has been ready without a break.
    pub(crate) fn ready_for(&self, now: Instant) -> Option<Duration> {
        match self.status().health {
            Health::Ready { since } => Some(now.saturating_duration_since(since)),
            Health::Unknown | Health::Degraded { .. } => None,
        }
    }

    pub(crate) fn snapshot_into(&self, now: Instant, all: &mut Vec<ChildSnapshot>) {
        all.push(self.snapshot(now));
        for child in self.children_now() {
            child.snapshot_into(now, all);
        }
    }

    fn snapshot(&self, now: Instant) -> ChildSnapshot {
        let since = |at: Instant| millis(now.saturating_duration_since(at));
        let ready_for = self.ready_for(now);
        let status = self.status();
        let is_up = matches!(status.stage, Stage::Starting | Stage::Up | Stage::Stopping);
        let is_forgiven = is_up && ready_for.is_some_and(|ready| ready >= self.reset_after);
        let next_retry_in_ms = match status.stage {
            Stage::Backoff { until } => Some(millis(until.saturating_duration_since(now))),
            _ => None,
        };
        ChildSnapshot {
            path: self.path.to_string(),
            kind: self.kind,
            state: state(status.stage, &status.health),
            incarnation: status.incarnation,
            restarts: status.restarts,
            failures: if is_forgiven { 0 } else { status.failures },
            next_retry_in_ms,
            last_error: status.last_error.as_ref().map(|(failure, at)| LastError {
                class: failure.class,
                text: failure.text.clone(),
                ago_ms: since(*at),
            }),
            uptime_ms: status.started_at.filter(|_| is_up).map(since),
            mailbox: MailboxSnapshot {
                depth: self.mailbox.depth(),
                peak: self.mailbox.peak(),
                bound: self.mailbox.bound,
                handled: self.mailbox.handled(),
                refused: self.mailbox.refused(),
                lost: self.mailbox.lost(),
                busy_for_ms: self.mailbox.busy_for_ms(now),
            },
            tasks: TaskSnapshot {
                running: self.tasks.running.load(Relaxed),
                started: self.tasks.started.load(Relaxed),
                panicked: self.tasks.panicked.load(Relaxed),
            },
        }
    }

    fn children(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Node>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("path", &self.path).finish_non_exhaustive()
    }
}

fn state(stage: Stage, health: &Health) -> State {
    match (stage, health) {
        (Stage::Waiting, _) => State::Waiting,
        (Stage::Backoff { .. }, _) => State::Backoff,
        (Stage::Parked, _) => State::Parked,
        (Stage::Stopping, _) => State::Draining,
        (Stage::Ended, _) => State::Ended,
        (Stage::Starting | Stage::Up, Health::Unknown) => State::Starting,
        (Stage::Starting | Stage::Up, Health::Ready { .. }) => State::Ready,
        (Stage::Starting | Stage::Up, Health::Degraded { text }) => State::Degraded(text.clone()),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
