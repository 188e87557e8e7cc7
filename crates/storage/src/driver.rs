//! What keeps a store going.

use std::path::Path;
use std::sync::Arc;

use domain::Fault;
use tokio::sync::{Notify, mpsc, watch};

use crate::alone::Alone;
use crate::embedded::{Engine, Place};
use crate::fault;
use crate::meter::Meter;
use crate::mongo::{Address, Mongo};
use crate::replay::Replay;
use crate::request::Request;
use crate::settings::Settings;
use crate::store::Store;

/// Opens what is kept: locks it, checks it, brings it to this version's schema. A fatal fault is for the operator (its
/// words are the fix), a transient one may be gone at the next try.
///
/// With a MongoDB and no directory that can be written, MongoDB alone serves, unless a file is there already: it may
/// hold what MongoDB has not got.
pub async fn open(settings: Settings) -> Result<(Store, Driver), Fault> {
    let Settings { directory, mongo, lease, timeout, queue, size_max_bytes } = settings;
    let (requests, received) = mpsc::channel(queue.max(1));
    let (ended, is_ended) = watch::channel(false);
    let store = |meter: &Arc<Meter>| {
        Store::new(requests.clone(), Arc::clone(meter), is_ended.clone(), timeout)
    };
    match (directory, mongo) {
        (None, None) => {
            Err(fault::fatal("there is no place for the state: set state.directory or MONGODB_URI"))
        }
        (Some(directory), None) => {
            let meter = Arc::new(Meter::new("embedded"));
            let place = Place { directory, size_max_bytes, bell: None };
            let engine = Engine::start(place, received, Arc::clone(&meter), ended).await?;
            let store = store(&meter);
            Ok((store, Driver { requests, body: Body::Embedded(engine) }))
        }
        (Some(directory), Some(address)) if is_of_use(&directory).await => {
            let meter = Arc::new(Meter::new("embedded+mongodb"));
            let bell = Arc::new(Notify::new());
            let place = Place { directory, size_max_bytes, bell: Some(Arc::clone(&bell)) };
            let engine = Engine::start(place, received, Arc::clone(&meter), ended).await?;
            let store = store(&meter);
            let mut replay = Replay::new(address, store.clone(), Arc::clone(&meter), bell);
            let greeted = replay.greet().await;
            let driver = Driver { requests, body: Body::Both(engine, replay) };
            // dropping the driver ends the engine
            greeted.map(|()| (store, driver))
        }
        (directory, Some(address)) => {
            if let Some(directory) = directory {
                tracing::error!(
                    directory = %directory.display(),
                    "the state directory cannot be written, so MongoDB alone keeps the state; give this user the right \
                     to write there, or set storage.engine = \"mongodb\""
                );
            }
            let meter = Arc::new(Meter::new("mongodb"));
            let mongo = connect(&address).await?;
            let store = store(&meter);
            let alone = Alone { mongo, lease, requests: received, meter, ended };
            Ok((store, Driver { requests, body: Body::Alone(alone) }))
        }
    }
}

/// A quick look before anything is started: the file of a newer version, or of another program, is refused, with the fix
/// in words. It takes nothing, changes nothing and asks no network.
pub fn look(settings: &Settings) -> Result<(), Fault> {
    settings.directory.as_deref().map_or(Ok(()), Engine::look)
}

async fn connect(address: &Address) -> Result<Mongo, Fault> {
    let mongo = Mongo::connect(address).await?;
    mongo.prepare().await?;
    Ok(mongo)
}

/// Whether a file can be made there, or is there.
async fn is_of_use(directory: &Path) -> bool {
    let directory = directory.to_owned();
    let look = tokio::task::spawn_blocking(move || Engine::is_possible(&directory));
    look.await.unwrap_or(true)
}

/// Drives a store. The caller owns it, and opens anew when it ends with a fault. Dropping it ends the engine after what
/// waits.
#[must_use = "the store ends with it"]
pub struct Driver {
    requests: mpsc::Sender<Request>,
    body: Body,
}

enum Body {
    Embedded(Engine),
    Both(Engine, Replay),
    Alone(Alone),
    /// It ran.
    Spent,
}

// === impl Driver ===

impl Driver {
    /// Runs until [`Store::close`] (`Ok`) or until the store has to be opened anew.
    pub async fn run(mut self) -> Result<(), Fault> {
        match std::mem::replace(&mut self.body, Body::Spent) {
            Body::Embedded(engine) => engine.ended().await,
            Body::Both(engine, replay) => {
                tokio::select! {
                    outcome = engine.ended() => outcome,
                    () = replay.run() => Ok(()),
                }
            }
            Body::Alone(alone) => alone.run().await,
            Body::Spent => Ok(()),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // wakes the thread; when there is no room it is awake, and sees that its engine is gone
        drop(self.requests.try_send(Request::Close));
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
