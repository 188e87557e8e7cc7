//! SQLite in one file, on a thread of its own.
//!
//! What waits while a transaction is made durable goes into the next one together, so a burst of commits costs one
//! fsync and a lone commit waits for nobody.

mod file;
mod outbox;
mod rows;
mod salvage;
mod schema;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::Fault;
use rusqlite::TransactionBehavior;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::embedded::file::File;
use crate::embedded::rows::Origin;
use crate::fault;
use crate::meter::{Group, Meter};
use crate::record::{Prepared, Row};
use crate::request::{Answer, Commit, Request, answer};

/// Writes in one transaction; more wait for the next.
const GROUP_WRITES_MAX: usize = 4_096;

/// How often what is out of date is removed, and how often the file is measured.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// Where the file lies and how large it may become.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    pub(crate) size_max_bytes: Option<u64>,
    /// Rung when something waits for MongoDB; `None` when there is none.
    pub(crate) bell: Option<Arc<Notify>>,
}

/// The thread, from outside.
pub(crate) struct Engine {
    thread: Option<JoinHandle<()>>,
    outcome: oneshot::Receiver<Result<(), Fault>>,
    is_ending: Arc<AtomicBool>,
}

/// The thread, from inside.
struct Worker {
    file: File,
    bell: Option<Arc<Notify>>,
    meter: Arc<Meter>,
    is_ending: Arc<AtomicBool>,
    pruned: Option<Instant>,
    measured: Option<Instant>,
}

// === impl Engine ===

impl Engine {
    /// Starts the thread and waits until the file is open.
    pub(crate) async fn start(
        place: Place,
        requests: mpsc::Receiver<Request>,
        meter: Arc<Meter>,
        ended: watch::Sender<bool>,
    ) -> Result<Engine, Fault> {
        let (opened, is_open) = oneshot::channel();
        let (end, outcome) = oneshot::channel();
        let is_ending = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&is_ending);
        let life = move || {
            let file = match File::open(&place, &meter) {
                Ok(file) => file,
                Err(fault) => return drop(opened.send(Err(fault))),
            };
            drop(opened.send(Ok(())));
            let bell = place.bell;
            let worker =
                Worker { file, bell, meter, is_ending: ending, pruned: None, measured: None };
            // the file is closed and its lock free before anybody hears of the end
            drop(end.send(worker.run(requests)));
            ended.send_replace(true);
        };
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(life)
            .map_err(|error| fault::transient(format!("the system gives no thread: {error}")))?;
        match is_open.await {
            Ok(Ok(())) => Ok(Engine { thread: Some(thread), outcome, is_ending }),
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(fault::transient("the store's thread ended while it opened the file")),
        }
    }

    /// Whether a file can be made in `directory`, or is there.
    pub(crate) fn is_possible(directory: &Path) -> bool {
        directory.join(file::NAME).exists() || file::is_writable(directory)
    }

    /// Whether this build may use the file in `directory`, if there is one.
    pub(crate) fn look(directory: &Path) -> Result<(), Fault> {
        file::look(directory)
    }

    /// Resolves when the thread has ended.
    pub(crate) async fn ended(mut self) -> Result<(), Fault> {
        let outcome = (&mut self.outcome)
            .await
            .unwrap_or_else(|_| Err(fault::transient("the store's thread panicked")));
        // it has nothing left to do, so this does not wait
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            return Err(fault::transient("the store's thread panicked"));
        }
        outcome
    }
}

impl Drop for Engine {
    /// Whoever drops it sends something too, so that the thread looks.
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }
}

// === impl Worker ===

impl Worker {
    /// Until it is told to end, or the file turns out to be broken.
    fn run(mut self, mut requests: mpsc::Receiver<Request>) -> Result<(), Fault> {
        self.chores();
        self.ring();
        while let Some(first) = requests.blocking_recv() {
            if self.is_ending.load(Ordering::Relaxed) {
                requests.close();
            }
            let (group, others) = gather(first, &mut requests);
            self.commit(group)?;
            for request in others {
                self.serve(request)?;
            }
            self.chores();
        }
        self.file.close();
        Ok(())
    }

    /// Everything in `group`, in one transaction.
    fn commit(&mut self, group: Vec<Commit>) -> Result<(), Fault> {
        let mut prepared = Vec::with_capacity(group.len());
        for Commit { writes, asked, answer: to } in group {
            let writes: Result<Vec<Prepared>, Fault> =
                writes.into_iter().map(|write| write.into_row().prepare()).collect();
            match writes {
                Ok(writes) => prepared.push((writes, asked, to)),
                Err(fault) => answer(to, Err(fault)),
            }
        }
        if prepared.is_empty() {
            return Ok(());
        }
        if let Err(fault) = self.stay_in_place() {
            self.meter.failed(prepared.len() as u64, &fault);
            prepared.into_iter().for_each(|(.., to)| answer(to, Err(fault.clone())));
            return Err(fault);
        }
        let origin = if self.bell.is_some() { Origin::Here } else { Origin::Alone };
        match self.write(prepared.iter().map(|(writes, ..)| writes.as_slice()), origin) {
            Ok(group) => {
                let times: Vec<Duration> =
                    prepared.iter().map(|(_, asked, _)| asked.elapsed()).collect();
                self.meter.committed(group, times.into_iter());
                self.ring();
                prepared.into_iter().for_each(|(.., to)| answer(to, Ok(())));
                Ok(())
            }
            Err(error) => {
                let fault = fault::from_sqlite(&error);
                if self.meter.failed(prepared.len() as u64, &fault) {
                    tracing::warn!(%fault, "nothing can be kept; it is tried again with the next change");
                }
                prepared.into_iter().for_each(|(.., to)| answer(to, Err(fault.clone())));
                if fault::is_broken(&error) { Err(fault) } else { Ok(()) }
            }
        }
    }

    /// Nothing is acknowledged that lies in a file nobody will find again.
    fn stay_in_place(&mut self) -> Result<(), Fault> {
        if self.file.is_in_place() {
            return Ok(());
        }
        let put_back = self.file.put_back();
        match &put_back {
            Ok(()) => tracing::error!(
                "the state's file was removed or moved away while it was in use; all of it was written to its place once \
                 more: leave state.directory alone while the bot runs"
            ),
            Err(fault) => tracing::error!(
                %fault,
                "the state's file was removed or moved away while it was in use, and cannot be put back; it is opened anew: \
                 leave state.directory alone while the bot runs"
            ),
        }
        put_back
    }

    fn write<'a>(
        &mut self,
        commits: impl Iterator<Item = &'a [Prepared]>,
        origin: Origin,
    ) -> Result<Group, rusqlite::Error> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.file.connection.transaction_with_behavior(behavior)?;
        let mut group = Group::default();
        let mut writer = rows::Writer::new(&transaction, origin)?;
        for writes in commits {
            group.commits += 1;
            for write in writes {
                group.writes += 1;
                group.outdated += u64::from(!writer.write(write)?);
            }
        }
        drop(writer);
        transaction.commit()?;
        Ok(group)
    }

    fn serve(&mut self, request: Request) -> Result<(), Fault> {
        match request {
            Request::Read { table, key, answer: to } => {
                let row = rows::read(&self.file.connection, &self.meter, table, &key);
                settle(to, row)
            }
            Request::Page { table, after, answer: to } => {
                let page = rows::page(&self.file.connection, &self.meter, table, after.as_deref());
                settle(to, page)
            }
            Request::Outbox { answer: to } => {
                settle(to, outbox::page(&self.file.connection, &self.meter))
            }
            Request::Sent { sequence, answer: to } => {
                let removed = outbox::sent(&mut self.file.connection, &sequence);
                self.count();
                settle(to, removed)
            }
            Request::Adopt { rows, answer: to } => self.adopt(rows, to),
            Request::Enqueue { answer: to } => {
                let added = outbox::enqueue_all(&self.file.connection);
                self.ring();
                settle(to, added)
            }
            Request::Followed { answer: to } => settle(to, outbox::followed(&self.file.connection)),
            Request::Follow { identity, answer: to } => {
                settle(to, outbox::follow(&self.file.connection, Some(&identity)))
            }
            Request::Commit(commit) => self.commit(vec![commit]),
            Request::Close => Ok(()),
        }
    }

    fn adopt(&mut self, rows: Vec<Row>, to: Answer<()>) -> Result<(), Fault> {
        let rows: Result<Vec<Prepared>, Fault> = rows.into_iter().map(Row::prepare).collect();
        match rows {
            Ok(rows) => {
                let adopted = self.write([rows.as_slice()].into_iter(), Origin::There);
                self.count();
                settle(to, adopted.map(drop))
            }
            Err(fault) => {
                answer(to, Err(fault));
                Ok(())
            }
        }
    }

    /// Tells whoever sends that there may be something to send.
    fn ring(&self) {
        if let Some(bell) = &self.bell {
            self.count();
            bell.notify_one();
        }
    }

    fn count(&self) {
        match outbox::n_entries(&self.file.connection) {
            Ok(n_rows) => self.meter.set_outbox(n_rows),
            Err(error) => tracing::debug!(%error, "the outbox cannot be counted"),
        }
    }

    /// What is done now and then, after everybody was answered.
    fn chores(&mut self) {
        let is_due = |last: Option<Instant>, every| last.is_none_or(|last| last.elapsed() >= every);
        if is_due(self.pruned, PRUNE_EVERY) {
            self.pruned = Some(Instant::now());
            if let Err(error) = rows::prune(&self.file.connection, file::now_s()) {
                tracing::warn!(%error, "what is out of date cannot be removed; it is tried again in an hour");
            }
        }
        if is_due(self.measured, MEASURE_EVERY) {
            self.measured = Some(Instant::now());
            self.meter.set_file_bytes(self.file.n_bytes());
        }
    }
}

/// Commits that wait, and whatever else waits behind or between them.
fn gather(first: Request, requests: &mut mpsc::Receiver<Request>) -> (Vec<Commit>, Vec<Request>) {
    let mut group = Vec::new();
    let mut others = Vec::new();
    let mut n_writes = 0;
    let mut next = Some(first);
    while let Some(request) = next.take() {
        match request {
            Request::Commit(commit) => {
                n_writes += commit.writes.len().max(1);
                group.push(commit);
            }
            // whoever comes now is too late; whoever waits is served
            Request::Close => requests.close(),
            other => others.push(other),
        }
        if n_writes < GROUP_WRITES_MAX && others.len() < GROUP_WRITES_MAX {
            next = requests.try_recv().ok();
        }
    }
    (group, others)
}

/// Answers, and ends the thread when the file is broken.
fn settle<T>(to: Answer<T>, result: Result<T, rusqlite::Error>) -> Result<(), Fault> {
    match result {
        Ok(value) => {
            answer(to, Ok(value));
            Ok(())
        }
        Err(error) => {
            let fault = fault::from_sqlite(&error);
            answer(to, Err(fault.clone()));
            if fault::is_broken(&error) { Err(fault) } else { Ok(()) }
        }
    }
}

#[cfg(test)]
mod tests;
