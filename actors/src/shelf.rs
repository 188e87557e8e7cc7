//! The shelf: the store, for whoever writes or reads, while there is one.
//!
//! The store is an actor's, and may be between two lives; what is committed then waits a moment and is tried again.

use std::time::Duration;

use domain::{Fault, Reason};
use storage::{Store, Write};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// Between two tries of a commit.
const AGAIN: Duration = Duration::from_millis(250);

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Shelf(watch::Sender<Option<Store>>);

// === impl Shelf ===

impl Shelf {
    pub(crate) fn new() -> Shelf {
        Shelf(watch::Sender::new(None))
    }

    pub(crate) fn put(&self, store: Option<Store>) {
        self.0.send_replace(store);
    }

    pub(crate) fn now(&self) -> Option<Store> {
        self.0.borrow().clone()
    }

    /// The store, once it is open.
    pub(crate) async fn open(&self, within: Duration) -> Result<Store, Fault> {
        let mut slot = self.0.subscribe();
        let open = timeout(within, slot.wait_for(Option::is_some)).await;
        let store = open.ok().and_then(Result::ok).and_then(|store| store.clone());
        store.ok_or_else(|| Fault::transient(Reason::Timeout, "the store is not open"))
    }

    /// Writes all of it or nothing; tries until `within` is over. The last fault says why it did not work.
    pub(crate) async fn commit(&self, writes: Vec<Write>, within: Duration) -> Result<(), Fault> {
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let outcome = match self.open(left).await {
                Ok(store) => store.commit(writes.clone()).await,
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
