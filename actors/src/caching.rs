//! The cache of what was fetched, as actors use it: its work is done on blocking threads, and not waited for long.

use std::time::Duration;

use domain::track::Track;
use sources::cache::{Cache, Job, Look, Wanted};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// A disk that takes longer is slower than the network: music streams.
const DISK_MAX: Duration = Duration::from_secs(4);

/// What is here of a track.
pub(crate) async fn look(cache: &Cache, wanted: Wanted) -> Look {
    let cache = cache.clone();
    // what comes too late is given back by being dropped
    on_disk(move || cache.look(wanted)).await.unwrap_or(Look::Nothing)
}

/// The track behind a link, if it is here and still true.
pub(crate) async fn track(cache: &Cache, url: &str) -> Option<Track> {
    let (cache, url) = (cache.clone(), url.to_owned());
    if !cache.is_on() {
        return None;
    }
    on_disk(move || cache.track(&url)).await.flatten()
}

/// What the disk says, if it does in time.
pub(crate) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    timeout(DISK_MAX, spawn_blocking(work)).await.ok()?.ok()
}

/// Lets a job run. It is short and holds nothing of whoever offered it: it ends by itself, also after the track did.
pub(crate) fn run(job: Job) {
    drop(spawn_blocking(move || job.run()));
}
