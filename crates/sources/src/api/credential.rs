//! A credential that wears out: fetched when it is missing, and once more when the service no longer takes it.

use std::time::Duration;

use domain::Fault;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::secret::Secret;

/// Fetched anew this long before it ends, so that it does not end on the way.
const MARGIN: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Credential {
    held: Mutex<Option<Held>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) secret: Secret,
    pub(crate) until: Option<Instant>,
}

// === impl Held ===

impl Held {
    pub(crate) fn for_good(secret: Secret) -> Held {
        Held { secret, until: None }
    }

    pub(crate) fn lasting(secret: Secret, lifetime: Duration) -> Held {
        Held { secret, until: Some(Instant::now() + lifetime.saturating_sub(MARGIN)) }
    }
}

// === impl Credential ===

impl Credential {
    pub(crate) fn given(secret: Secret) -> Credential {
        Credential { held: Mutex::new(Some(Held::for_good(secret))) }
    }

    /// The one that is held, unless it has ended or is the one that was refused: then a fresh one, for which `fresh` is
    /// only driven when it is needed. Whoever comes while one is being fetched waits for it instead of fetching another.
    pub(crate) async fn current(
        &self,
        refused: Option<&Secret>,
        fresh: impl Future<Output = Result<Held, Fault>>,
    ) -> Result<Secret, Fault> {
        let mut held = self.held.lock().await;
        let is_good = |held: &Held| {
            Some(&held.secret) != refused && held.until.is_none_or(|until| Instant::now() < until)
        };
        if let Some(held) = held.as_ref().filter(|held| is_good(held)) {
            return Ok(held.secret.clone());
        }
        *held = None;
        Ok(held.insert(fresh.await?).secret.clone())
    }
}
