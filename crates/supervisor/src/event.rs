//! Events — what happens in the tree, for whoever wants to know.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::broadcast;

use crate::failure::Exit;

/// Events that a slow listener may lag behind before it misses some.
pub(crate) const EVENTS_KEPT: usize = 1024;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Like `root/chats/-100123/player`.
    pub path: String,
    pub incarnation: u64,
    pub kind: EventKind,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The first incarnation is up.
    Started,
    /// A later incarnation is up.
    Restarted,
    /// It was asked to end, because of its group, its owner, or the end of the tree.
    Stopping,
    /// It ended; texts are redacted.
    Exited { exit: Exit },
    /// It starts again after this delay.
    Backoff { delay: Duration, failures: u32 },
    /// It failed for good and is not started again.
    Parked { text: String },
    /// It failed this often in a row; it is still tried, but a human should look.
    Critical { failures: u32 },
    /// It was killed and still does not end: something blocks its thread.
    Stuck,
    /// A supervisor's children failed too often; it ends and tells its parent.
    GaveUp,
}

/// A subscription. Made by [`crate::Tree::events`].
#[derive(Debug)]
pub struct Events {
    pub(crate) receiver: broadcast::Receiver<Event>,
    pub(crate) missed: u64,
}

impl Events {
    /// The next event; `None` once the tree is gone.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.receiver.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(missed)) => self.missed += missed,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// An event that has already happened, if there is one.
    pub fn try_next(&mut self) -> Option<Event> {
        loop {
            match self.receiver.try_recv() {
                Ok(event) => return Some(event),
                Err(broadcast::error::TryRecvError::Lagged(missed)) => self.missed += missed,
                Err(_) => return None,
            }
        }
    }

    /// Events this listener was too slow for.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}
