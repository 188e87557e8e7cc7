//! The shelf: the store, for whoever writes or reads, while there is one.
//!
//! The store is an actor's, and may be between two lives; what is committed then waits a moment and is tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{Fault, Reason};
use storage::{Store, Table, Write};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// Between two tries of a commit.
const AGAIN: Duration = Duration::from_millis(250);

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Shelf {
    store: watch::Sender<Option<Store>>,
    /// The log says already that nothing can be written.
    is_failing: Arc<AtomicBool>,
}

// === impl Shelf ===

impl Shelf {
    pub(crate) fn new() -> Shelf {
        Shelf { store: watch::Sender::new(None), is_failing: Arc::default() }
    }

    pub(crate) fn put(&self, store: Option<Store>) {
        self.store.send_replace(store);
    }

    pub(crate) fn now(&self) -> Option<Store> {
        self.store.borrow().clone()
    }

    /// The store, once it is open.
    pub(crate) async fn open(&self, within: Duration) -> Result<Store, Fault> {
        let mut slot = self.store.subscribe();
        let open = timeout(within, slot.wait_for(Option::is_some)).await;
        let store = open.ok().and_then(Result::ok).and_then(|store| store.clone());
        store.ok_or_else(|| Fault::transient(Reason::Timeout, "the store is not open"))
    }

    /// Writes all of it or nothing; tries until `within` is over. The last fault says why it did not work.
    pub(crate) async fn commit(&self, writes: Vec<Write>, within: Duration) -> Result<(), Fault> {
        let outcome = self.attempt(&writes, within).await;
        self.tell(&writes, &outcome);
        outcome
    }

    /// Something was not even tried to be written.
    pub(crate) fn refuse(&self, fault: &Fault) {
        self.tell(&[], &Err(fault.clone()));
    }

    /// Whether what was to be written lately was not.
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// The operator hears of it once. Signs of life need no room, so that they say nothing of what is to come.
    fn tell(&self, writes: &[Write], outcome: &Result<(), Fault>) {
        match outcome {
            // the whole process ends, and says why
            Err(fault) if fault.reason == Reason::Stopping => {}
            Err(fault) if !self.is_failing.swap(true, Ordering::Relaxed) => tracing::error!(
                %fault,
                "state cannot be written, music goes on; what is queued now will not survive a restart: make room on \
                 the disk of state.directory, or give this user the right to write there; where MongoDB keeps it alone, see \
                 to MongoDB"
            ),
            Ok(())
                if writes.iter().any(|write| write.table() == Table::Playback)
                    && self.is_failing.swap(false, Ordering::Relaxed) =>
            {
                tracing::info!("state is kept again");
            }
            _ => {}
        }
    }

    async fn attempt(&self, writes: &[Write], within: Duration) -> Result<(), Fault> {
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let outcome = match self.open(left).await {
                Ok(store) => store.commit(writes.to_vec()).await,
                Err(fault) => Err(fault),
            };
            match outcome {
                Err(fault) if fault.is_retryable() && Instant::now() + AGAIN < until => {
                    sleep(AGAIN).await;
                }
                outcome => return outcome,
            }
        }
    }
}
