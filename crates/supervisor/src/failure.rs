//! Failures and exits — why a child ended, and what its supervisor must do about it.

use std::{error::Error, time::Duration};

use serde::{Deserialize, Serialize};

/// What kind of failure it was; the only part of a failure that supervision reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It may work next time: restart with backoff.
    Transient,
    /// The other side said how long to stay away: restart no sooner than this plus a second.
    Wait(Duration),
    /// It will never work by itself: park the child and call a human.
    Fatal,
}

/// A classified failure. An actor returns it as its error (`Err(Failure::fatal("...").into())`);
/// any other error and every panic count as [`Class::Transient`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    pub class: Class,
    /// What happened, for people; redacted before anyone outside the actor sees it.
    pub text: String,
}

impl Failure {
    pub fn new(class: Class, text: impl Into<String>) -> Self {
        Self { class, text: text.into() }
    }

    pub fn transient(text: impl Into<String>) -> Self {
        Self::new(Class::Transient, text)
    }

    pub fn wait(wait: Duration, text: impl Into<String>) -> Self {
        Self::new(Class::Wait(wait), text)
    }

    pub fn fatal(text: impl Into<String>) -> Self {
        Self::new(Class::Fatal, text)
    }

    /// Finds the failure in an error or in its sources; an unclassified error is transient.
    pub fn from_error(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(current) = cause {
            if let Some(failure) = current.downcast_ref::<Self>() {
                return Self::new(failure.class, error.to_string());
            }
            cause = current.source();
        }
        Self::transient(error.to_string())
    }

    pub(crate) fn redacted(self, redact: impl Fn(&str) -> String) -> Self {
        Self { class: self.class, text: redact(&self.text) }
    }
}

/// How an incarnation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It stopped by itself or was asked to. Erlang's `normal` and `shutdown`.
    Normal,
    /// It never came up: its start closure or `pre_start` failed or panicked.
    NotStarted(Failure),
    /// An error or a panic after the start, also of one of its tasks.
    Failed(Failure),
    /// It was killed from outside, or at its deadline.
    Killed,
    /// A supervisor's children failed more often than its intensity allows. Not abnormal, like
    /// Erlang's `shutdown`: a transient supervisor that gave up stays away.
    GaveUp,
}

impl Exit {
    /// Whether a transient child with this exit is started again.
    pub fn is_abnormal(&self) -> bool {
        !matches!(self, Self::Normal | Self::GaveUp)
    }

    pub fn class(&self) -> Class {
        match self {
            Self::NotStarted(failure) | Self::Failed(failure) => failure.class,
            Self::Normal | Self::Killed | Self::GaveUp => Class::Transient,
        }
    }

    /// The failure for people; `None` for a normal exit.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Normal => None,
            Self::NotStarted(failure) | Self::Failed(failure) => Some(failure.clone()),
            Self::Killed => Some(Failure::transient("killed")),
            Self::GaveUp => Some(Failure::transient("gave up: children failed too often")),
        }
    }

    pub(crate) fn redacted(self, redact: impl Fn(&str) -> String) -> Self {
        match self {
            Self::NotStarted(failure) => Self::NotStarted(failure.redacted(redact)),
            Self::Failed(failure) => Self::Failed(failure.redacted(redact)),
            other => other,
        }
    }
}

/// Longest text that is kept of an error, in characters.
const TEXT_MAX: usize = 240;
/// From this length on, a run of letters and digits is taken for a key or a token.
const SECRET_MIN: usize = 24;

/// Makes an error text fit for logs and pages: one line, cut to size, and without anything that
/// looks like a key (a long run of letters and digits, the secret half of a bot token, a query).
pub fn redact(text: &str) -> String {
    let mut kept = String::new();
    for word in text.split_whitespace() {
        if !kept.is_empty() {
            kept.push(' ');
        }
        let (plain, query) = word.split_once('?').map_or((word, false), |(left, _)| (left, true));
        push_redacted(&mut kept, plain);
        if query {
            kept.push_str("?…");
        }
        if kept.chars().count() > TEXT_MAX {
            kept = kept.chars().take(TEXT_MAX).collect();
            kept.push('…');
            break;
        }
    }
    kept
}

fn push_redacted(kept: &mut String, word: &str) {
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '=');
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_key(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let has_digit = run.chars().any(|c| c.is_ascii_digit());
        let has_letter = run.chars().any(|c| c.is_ascii_alphabetic());
        kept.push_str(if run.len() >= SECRET_MIN && has_digit && has_letter { "…" } else { run });
        let next = after.chars().next().map_or(0, char::len_utf8);
        kept.push_str(&after[..next]);
        rest = &after[next..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the session failed")]
    struct Outer(#[source] Failure);

    #[test]
    fn the_class_is_found_below_other_errors() {
        let failure = Failure::from_error(&Outer(Failure::fatal("key revoked")));
        assert_eq!(failure, Failure::fatal("the session failed"));
        let plain = Failure::from_error(&std::io::Error::other("gone"));
        assert_eq!(plain, Failure::transient("gone"));
    }

    #[test]
    fn killed_is_abnormal_and_giving_up_is_a_shutdown() {
        assert!(!Exit::Normal.is_abnormal() && !Exit::GaveUp.is_abnormal());
        let failure = Failure::transient("x");
        let others = [Exit::NotStarted(failure.clone()), Exit::Failed(failure), Exit::Killed];
        assert!(others.iter().all(Exit::is_abnormal));
    }

    #[test]
    fn secrets_and_lines_do_not_reach_the_reader() {
        let token = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";
        let text =
            redact(&format!("GET https://host/bot{token}/x?hash=1 failed\nfor -1001234567890"));
        assert!(!text.contains("AAHdq") && !text.contains("hash=1") && !text.contains('\n'));
        assert!(text.contains("https://host/bot123456789:…/x?…"));
        assert!(text.ends_with("failed for -1001234567890"));
        assert!(redact(&"word ".repeat(500)).chars().count() <= TEXT_MAX + 1);
    }
}
