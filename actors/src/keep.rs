//! What a chat keeps of its player from one life to the next.
//!
//! It belongs to the chat, not to the actor: a crash takes the actor's state, this stays with the supervisor's child
//! spec. A store on disk will take it over a restart of the whole process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::callback::Generation;
use domain::player::{End, Player};

/// Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(crate) struct Keep(Arc<Mutex<Option<Kept>>>);

/// The last state of the rules that was reached without a crash.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) rules: Player,
    /// Buttons that people see go on working.
    pub(crate) generation: Generation,
    pub(crate) position: Duration,
    pub(crate) end: End,
}

// === impl Keep ===

impl Keep {
    /// What an earlier life left. From here on the present one counts as dead until it says otherwise.
    pub(crate) fn take_up(&self) -> Option<Kept> {
        let mut kept = self.lock();
        let last = kept.clone();
        if let Some(kept) = kept.as_mut() {
            kept.end = End::Died;
        }
        last
    }

    pub(crate) fn put(&self, rules: &Player, generation: Generation, position: Duration) {
        *self.lock() = Some(Kept { rules: rules.clone(), generation, position, end: End::Died });
    }

    /// The present life ends as it was asked to, this far in its track.
    pub(crate) fn end(&self, position: Duration) {
        if let Some(kept) = self.lock().as_mut() {
            kept.end = End::Orderly;
            kept.position = position;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
