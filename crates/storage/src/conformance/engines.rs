//! Engines to hold the sentences against.

use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{Settings, Store, open};

/// An open store with nothing in it, whose driver runs.
pub(super) struct Engine {
    pub(super) store: Store,
    driver: JoinSet<Result<(), domain::Fault>>,
    _directory: TempDir,
}

// === impl Engine ===

impl Engine {
    pub(super) async fn embedded() -> Engine {
        let directory = TempDir::new().expect("there is room for a directory");
        let (store, running) =
            open(Settings::embedded(directory.path())).await.expect("a new store opens");
        let mut driver = JoinSet::new();
        driver.spawn(running.run());
        Engine { store, driver, _directory: directory }
    }

    pub(super) async fn end(mut self) {
        self.store.close().await;
        let outcome = self.driver.join_next().await.expect("it ran");
        assert_eq!(outcome.expect("it did not panic"), Ok(()));
        assert!(self.store.commit(Vec::new()).await.is_err(), "an ended store keeps nothing");
    }
}
