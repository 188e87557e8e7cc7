//! From the outbox to MongoDB.
//!
//! The embedded engine acknowledges; this follows, as fast as MongoDB takes it. Only the newest revision of a record is
//! sent, the server compares revisions, and an entry leaves the outbox when MongoDB has it, so that a crash between the
//! two sends it twice and changes nothing.

use std::sync::Arc;
use std::time::Duration;

use domain::{Class, Fault, Reason};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::meter::Meter;
use crate::mongo::{Address, Mongo};
use crate::record::Row;
use crate::request::{Pending, Request};
use crate::store::Store;
use crate::table::Table;

/// How long opening waits for MongoDB: longer when it knows what the file does not.
const GREETING_MAX: Duration = Duration::from_secs(2);
const FILL_MAX: Duration = Duration::from_secs(30);

/// Between tries: the first wait, doubled up to the longest. A fatal fault is for the operator and is tried rarely.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(10);
const RETRY_FATAL: Duration = Duration::from_secs(60);

/// Rows that are written into the embedded engine at once when it is filled.
const ADOPT_ROWS: usize = 500;

pub(crate) struct Replay {
    pub(crate) address: Address,
    pub(crate) store: Store,
    pub(crate) meter: Arc<Meter>,
    /// Rung when there is something in the outbox.
    pub(crate) bell: Arc<Notify>,
    mongo: Option<Mongo>,
    is_filled: bool,
}

// === impl Replay ===

impl Replay {
    pub(crate) fn new(
        address: Address,
        store: Store,
        meter: Arc<Meter>,
        bell: Arc<Notify>,
    ) -> Replay {
        Replay { address, store, meter, bell, mongo: None, is_filled: false }
    }

    /// Looks whether MongoDB is there, and fills a file that does not follow it yet. A MongoDB that is away, or refuses
    /// us, is met later: the file keeps everything meanwhile, and what an operator has to mend is told as such.
    pub(crate) async fn greet(&mut self) -> Result<(), Fault> {
        self.is_filled = self.follows().await?;
        let patience = if self.is_filled { GREETING_MAX } else { FILL_MAX };
        match timeout(patience, self.meet()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(fault)) => {
                self.complain(&fault);
                Ok(())
            }
            Err(_) => {
                let fault =
                    crate::fault::transient(format!("MongoDB took longer than {patience:?}"));
                self.complain(&fault);
                Ok(())
            }
        }
    }

    /// Follows for ever.
    pub(crate) async fn run(mut self) {
        let mut wait = RETRY_FIRST;
        loop {
            let outcome = match self.meet().await {
                Ok(()) => self.send().await,
                Err(fault) => Err(fault),
            };
            match outcome {
                Ok(n_sent) => {
                    wait = RETRY_FIRST;
                    if self.meter.replay_works() {
                        tracing::info!("MongoDB is there and gets what it has missed");
                    }
                    if n_sent == 0 {
                        self.bell.notified().await;
                    }
                }
                Err(fault) => {
                    self.complain(&fault);
                    let pause = if fault.class == Class::Fatal { RETRY_FATAL } else { wait };
                    sleep(pause).await;
                    wait = (wait * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// Connects, prepares and fills, unless that is done.
    async fn meet(&mut self) -> Result<(), Fault> {
        let mongo = match self.mongo.take() {
            Some(mongo) => mongo,
            None => {
                let mongo = Mongo::connect(&self.address).await?;
                mongo.prepare().await?;
                mongo
            }
        };
        let mongo = self.mongo.insert(mongo);
        if !self.is_filled {
            fill(mongo, &self.store, &self.meter).await?;
            let identity = self.address.identity();
            self.store.ask(|answer| Request::Follow { identity, answer }).await?;
            self.is_filled = true;
        }
        Ok(())
    }

    async fn follows(&self) -> Result<bool, Fault> {
        let followed = self.store.ask(|answer| Request::Followed { answer }).await?;
        Ok(followed == Some(self.address.identity()))
    }

    /// Sends what the outbox holds, a page at a time; how many it were.
    async fn send(&mut self) -> Result<usize, Fault> {
        let Some(mongo) = &self.mongo else { return Ok(0) };
        let pending = self.store.ask(|answer| Request::Outbox { answer }).await?;
        let n_pending = pending.len();
        if n_pending == 0 {
            return Ok(0);
        }
        let sequence = pending.iter().map(|pending| pending.sequence).collect();
        let rows: Vec<Row> =
            pending.into_iter().filter_map(|pending: Pending| pending.row).collect();
        match mongo.write(rows.clone()).await {
            Ok(outcome) => self.meter.replayed(outcome.writes),
            Err(fault) if fault.class == Class::Refused => self.send_each(mongo, rows).await?,
            Err(fault) => return Err(fault),
        }
        self.store.ask(|answer| Request::Sent { sequence, answer }).await?;
        Ok(n_pending)
    }

    /// One after the other, leaving out what MongoDB will never take.
    async fn send_each(&self, mongo: &Mongo, rows: Vec<Row>) -> Result<(), Fault> {
        for row in rows {
            let (table, key) = (row.table, row.key.clone());
            match mongo.write(vec![row]).await {
                Ok(outcome) => self.meter.replayed(outcome.writes),
                Err(fault) if fault.class == Class::Refused => {
                    self.meter.rejected();
                    tracing::error!(
                        %table, key, %fault,
                        "MongoDB will never take this record; it is kept in the state directory alone, see its rules for \
                         the collection"
                    );
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// The first fault of a row is told, the others are counted.
    fn complain(&self, fault: &Fault) {
        // the store's own end is not MongoDB's fault
        if fault.reason == Reason::Stopping || !self.meter.replay_fails(fault) {
            return;
        }
        match fault.class {
            Class::Fatal => tracing::error!(
                %fault, "MongoDB does not get what is kept; music and the state directory go on without it"
            ),
            _ => tracing::warn!(
                %fault, "MongoDB is away; what is kept waits in the state directory and is sent later"
            ),
        }
    }
}

/// Takes over everything that MongoDB knows better, and lets everything it does not know be sent.
async fn fill(mongo: &Mongo, store: &Store, meter: &Meter) -> Result<(), Fault> {
    let mut n_rows = 0;
    // first, because what is taken over need not go back
    store.ask(|answer| Request::Enqueue { answer }).await?;
    for table in Table::ALL {
        let mut after = None;
        loop {
            let page = mongo.page(table, after.as_deref(), meter).await?;
            n_rows += page.rows.len();
            let mut rows = page.rows.into_iter().peekable();
            while rows.peek().is_some() {
                let rows = rows.by_ref().take(ADOPT_ROWS).collect();
                store.ask(|answer| Request::Adopt { rows, answer }).await?;
            }
            after = page.after;
            if after.is_none() {
                break;
            }
        }
    }
    if n_rows > 0 {
        tracing::info!(records = n_rows, "what MongoDB knows is in the state directory too");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
