//! Engines to hold the sentences against.

use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::secantus::Secantus;
use crate::{Settings, Store, Table, open};

/// An open store with nothing in it, whose driver runs.
pub(super) struct Engine {
    pub(super) store: Store,
    driver: JoinSet<Result<(), domain::Fault>>,
    _directory: TempDir,
}

// === impl Engine ===

impl Engine {
    pub(super) async fn embedded() -> Engine {
        Engine::open(|directory| Settings::embedded(directory.path())).await
    }

    pub(super) async fn mongodb(server: &Secantus, sentence: &str) -> Engine {
        Engine::open(|_| Settings::mongo(server.address(&database(sentence)), None)).await
    }

    pub(super) async fn both(server: &Secantus, sentence: &str) -> Engine {
        Engine::open(|directory| {
            let directory = Some(directory.path().to_owned());
            Settings::mongo(server.address(&database(sentence)), directory)
        })
        .await
    }

    async fn open(settings: impl FnOnce(&TempDir) -> Settings) -> Engine {
        let directory = TempDir::new().expect("there is room for a directory");
        let (store, running) =
            open(settings(&directory).patient()).await.expect("a new store opens");
        let mut driver = JoinSet::new();
        driver.spawn(running.run());
        Engine { store, driver, _directory: directory }
    }

    /// MongoDB holds what the file holds, as soon as the outbox is empty.
    pub(super) async fn compare(&self, server: &Secantus, sentence: &str) {
        let sent = async {
            while self.store.stats().outbox > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(300), sent).await.expect("the outbox empties");
        let there = Engine::mongodb(server, sentence).await;
        for table in Table::ALL {
            let here = self.store.rows(table).await.unwrap();
            assert_eq!(there.store.rows(table).await.unwrap(), here, "{table}");
        }
        there.end().await;
    }

    pub(super) async fn end(mut self) {
        self.store.close().await;
        let outcome = self.driver.join_next().await.expect("it ran");
        assert_eq!(outcome.expect("it did not panic"), Ok(()));
        assert!(self.store.commit(Vec::new()).await.is_err(), "an ended store keeps nothing");
    }
}

/// Names of databases are short.
fn database(sentence: &str) -> String {
    let words = sentence.split('_').map(|word| &word[..word.len().min(3)]);
    words.collect::<Vec<_>>().join("_").chars().take(50).collect()
}
