//! Shutdown — how a child is ended by its supervisor.

use std::time::Duration;

use tokio::time::Instant;

/// Erlang's `shutdown` of a child spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Killed at once: no `post_stop`.
    BrutalKill,
    /// Asked to end, and killed when it has not by then.
    Deadline(Duration),
    /// Asked to end, and waited for as long as it takes. For supervisors.
    Infinity,
}

/// What a worker does when it is asked to end. Supervisors always stop their children first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Handle what is already in the mailbox, take nothing new, then end.
    Drain,
    /// End after the current message; the rest of the mailbox is lost (and counted).
    Stop,
}

/// What the supervisor does first with a child that must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstStep {
    Kill,
    Ask { kill_at: Option<Instant> },
}

impl Shutdown {
    pub(crate) fn first_step(self, now: Instant) -> FirstStep {
        match self {
            Self::BrutalKill => FirstStep::Kill,
            Self::Deadline(deadline) => FirstStep::Ask { kill_at: Some(now + deadline) },
            Self::Infinity => FirstStep::Ask { kill_at: None },
        }
    }
}
