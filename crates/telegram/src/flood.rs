//! The flood gate: a method that Telegram told this account to wait with is shut until the wait is over.
//!
//! Telegram's wait is for the account and the method (core.telegram.org/api/errors#420-flood), not for whoever asked:
//! another chat's request would be an early retry, and early retries make waits longer. Time is an argument.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::fault::CallError;

/// Waits remembered before those that are over are swept.
const WAITS_MAX: usize = 256;

/// The refusals that are about the method. A slow mode is about one chat only.
const NAMES: &[&str] = &["FLOOD_WAIT", "FLOOD_PREMIUM_WAIT"];

#[derive(Debug, Default)]
pub(crate) struct Gate {
    until: HashMap<u32, Instant>,
}

// === impl Gate ===

impl Gate {
    /// How long this method has to wait still.
    pub(crate) fn left(&self, method: u32, now: Instant) -> Option<Duration> {
        let left = self.until.get(&method)?.saturating_duration_since(now);
        Some(left).filter(|left| !left.is_zero())
    }

    /// Remembers a refusal that says "wait".
    pub(crate) fn note(&mut self, method: u32, error: &CallError, now: Instant) {
        let Some(rpc) = &error.rpc else { return };
        let Some(seconds) = rpc.value.filter(|_| NAMES.contains(&rpc.name.as_str())) else {
            return;
        };
        if self.until.len() >= WAITS_MAX {
            self.until.retain(|_, until| *until > now);
        }
        self.until.insert(method, now + Duration::from_secs(seconds.into()));
    }
}

#[cfg(test)]
mod tests {
    use domain::Fault;

    use super::*;
    use crate::fault::Rpc;

    fn wait(name: &str, seconds: u32) -> CallError {
        let fault = Fault::flood_wait(Duration::from_secs(seconds.into()), name);
        CallError {
            fault,
            rpc: Some(Rpc { code: 420, name: name.to_owned(), value: Some(seconds) }),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_method_that_was_told_to_wait_waits() {
        let mut gate = Gate::default();
        let now = Instant::now();
        gate.note(1, &wait("FLOOD_WAIT", 300), now);
        assert_eq!(gate.left(1, now + Duration::from_secs(299)), Some(Duration::from_secs(1)));
        assert_eq!(gate.left(1, now + Duration::from_secs(300)), None);
        assert_eq!(gate.left(2, now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_chat_does_not_shut_the_method_for_the_others() {
        let mut gate = Gate::default();
        gate.note(1, &wait("SLOWMODE_WAIT", 30), Instant::now());
        assert_eq!(gate.left(1, Instant::now()), None);
    }
}
