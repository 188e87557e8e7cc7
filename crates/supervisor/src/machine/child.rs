//! What a machine knows about one child.

use tokio::time::Instant;

use crate::machine::Rules;

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

    /// It should start, some time.
    pub(super) fn is_due(&self) -> bool {
        self.is_down() && self.is_wanted && !self.is_parked && !self.is_leaving
    }
}
