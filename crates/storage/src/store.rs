//! What others hold in their hands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Fault, Reason};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::fault;
use crate::meter::{Meter, Stats};
use crate::record::{Record, Row, Write};
use crate::request::{Answer, Commit, Request};
use crate::table::Table;

/// Access to what is kept. Cheap to clone; works as long as its [`Driver`](crate::Driver) lives.
#[derive(Clone)]
pub struct Store {
    requests: mpsc::Sender<Request>,
    meter: Arc<Meter>,
    /// True when the engine has ended.
    ended: watch::Receiver<bool>,
    timeout: Duration,
}

// === impl Store ===

impl Store {
    pub(crate) fn new(
        requests: mpsc::Sender<Request>,
        meter: Arc<Meter>,
        ended: watch::Receiver<bool>,
        timeout: Duration,
    ) -> Store {
        Store { requests, meter, ended, timeout }
    }

    /// Writes all of it or nothing, and resolves when it is durable. After a fault the same writes may be committed
    /// again: a write that was kept after all is not applied twice.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<(), Fault> {
        let asked = Instant::now();
        self.ask(|answer| Request::Commit(Commit { writes, asked, answer })).await
    }

    pub async fn read(&self, table: Table, key: &str) -> Result<Option<Record>, Fault> {
        Ok(self.row(table, key).await?.and_then(Row::into_record))
    }

    /// The revision of a record, or of its removal: what the next write has to be greater than.
    pub async fn revision(&self, table: Table, key: &str) -> Result<Option<u64>, Fault> {
        Ok(self.row(table, key).await?.map(|row| row.revision))
    }

    /// All records of a table in the order of their keys. Commits go on meanwhile.
    pub async fn scan(&self, table: Table) -> Result<Vec<Record>, Fault> {
        Ok(self.rows(table).await?.into_iter().filter_map(Row::into_record).collect())
    }

    /// How it is doing.
    pub fn stats(&self) -> Stats {
        self.meter.stats()
    }

    /// Commits everything that waits, ends the driver and resolves when the engine is closed.
    pub async fn close(&self) {
        // an error here and below means that it has ended already
        drop(self.requests.send(Request::Close).await);
        drop(self.ended.clone().wait_for(|ended| *ended).await);
    }

    async fn row(&self, table: Table, key: &str) -> Result<Option<Row>, Fault> {
        let key = key.to_owned();
        self.ask(|answer| Request::Read { table, key, answer }).await
    }

    /// All rows of a table, removed ones too.
    pub(crate) async fn rows(&self, table: Table) -> Result<Vec<Row>, Fault> {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let page = self.ask(|answer| Request::Page { table, after, answer }).await?;
            rows.extend(page.rows);
            after = page.after;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    pub(crate) async fn ask<T>(
        &self,
        request: impl FnOnce(Answer<T>) -> Request,
    ) -> Result<T, Fault> {
        let (answer, answered) = oneshot::channel();
        self.requests.try_send(request(answer)).map_err(|error| match error {
            TrySendError::Full(_) => fault::transient(format!(
                "{} requests wait for the store",
                self.requests.max_capacity()
            )),
            TrySendError::Closed(_) => fault::ended(),
        })?;
        match timeout(self.timeout, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(fault::ended()),
            Err(_) => {
                let detail = format!("the store did not answer in {:?}", self.timeout);
                Err(Fault::transient(Reason::Timeout, detail))
            }
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("engine", &self.meter.engine()).finish_non_exhaustive()
    }
}
