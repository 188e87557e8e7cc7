//! The set of one incarnation's tasks: counts them, ends them, and knows when they are gone.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokio::{sync::watch, task::AbortHandle};

use super::{Quit, Task, own};

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
    pub(super) counts: Arc<TaskCounts>,
    running: watch::Sender<Running>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Running {
    all: usize,
    /// Those that a clean end waits for.
    finishing: usize,
}

#[derive(Debug, Default)]
struct Inner {
    is_closed: bool,
    next_id: u64,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Known a moment after the entry; until then the task cannot be aborted.
    handle: Option<AbortHandle>,
    end: End,
}

#[derive(Debug)]
pub(super) enum End {
    Abort,
    Finish,
    Quit(Quit),
}

impl Entry {
    fn end(&self) {
        match (&self.end, &self.handle) {
            (End::Abort | End::Finish, Some(handle)) => handle.abort(),
            (End::Abort | End::Finish, None) => {}
            (End::Quit(quit), _) => quit.ask(),
        }
    }
}

/// A task's work together with its entry in the set. The order of the fields is the order in
/// which they are dropped: the entry goes only when the work, and all it owned, is gone.
struct Owned {
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
    _entry: OwnEntry,
}

struct OwnEntry {
    set: Arc<TaskSet>,
    id: u64,
}

impl Future for Owned {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<()> {
        self.work.as_mut().poll(context)
    }
}

impl Drop for OwnEntry {
    fn drop(&mut self) {
        self.set.forget(self.id);
    }
}

impl TaskSet {
    pub(crate) fn new(counts: Arc<TaskCounts>) -> Self {
        Self { counts, running: watch::Sender::default(), inner: Mutex::default() }
    }

    pub(super) fn spawn(
        self: &Arc<Self>,
        end: End,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Task {
        let Some(id) = self.admit(end) else {
            return Task { id: u64::MAX, set: Weak::new() };
        };
        let entry = OwnEntry { set: self.clone(), id };
        // not under the lock: a runtime that is going away drops the work, and the entry, at once
        let handle = own(Owned { work: Box::pin(work), _entry: entry }).abort_handle();
        let mut inner = self.lock();
        let is_closed = inner.is_closed;
        if let Some(entry) = inner.entries.get_mut(&id) {
            entry.handle = Some(handle);
            if is_closed {
                entry.end();
            }
        }
        Task { id, set: Arc::downgrade(self) }
    }

    fn admit(&self, end: End) -> Option<u64> {
        let mut inner = self.lock();
        if inner.is_closed {
            return None;
        }
        let id = inner.next_id;
        inner.next_id += 1;
        self.counts.started.fetch_add(1, Ordering::Relaxed);
        self.counts.running.fetch_add(1, Ordering::Relaxed);
        let finishing = usize::from(matches!(end, End::Finish));
        self.running.send_modify(|running| {
            running.all += 1;
            running.finishing += finishing;
        });
        inner.entries.insert(id, Entry { handle: None, end });
        Some(id)
    }

    fn forget(&self, id: u64) {
        let Some(entry) = self.lock().entries.remove(&id) else { return };
        self.counts.running.fetch_sub(1, Ordering::Relaxed);
        let finishing = usize::from(matches!(entry.end, End::Finish));
        self.running.send_modify(|running| {
            running.all -= 1;
            running.finishing -= finishing;
        });
    }

    /// Waits for the tasks that want to finish, at most `limit`.
    pub(crate) async fn finished(&self, limit: Option<Duration>) {
        let mut running = self.running.subscribe();
        let all_done = running.wait_for(|running| running.finishing == 0);
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
        // the set outlives the wait, so the channel is open
        drop(self.running.subscribe().wait_for(|running| running.all == 0).await);
    }

    pub(super) fn end_one(&self, id: u64) {
        if let Some(entry) = self.lock().entries.get(&id) {
            entry.end();
        }
    }

    pub(super) fn has(&self, id: u64) -> bool {
        self.lock().entries.contains_key(&id)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
