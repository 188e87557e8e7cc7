//! MongoDB without a journal: a commit is durable when a majority has it.

use std::sync::Arc;
use std::time::Duration;

use domain::{Fault, Reason};
use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};

use crate::lease::{self, Lease};
use crate::meter::{Group, Meter};
use crate::mongo::Mongo;
use crate::record::Row;
use crate::request::{Commit, Request, answer};

/// Writes in one transaction, and requests that are served together.
const GROUP_WRITES_MAX: usize = 500;
const READS_MAX: usize = 32;

/// Serves requests until it is told to end. Everything that waits meanwhile goes into the next transaction.
pub(crate) struct Alone {
    pub(crate) mongo: Mongo,
    pub(crate) lease: Option<Lease>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) ended: watch::Sender<bool>,
}

// === impl Alone ===

impl Alone {
    pub(crate) async fn run(mut self) -> Result<(), Fault> {
        let mut waiting = None;
        loop {
            let first = match waiting.take() {
                Some(request) => request,
                None => match self.requests.recv().await {
                    Some(request) => request,
                    None => break,
                },
            };
            let (group, others) = self.gather(first, &mut waiting);
            self.commit(group).await;
            let mut answers = Vec::with_capacity(others.len());
            for request in others {
                answers.push(self.serve(request));
            }
            join_all(answers).await;
        }
        self.ended.send_replace(true);
        Ok(())
    }

    /// What waits, up to a bound; the first that is too much for it is left in `waiting`.
    fn gather(
        &mut self,
        first: Request,
        waiting: &mut Option<Request>,
    ) -> (Vec<Commit>, Vec<Request>) {
        let mut group: Vec<Commit> = Vec::new();
        let mut others = Vec::new();
        let mut n_writes = 0;
        let mut next = Some(first);
        while let Some(request) = next.take() {
            match request {
                Request::Commit(commit) => {
                    if !group.is_empty() && n_writes + commit.writes.len() > GROUP_WRITES_MAX {
                        *waiting = Some(Request::Commit(commit));
                        break;
                    }
                    n_writes += commit.writes.len();
                    group.push(commit);
                }
                Request::Close => self.requests.close(),
                other => others.push(other),
            }
            if others.len() < READS_MAX {
                next = self.requests.try_recv().ok();
            }
        }
        (group, others)
    }

    async fn commit(&self, group: Vec<Commit>) {
        let mut rows = Vec::new();
        let mut kept = Vec::with_capacity(group.len());
        for Commit { writes, asked, answer: to } in group {
            let batch: Vec<Row> = writes.into_iter().map(|write| write.into_row()).collect();
            // one that is refused does not take its neighbours along
            match batch.iter().try_for_each(|row| row.clone().prepare().map(drop)) {
                Ok(()) => {
                    rows.extend(batch);
                    kept.push((asked, to));
                }
                Err(fault) => answer(to, Err(fault)),
            }
        }
        if kept.is_empty() {
            return;
        }
        let commits = kept.len() as u64;
        match lease::guarded(self.lease.as_ref(), self.mongo.write_together(rows)).await {
            Ok(outcome) => {
                let group = Group { commits, writes: outcome.writes, outdated: outcome.outdated };
                let times: Vec<Duration> = kept.iter().map(|(asked, _)| asked.elapsed()).collect();
                self.meter.committed(group, times.into_iter());
                kept.into_iter().for_each(|(_, to)| answer(to, Ok(())));
            }
            Err(fault) => {
                // whoever lost its lease ends, and says so
                if self.meter.failed(commits, &fault) && fault.reason != Reason::Stopping {
                    tracing::warn!(%fault, "nothing can be kept; it is tried again with the next change");
                }
                kept.into_iter().for_each(|(_, to)| answer(to, Err(fault.clone())));
            }
        }
    }

    async fn serve(&self, request: Request) {
        match request {
            Request::Read { table, key, answer: to } => {
                answer(to, self.mongo.read(table, &key, &self.meter).await);
            }
            Request::Page { table, after, answer: to } => {
                answer(to, self.mongo.page(table, after.as_deref(), &self.meter).await);
            }
            // an outbox is the embedded engine's; the rest was served above
            _ => {}
        }
    }
}
