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
    /// End after everything that waits.
    Close,
}

pub(crate) struct Commit {
    pub(crate) writes: Vec<Write>,
    pub(crate) asked: Instant,
    pub(crate) answer: Answer<()>,
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
