//! What keeps a store going.

use std::sync::Arc;

use domain::Fault;
use tokio::sync::{mpsc, watch};

use crate::embedded::{self, Engine};
use crate::fault;
use crate::meter::Meter;
use crate::request::Request;
use crate::settings::Settings;
use crate::store::Store;

/// Opens what is kept: locks it, checks it, brings it to this version's schema. A fatal fault is for the operator (its
/// words are the fix), a transient one may be gone at the next try.
pub async fn open(settings: Settings) -> Result<(Store, Driver), Fault> {
    let Some(directory) = settings.directory.clone() else {
        return Err(fault::fatal("no place for the state is set: set state.directory"));
    };
    let (requests, received) = mpsc::channel(settings.queue.max(1));
    let (ended, is_ended) = watch::channel(false);
    let meter = Arc::new(Meter::new("embedded"));
    let place = embedded::Place { directory, size_max_bytes: settings.size_max_bytes };
    let engine = Engine::start(place, received, Arc::clone(&meter), ended).await?;
    let store = Store::new(requests.clone(), meter, is_ended, settings.timeout);
    Ok((store, Driver { requests, engine }))
}

/// Drives a store. The caller owns it, and opens anew when it ends with a fault. Dropping it ends the engine after what
/// waits.
#[must_use = "the store ends with it"]
pub struct Driver {
    requests: mpsc::Sender<Request>,
    engine: Engine,
}

// === impl Driver ===

impl Driver {
    /// Runs until [`Store::close`] (`Ok`) or until the store has to be opened anew.
    pub async fn run(mut self) -> Result<(), Fault> {
        self.engine.ended().await
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.engine.end_soon();
        // wakes the thread; when there is no room it is awake
        drop(self.requests.try_send(Request::Close));
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
