//! What a store asks of its engine.

use std::time::Instant;

use domain::Fault;
use tokio::sync::oneshot;

use crate::record::{Row, Write};
use crate::table::Table;

pub(crate) type Answer<T> = oneshot::Sender<Result<T, Fault>>;

pub(crate) enum Request {
    Commit(Commit),
    Read {
        table: Table,
        key: String,
        answer: Answer<Option<Row>>,
    },
    /// The next records of a table in the order of their keys, as many as fit into a bounded page.
    Page {
        table: Table,
        after: Option<String>,
        answer: Answer<Page>,
    },
    /// What waits for MongoDB, the oldest first, as much as fits into a bounded page.
    Outbox {
        answer: Answer<Vec<Pending>>,
    },
    /// MongoDB has these.
    Sent {
        sequence: Vec<i64>,
        answer: Answer<()>,
    },
    /// Rows that come from MongoDB and need not go there.
    Adopt {
        rows: Vec<Row>,
        answer: Answer<()>,
    },
    /// Which MongoDB the file follows.
    Followed {
        answer: Answer<Option<String>>,
    },
    /// It begins to follow another: everything that is kept goes into the outbox.
    Enqueue {
        answer: Answer<()>,
    },
    /// From now on it follows this one.
    Follow {
        identity: String,
        answer: Answer<()>,
    },
    /// End after everything that waits.
    Close,
}

pub(crate) struct Commit {
    pub(crate) writes: Vec<Write>,
    pub(crate) asked: Instant,
    pub(crate) answer: Answer<()>,
}

/// An entry of the outbox.
pub(crate) struct Pending {
    pub(crate) sequence: i64,
    /// `None` when the record is gone: put aside, or out of date.
    pub(crate) row: Option<Row>,
}

pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    /// Where the next page begins; `None` after the last.
    pub(crate) after: Option<String>,
}

/// Answers, whether somebody still waits or not.
pub(crate) fn answer<T>(to: Answer<T>, with: Result<T, Fault>) {
    drop(to.send(with));
}
