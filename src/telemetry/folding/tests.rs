use std::io;

use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

const WINDOW: Duration = Duration::from_secs(60);

fn folds(kinds_max: usize) -> Folds {
    Folds { window: WINDOW, kinds_max, open: HashMap::new(), over: Vec::new() }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn repeat(text: &str, times: u64) -> Repeat {
    Repeat { level: Level::WARN, text: text.into(), times }
}

#[test]
fn the_first_line_is_printed_and_the_others_are_counted_until_the_minute_is_over() {
    let mut folds = folds(8);
    let admit =
        |folds: &mut Folds, seconds| folds.admit(1, Level::WARN, "lost".into(), at(seconds));
    assert!(admit(&mut folds, 0));
    assert!(!admit(&mut folds, 1));
    assert!(!admit(&mut folds, 59));
    assert_eq!(folds.due(at(59)), []);
    assert_eq!(folds.due(at(60)), [repeat("lost", 2)]);
    assert_eq!(folds.due(at(600)), [], "told once");
    assert!(admit(&mut folds, 600), "a new minute");
    assert_eq!(folds.due(at(700)), [], "once is not repeated");
}

#[test]
fn a_line_that_comes_after_its_minute_is_printed_and_the_old_count_is_not_lost() {
    let mut folds = folds(8);
    for (seconds, expected) in [(0, true), (5, false), (61, true)] {
        assert_eq!(folds.admit(1, Level::WARN, "lost".into(), at(seconds)), expected, "{seconds}");
    }
    assert_eq!(folds.due(at(62)), [repeat("lost", 1)]);
}

#[test]
fn different_lines_are_counted_apart_and_not_more_of_them_than_memory_is_meant_for() {
    let mut folds = folds(2);
    for key in 0..1_000 {
        assert!(folds.admit(key, Level::WARN, key.to_string(), at(0)), "{key}");
    }
    assert_eq!(folds.open.len(), 2);
    assert!(!folds.admit(0, Level::WARN, "0".into(), at(1)), "one that is known");
    assert!(folds.admit(999, Level::WARN, "999".into(), at(1)), "one that is not: never lost");
    assert_eq!(folds.due(Duration::MAX), [repeat("0", 1)]);
    assert!(folds.open.is_empty());
}

/// Lines as they would be printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is printed of what `say` logs.
fn printed(say: impl FnOnce(&Folding)) -> Vec<String> {
    let (printed, folding) = (Printed::default(), Folding::new(WINDOW, 8));
    let writer = printed.clone();
    let lines = tracing_subscriber::fmt::layer()
        .compact()
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone());
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(folding.clone()));
    tracing::subscriber::with_default(subscriber, || say(&folding));
    let bytes = printed.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_storm_of_one_line_is_two_lines() {
    let lines = printed(|folding| {
        for attempt in 0..10_000 {
            tracing::warn!(target: "actors", path = "root/bot", attempt, "connection lost");
        }
        folding.tell_all();
    });
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("connection lost"), "{lines:#?}");
    assert!(
        lines[1].contains("WARN")
            && lines[1].contains("repeated 9999 times: connection lost path=\"root/bot\""),
        "{lines:#?}"
    );
}

#[test]
fn the_same_trouble_of_somebody_else_is_another_line() {
    let lines = printed(|_| {
        for path in ["root/assistants/1", "root/assistants/2"] {
            tracing::warn!(target: "actors", path, "connection lost");
        }
        for fault in ["no answer", "no answer", "reset"] {
            tracing::warn!(target: "actors", %fault, "ended");
        }
    });
    assert_eq!(lines.len(), 4, "{lines:#?}");
}

#[test]
fn news_is_folded_only_when_nothing_in_it_differs() {
    let lines = printed(|_| {
        for codec in ["opus", "mp3", "mp3"] {
            tracing::info!(target: "actors", codec, "track opened");
        }
    });
    assert_eq!(lines.len(), 2, "{lines:#?}");
}

#[test]
fn details_and_answers_to_operators_are_never_folded() {
    let lines = printed(|_| {
        for _ in 0..3 {
            tracing::debug!(target: "actors", "ready");
            tracing::info!(target: "armedmusic::run", "the numbers are written down");
        }
    });
    assert_eq!(lines.len(), 6, "{lines:#?}");
}
