//! What a chat keeps of its player, from one life to the next and from one process to the next.
//!
//! It belongs to the chat, not to the actor: a crash takes the actor's state, this stays. What changes goes to the store
//! too, so that another process finds it. Positions are not written as they move: an anchor says where a track was at
//! some moment, and one sign of life a second for all chats how far it got.

mod beside;
mod loading;
mod moving;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::callback::Generation;
use domain::event::Via;
use domain::player::{End, Obeyed, Player};
use domain::{Attempt, ChatId, Fault, MessageId};
use storage::schema::{self, Anchor, Beat, Done, Manner, Page, Playback};
use storage::{Table, Write};
use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) use loading::Resume;

use crate::shelf::Shelf;

/// A number of listeners that changed is written after so long at the soonest; it only says who goes on first.
const COUNT_EVERY: Duration = Duration::from_secs(10);
/// The key of a process's sign of life begins so; its number follows.
const PROCESS: &str = "process";
/// Longer than this nobody waits for an answer because of a slow disk.
pub(crate) const COMMIT_MAX: Duration = Duration::from_secs(4);
/// So many commands may wait for a disk that is away; what is told again then is rather done twice than kept for ever.
const OWED_MAX: usize = 512;

/// All chats' keeps. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Keeps(Arc<All>);

struct All {
    chats: Mutex<HashMap<ChatId, Keep>>,
    clock: Clock,
    beats: Mutex<u64>,
    /// What an earlier process wrote was read. Before that nothing is written over it.
    is_loaded: watch::Sender<bool>,
    /// Chats of an earlier process whose turn to go on has not come yet.
    left: Mutex<HashMap<ChatId, Resume>>,
}

/// Time as anchors have it: this process's own, which no change of the system's clock moves.
#[derive(Clone, Copy)]
struct Clock {
    run: u64,
    started: Instant,
}

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Keep(Arc<Mutex<Inner>>);

struct Inner {
    chat: ChatId,
    clock: Clock,
    is_loaded: watch::Receiver<bool>,
    kept: Option<Kept>,
    /// The present life is over in order. What it still hears leaves nothing to the next one.
    is_over: bool,
    /// What an earlier process left here, found while something new plays; its player has not heard of it yet.
    beside: Option<beside::Beside>,
    /// Somebody stopped everything before it was known what an earlier process left.
    is_stopped: bool,
    obeyed: Obeyed,
    /// The records of commands that were obeyed and are not known to be on disk. Commits overtake each other, and a queue
    /// with the fruit of a command must never be there without its record: so every writing of it brings all of them.
    owed: VecDeque<Write>,
    /// Of the chat's records; the next write has a greater one.
    revision: u64,
    /// What the store was told last.
    written: Option<Playback>,
    page: Page,
    manner: Manner,
    stream: Weak<media::Stream>,
    /// Who is in the voice chat beside the assistant, and when their number alone was written last.
    listeners: u32,
    counted: Option<Instant>,
}

/// The last state of the rules that was reached without a crash.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) rules: Player,
    /// Buttons that people see go on working.
    pub(crate) generation: Generation,
    pub(crate) position: Duration,
    pub(crate) end: End,
}

// === impl Keeps ===

impl Keeps {
    pub(crate) fn new() -> Keeps {
        let clock = Clock { run: rand::random::<u64>() >> 1, started: Instant::now() };
        let all = All {
            chats: Mutex::default(),
            clock,
            beats: Mutex::default(),
            is_loaded: watch::Sender::new(false),
            left: Mutex::default(),
        };
        Keeps(Arc::new(all))
    }

    pub(crate) fn of(&self, chat: ChatId) -> Keep {
        let new = || Keep::new(chat, self.0.clock, self.0.is_loaded.subscribe());
        lock(&self.0.chats).entry(chat).or_insert_with(new).clone()
    }

    /// A chat of an earlier process, once: it goes on now.
    pub(crate) fn take_left(&self, chat: ChatId) -> Option<Resume> {
        lock(&self.0.left).remove(&chat)
    }

    /// What is to be written now: a sign of life, and the positions that left their anchors. `None` while nothing plays,
    /// so that an idle process writes nothing.
    pub(crate) fn beat(&self) -> Option<Vec<Write>> {
        if !*self.0.is_loaded.borrow() {
            return None;
        }
        let chats: Vec<Keep> = lock(&self.0.chats).values().cloned().collect();
        let mut is_moving = false;
        let mut writes: Vec<Write> =
            chats.iter().filter_map(|keep| keep.beat(&mut is_moving)).collect();
        if !is_moving && writes.is_empty() {
            return None;
        }
        let mut beats = lock(&self.0.beats);
        *beats += 1;
        let alive = Beat::Alive { run: self.0.clock.run, at_ms: self.0.clock.now_ms() };
        let key = format!("{PROCESS}/{:016x}", self.0.clock.run);
        writes.push(Write::put(Table::Beats, key, *beats, schema::write(&alive)));
        Some(writes)
    }
}

// === impl Keep ===

impl Keep {
    fn new(chat: ChatId, clock: Clock, is_loaded: watch::Receiver<bool>) -> Keep {
        Keep(Arc::new(Mutex::new(Inner {
            chat,
            clock,
            is_loaded,
            kept: None,
            is_over: false,
            beside: None,
            is_stopped: false,
            obeyed: Obeyed::default(),
            owed: VecDeque::new(),
            revision: 0,
            written: None,
            page: Page::default(),
            manner: Manner::default(),
            stream: Weak::new(),
            listeners: 0,
            counted: None,
        })))
    }

    /// A chat begins to play here.
    pub(crate) fn attach(&self, stream: &Arc<media::Stream>) {
        self.lock().stream = Arc::downgrade(stream);
    }

    /// So many people are in the voice chat, beside the assistant.
    pub(crate) fn count(&self, listeners: u32) {
        self.lock().listeners = listeners;
    }

    /// What an earlier life left. From here on the present one counts as dead until it says otherwise.
    pub(crate) fn take_up(&self) -> Option<Kept> {
        let mut inner = self.lock();
        inner.is_over = false;
        let last = inner.kept.clone();
        if let Some(kept) = inner.kept.as_mut() {
            kept.end = End::Died;
        }
        last
    }

    pub(crate) fn put(&self, rules: &Player, generation: Generation, position: Duration) {
        let mut inner = self.lock();
        if !inner.is_over {
            inner.kept = Some(Kept { rules: rules.clone(), generation, position, end: End::Died });
        }
    }

    /// The present life ends as it was asked to, this far in its track; what has to be written of that.
    pub(crate) fn end(&self, position: Duration) -> Vec<Write> {
        let mut inner = self.lock();
        if let Some(kept) = inner.kept.as_mut() {
            kept.end = End::Orderly;
            kept.position = position;
        }
        let written = inner.written.clone().filter(|written| !written.rules.is_empty());
        let Some(mut playback) = written else { return Vec::new() };
        playback.anchor = inner.anchor(playback.anchor.attempt, position, false);
        inner.write(playback)
    }

    /// Whether there is anything to go on with.
    pub(crate) fn has_kept(&self) -> bool {
        self.lock().kept.is_some()
    }

    /// The chat is over; the next one begins with nothing but what was obeyed.
    pub(crate) fn finish(&self) {
        let mut inner = self.lock();
        (inner.kept, inner.is_over) = (None, true);
    }

    /// Whether this command is new; from now on it is not.
    pub(crate) fn is_new(&self, via: Via) -> bool {
        self.lock().obeyed.is_new(via)
    }

    /// What has to be written for what the rules came to, and for the command that led to it; nothing when nothing did.
    pub(crate) fn note(
        &self,
        via: Option<Via>,
        username: Option<&str>,
        rules: &Player,
        generation: Generation,
        position: Duration,
    ) -> Vec<Write> {
        let mut inner = self.lock();
        if let Some(via) = via {
            inner.owe(via);
        }
        let anchor = inner.anchor(rules.current_attempt(), position, rules.is_moving());
        let playback = Playback {
            username: username.map(str::to_owned),
            generation: generation.0,
            rules: inner.with_beside(rules.snapshot()),
            anchor,
            page: inner.page.clone(),
            manner: inner.manner.clone(),
        };
        let is_same = match &inner.written {
            Some(written) => {
                let as_then = Playback { anchor: written.anchor, ..playback.clone() };
                *written == as_then && written.anchor.foretells(&anchor)
            }
            None => playback.rules.is_empty(),
        };
        match via {
            None if is_same => Vec::new(),
            // nothing came of it; but with the records of others goes what came of them
            Some(_) if is_same && inner.owed.len() == 1 => inner.owed.iter().cloned().collect(),
            _ => inner.write(playback),
        }
    }

    /// What a command left that needs no player; what has to be written of that.
    pub(crate) fn done(&self, via: Via) -> Vec<Write> {
        let mut inner = self.lock();
        inner.owe(via);
        inner.owed.back().cloned().into_iter().collect()
    }

    /// Writes it down, once it is known what lies there. What does not work is part of whatever is written next.
    pub(crate) async fn commit(&self, shelf: &Shelf, writes: Vec<Write>) -> Result<(), Fault> {
        let writes = match self.after_loading(writes).await {
            Ok(writes) => writes,
            Err(fault) => {
                self.unwritten();
                shelf.refuse(&fault);
                return Err(fault);
            }
        };
        let outcome = shelf.commit(writes.clone(), COMMIT_MAX).await;
        match &outcome {
            Ok(()) => self.lock().owed.retain(|owed| !writes.contains(owed)),
            Err(_) => self.unwritten(),
        }
        outcome
    }

    /// A commit did not work: whatever comes next is written whole.
    pub(crate) fn unwritten(&self) {
        self.lock().forget_written();
    }

    /// What people see changed; what has to be written of that.
    pub(crate) fn show(&self, change: impl FnOnce(&mut Page)) -> Vec<Write> {
        let mut inner = self.lock();
        let before = inner.page.clone();
        change(&mut inner.page);
        if inner.page == before {
            return Vec::new();
        }
        let page = inner.page.clone();
        let Some(written) = inner.written.clone() else { return Vec::new() };
        inner.write(Playback { page, ..written })
    }

    pub(crate) fn page(&self) -> Page {
        self.lock().page.clone()
    }

    fn beat(&self, is_moving: &mut bool) -> Option<Write> {
        let mut inner = self.lock();
        let written = inner.written.as_ref().filter(|written| !written.rules.is_empty())?.anchor;
        *is_moving |= written.is_moving;
        let at = inner.stream.upgrade()?.position()?;
        let now = inner.anchor(Some(at.attempt), at.at, written.is_moving);
        let is_told = written.foretells(&now) && !inner.is_count_due(written.listeners);
        if written.attempt != Some(at.attempt) || is_told {
            return None;
        }
        if let Some(written) = inner.written.as_mut() {
            written.anchor = now;
        }
        inner.revision += 1;
        let (key, revision) = (inner.chat.to_string(), inner.revision);
        Some(Write::put(Table::Beats, key, revision, schema::write(&Beat::At(now))))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }
}

// === impl Inner ===

impl Inner {
    fn anchor(&self, attempt: Option<Attempt>, position: Duration, is_moving: bool) -> Anchor {
        let position_ms = u64::try_from(position.as_millis()).unwrap_or(u64::MAX);
        let (run, at_ms) = (self.clock.run, self.clock.now_ms());
        Anchor { run, attempt, position_ms, at_ms, is_moving, listeners: self.listeners }
    }

    /// Whether the number of listeners has to be written although nothing else has.
    fn is_count_due(&mut self, written: u32) -> bool {
        let is_due =
            self.listeners != written && self.counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
        if is_due {
            self.counted = Some(Instant::now());
        }
        is_due
    }

    fn write(&mut self, playback: Playback) -> Vec<Write> {
        self.revision += 1;
        let value = schema::write(&playback);
        self.written = Some(playback);
        let playback = Write::put(Table::Playback, self.chat.to_string(), self.revision, value);
        std::iter::once(playback).chain(self.owed.iter().cloned()).collect()
    }

    /// Whatever comes next is written whole.
    fn forget_written(&mut self) {
        if let Some(written) = self.written.as_mut() {
            written.anchor.run = 0;
        }
    }

    fn owe(&mut self, via: Via) {
        let key = match via {
            Via::Message(MessageId(id)) => format!("{}/m{id}", self.chat),
            Via::Button(query) => format!("{}/b{query}", self.chat),
        };
        if self.owed.len() >= OWED_MAX {
            self.owed.pop_front();
        }
        let done = schema::write(&Done { at: unix_seconds() });
        self.owed.push_back(Write::put(Table::Commands, key, 1, done));
    }
}

// === impl Clock ===

impl Clock {
    fn now_ms(self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
