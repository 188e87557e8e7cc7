//! Writes down what streams by, as long as the disk can follow.
//!
//! What is offered waits in a short queue; a job, run on a blocking thread by whoever offered, empties it. A disk that
//! is slower than the music, full or gone costs the recording and nothing else.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::begun::{Begun, Claim};
use super::name::{Content, Name};
use super::paper::{Entry, Facts, Journal};
use super::{Cache, Inner, Wanted, now_s};
use crate::direct::{Identity, Opened};

/// What waits for the disk; beyond it the disk is too slow.
const QUEUE_MAX: u64 = 4 * 1024 * 1024;
/// Less is not worth a job, unless it is the end.
const BATCH: u64 = 256 * 1024;
/// Jobs of all recordings at a time: a disk that hangs must not take all threads.
const JOBS_MAX: usize = 16;

/// One track that is being written down.
#[derive(Debug)]
pub struct Recorder {
    tape: Arc<Tape>,
    /// Where the next byte that is wanted comes from.
    end: u64,
    total: u64,
    identity: Identity,
}

/// Work for a blocking thread.
#[derive(Debug)]
pub struct Job(Arc<Tape>);

#[derive(Debug)]
struct Tape {
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    waiting: VecDeque<Bytes>,
    bytes: u64,
    /// All of the track was offered.
    is_last: bool,
    is_too_slow: bool,
    is_running: bool,
    /// `None` while a job has it, and after the end.
    pen: Option<Pen>,
}

/// What writes.
#[derive(Debug)]
struct Pen {
    claim: Claim,
    hasher: Sha256,
    file: Option<File>,
    bytes: u64,
    total: u64,
    identity: Identity,
    facts: Facts,
    is_link: bool,
}

/// Why a pen stops.
enum Stop {
    Done,
    NoRoom,
    Failed(io::Error),
}

// === impl Cache ===

impl Cache {
    /// Begins to write down what was opened, or goes on where `begun` ended when that is where the download begins.
    /// `None` for what is not to be kept, and when somebody else writes it already.
    pub fn record(
        &self,
        wanted: Wanted,
        begun: Option<Begun>,
        opened: &Opened,
        extension: Option<String>,
    ) -> Option<Recorder> {
        let inner = self.0.as_ref()?;
        let identity = opened.identity.clone()?;
        let total = identity.total.filter(|total| *total <= inner.settings.entry_bytes_max)?;
        let offset = opened.download.offset();
        let begun = begun.map(|Begun { resume, hasher, claim, .. }| (resume.offset, hasher, claim));
        let (bytes, hasher, claim) = match begun {
            Some((bytes, hasher, claim)) if bytes == offset => {
                inner.books().figures.resumed += 1;
                (bytes, hasher, claim)
            }
            // what is here is of another version, and is written over
            Some((_, _, claim)) => (0, Sha256::new(), claim),
            None => (0, Sha256::new(), Claim::new(inner, wanted.key)?),
        };
        let mime = opened.mime().to_owned();
        let (title, artist) = (opened.title.clone(), opened.artist.clone());
        let facts = Facts { title, artist, mime, extension };
        let is_link = wanted.is_link;
        let own = identity.clone();
        let pen = Pen { claim, hasher, file: None, bytes, total, identity, facts, is_link };
        Some(Recorder { tape: Arc::new(Tape::new(pen)), end: bytes, total, identity: own })
    }
}

// === impl Recorder ===

impl Recorder {
    /// Takes what of these bytes is next, and leaves the rest: what was sought past is not there, and what comes again
    /// is there already. The job, if there is one, has to be run.
    #[must_use]
    pub fn offer(&mut self, offset: u64, bytes: &Bytes) -> Option<Job> {
        let known = usize::try_from(self.end.checked_sub(offset)?).ok()?;
        if known >= bytes.len() {
            return None;
        }
        let next = bytes.slice(known..);
        self.end += next.len() as u64;
        let is_last = self.end >= self.total;
        self.tape.put(next, is_last).then(|| Job(self.tape.clone()))
    }

    /// Whether bytes of this version may follow those that came.
    pub fn goes_on(&self, identity: Option<&Identity>) -> bool {
        identity.is_some_and(|other| self.identity.is_surely(other))
    }
}

// === impl Tape ===

impl Tape {
    fn new(pen: Pen) -> Tape {
        let queue = Queue {
            waiting: VecDeque::new(),
            bytes: 0,
            is_last: false,
            is_too_slow: false,
            is_running: false,
            pen: Some(pen),
        };
        Tape { queue: Mutex::new(queue) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a job has to be run.
    fn put(&self, bytes: Bytes, is_last: bool) -> bool {
        let mut queue = self.queue();
        if queue.is_too_slow || queue.pen.is_none() && !queue.is_running {
            return false;
        }
        queue.bytes += bytes.len() as u64;
        queue.waiting.push_back(bytes);
        queue.is_last = is_last;
        if queue.bytes > QUEUE_MAX {
            (queue.is_too_slow, queue.bytes) = (true, 0);
            queue.waiting.clear();
        }
        let is_due = !queue.is_running && (is_last || queue.bytes >= BATCH || queue.is_too_slow);
        let Some(pen) = queue.pen.as_ref().filter(|_| is_due) else { return false };
        let n_jobs = &pen.claim.inner.n_jobs;
        let one_more = |n: usize| (n < JOBS_MAX).then_some(n + 1);
        queue.is_running =
            n_jobs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        queue.is_running
    }
}

// === impl Job ===

impl Job {
    /// Empties the queue. Blocking.
    pub fn run(self) {
        let Some(mut pen) = self.0.queue().pen.take() else { return };
        let _running = Running(pen.claim.inner.clone());
        loop {
            let batch = {
                let mut queue = self.0.queue();
                if queue.waiting.is_empty() && !queue.is_too_slow {
                    (queue.pen, queue.is_running) = (Some(pen), false);
                    return;
                }
                queue.bytes = 0;
                (!queue.is_too_slow).then(|| std::mem::take(&mut queue.waiting))
            };
            let too_slow = || Err(Stop::Failed(io::Error::other("the disk is too slow")));
            if let Err(stop) = batch.map_or_else(too_slow, |batch| pen.write(batch)) {
                pen.stop(stop);
                let mut queue = self.0.queue();
                queue.waiting.clear();
                queue.is_running = false;
                return;
            }
        }
    }
}

/// Counts one job less when it is over.
struct Running(Arc<Inner>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.n_jobs.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Pen ===

impl Pen {
    fn write(&mut self, batch: VecDeque<Bytes>) -> Result<(), Stop> {
        let inner = self.claim.inner.clone();
        let disk = inner.disk().ok_or_else(|| io::Error::other("the cache cannot be used"))?;
        let key = self.claim.key;
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let _hands = inner.hands();
                let victims = { inner.books().shelf.reserve(&key, self.total) };
                inner.remove(&disk, victims.ok_or(Stop::NoRoom)?);
                self.claim.kept = self.bytes;
                none.insert(disk.open_part(&key, self.bytes)?)
            }
        };
        for bytes in batch {
            disk.append(file, &bytes)?;
            self.hasher.update(&bytes);
            self.bytes += bytes.len() as u64;
        }
        let content = Content(Name::of(self.hasher.clone()));
        if self.bytes < self.total {
            let journal = Journal::new(self.identity.clone(), self.bytes, content);
            disk.write_journal(&key, &journal)?;
            self.claim.kept = self.bytes;
            return Ok(());
        }
        let (identity, facts) = (self.identity.clone(), self.facts.clone());
        let mut entry = Entry::new(content, self.bytes, identity, facts);
        entry.asked_s = self.is_link.then(now_s);
        let _hands = inner.hands();
        disk.settle(&key, file, &content)?;
        let victims = {
            let mut books = inner.books();
            let (used, victims) = books.shelf.settle(key, content, self.bytes);
            entry.used = used;
            books.entries.insert(key, entry.clone());
            victims
        };
        inner.remove(&disk, victims);
        disk.write_entry(&key, &entry)?;
        Err(Stop::Done)
    }

    fn stop(mut self, why: Stop) {
        let (inner, key) = (self.claim.inner.clone(), self.claim.key);
        self.claim.kept = 0;
        match &why {
            Stop::Done => {
                tracing::debug!(bytes = self.bytes, "a track is cached");
                return;
            }
            Stop::NoRoom => tracing::debug!(bytes = self.total, "no room in the cache for a track"),
            Stop::Failed(error) => {
                tracing::warn!(%error, "a track cannot be cached, it streams on");
            }
        }
        inner.books().figures.given_up += 1;
        if let Stop::Failed(error) = &why
            && error.kind() == io::ErrorKind::NotFound
        {
            inner.forget_disk();
        }
        // what it took on a full disk is free again
        if let Some(disk) = inner.disk() {
            let _hands = inner.hands();
            disk.remove_part(&key);
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Failed(error)
    }
}
