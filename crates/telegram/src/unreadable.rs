//! What Telegram sent and this build could not read: counted, told once a minute, kept for whoever has to look.
//!
//! Two illnesses look alike at first: a server that speaks a newer layer (the same few numbers again and again, and
//! all else is readable), and a stream that is out of step (another number every time). The log tells them apart.

mod quarantine;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use grammers_client::tl;
use tokio::time::Instant;

use quarantine::{Quarantine, Specimen};

/// One line a minute for each number.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// How many different numbers are told apart; what comes beyond is counted together.
const KINDS_MAX: usize = 32;

/// So many different numbers within a minute, none of them twice, do not come from a newer layer.
const DISORDER_MIN: usize = 8;

/// A number that was not met for so long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// Stands for the numbers that are one too many.
const ALL_OTHERS: u32 = 0;

/// Everything unreadable that one account met. Outlives its connections.
pub(crate) struct Unreadable {
    journal: Mutex<Journal>,
    quarantine: Option<Quarantine>,
}

/// Counts and decides what is worth a line. Time is an argument.
#[derive(Debug, Default)]
struct Journal {
    kinds: HashMap<u32, Kind>,
    /// When a specimen of this number in an answer to this question was last kept.
    kept: HashMap<(u32, String), Instant>,
}

#[derive(Debug)]
struct Kind {
    /// Since it was last told.
    count: u64,
    total: u64,
    seen_at: Instant,
    told_at: Option<Instant>,
}

/// A line for the log.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    constructor: u32,
    count: u64,
    meaning: &'static str,
}

const FIRST: &str = "met for the first time";
const NEWER: &str = "the same number again: telegram speaks a newer layer than this build, update it when convenient";
const DISORDER: &str =
    "another number every time: the stream is out of step, the connection or a proxy garbles it";

// === impl Unreadable ===

impl Unreadable {
    /// Specimens are kept beside the session's file; without one, nowhere.
    pub(crate) fn beside(session: Option<&Path>) -> Unreadable {
        Unreadable { journal: Mutex::default(), quarantine: session.and_then(Quarantine::beside) }
    }

    /// `asked` is what was being read: a method's name, or `push`.
    pub(crate) fn note(&self, bytes: &[u8], error: &tl::deserialize::Error, asked: &str) {
        let constructor = constructor_of(bytes, error);
        let now = Instant::now();
        let (report, is_specimen) = {
            let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
            (journal.note(constructor, now), journal.is_specimen(constructor, asked, now))
        };
        let quarantine = self.quarantine.as_ref().filter(|_| is_specimen);
        let file = quarantine
            .and_then(|quarantine| quarantine.accept(Specimen::new(constructor, asked, bytes)));
        if let Some(report) = report {
            tell(&report, asked, file.as_deref());
        }
    }

    /// Tells what was counted since, once its minute is over.
    pub(crate) fn tell_the_rest(&self) {
        let reports =
            self.journal.lock().unwrap_or_else(PoisonError::into_inner).due(Instant::now());
        reports.iter().for_each(|report| tell(report, "", None));
    }

    /// Writes the specimens that wait. Blocks for as long as the disk takes.
    pub(crate) fn save(&self) {
        if let Some(quarantine) = &self.quarantine {
            quarantine.write();
        }
    }
}

fn tell(report: &Report, asked: &str, file: Option<&str>) {
    tracing::warn!(
        constructor = format_args!("{:#010x}", report.constructor),
        count = report.count,
        layer = tl::LAYER,
        asked,
        file,
        "telegram sent something unreadable, {}",
        report.meaning
    );
}

/// The number that was not expected; the outermost one when the bytes ended too early.
fn constructor_of(bytes: &[u8], error: &tl::deserialize::Error) -> u32 {
    match error {
        tl::deserialize::Error::UnexpectedConstructor { id } => *id,
        tl::deserialize::Error::UnexpectedEof => {
            bytes.first_chunk().map_or(0, |id| u32::from_le_bytes(*id))
        }
    }
}

// === impl Journal ===

impl Journal {
    fn note(&mut self, constructor: u32, now: Instant) -> Option<Report> {
        let constructor = if self.kinds.contains_key(&constructor) {
            constructor
        } else {
            self.kinds.retain(|_, kind| kind.count > 0 || now - kind.seen_at < FORGET_AFTER);
            let is_single = |kind: &&Kind| kind.total == 1 && now - kind.seen_at < TELL_EVERY;
            let singles = self.kinds.values().filter(is_single).count();
            let is_one_too_many = singles >= DISORDER_MIN || self.kinds.len() >= KINDS_MAX;
            if is_one_too_many { ALL_OTHERS } else { constructor }
        };
        let fresh = Kind { count: 0, total: 0, seen_at: now, told_at: None };
        let kind = self.kinds.entry(constructor).or_insert(fresh);
        kind.count += 1;
        kind.total += 1;
        kind.seen_at = now;
        kind.is_due(now).then(|| kind.report(constructor, now))
    }

    /// Whether this one is worth keeping: one a minute of each number and question, none of a stream out of step.
    fn is_specimen(&mut self, constructor: u32, asked: &str, now: Instant) -> bool {
        self.kept.retain(|_, at| now - *at < TELL_EVERY);
        let key = (constructor, asked.to_owned());
        let is_wanted = self.kinds.contains_key(&constructor)
            && self.kept.len() < KINDS_MAX
            && !self.kept.contains_key(&key);
        if is_wanted {
            self.kept.insert(key, now);
        }
        is_wanted
    }

    /// What was counted since the last line about it, and may have one again.
    fn due(&mut self, now: Instant) -> Vec<Report> {
        let due = self.kinds.iter_mut().filter(|(_, kind)| kind.count > 0 && kind.is_due(now));
        due.map(|(constructor, kind)| kind.report(*constructor, now)).collect()
    }
}

// === impl Kind ===

impl Kind {
    fn is_due(&self, now: Instant) -> bool {
        self.told_at.is_none_or(|at| now - at >= TELL_EVERY)
    }

    fn report(&mut self, constructor: u32, now: Instant) -> Report {
        self.told_at = Some(now);
        let meaning = match (constructor, self.total) {
            (ALL_OTHERS, _) => DISORDER,
            (_, 1) => FIRST,
            _ => NEWER,
        };
        Report { constructor, count: std::mem::take(&mut self.count), meaning }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL_FULL_OF_LAYER_200: u32 = 0x52d6_806b;

    #[tokio::test(start_paused = true)]
    async fn a_storm_of_one_number_is_one_line_a_minute() {
        let mut journal = Journal::default();
        let began = Instant::now();
        let mut lines = Vec::new();
        for ms in 0..150_000 {
            let now = began + Duration::from_millis(ms);
            lines.extend(journal.note(CHANNEL_FULL_OF_LAYER_200, now));
        }
        let counts: Vec<u64> = lines.iter().map(|line| line.count).collect();
        assert_eq!(counts, [1, 60_000, 60_000]);
        assert_eq!((lines[0].meaning, lines[1].meaning), (FIRST, NEWER));
        // what came after the last line is not kept back for ever
        let end = began + Duration::from_millis(180_000);
        let rest = journal.due(end);
        assert_eq!(rest.iter().map(|line| line.count).collect::<Vec<_>>(), [29_999]);
        assert_eq!(journal.due(end), []);
    }

    #[tokio::test(start_paused = true)]
    async fn another_number_every_time_is_told_as_a_stream_out_of_step() {
        let mut journal = Journal::default();
        let now = Instant::now();
        let lines: Vec<Report> =
            (1..10_000).filter_map(|number| journal.note(number, now)).collect();
        assert_eq!(lines.len(), DISORDER_MIN + 1);
        assert!(lines[..DISORDER_MIN].iter().all(|line| line.meaning == FIRST));
        assert_eq!(lines[DISORDER_MIN].meaning, DISORDER);
        assert!(journal.kinds.len() <= KINDS_MAX + 1, "bounded");
    }

    #[tokio::test(start_paused = true)]
    async fn several_numbers_of_one_layer_are_not_taken_for_disorder() {
        let mut journal = Journal::default();
        let now = Instant::now();
        let mut lines = Vec::new();
        for round in 0..3 {
            for number in 1..=6 {
                lines.extend(journal.note(number, now + TELL_EVERY * round));
            }
        }
        assert_eq!(lines.len(), 18);
        assert!(lines.iter().all(|line| line.meaning != DISORDER), "{lines:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_specimen_a_minute_of_each_number_and_question_is_kept() {
        let mut journal = Journal::default();
        let now = Instant::now();
        let mut kept = |asked: &str, now| {
            journal.note(7, now);
            journal.is_specimen(7, asked, now)
        };
        assert!(kept("push", now) && kept("updates.getDifference", now));
        assert!(!kept("push", now) && !kept("push", now + TELL_EVERY / 2));
        assert!(kept("push", now + TELL_EVERY));
    }

    #[test]
    fn bytes_that_end_too_early_are_known_by_their_outermost_number() {
        use tl::deserialize::Error::{UnexpectedConstructor, UnexpectedEof};
        assert_eq!(constructor_of(&[1, 0, 0, 0, 9], &UnexpectedEof), 1);
        assert_eq!(constructor_of(&[1, 0, 0, 0, 9], &UnexpectedConstructor { id: 7 }), 7);
        assert_eq!(constructor_of(&[], &UnexpectedEof), 0);
    }
}
