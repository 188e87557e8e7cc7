//! What each engine makes of the list: found out once, asked by several tests, for starting a MongoDB takes longer than
//! all the sentences.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio::sync::OnceCell;

use super::engines::Engine;
use super::{Holds, SENTENCES};
use crate::secantus::Secantus;

#[derive(Debug, Clone, Copy)]
pub(super) enum On {
    Embedded,
    MongoDb,
    Both,
}

/// Whether each sentence holds, in the order of the list.
pub(super) struct Column(Vec<bool>);

static FOUND: [OnceCell<Option<Column>>; 3] = [const { OnceCell::const_new() }; 3];

// === impl Column ===

impl Column {
    /// `None` where it needs a MongoDB and there is none.
    pub(super) async fn of(on: On) -> Option<&'static Column> {
        FOUND[on as usize].get_or_init(|| find(on)).await.as_ref()
    }

    pub(super) fn holds(&self, number: usize) -> bool {
        self.0[number]
    }

    /// What does not hold.
    pub(super) fn broken(&self) -> Vec<&'static str> {
        let all = SENTENCES.iter().zip(&self.0);
        all.filter(|(_, holds)| !**holds).map(|((sentence, _), _)| *sentence).collect()
    }
}

async fn find(on: On) -> Option<Column> {
    let server = match on {
        On::Embedded => None,
        On::MongoDb | On::Both => Some(Secantus::start(&[]).await?),
    };
    let mut column = Vec::new();
    for (sentence, holds) in SENTENCES {
        println!("{on:?}: {sentence}");
        let held = AssertUnwindSafe(hold(on, server.as_ref(), sentence, *holds)).catch_unwind();
        column.push(held.await.is_ok());
    }
    Some(Column(column))
}

/// Panics when it does not hold.
async fn hold(on: On, server: Option<&Secantus>, sentence: &str, holds: Holds) {
    let engine = match (on, server) {
        (On::MongoDb, Some(server)) => Engine::mongodb(server, sentence).await,
        (On::Both, Some(server)) => Engine::both(server, sentence).await,
        (_, _) => Engine::embedded().await,
    };
    holds(&engine.store).await;
    if let (On::Both, Some(server)) = (on, server) {
        engine.compare(server, sentence).await;
    }
    engine.end().await;
}
