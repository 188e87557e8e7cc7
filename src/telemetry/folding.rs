//! The same line again and again is printed once and then counted; its count is one more line, a minute later.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt::{self, Write as _};
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

/// Fields that make a warning or an error another one. Numbers that change every time (an attempt, a delay) do not.
const KEYS: [&str; 12] = [
    "path",
    "chat",
    "channel",
    "fault",
    "error",
    "account",
    "constructor",
    "user",
    "silent",
    "stream",
    "why",
    "left",
];
/// Longest text that is kept to say what was repeated.
const TEXT_MAX: usize = 160;
/// Our counts are lines, too, and are not counted.
const TARGET: &str = "armedmusic::repeated";

/// Decides for each line whether it is printed. Clones share what they counted.
#[derive(Clone)]
pub(super) struct Folding {
    folds: Arc<Mutex<Folds>>,
    started: Instant,
}

/// What was counted. Pure: time is an argument.
struct Folds {
    window: Duration,
    kinds_max: usize,
    open: HashMap<u64, Fold>,
    /// Windows that were over when the same line came again.
    over: Vec<Repeat>,
}

struct Fold {
    since: Duration,
    repeat: Repeat,
}

/// A line that came so often again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Repeat {
    level: Level,
    text: String,
    times: u64,
}

// === impl Folding ===

impl Folding {
    pub(super) fn new(window: Duration, kinds_max: usize) -> Folding {
        let folds = Folds { window, kinds_max, open: HashMap::new(), over: Vec::new() };
        Folding { folds: Arc::new(Mutex::new(folds)), started: Instant::now() }
    }

    /// Tells the counts whose time is over.
    pub(super) fn tell_due(&self) {
        let due = self.folds().due(self.started.elapsed());
        due.into_iter().for_each(Repeat::tell);
    }

    /// Tells all counts.
    pub(super) fn tell_all(&self) {
        let due = self.folds().due(Duration::MAX);
        due.into_iter().for_each(Repeat::tell);
    }

    fn folds(&self) -> MutexGuard<'_, Folds> {
        self.folds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Filter<S> for Folding {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        // what is asked for in detail is wanted in detail, and what an operator does is answered every time
        if *metadata.level() > Level::INFO || metadata.target().starts_with("armedmusic") {
            return true;
        }
        let mut line = Line::new(*metadata.level());
        metadata.callsite().hash(&mut line.hasher);
        event.record(&mut line);
        let (key, text, level) = (line.hasher.finish(), line.text, *metadata.level());
        self.folds().admit(key, level, text, self.started.elapsed())
    }
}

// === impl Folds ===

impl Folds {
    /// Whether the line is printed; it is counted otherwise.
    fn admit(&mut self, key: u64, level: Level, text: String, now: Duration) -> bool {
        if let Some(fold) = self.open.get_mut(&key) {
            if now.saturating_sub(fold.since) < self.window {
                fold.repeat.times += 1;
                return false;
            }
            self.close(key);
        }
        if self.open.len() < self.kinds_max {
            self.open.insert(key, Fold { since: now, repeat: Repeat { level, text, times: 0 } });
        }
        true
    }

    /// The counts of all windows that are over; nothing of them is kept.
    fn due(&mut self, now: Duration) -> Vec<Repeat> {
        let window = self.window;
        let is_over = |fold: &Fold| now.saturating_sub(fold.since) >= window;
        let over: Vec<u64> =
            self.open.iter().filter(|(_, fold)| is_over(fold)).map(|(key, _)| *key).collect();
        over.into_iter().for_each(|key| self.close(key));
        std::mem::take(&mut self.over)
    }

    fn close(&mut self, key: u64) {
        if let Some(fold) = self.open.remove(&key)
            && fold.repeat.times > 0
            && self.over.len() < self.kinds_max
        {
            self.over.push(fold.repeat);
        }
    }
}

// === impl Repeat ===

impl Repeat {
    /// One line, at the level of those it stands for.
    fn tell(self) {
        let Repeat { level, text, times } = self;
        match level {
            Level::ERROR => tracing::error!(target: TARGET, "repeated {times} times: {text}"),
            Level::WARN => tracing::warn!(target: TARGET, "repeated {times} times: {text}"),
            _ => tracing::info!(target: TARGET, "repeated {times} times: {text}"),
        }
    }
}

/// One line while it is looked at.
struct Line {
    hasher: DefaultHasher,
    /// Message and keys, to say later what was repeated.
    text: String,
    /// A line that is no trouble is only the same with all its fields.
    is_exact: bool,
}

// === impl Line ===

impl Line {
    fn new(level: Level) -> Line {
        Line { hasher: DefaultHasher::new(), text: String::new(), is_exact: level == Level::INFO }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let is_message = field.name() == "message";
        if !is_message && !self.is_exact && !KEYS.contains(&field.name()) {
            return;
        }
        let value = format!("{value:?}");
        field.name().hash(&mut self.hasher);
        value.hash(&mut self.hasher);
        let room = TEXT_MAX.saturating_sub(self.text.len());
        let value: String = value.chars().take(room).collect();
        let gap = if self.text.is_empty() { "" } else { " " };
        let written = match is_message {
            true => write!(self.text, "{gap}{value}"),
            false => write!(self.text, "{gap}{}={value}", field.name()),
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests;
