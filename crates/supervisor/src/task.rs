//! Tasks with a parent — the only place of the workspace that may start one.
//!
//! A task belongs to one incarnation of one actor. However the actor ends, its tasks are aborted
//! and awaited before anything is started in its place. A panic in a task fails the actor.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ractor::Message;
use tokio::{sync::Notify, task::JoinHandle};
use tracing::Instrument;

mod set;

use self::set::End;
pub(crate) use self::set::{TaskCounts, TaskSet};
use crate::{catch::caught, failure::Failure, seat::Seat};

/// Starts tasks under one incarnation of an actor. From [`crate::Context::tasks`].
pub struct Tasks<M> {
    seat: Arc<Seat<M>>,
}

/// One task. Dropping this leaves the task running; its owner's end still ends it.
#[derive(Debug, Clone)]
pub struct Task {
    id: u64,
    set: Weak<TaskSet>,
}

/// Tells a thread that its owner is ending; the thread must look at it often.
#[derive(Debug, Clone, Default)]
pub struct Quit(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    is_asked: AtomicBool,
    news: Notify,
}

impl Quit {
    pub fn is_asked(&self) -> bool {
        self.0.is_asked.load(Ordering::Acquire)
    }

    fn ask(&self) {
        self.0.is_asked.store(true, Ordering::Release);
        self.0.news.notify_one();
    }

    async fn asked(&self) {
        while !self.is_asked() {
            self.0.news.notified().await;
        }
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
        let (seen, asked) = (quit.clone(), quit.clone());
        // whoever takes it first: the thread that begins it, or the end that does not want it any
        // more. The runtime has only so many threads, and waiting for one to get free could mean
        // waiting for ever; aborting such a job would not help, its queue still has to reach it.
        let work = Arc::new(Mutex::new(Some(work)));
        let taken = move |work: &Mutex<Option<_>>| {
            work.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        let work = async move {
            let begun = work.clone();
            let mut running =
                tokio::task::spawn_blocking(move || taken(&begun).map(|work| work(&seen)));
            let outcome = tokio::select! {
                outcome = &mut running => outcome,
                () = asked.asked() => match taken(&work) {
                    Some(_never_begun) => return None,
                    None => running.await,
                },
            };
            match outcome {
                Ok(message) => message,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // the runtime is going away
                Err(_) => None,
            }
        };
        let deliver = |seat: &Seat<M>, message: Option<M>| {
            if let Some(message) = message {
                seat.deliver_quietly(message);
            }
        };
        self.start(End::Quit(quit), work, deliver, Seat::panicked)
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
        if let Some(set) = self.set.upgrade() {
            set.end_one(self.id);
        }
    }

    pub fn is_finished(&self) -> bool {
        self.set.upgrade().is_none_or(|set| !set.has(self.id))
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

/// Starts a task whose owner is the tree itself: the watchers that await an incarnation's end.
#[allow(clippy::disallowed_methods, reason = "the one place where a task gets its parent")]
pub(crate) fn own(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}
