//! What is worth telling the service manager, and when. Pure: time and state are arguments.

use std::time::Duration;

use actors::Pulse;
use actors::stats::is_account;
use supervisor::{ChildSnapshot, Snapshot, State};

use super::Line;

/// Between two different status lines; people read them, and nobody faster than that.
const STATUS_EVERY: Duration = Duration::from_secs(2);
/// Start-up is over by then, whatever it has become: a service manager that waits longer would start us anew, and that
/// helps against nothing that takes so long.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// Unwell children that the status names; /stats has them all.
const NAMED_MAX: usize = 3;
/// Draining is told so much more time than it has left.
const SLACK: Duration = Duration::from_secs(5);

/// What can be seen of the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub is_settled: bool,
    pub status: String,
}

/// Remembers what was told.
#[derive(Debug, Default)]
pub struct Herald {
    is_ready: bool,
    /// The last status, and when it was told.
    told: Option<(String, Duration)>,
}

/// Remembers whether everybody was alive.
#[derive(Debug, Default)]
pub struct Watch {
    is_silent: bool,
}

// === impl Herald ===

impl Herald {
    pub fn new() -> Herald {
        Herald::default()
    }

    /// Readiness once, and the status when it has changed, not too often.
    pub fn look(&mut self, view: View, now: Duration) -> Vec<Line> {
        let mut lines = Vec::new();
        if view.is_settled && !self.is_ready {
            self.is_ready = true;
            lines.push(Line::Ready);
        }
        let is_due = match &self.told {
            None => true,
            Some((told, at)) => *told != view.status && now.saturating_sub(*at) >= STATUS_EVERY,
        };
        if is_due || !lines.is_empty() {
            lines.push(Line::Status(view.status.clone()));
            self.told = Some((view.status, now));
        }
        lines
    }

    /// The end has begun; `left` is the longest that it may still take.
    pub fn draining(&self, status: String, left: Duration) -> Vec<Line> {
        vec![Line::Stopping, Line::Status(status), Line::ExtendTimeout(left + SLACK)]
    }
}

// === impl Watch ===

impl Watch {
    /// A sign of life only when everybody gave one: who says nothing would be kept alive as a corpse otherwise.
    pub fn pulse(&mut self, pulse: &Pulse) -> Option<Line> {
        let was_silent = std::mem::replace(&mut self.is_silent, !pulse.is_whole());
        if !pulse.is_whole() {
            if !was_silent {
                tracing::error!(
                    silent = pulse.silent.join(", "),
                    "no sign of life, the watchdog is not told; it restarts the service, please report it"
                );
            }
            return None;
        }
        Some(Line::Watchdog)
    }
}

/// Whether start-up is over, well or not: every account has signed in, or has failed at least once and is in its
/// supervisor's hands.
pub fn is_settled(snapshot: &Snapshot, since_start: Duration) -> bool {
    let mut accounts = snapshot.children.iter().filter(|child| is_account(&child.path)).peekable();
    let is_there = accounts.peek().is_some();
    since_start >= SETTLE_MAX || (is_there && accounts.all(has_settled))
}

fn has_settled(child: &ChildSnapshot) -> bool {
    match child.state {
        State::Ready | State::Degraded(_) | State::Backoff | State::Parked | State::Ended => true,
        // its next try does not make it news again
        State::Waiting | State::Starting | State::Draining => child.failures > 0,
    }
}

/// `12 playing, 3 sessions`, and what is not as it should be.
pub fn status(n_playing: usize, snapshot: &Snapshot) -> String {
    let children = || snapshot.children.iter();
    let n_sessions =
        children().filter(|child| is_account(&child.path) && child.state == State::Ready).count();
    let mut status = format!("{n_playing} playing, {n_sessions} sessions");
    for (state, word) in [(State::Parked, "parked"), (State::Backoff, "waits to be tried again")] {
        let paths: Vec<&str> = children()
            .filter(|child| child.state == state)
            .map(|child| child.path.as_str())
            .take(NAMED_MAX)
            .collect();
        if !paths.is_empty() {
            status.push_str(&format!("; {word}: {}", paths.join(" ")));
        }
    }
    status
}
