//! Contracts — what the specs of the living tree say, as plain data: for whoever holds a document against them.

use std::time::Duration;

use crate::{
    backoff::Backoff,
    child_spec::{ChildSpec, Restart},
    intensity::Intensity,
    node::Node,
    shutdown::Shutdown,
    strategy::Strategy,
};

/// The terms of one place in the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    /// Like `root/chats/-100123/player`.
    pub path: String,
    pub restart: Restart,
    pub shutdown: Shutdown,
    pub backoff: Backoff,
    /// Siblings of one level start and stop together.
    pub level: u64,
    /// What it is to its children; nothing for workers.
    pub group: Option<Group>,
}

/// The terms on which a supervisor keeps its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub strategy: Strategy,
    pub intensity: Intensity,
    /// Its children come and go, and stop all at the same time.
    pub is_dynamic: bool,
}

/// A contract but for its path, as a node keeps it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    restart: Restart,
    shutdown: Shutdown,
    backoff: Backoff,
    level: u64,
    group: Option<Group>,
}

impl Terms {
    pub(crate) fn of(spec: &ChildSpec) -> Self {
        Self {
            restart: spec.restart,
            shutdown: spec.shutdown,
            backoff: spec.backoff,
            level: spec.level,
            group: spec.group,
        }
    }
}

impl Contract {
    /// How long the end of the place at `path` can take by these contracts: workers their deadlines, supervisors those of
    /// their children, level after level. `None` when somebody in it is waited for without end.
    pub fn end_max(contracts: &[Self], path: &str) -> Option<Duration> {
        let own = contracts.iter().find(|one| one.path == path)?;
        let Some(group) = own.group else {
            return match own.shutdown {
                Shutdown::BrutalKill => Some(Duration::ZERO),
                Shutdown::Deadline(deadline) => Some(deadline),
                Shutdown::Infinity => None,
            };
        };
        let is_child =
            |one: &&Self| one.path.rsplit_once('/').is_some_and(|(parent, _)| parent == path);
        let mut levels = std::collections::BTreeMap::<u64, Duration>::new();
        for child in contracts.iter().filter(is_child) {
            let level = if group.is_dynamic { 0 } else { child.level };
            let slowest = levels.entry(level).or_default();
            *slowest = (*slowest).max(Self::end_max(contracts, &child.path)?);
        }
        Some(levels.into_values().sum())
    }
}

impl Node {
    pub(crate) fn contracts_into(&self, all: &mut Vec<Contract>) {
        let Terms { restart, shutdown, backoff, level, group } = self.terms;
        all.push(Contract {
            path: self.path.to_string(),
            restart,
            shutdown,
            backoff,
            level,
            group,
        });
        for child in self.children_now() {
            child.contracts_into(all);
        }
    }
}
