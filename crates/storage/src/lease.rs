//! One process at a time, where no file's lock says so: a record in MongoDB that its owner keeps raising.
//!
//! The rules are `domain::lease`; this asks MongoDB and tells the time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::lease::{Candidate, Holder, Owner, RAISE_EVERY, Step};
use domain::{Fault, Reason};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::fault;
use crate::mongo::{Address, Mongo};
use crate::settings::Settings;

/// How long one question may take. A count that is raised every few seconds has to be seen to rise.
const ASK_MAX: Duration = Duration::from_secs(5);
/// The first one finds the way there.
const FIRST_MAX: Duration = Duration::from_secs(15);
/// Between two tries to raise the count while MongoDB is away.
const AGAIN: Duration = Duration::from_millis(500);
/// How long a write waits for the word that we own it still.
const WORD_MAX: Duration = Duration::from_secs(4);
/// How long giving it back may take; nobody waits longer for a process that ends.
const BACK_MAX: Duration = Duration::from_secs(1);

/// The right to be the one process. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Lease(Arc<Inner>);

/// What came of asking for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    Ours,
    /// Another process has it, and may be alive.
    Theirs,
}

struct Inner {
    address: Address,
    me: Owner,
    started: Instant,
    mongo: tokio::sync::Mutex<Option<Arc<Mongo>>>,
    candidate: Mutex<Candidate>,
    holder: watch::Sender<Option<Holder>>,
    /// A write waits to hear whether we own it still.
    wanted: Notify,
}

// === impl Lease ===

impl Lease {
    /// `None` where a directory's locks keep processes apart. `random` names this process.
    pub fn of(settings: &Settings, random: u64) -> Option<Lease> {
        let address = settings.mongo.clone().filter(|_| settings.directory.is_none())?;
        // MongoDB's numbers have a sign
        let me = Owner(random >> 1);
        Some(Lease(Arc::new(Inner {
            address,
            me,
            started: Instant::now(),
            mongo: tokio::sync::Mutex::default(),
            candidate: Mutex::new(Candidate::new(me)),
            holder: watch::Sender::new(None),
            wanted: Notify::new(),
        })))
    }

    /// Asks for it once. To be asked again every [`LOOK_EVERY`](domain::lease::LOOK_EVERY) until it is ours.
    pub async fn claim(&self) -> Result<Claim, Fault> {
        let claimed = self.try_claim().await;
        if claimed.is_err() {
            self.candidate().blind();
        }
        claimed
    }

    async fn try_claim(&self) -> Result<Claim, Fault> {
        let mongo = self.mongo(FIRST_MAX).await?;
        let asked = self.now();
        let found = within(ASK_MAX, mongo.lease()).await?;
        let step = self.candidate().look(found, self.now());
        let ours = match step {
            Step::Wait => return Ok(Claim::Theirs),
            Step::Ours(lease) => lease,
            Step::Take(to) => {
                if !within(ASK_MAX, mongo.replace_lease(found, to)).await? {
                    return Ok(Claim::Theirs);
                }
                to
            }
        };
        self.0.holder.send_replace(Some(Holder::new(self.0.me, ours, asked)));
        Ok(Claim::Ours)
    }

    /// Keeps it; ends when another process has it.
    pub async fn keep(&self) {
        let mut wait = RAISE_EVERY;
        loop {
            tokio::select! {
                () = sleep(wait) => {}
                () = self.0.wanted.notified() => {}
            }
            wait = match self.raise().await {
                Ok(()) if self.is_lost() => return,
                Ok(()) => RAISE_EVERY,
                Err(fault) => {
                    tracing::debug!(%fault, "the lease could not be renewed");
                    AGAIN
                }
            };
        }
    }

    /// Lets the next one go on at once. The last thing that a process writes.
    pub async fn give_back(&self) {
        let is_ours = self.0.holder.borrow().as_ref().is_some_and(|holder| !holder.is_lost());
        if !is_ours {
            return;
        }
        let back = async { self.mongo(BACK_MAX).await?.release_lease(self.0.me).await };
        if let Err(fault) = within(BACK_MAX, back).await {
            tracing::warn!(%fault, "another instance has to wait until it sees that this one is gone");
        }
    }

    /// Until when a write that begins now may be under way. Asks first where that is not known.
    pub(crate) async fn may_write(&self) -> Result<Instant, Fault> {
        let mut holder = self.0.holder.subscribe();
        let known = async {
            loop {
                let now = self.now();
                let word = holder.borrow_and_update().as_ref().map(|holder| {
                    if holder.is_lost() { Err(lost()) } else { Ok(holder.may_write(now)) }
                });
                match word {
                    Some(Ok(Some(until))) => return Ok(self.0.started + until),
                    Some(Err(fault)) => return Err(fault),
                    _ => self.0.wanted.notify_one(),
                }
                if holder.changed().await.is_err() {
                    return Err(lost());
                }
            }
        };
        timeout(WORD_MAX, known).await.unwrap_or_else(|_| {
            Err(fault::transient("MongoDB is away, and another instance may have taken over"))
        })
    }

    async fn raise(&self) -> Result<(), Fault> {
        let mongo = self.mongo(ASK_MAX).await?;
        let Some((from, to)) = self.0.holder.borrow().as_ref().map(Holder::raise) else {
            return Ok(());
        };
        let asked = self.now();
        if within(ASK_MAX, mongo.replace_lease(from, to)).await? {
            self.change(|holder| holder.raised(to, asked));
            return Ok(());
        }
        let asked = self.now();
        let found = within(ASK_MAX, mongo.lease()).await?;
        self.change(|holder| holder.found(found, asked));
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Holder)) {
        self.0.holder.send_modify(|holder| {
            if let Some(holder) = holder {
                change(holder);
            }
        });
    }

    fn is_lost(&self) -> bool {
        self.0.holder.borrow().as_ref().is_some_and(Holder::is_lost)
    }

    async fn mongo(&self, max: Duration) -> Result<Arc<Mongo>, Fault> {
        let mut slot = self.0.mongo.lock().await;
        if let Some(mongo) = &*slot {
            return Ok(Arc::clone(mongo));
        }
        let mongo = Arc::new(within(max, Mongo::connect(&self.0.address)).await?);
        *slot = Some(Arc::clone(&mongo));
        Ok(mongo)
    }

    fn now(&self) -> Duration {
        self.0.started.elapsed()
    }

    fn candidate(&self) -> MutexGuard<'_, Candidate> {
        self.0.candidate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

/// Runs a write while nobody else can write, where there is somebody else.
pub(crate) async fn guarded<T>(
    lease: Option<&Lease>,
    write: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let Some(lease) = lease else { return write.await };
    let until = lease.may_write().await?;
    tokio::select! {
        // a process that stood still must not go on with it for one more step
        biased;
        () = sleep_until(until) => Err(late()),
        written = write => written,
    }
}

async fn within<T>(
    max: Duration,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    timeout(max, work).await.unwrap_or_else(|_| Err(late()))
}

fn late() -> Fault {
    Fault::transient(Reason::Timeout, "MongoDB: no answer in time")
}

fn lost() -> Fault {
    Fault::refused(Reason::Stopping, "another instance has taken over")
}
