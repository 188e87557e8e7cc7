//! What a look-up has gone through so far, and how much time is left of it.

use std::time::Duration;

use domain::timeline::{Came, Row, Step, Then, Timeline};
use tokio::time::Instant;

pub(crate) struct Trail {
    began: Instant,
    deadline: Duration,
    timeline: Timeline,
}

// === impl Trail ===

impl Trail {
    pub(crate) fn new(deadline: Duration) -> Trail {
        Trail { began: Instant::now(), deadline, timeline: Timeline::default() }
    }

    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.now())
    }

    /// Something that began at `at` is over.
    pub(crate) fn note(&mut self, who: &str, step: Step, at: Duration, came: Came, then: Then) {
        let took = self.now().saturating_sub(at);
        self.timeline.0.push(Row {
            who: who.to_owned(),
            step,
            at_ms: at.as_millis() as u64,
            took_ms: took.as_millis() as u64,
            came,
            is_slow: false,
            then,
        });
    }

    pub(crate) fn append(&mut self, later: Timeline, at: Duration) {
        self.timeline.append(later, at);
    }

    /// What it went through; if it led nowhere, the last was given up.
    pub(crate) fn into_timeline(mut self) -> Timeline {
        if let Some(last) = self.timeline.0.last_mut().filter(|row| row.then == Then::NextAsked) {
            last.then = Then::GivenUp;
        }
        self.timeline
    }
}
