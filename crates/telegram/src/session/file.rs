//! A session as one small file: JSON, owner-readable only, replaced whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::memory::State;
use super::shape::{self, ShapeError};
use crate::vault::{self, SealError, Vault};

/// How often, and how far apart, a lock is tried.
const CLAIM_TRIES: u32 = 20;
const CLAIM_PAUSE: Duration = Duration::from_millis(10);

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Shape(#[from] ShapeError),
    #[error("{0}")]
    Sealed(#[from] SealError),
}

// === impl FileError ===

impl FileError {
    /// Whether it is not what was written, and no other key or version could read it.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, FileError::Shape(ShapeError::Foreign { .. }))
    }
}

/// Reads the file; `None` when there is none.
pub(crate) fn load(path: &Path, vault: Option<&Vault>) -> Result<Option<State>, FileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (text, is_sealed) = vault::open(bytes, vault)?;
    let mut state = shape::read_login(&text)?;
    // an open file is sealed as soon as there is a key
    state.is_dirty = vault.is_some() && !is_sealed;
    Ok(Some(state))
}

/// Writes the file beside its place and moves it there, so that a crash leaves the old one or the new one.
pub(crate) fn save(path: &Path, state: &State, vault: Option<&Vault>) -> Result<(), FileError> {
    let text = shape::write_login(state);
    let text = vault.map_or_else(|| text.clone(), |vault| vault.seal(&text));
    let beside = sibling(path, "new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(())
}

/// Why a session could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{}", in_use(*.by))]
    InUse { by: Option<u32> },
}

fn in_use(by: Option<u32>) -> String {
    match by {
        Some(process) => format!("process {process} uses it"),
        None => "another process uses it".to_owned(),
    }
}

/// Takes the session for this process: two connections with one key cost the account its login
/// (`AUTH_KEY_DUPLICATED`, core.telegram.org). The lock ends with the returned file; who holds it stands in it.
pub(crate) fn claim(path: &Path) -> Result<File, ClaimError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let lock = sibling(path, "lock");
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&lock)?;
    // A process being started elsewhere in this program holds a copy of every lock for a moment.
    for _ in 0..CLAIM_TRIES {
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                write!(file, "{}", std::process::id())?;
                return Ok(file);
            }
            Err(fs::TryLockError::WouldBlock) => thread::sleep(CLAIM_PAUSE),
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
    }
    let by = fs::read_to_string(&lock).ok().and_then(|text| text.trim().parse().ok());
    Err(ClaimError::InUse { by })
}

/// Copies the file beside its place, unless such a copy is there already.
pub(crate) fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let copy = sibling(path, "refused");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&copy) {
        Ok(mut file) => file.write_all(&fs::read(path)?)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(copy)
}

/// Moves the file beside its place, under a name that is free.
pub(crate) fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let names = (1..).map(|n: u32| sibling(path, &format!("broken-{n}")));
    let aside =
        names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| sibling(path, "broken"));
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn sibling(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    path.with_file_name(name)
}
