//! How the outside services are doing: written by their extractors, read by the resolver and by whoever looks at the
//! numbers. It outlives the actors, so that a crash does not forget who is down.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::breaker::Status;
use domain::league::{Instance, League, Line, Standing};
use domain::timeline::Hindrance;
use domain::{Class, Fault};
use tokio::time::Instant;

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Ledger {
    league: Arc<Mutex<League>>,
    started: Instant,
}

// === impl Ledger ===

impl Ledger {
    pub(crate) fn new(instances: Vec<Instance>) -> Ledger {
        let league = Arc::new(Mutex::new(League::new(instances)));
        Ledger { league, started: Instant::now() }
    }

    /// Whether the instance in this row may be asked now.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn admit(&self, row: usize) -> Result<(), Hindrance> {
        self.lock().admit(row, self.started.elapsed())
    }

    /// What came of a question, and after how long.
    pub(crate) fn came(&self, row: usize, fault: Option<&Fault>, took: Duration) {
        let (news, who) = {
            let mut league = self.lock();
            let news = league.came(row, fault, took, self.started.elapsed());
            let who = league.get(row).map(|one| format!("{} at {}", one.service, one.instance));
            (news, who.unwrap_or_default())
        };
        if fault.is_some_and(|fault| fault.class == Class::Fatal) {
            tracing::error!(
                place = who,
                fault = fault.map(tracing::field::display),
                "a service cannot be used as it is set; correct its key or its address, or take it out of extractors.order"
            );
        }
        let fault = fault.map(tracing::field::display);
        match news {
            Some(Status::Open { .. }) => {
                tracing::warn!(place = who, fault, "left alone for a while, it keeps failing");
            }
            Some(Status::Closed) => tracing::info!(place = who, "answers again"),
            _ => tracing::debug!(place = who, took_ms = took.as_millis() as u64, fault, "asked"),
        }
    }

    pub(crate) fn won(&self, row: usize) {
        self.lock().won(row);
    }

    pub(crate) fn p95(&self, row: usize) -> Option<Duration> {
        self.lock().p95(row)
    }

    pub(crate) fn standing(&self, row: usize) -> Standing {
        self.lock().standing(row, self.started.elapsed())
    }

    pub(crate) fn table(&self) -> Vec<Line> {
        self.lock().table(self.started.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, League> {
        self.league.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
