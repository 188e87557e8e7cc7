//! Tasks — every task of the data centre, so that none outlives it.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::task::{JoinError, JoinSet};

/// The owner of all tasks; the simulator is its own root, it has no supervisor above it.
pub(super) struct Tasks {
    set: Mutex<Option<JoinSet<()>>>,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self { set: Mutex::new(Some(JoinSet::new())) }
    }

    /// Starts a task, unless the data centre has stopped.
    pub(super) fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = set.as_mut() {
            while let Some(ended) = set.try_join_next() {
                report(ended);
            }
            set.spawn(task);
        }
    }

    /// Aborts every task and takes no new ones.
    pub(super) fn abort(&self) {
        drop(self.take());
    }

    /// Aborts every task and waits until the last has let go.
    pub(super) async fn stop(&self) {
        let set = self.take();
        if let Some(mut set) = set {
            set.abort_all();
            while let Some(ended) = set.join_next().await {
                report(ended);
            }
        }
    }

    fn take(&self) -> Option<JoinSet<()>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a task of the data centre panicked");
    }
}
