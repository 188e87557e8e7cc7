//! Tasks with a parent — the only place of the workspace that may start one.
//!
//! A task belongs to one incarnation of one actor. However the actor ends, its tasks are aborted
//! and awaited before anything is started in its place. A panic in a task fails the actor.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use ractor::Message;
use tokio::{sync::watch, task::JoinHandle};
use tracing::Instrument;

use crate::{catch::caught, failure::Failure, seat::Seat};

/// Starts tasks under one incarnation of an actor. From [`crate::Context::tasks`].
pub struct Tasks<M> {
    seat: Arc<Seat<M>>,
}

/// One task. Dropping this leaves the task running; its owner's end still ends it.
#[derive(Debug, Clone)]
pub struct Task {
    id: u64,
    set: std::sync::Weak<TaskSet>,
}

/// Tells a thread that its owner is ending; the thread must look at it often.
#[derive(Debug, Clone, Default)]
pub struct Quit(Arc<AtomicBool>);

impl Quit {
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<M: Message> Tasks<M> {
    pub(crate) fn new(seat: Arc<Seat<M>>) -> Self {
        Self { seat }
    }

    /// Runs `work`; its output comes back to the actor as a message. Aborted at the actor's end.
    pub fn spawn(&self, work: impl Future<Output = M> + Send + 'static) -> Task {
        self.start(End::Abort, work, Seat::deliver_quietly, Seat::panicked)
    }

    /// Like `spawn`, but a panic becomes a message instead of the actor's failure.
    pub fn spawn_or(
        &self,
        work: impl Future<Output = M> + Send + 'static,
        on_panic: impl FnOnce(String) -> M + Send + 'static,
    ) -> Task {
        self.start(End::Abort, work, Seat::deliver_quietly, |seat, text| {
            seat.deliver_quietly(on_panic(text));
        })
    }

    /// Runs `work` for its effect alone. Aborted at the actor's end.
    pub fn spawn_quiet(&self, work: impl Future<Output = ()> + Send + 'static) -> Task {
        self.start(End::Abort, work, |_, ()| (), Seat::panicked)
    }

    /// Runs `work` for its effect; when the actor ends cleanly it is awaited, within the actor's
    /// shutdown deadline. Only a crash or a kill aborts it.
    pub fn finish(&self, work: impl Future<Output = ()> + Send + 'static) -> Task {
        self.start(End::Finish, work, |_, ()| (), Seat::panicked)
    }

    /// Sends `message` to the actor after `delay`.
    pub fn send_after(&self, delay: Duration, message: M) -> Task {
        self.spawn(async move {
            tokio::time::sleep(delay).await;
            message
        })
    }

    /// Sends a message to the actor every `period`, first after one period. A tick is skipped
    /// while the mailbox is full.
    pub fn every(&self, period: Duration, tick: impl Fn() -> M + Send + 'static) -> Task {
        let seat = self.seat.clone();
        self.spawn_quiet(async move {
            let mut interval =
                tokio::time::interval_at(tokio::time::Instant::now() + period, period);
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                if !seat.node.mailbox.is_full() {
                    seat.deliver(tick());
                }
            }
        })
    }

    /// Runs blocking `work` on a thread of its own; its output comes back as a message. A thread
    /// cannot be aborted: it must watch its [`Quit`], and the actor's end is awaited until it
    /// returns.
    pub fn thread(&self, work: impl FnOnce(&Quit) -> M + Send + 'static) -> Task {
        let quit = Quit::default();
        let seen = quit.clone();
        let work = async move {
            match tokio::task::spawn_blocking(move || work(&seen)).await {
                Ok(message) => message,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // the runtime is going away, and everything with it
                Err(_) => std::future::pending().await,
            }
        };
        self.start(End::Quit(quit), work, Seat::deliver_quietly, Seat::panicked)
    }

    fn start<T: Send + 'static>(
        &self,
        end: End,
        work: impl Future<Output = T> + Send + 'static,
        on_output: impl FnOnce(&Seat<M>, T) + Send + 'static,
        on_panic: impl FnOnce(&Seat<M>, String) + Send + 'static,
    ) -> Task {
        let seat = self.seat.clone();
        let span = seat.span.clone();
        let counts = seat.tasks.counts.clone();
        let work = async move {
            match caught(work).await {
                Ok(output) => on_output(&seat, output),
                Err(text) => {
                    counts.panicked.fetch_add(1, Ordering::Relaxed);
                    on_panic(&seat, text);
                }
            }
        };
        self.seat.tasks.spawn(end, work.instrument(span))
    }
}

impl<M: Message> Seat<M> {
    /// An actor that is ending does not want results any more.
    fn deliver_quietly(&self, message: M) {
        self.deliver(message);
    }

    fn panicked(&self, text: String) {
        self.fail(Failure::transient(format!("task {text}")));
    }
}

impl Task {
    /// Ends the task at its next await. A thread is asked instead.
    pub fn abort(&self) {
        if let Some(set) = self.set.upgrade()
            && let Some(entry) = set.lock().entries.get(&self.id)
        {
            entry.end();
        }
    }

    pub fn is_finished(&self) -> bool {
        self.set.upgrade().is_none_or(|set| !set.lock().entries.contains_key(&self.id))
    }
}

impl<M> Clone for Tasks<M> {
    fn clone(&self) -> Self {
        Self { seat: self.seat.clone() }
    }
}

impl<M> std::fmt::Debug for Tasks<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks").field("set", &self.seat.tasks).finish()
    }
}

/// Counters of one place in the tree; they outlive incarnations.
#[derive(Debug, Default)]
pub(crate) struct TaskCounts {
    pub(crate) running: AtomicU64,
    pub(crate) started: AtomicU64,
    pub(crate) panicked: AtomicU64,
}

/// All tasks of one incarnation.
#[derive(Debug)]
pub(crate) struct TaskSet {
    counts: Arc<TaskCounts>,
    /// How many `End::Finish` tasks still run.
    finishing: watch::Sender<usize>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    is_closed: bool,
    next_id: u64,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    handle: JoinHandle<()>,
    end: End,
}

#[derive(Debug)]
enum End {
    Abort,
    Finish,
    Quit(Quit),
}

impl Entry {
    fn end(&self) {
        match &self.end {
            End::Abort | End::Finish => self.handle.abort(),
            End::Quit(quit) => quit.0.store(true, Ordering::Release),
        }
    }
}

impl TaskSet {
    pub(crate) fn new(counts: Arc<TaskCounts>) -> Self {
        Self { counts, finishing: watch::Sender::new(0), inner: Mutex::default() }
    }

    fn spawn(self: &Arc<Self>, end: End, work: impl Future<Output = ()> + Send + 'static) -> Task {
        let mut inner = self.lock();
        let id = inner.next_id;
        let task = Task { id, set: Arc::downgrade(self) };
        if inner.is_closed {
            return task;
        }
        inner.next_id += 1;
        self.counts.started.fetch_add(1, Ordering::Relaxed);
        self.counts.running.fetch_add(1, Ordering::Relaxed);
        if matches!(end, End::Finish) {
            self.finishing.send_modify(|finishing| *finishing += 1);
        }
        let set = self.clone();
        // the task waits for this lock before it forgets itself, so it is known by then
        let handle = own(async move {
            work.await;
            set.forget(id);
        });
        inner.entries.insert(id, Entry { handle, end });
        task
    }

    fn forget(&self, id: u64) {
        let entry = self.lock().entries.remove(&id);
        if let Some(entry) = entry {
            self.gone(&entry);
        }
    }

    fn gone(&self, entry: &Entry) {
        self.counts.running.fetch_sub(1, Ordering::Relaxed);
        if matches!(entry.end, End::Finish) {
            self.finishing.send_modify(|finishing| *finishing -= 1);
        }
    }

    /// Waits for the tasks that want to finish, at most `limit`.
    pub(crate) async fn finished(&self, limit: Option<Duration>) {
        let mut finishing = self.finishing.subscribe();
        let all_done = finishing.wait_for(|finishing| *finishing == 0);
        match limit {
            Some(limit) => drop(tokio::time::timeout(limit, all_done).await),
            None => drop(all_done.await),
        }
    }

    /// Takes no new tasks and ends those that run; returns at once.
    pub(crate) fn abort(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        inner.entries.values().for_each(Entry::end);
    }

    /// Ends all tasks and waits until every one is really gone, threads included.
    pub(crate) async fn ended(&self) {
        self.abort();
        let entries = std::mem::take(&mut self.lock().entries);
        for (_, mut entry) in entries {
            // panics were caught inside, so what is left is the abort we asked for
            (&mut entry.handle).await.ok();
            self.gone(&entry);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a task whose owner is the tree itself: the watchers that await an incarnation's end.
#[allow(clippy::disallowed_methods, reason = "the one place where a task gets its parent")]
pub(crate) fn own(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}
