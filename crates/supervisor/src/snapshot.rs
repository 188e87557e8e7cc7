//! Snapshot — the living tree as plain data, for pages and logs.

use serde::{Deserialize, Serialize};

use crate::{child_spec::Kind, failure::Class};

/// All children of the tree, parents before children, siblings in start order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub children: Vec<ChildSnapshot>,
}

impl Snapshot {
    pub fn find(&self, path: &str) -> Option<&ChildSnapshot> {
        self.children.iter().find(|child| child.path == path)
    }
}

/// One place in the tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildSnapshot {
    /// Like `root/chats/-100123/player`.
    pub path: String,
    pub kind: Kind,
    pub state: State,
    /// Counts the lives of this child from 1; 0 before its first.
    pub incarnation: u64,
    /// Starts after the first one.
    pub restarts: u64,
    /// Failures in a row, as backoff counts them.
    pub failures: u32,
    /// Time until the next start, while it waits for one.
    pub next_retry_in_ms: Option<u64>,
    pub last_error: Option<LastError>,
    /// Age of the present incarnation.
    pub uptime_ms: Option<u64>,
    pub mailbox: MailboxSnapshot,
    pub tasks: TaskSnapshot,
}

/// What a child is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "why", rename_all = "snake_case")]
pub enum State {
    /// It waits for its turn: for an elder sibling, or for its group to have stopped.
    Waiting,
    /// It comes up, or has not yet said that it is ready.
    Starting,
    Ready,
    /// It works, with less than it should have.
    Degraded(String),
    /// It failed and waits out its backoff.
    Backoff,
    /// It failed for good; only a human can help.
    Parked,
    /// It was asked to end.
    Draining,
    /// It is not running and nobody will start it.
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    pub class: Class,
    /// Redacted.
    pub text: String,
    pub ago_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxSnapshot {
    pub depth: usize,
    pub peak: usize,
    pub bound: usize,
    pub handled: u64,
    /// Messages that were turned away because the mailbox was full.
    pub refused: u64,
    /// Messages that were queued when an incarnation ended.
    pub lost: u64,
    /// How long the present message has been handled (or since the last `touch`).
    pub busy_for_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSnapshot {
    pub running: u64,
    pub started: u64,
    pub panicked: u64,
}
