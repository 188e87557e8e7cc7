//! What a look-up went through: who was asked, when, for how long, what came back, and what was done about it. Told by
//! `/why` and by `armedmusic resolve`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::{Class, Fault, Reason};

/// What somebody was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Search,
    Describe,
    Open,
    List,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    Answer,
    /// It answered, and had nothing that fits.
    Nothing,
    Fault {
        reason: Reason,
        detail: String,
    },
    /// It was not asked at all.
    NotAsked(Hindrance),
    /// The end came before its answer.
    Silence,
}

/// What was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Its answer was taken.
    Taken,
    /// The next one was asked.
    NextAsked,
    /// It was asked once more, later.
    AskedAgain,
    /// Nobody was left to ask.
    GivenUp,
    /// Somebody else was quicker.
    CalledOff,
}

/// Why somebody is not asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hindrance {
    /// It failed too often; seconds until it is tried again.
    Failing { for_s: u64 },
    /// It asked to be left alone; seconds that are left of it.
    AskedToWait { for_s: u64 },
    /// It was asked as often as it bears.
    Busy,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// `invidious`, or `invidious at example.org`.
    pub who: String,
    pub step: Step,
    /// From the beginning of the whole.
    pub at_ms: u64,
    pub took_ms: u64,
    pub came: Came,
    /// It took longer than it mostly does, and somebody else was asked meanwhile.
    pub is_slow: bool,
    pub then: Then,
}

/// The rows in the order of asking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline(pub Vec<Row>);

// === impl Came ===

impl Came {
    pub fn of(fault: &Fault) -> Came {
        Came::Fault { reason: fault.reason, detail: fault.detail.clone() }
    }
}

// === impl Hindrance ===

impl Hindrance {
    /// What whoever could not ask is told.
    pub fn fault(self) -> Fault {
        match self {
            Hindrance::Failing { for_s } => Fault::transient(
                Reason::Unreachable,
                format!("not asked for {for_s} s more, it failed too often"),
            ),
            Hindrance::AskedToWait { for_s } => Fault {
                class: Class::FloodWait(Duration::from_secs(for_s)),
                reason: Reason::ServiceRefused,
                detail: format!("it asked to be left alone for {for_s} s more"),
            },
            Hindrance::Busy => {
                Fault::transient(Reason::ServiceRefused, "it was asked as often as it bears")
            }
        }
    }
}

// === impl Timeline ===

impl Timeline {
    /// Puts what came later behind it; `at` is when that began.
    pub fn append(&mut self, later: Timeline, at: Duration) {
        let shift = ms(at);
        self.0.extend(later.0.into_iter().map(|row| Row { at_ms: row.at_ms + shift, ..row }));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

pub(crate) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
