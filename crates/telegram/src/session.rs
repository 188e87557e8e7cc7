//! Who the account is: its keys, the peers it met, and how far it has read.
//!
//! A session outlives connections: a rebuilt connection gets the same one and needs no new login. It must never be
//! connected twice at once; the file is locked against other processes, and a lease against ourselves.

mod alone;
mod carriage;
mod file;
mod memory;
mod recent;
mod settling;
mod shape;
mod strings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Fault, Reason, UserId};
use grammers_client::session::types::UpdatesState;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use carriage::Carriage;
pub use carriage::{Carried, Carrier, Parcel, Part};
use memory::State;
pub(crate) use memory::{Memory, is_somewhere};
pub use recent::Heard;
use recent::Recent;
use settling::Settling;
pub use strings::StringError;

use crate::flood::Gate;
use crate::incoming::Incoming;
use crate::secret::Secret;
use crate::unreadable::Unreadable;
use crate::vault::Vault;

/// An account's lasting identity. Cheap to clone; every clone is the same session. Keep one for as long as the
/// account is used, through all its connections.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    memory: Arc<Memory>,
    path: Option<PathBuf>,
    /// Seals the file.
    vault: Option<Vault>,
    /// One writer at a time, so that an older state never lands on a newer one.
    saving: Mutex<()>,
    /// Held by the one connection that may be open.
    lease: Arc<Semaphore>,
    /// A connection began and did not end properly: its sockets may live for another moment.
    is_open: AtomicBool,
    recent: Mutex<Recent>,
    settling: Mutex<Settling>,
    gate: Mutex<Gate>,
    unreadable: Unreadable,
    carriage: Carriage,
    /// Keeps other processes away from the file.
    _claim: Option<File>,
    /// Keeps them away from the login, wherever their files are.
    alone: Mutex<Option<UnixDatagram>>,
}

// === impl Session ===

impl Session {
    /// An account that has logged in elsewhere: a Telethon, Pyrogram or Kurigram string. If the file at `path`
    /// belongs to the same key, the file's memory (peers, place in the updates) is kept.
    ///
    /// A damaged file is put aside: the string has what matters. Fatal faults: the string or the file is unusable.
    /// Transient: another process holds the file.
    pub fn import(string: &Secret, path: Option<&Path>) -> Result<Session, Fault> {
        Session::import_sealed(string, path, None)
    }

    /// The same, with the file sealed by a key; an open file is read and sealed.
    pub fn import_sealed(
        string: &Secret,
        path: Option<&Path>,
        vault: Option<Vault>,
    ) -> Result<Session, Fault> {
        let login = strings::parse(string)?;
        let claim = claim(path)?;
        let state = match load_or_put_aside(path, vault.as_ref())? {
            Some(saved)
                if saved.home_option().and_then(|home| home.auth_key) == Some(login.key) =>
            {
                saved
            }
            Some(_) => {
                tracing::warn!(path = ?path, "the session file belongs to another login and will be replaced");
                State::from_login(&login)
            }
            None => State::from_login(&login),
        };
        let session = Session::new(state, path, claim, vault);
        session.inner.memory.lock().keeps_key = true;
        Ok(session)
    }

    /// The account in the file at `path`, or nobody yet (a bot that will sign in).
    pub fn open(path: Option<&Path>) -> Result<Session, Fault> {
        Session::open_sealed(path, None)
    }

    /// The same, with the file sealed by a key; an open file is read and sealed.
    pub fn open_sealed(path: Option<&Path>, vault: Option<Vault>) -> Result<Session, Fault> {
        let claim = claim(path)?;
        let state = load(path, vault.as_ref())?.unwrap_or_else(State::new);
        Ok(Session::new(state, path, claim, vault))
    }

    fn new(
        state: State,
        path: Option<&Path>,
        claim: Option<File>,
        vault: Option<Vault>,
    ) -> Session {
        Session {
            inner: Arc::new(Inner {
                memory: Arc::new(Memory::new(state)),
                path: path.map(Path::to_owned),
                vault,
                saving: Mutex::new(()),
                lease: Arc::new(Semaphore::new(1)),
                is_open: AtomicBool::new(false),
                recent: Mutex::default(),
                settling: Mutex::default(),
                gate: Mutex::default(),
                unreadable: Unreadable::beside(path),
                carriage: Carriage::default(),
                _claim: claim,
                alone: Mutex::default(),
            }),
        }
    }

    /// Takes the login for this process alone, also against processes that keep their files elsewhere on this machine.
    /// It is free again when the last clone of the session is gone. Transient: another process has it.
    pub fn claim_login(&self) -> Result<(), Fault> {
        let Some(key) = self.key() else { return Ok(()) };
        let mut alone = self.inner.alone.lock().unwrap_or_else(PoisonError::into_inner);
        if alone.is_none() {
            *alone = alone::claim(&key).map_err(|_| {
                Fault::transient(
                    Reason::Internal,
                    "another process of this machine is connected with this login, from another state.directory",
                )
            })?;
        }
        Ok(())
    }

    /// Whether `other` is the same login: connected at once, they would cost the account that login.
    pub fn is_same_login(&self, other: &Session) -> bool {
        self.key().is_some_and(|key| other.key() == Some(key))
    }

    fn key(&self) -> Option<strings::Key> {
        self.inner.memory.lock().home_option().and_then(|home| home.auth_key)
    }

    /// The account's own id, once known.
    pub fn user_id(&self) -> Option<UserId> {
        self.inner.memory.lock().user.map(UserId)
    }

    /// The session as a Telethon string; `None` without a key.
    pub fn export(&self) -> Option<Secret> {
        let state = self.inner.memory.lock();
        let home = state.home_option()?;
        let address =
            if state.prefers_ipv6 { SocketAddr::V6(home.ipv6) } else { SocketAddr::V4(home.ipv4) };
        Some(strings::telethon(home.id, address, &home.auth_key?))
    }

    /// From now on this carries the session too, to a place that outlives this machine's disk. Once, and before anything
    /// connects. Without a vault only the place in the updates is handed out.
    pub fn carry(&self, carrier: Arc<dyn Carrier>) {
        self.inner.carriage.begin(carrier);
    }

    /// Waits for what was put away of it and takes it up, the first time; a connection waits for this by itself. Fatal
    /// when it is there and cannot be read.
    pub async fn fetch(&self) -> Result<(), Fault> {
        let restore = |found| {
            let mut state = self.inner.memory.lock();
            carriage::restore(&mut state, found, self.inner.vault.as_ref())
        };
        self.inner.carriage.fetch(restore).await
    }

    /// Writes the file, if there is one and something changed: whole or not at all, readable by the owner only.
    /// Blocks for as long as the disk takes.
    pub fn save(&self) -> Result<(), Fault> {
        self.inner.unreadable.save();
        let _one = self.inner.saving.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut state = self.inner.memory.lock();
            if !state.is_dirty {
                return Ok(());
            }
            state.is_dirty = false;
        }
        self.inner.carriage.changed();
        let Some(path) = &self.inner.path else { return Ok(()) };
        file::save(path, &self.settled(), self.inner.vault.as_ref()).map_err(|error| {
            self.inner.memory.lock().is_dirty = true;
            Fault::transient(
                Reason::Internal,
                format!("session file {} not written: {error}", path.display()),
            )
        })
    }

    /// Hands out what changed since [`Session::save`] looked last, to whoever carries it.
    pub(crate) async fn put_away(&self, is_last: bool, within: Duration) -> Result<(), Fault> {
        let session = self.clone();
        let vault = self.inner.vault.clone();
        self.inner.carriage.put(move || session.settled(), vault, is_last, within).await
    }

    /// The session as another process may take it up.
    fn settled(&self) -> State {
        let mut state = self.inner.memory.lock().clone();
        if let Some(safe) = self.settling().place() {
            state.updates = safe.clone();
        }
        state
    }

    /// What grammers works with.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.inner.memory
    }

    /// The right to be connected.
    pub(crate) fn lease(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.lease)
    }

    pub(crate) fn pin(&self, addresses: &[(i32, SocketAddr)]) {
        self.inner.memory.lock().pin(addresses);
    }

    pub(crate) fn has_key(&self) -> bool {
        self.key().is_some()
    }

    /// A connection begins; whether the last one was cut off.
    pub(crate) fn begin(&self) -> bool {
        self.inner.is_open.swap(true, Ordering::SeqCst)
    }

    /// A connection ended; whether its sockets were closed properly.
    pub(crate) fn end(&self, is_clean: bool) {
        self.inner.is_open.store(!is_clean, Ordering::SeqCst);
    }

    /// Whether this account heard it for the first time, however often its connection was rebuilt.
    pub(crate) fn is_news(&self, event: &Incoming) -> bool {
        let is_news = self.recent().is_news(event);
        if let Some(heard) = Heard::of(event).filter(|_| is_news) {
            self.settling().heard(&heard, Instant::now());
        }
        is_news
    }

    /// From now on the place in the updates is written down only as far as what was heard is settled
    /// ([`Session::settle`]), so that another process hears the rest again. Call it before anything is heard.
    pub fn settle_by_hand(&self) {
        let place = self.inner.memory.lock().updates.clone();
        self.settling().by_hand(place);
    }

    /// Telegram's time, since 1970, as its last greeting told it: this machine's clock may be anything. `None` before the
    /// first connection.
    pub fn time(&self) -> Option<Duration> {
        self.inner.memory.time()
    }

    /// What was heard took effect, or is none of ours.
    pub fn settle(&self, heard: &Heard) {
        if self.settling().settle(heard) {
            self.inner.memory.lock().is_dirty = true;
        }
    }

    /// The very first place of an account: nothing before it is ours.
    pub(crate) fn begin_at(&self, place: UpdatesState) {
        self.settling().begin_at(place);
    }

    /// Everything up to this place was handed on.
    pub(crate) fn mark(&self, place: UpdatesState) {
        self.settling().mark(place, Instant::now());
    }

    /// Where another connection begins to read: where everything is settled, if that is known.
    pub(crate) fn place(&self) -> UpdatesState {
        let mut settling = self.settling();
        let Some(place) = settling.place().cloned() else {
            return self.inner.memory.lock().updates.clone();
        };
        let open = settling.start_over();
        drop(settling);
        let mut recent = self.recent();
        open.iter().for_each(|heard| recent.forget(heard));
        place
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.inner.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settling(&self) -> MutexGuard<'_, Settling> {
        self.inner.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which methods Telegram told this account to wait with.
    pub(crate) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.inner.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this account could not read.
    pub(crate) fn unreadable(&self) -> &Unreadable {
        &self.inner.unreadable
    }

    /// Puts a copy of the file aside, once, because its login was refused: if the refusal was wrong, the key is still
    /// there. Where the copy is.
    pub(crate) fn put_aside(&self) -> Option<PathBuf> {
        let path = self.inner.path.as_deref()?;
        match file::put_aside(path) {
            Ok(copy) => Some(copy),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the session file could not be put aside");
                None
            }
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.user_id())
            .field("path", &self.inner.path)
            .finish()
    }
}

fn claim(path: Option<&Path>) -> Result<Option<File>, Fault> {
    let Some(path) = path else { return Ok(None) };
    let claimed = file::claim(path).map_err(|error| {
        let detail = format!("session file {} cannot be taken: {error}", path.display());
        match error {
            // it will be free when that process ends
            file::ClaimError::InUse { .. } => Fault::transient(Reason::Internal, detail),
            file::ClaimError::Io(_) => Fault::fatal(
                Reason::AccountLost,
                format!("{detail}; give this user the right to write in state.directory"),
            ),
        }
    })?;
    Ok(Some(claimed))
}

fn load(path: Option<&Path>, vault: Option<&Vault>) -> Result<Option<State>, Fault> {
    let Some(path) = path else { return Ok(None) };
    file::load(path, vault).map_err(|error| unreadable(path, &error))
}

/// The same where the file holds nothing that could not be had again.
fn load_or_put_aside(path: Option<&Path>, vault: Option<&Vault>) -> Result<Option<State>, Fault> {
    let Some(path) = path else { return Ok(None) };
    let error = match file::load(path, vault) {
        Err(error) if error.is_damage() => error,
        loaded => return loaded.map_err(|error| unreadable(path, &error)),
    };
    let aside =
        file::move_aside(path).map_err(|why| unreadable(path, &file::FileError::Io(why)))?;
    tracing::warn!(
        %error, aside = %aside.display(),
        "a session file was damaged and put aside; the session string goes on without it, and what was said while this \
         program was away is not heard by this account"
    );
    Ok(None)
}

fn unreadable(path: &Path, error: &file::FileError) -> Fault {
    let fix = match error.is_damage() {
        true => "; put a backup in its place, or move it away to sign in anew",
        false => "",
    };
    Fault::fatal(
        Reason::AccountLost,
        format!("session file {} cannot be read: {error}{fix}", path.display()),
    )
}

impl From<StringError> for Fault {
    fn from(error: StringError) -> Fault {
        Fault::fatal(Reason::AccountLost, error.to_string())
    }
}
