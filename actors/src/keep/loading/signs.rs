//! The signs of life that earlier processes left: each process has its own, for a chat whose turn to go on did not come
//! before the next kill still counts from the one before.

use std::collections::{HashMap, HashSet};

use storage::schema::{self, Anchor, Beat};
use storage::{Record, Table, Write};

#[derive(Default)]
pub(super) struct Signs {
    /// By the process's number; and the records that say so, with their revisions.
    alive: HashMap<u64, u64>,
    records: Vec<(u64, String, u64)>,
    /// By the chat's key, with the revision: positions that left the anchor of the chat's record.
    pub(super) anchors: HashMap<String, (u64, Anchor)>,
}

// === impl Signs ===

impl Signs {
    pub(super) fn of(records: Vec<Record>) -> Signs {
        let mut signs = Signs::default();
        for Record { key, revision, value, .. } in records {
            match schema::read::<Beat>(value) {
                Ok(Beat::Alive { run, at_ms }) => {
                    let last = signs.alive.entry(run).or_default();
                    *last = at_ms.max(*last);
                    signs.records.push((run, key, revision));
                }
                Ok(Beat::At(anchor)) => {
                    signs.anchors.insert(key, (revision, anchor));
                }
                Err(_) => {}
            }
        }
        signs
    }

    /// The last sign of the process that wrote this anchor.
    pub(super) fn last_for(&self, anchor: &Anchor) -> Option<Beat> {
        let run = anchor.run;
        self.alive.get(&run).map(|at_ms| Beat::Alive { run, at_ms: *at_ms })
    }

    /// Removes those that nobody's position hangs on any more.
    pub(super) fn without(self, needed: &HashSet<u64>) -> impl Iterator<Item = Write> {
        let stale = self.records.into_iter().filter(|(run, ..)| !needed.contains(run));
        stale.map(|(_, key, revision)| Write::remove(Table::Beats, key, revision + 1))
    }
}
