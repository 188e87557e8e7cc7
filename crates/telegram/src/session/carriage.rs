//! A session on a machine without a disk: somebody else carries its bytes to where they outlive the machine.
//!
//! Two parcels for each account: the login, sealed or not sent at all, and its place in the updates, which changes with
//! every message and holds no secret. The login is read once, before anything connects.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use domain::{Fault, Reason};
use grammers_client::session::types::UpdatesState;
use ring::digest;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};

use super::memory::State;
use super::shape;
use crate::vault::{self, Vault};

/// How long a start waits for what was put away. Afterwards the account goes on with what it has: a bot that signs in
/// once more is better than none.
const FETCH_MAX: Duration = Duration::from_secs(20);
/// Between two tries to fetch.
const FETCH_AGAIN: Duration = Duration::from_millis(250);
/// The longest that one putting away may take.
const PUT_MAX: Duration = Duration::from_secs(10);
/// People whom the account met are put away this often; they are many, and met again anyway.
const PEOPLE_EVERY: Duration = Duration::from_secs(60);

/// What a carrier does takes time and may fail; the session waits only so long.
pub type Carried<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Whoever carries the bytes of one account to where they last.
pub trait Carrier: Send + Sync + 'static {
    /// What was put away last.
    fn fetch(&self) -> Carried<'_, Vec<Parcel>>;

    /// Puts these away, all or none, and resolves when they will last. A parcel whose revision is not greater than that
    /// of what lies there changes nothing.
    fn put(&self, parcels: Vec<Parcel>) -> Carried<'_, ()>;
}

/// Bytes that mean nothing to whoever carries them.
#[derive(Clone, PartialEq, Eq)]
pub struct Parcel {
    pub part: Part,
    pub revision: u64,
    pub bytes: Vec<u8>,
}

/// Each account has one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Keys and people; always sealed.
    Login,
    /// How far the updates took effect; sealed when there is a key.
    Place,
}

/// What a session knows of its carrier.
#[derive(Default)]
pub(super) struct Carriage {
    carrier: OnceLock<Arc<dyn Carrier>>,
    is_fetched: OnceCell<()>,
    /// Changes of the session, and how many of them are put away.
    n_changes: AtomicU64,
    n_put: AtomicU64,
    ledger: Mutex<Ledger>,
    is_failing: AtomicBool,
}

/// What lies there, as far as is known. Time is an argument.
#[derive(Debug, Default)]
struct Ledger {
    /// `None` until it was looked at; a parcel that is older than what lies there would be ignored.
    revision: Option<u64>,
    put: Prints,
    people_at: Option<Instant>,
}

/// A short stand-in for bytes.
type Print = [u8; 32];

#[derive(Debug, Clone, Copy, Default)]
struct Prints {
    place: Option<Print>,
    keys: Option<Print>,
    login: Option<Print>,
}

/// What has to be put away, still open.
#[derive(Debug)]
struct Due {
    place: Option<Vec<u8>>,
    login: Option<Vec<u8>>,
    prints: Prints,
}

// === impl Parcel ===

impl std::fmt::Debug for Parcel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Parcel { part, revision, bytes } = self;
        write!(f, "Parcel({part:?}, revision {revision}, {} bytes)", bytes.len())
    }
}

// === impl Carriage ===

impl Carriage {
    pub(super) fn begin(&self, carrier: Arc<dyn Carrier>) {
        let is_first = self.carrier.set(carrier).is_ok();
        debug_assert!(is_first, "a session has one carrier for its life");
    }

    pub(super) fn changed(&self) {
        self.n_changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Reads once what was put away, and gives it to `restore`. A carrier that is away is waited for a while; what cannot
    /// be read is fatal, because the next writing would destroy it.
    pub(super) async fn fetch(
        &self,
        restore: impl FnOnce(Vec<Parcel>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Some(carrier) = self.carrier.get() else { return Ok(()) };
        let fetching = async {
            let Some(found) = fetch_within(carrier.as_ref(), FETCH_MAX).await? else {
                return Ok(());
            };
            self.ledger().revision = Some(newest(&found));
            restore(found)
        };
        self.is_fetched.get_or_try_init(|| fetching).await.copied()
    }

    /// Puts away what changed. `state` is the session as it may be written down; it is taken on a thread that may be
    /// slow.
    pub(super) async fn put(
        &self,
        state: impl FnOnce() -> State + Send + 'static,
        vault: Option<Vault>,
        is_last: bool,
        within: Duration,
    ) -> Result<(), Fault> {
        let Some(carrier) = self.carrier.get() else { return Ok(()) };
        let n_changes = self.n_changes.load(Ordering::Acquire);
        // before it was fetched, what is here may be older than what lies there
        if n_changes == self.n_put.load(Ordering::Acquire) || !self.is_fetched.initialized() {
            return Ok(());
        }
        let putting = self.put_now(carrier.as_ref(), state, vault, is_last);
        let outcome = match timeout(within.min(PUT_MAX), putting).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::transient(Reason::Timeout, "it was not put away in time")),
        };
        match &outcome {
            Ok(is_whole) => {
                if *is_whole {
                    self.n_put.store(n_changes, Ordering::Release);
                }
                if self.is_failing.swap(false, Ordering::AcqRel) {
                    tracing::info!("a session is put away again");
                }
            }
            Err(fault) if !self.is_failing.swap(true, Ordering::AcqRel) => {
                tracing::warn!(%fault, "a session cannot be put away and lives in memory alone, will be tried again");
            }
            Err(_) => {}
        }
        outcome.map(drop)
    }

    /// Whether nothing is left for later.
    async fn put_now(
        &self,
        carrier: &dyn Carrier,
        state: impl FnOnce() -> State + Send + 'static,
        vault: Option<Vault>,
        is_last: bool,
    ) -> Result<bool, Fault> {
        let known = self.ledger().revision;
        let known = match known {
            Some(revision) => revision,
            None => newest(&carrier.fetch().await?),
        };
        let texts = tokio::task::spawn_blocking({
            let is_sealed = vault.is_some();
            move || texts(state(), is_sealed)
        });
        let gone = |_| Fault::transient(Reason::Internal, "a session was not read");
        let (place, login) = texts.await.map_err(gone)?;
        let now = Instant::now();
        let (due, revision, is_whole) = {
            let mut ledger = self.ledger();
            let revision = ledger.revision.unwrap_or(known).max(known) + 1;
            ledger.revision = Some(revision);
            let (due, is_whole) = ledger.due(place, login, is_last, now);
            (due, revision, is_whole)
        };
        let seal = |bytes: Vec<u8>| vault.as_ref().map_or(bytes.clone(), |one| one.seal(&bytes));
        let parcel = |part, bytes| Parcel { part, revision, bytes: seal(bytes) };
        let login = due.login.map(|bytes| parcel(Part::Login, bytes));
        let place = due.place.map(|bytes| parcel(Part::Place, bytes));
        let parcels: Vec<Parcel> = login.into_iter().chain(place).collect();
        if !parcels.is_empty() {
            carrier.put(parcels).await?;
            self.ledger().done(due.prints, now);
        }
        Ok(is_whole)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place, and its login: the keys alone, and everything.
type Texts = (Option<Vec<u8>>, Option<(Vec<u8>, Vec<u8>)>);

fn texts(mut state: State, is_sealed: bool) -> Texts {
    // neither is of use before it is there
    let place = (state.updates.pts != 0).then(|| shape::write_place(&state));
    let is_in =
        state.user.is_some() && state.home_option().is_some_and(|home| home.auth_key.is_some());
    state.updates = UpdatesState::default();
    let login =
        (is_in && is_sealed).then(|| (shape::write_keys(&state), shape::write_login(&state)));
    (place, login)
}

async fn fetch_within(
    carrier: &dyn Carrier,
    within: Duration,
) -> Result<Option<Vec<Parcel>>, Fault> {
    let until = Instant::now() + within;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let fault = match timeout(left, carrier.fetch()).await {
            Ok(Ok(found)) => return Ok(Some(found)),
            Ok(Err(fault)) if !fault.is_retryable() => {
                return Err(Fault::fatal(Reason::AccountLost, fault.detail));
            }
            Ok(Err(fault)) => fault,
            Err(_) => Fault::transient(Reason::Timeout, "no answer in time"),
        };
        if Instant::now() + FETCH_AGAIN >= until {
            tracing::warn!(
                %fault,
                "what was put away of a session cannot be had, going on without; a bot signs in anew and does not hear \
                 what was said while it was away"
            );
            return Ok(None);
        }
        sleep(FETCH_AGAIN).await;
    }
}

fn newest(found: &[Parcel]) -> u64 {
    found.iter().map(|parcel| parcel.revision).max().unwrap_or_default()
}

/// Puts what was found into the session.
pub(super) fn restore(
    state: &mut State,
    found: Vec<Parcel>,
    vault: Option<&Vault>,
) -> Result<(), Fault> {
    for wanted in [Part::Login, Part::Place] {
        let parcel = found.iter().find(|parcel| parcel.part == wanted);
        let Some(Parcel { bytes, .. }) = parcel else { continue };
        let unreadable = |error: &dyn std::fmt::Display| {
            let detail = format!("what was put away of this session cannot be read: {error}");
            Fault::fatal(Reason::AccountLost, detail)
        };
        let (text, is_sealed) =
            vault::open(bytes.clone(), vault).map_err(|error| unreadable(&error))?;
        match wanted {
            Part::Login if is_sealed => {
                state.take_over(shape::read_login(&text).map_err(|error| unreadable(&error))?);
            }
            Part::Login => {
                tracing::warn!("a login that is not sealed is none of ours and is left alone");
            }
            Part::Place => {
                let (user, place) = shape::read_place(&text).map_err(|error| unreadable(&error))?;
                state.go_on_at(user, place);
            }
        }
    }
    Ok(())
}

// === impl Ledger ===

impl Ledger {
    /// What is to be put away now, and whether that is all that changed.
    fn due(
        &self,
        place: Option<Vec<u8>>,
        login: Option<(Vec<u8>, Vec<u8>)>,
        is_last: bool,
        now: Instant,
    ) -> (Due, bool) {
        let mut prints = self.put;
        let place = place.filter(|place| {
            let print = print(place);
            prints.place.replace(print) != Some(print)
        });
        let mut is_whole = true;
        let login = login.and_then(|(keys, login)| {
            let (keys, whole) = (print(&keys), print(&login));
            if self.put.login == Some(whole) {
                return None;
            }
            let is_time = self.people_at.is_none_or(|at| now - at >= PEOPLE_EVERY);
            if !is_last && !is_time && self.put.keys == Some(keys) {
                is_whole = false;
                return None;
            }
            (prints.keys, prints.login) = (Some(keys), Some(whole));
            Some(login)
        });
        (Due { place, login, prints }, is_whole)
    }

    fn done(&mut self, prints: Prints, now: Instant) {
        if prints.login != self.put.login {
            self.people_at = Some(now);
        }
        self.put = prints;
    }
}

fn print(bytes: &[u8]) -> Print {
    let mut print = [0; 32];
    print.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    print
}

#[cfg(test)]
mod tests;
