//! What a machine knows about one child.

use tokio::time::Instant;

use crate::{child_spec::Restart, machine::Rules};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Down,
    Starting,
    Up,
    /// Asked or killed. At `next_at` it is killed, or, when it has been, reported as
    /// stuck.
    Stopping {
        next_at: Option<Instant>,
        is_killed: bool,
    },
}

/// A start whose failure is not retried: its supervisor is strict, and so is Erlang's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trial {
    /// Its supervisor comes up: the failure fails the supervisor.
    Boot,
    /// It was added while the supervisor ran: it is not kept.
    Add,
    /// It had been terminated: it stays down.
    Revive,
}

/// What an order from outside finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It runs, or has not ended yet.
    Running,
    /// It is down and will be started, some time.
    Pending,
    /// It is down and nobody will start it.
    Down,
    /// It is down and temporary: as good as forgotten.
    Spent,
}

#[derive(Debug)]
pub(super) struct Child {
    pub(super) rules: Rules,
    pub(super) phase: Phase,
    pub(super) incarnation: u64,
    pub(super) failures: u32,
    /// It should be running.
    pub(super) is_wanted: bool,
    /// It must be stopped before anything else happens to it.
    pub(super) is_doomed: bool,
    /// Once down it is forgotten: ended by its owner, or temporary and taken down by a sibling.
    pub(super) is_leaving: bool,
    pub(super) is_parked: bool,
    pub(super) trial: Option<Trial>,
    /// Its first try is over.
    pub(super) is_settled: bool,
    /// It may not start before.
    pub(super) not_before: Option<Instant>,
    /// Its next start is a restart that has not yet taken its token.
    pub(super) owes_token: bool,
}

impl Child {
    pub(super) fn new(rules: Rules, incarnation: u64, is_settled: bool) -> Self {
        Self {
            rules,
            phase: Phase::Down,
            incarnation,
            failures: 0,
            is_wanted: true,
            is_doomed: false,
            is_leaving: false,
            is_parked: false,
            trial: None,
            is_settled,
            not_before: None,
            owes_token: false,
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.phase == Phase::Down
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Up)
    }

    pub(super) fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::Stopping { .. })
    }

    pub(super) fn standing(&self) -> Standing {
        if !self.is_down() {
            Standing::Running
        } else if self.is_wanted {
            Standing::Pending
        } else if self.rules.restart == Restart::Temporary {
            Standing::Spent
        } else {
            Standing::Down
        }
    }

    /// It should start, some time.
    pub(super) fn is_due(&self) -> bool {
        self.is_down() && self.is_wanted && !self.is_parked && !self.is_leaving
    }
}
