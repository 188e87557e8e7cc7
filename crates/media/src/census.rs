//! How many threads of the engine are alive, and a way to wait until none is.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Census {
    alive: Mutex<usize>,
    changed: Condvar,
}

/// One thread is alive for as long as this is.
pub(crate) struct Present(Arc<Census>);

// === impl Census ===

impl Census {
    pub(crate) fn enter(self: &Arc<Self>) -> Present {
        *self.alive.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Present(Arc::clone(self))
    }

    pub(crate) fn alive(&self) -> usize {
        *self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all were gone before `deadline` had passed.
    pub(crate) fn wait_empty(&self, deadline: Duration) -> bool {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(alive, deadline, |alive| *alive > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        *self.0.alive.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.changed.notify_all();
    }
}
