//! The file: who may hold it, whether it is sound, which layout it has.

use std::fs::{DirBuilder, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::Fault;
use rusqlite::{Connection, OpenFlags};

use super::{Place, outbox, salvage, schema};
use crate::fault;
use crate::meter::Meter;

pub(super) const NAME: &str = "armedmusic.db";
const LOCK_NAME: &str = "armedmusic.db.lock";

/// How long a former life of this process, or a dying process, may keep the lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
const LOCK_EVERY: Duration = Duration::from_millis(20);

/// How long another program (an operator's sqlite3, a backup) may hold the file before a commit fails.
const BUSY_MAX: Duration = Duration::from_secs(3);

/// The open file. Whoever has it is the only one.
pub(super) struct File {
    pub(super) connection: Connection,
    path: PathBuf,
    /// Held by the kernel until it is closed, however the process ends. Declared after the connection: it is let go
    /// last.
    _lock: std::fs::File,
}

/// What stands between the file and its use.
enum Obstacle {
    Fault(Fault),
    /// It is not what was written: why.
    Broken(String),
}

// === impl File ===

impl File {
    pub(super) fn open(place: &Place, meter: &Meter) -> Result<File, Fault> {
        let directory = &place.directory;
        create_directory(directory).map_err(|error| unwritable(directory, &error))?;
        let lock = lock(directory)?;
        let path = directory.join(NAME);
        let connection = match prepare(&path) {
            Ok(connection) => connection,
            Err(Obstacle::Fault(fault)) => return Err(fault),
            Err(Obstacle::Broken(why)) => begin_anew(&path, &why, meter)?,
        };
        if place.bell.is_none() {
            outbox::forget(&connection).map_err(|error| fault::from_sqlite(&error))?;
        }
        if let Some(max) = place.size_max_bytes {
            limit(&connection, max).map_err(|error| fault::from_sqlite(&error))?;
        }
        Ok(File { connection, path, _lock: lock })
    }

    /// Everything goes from the log into the file, so that a copy of the one file is a whole copy.
    pub(super) fn close(self) {
        let checkpoint =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = checkpoint {
            tracing::debug!(%error, "the log stays beside the file; nothing is lost");
        }
    }

    pub(super) fn n_bytes(&self) -> u64 {
        [self.path.clone(), beside(&self.path, "-wal")]
            .iter()
            .filter_map(|path| path.metadata().ok())
            .map(|metadata| metadata.len())
            .sum()
    }
}

/// Opens what is at `path`, or makes it, and looks whether all is well.
fn prepare(path: &Path) -> Result<Connection, Obstacle> {
    create_private(path).map_err(|error| Obstacle::Fault(unwritable(path, &error)))?;
    let mut connection = connect(path)?;
    if !schema::is_empty(&connection)? || schema::version(&connection)? > 0 {
        recognise(&connection, path)?;
        check(&connection)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // a log that was long once does not keep its room
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

pub(super) fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_MAX)?;
    Ok(connection)
}

/// Refuses a file that is somebody else's, or that a newer build wrote.
fn recognise(connection: &Connection, path: &Path) -> Result<(), Obstacle> {
    let path = path.display();
    if schema::application_id(connection)? != schema::APPLICATION_ID {
        return Err(Obstacle::Fault(fault::fatal(format!(
            "{path} belongs to another program: move it away, or set state.directory elsewhere"
        ))));
    }
    let version = schema::version(connection)?;
    if version > schema::VERSION {
        return Err(Obstacle::Fault(fault::fatal(format!(
            "{path} was written by a newer version (layout {version}, this one knows {}): install that version again, \
             or move the file away to begin anew",
            schema::VERSION
        ))));
    }
    Ok(())
}

/// Whether this build may use the file in `directory`, without taking it or changing it. What is wrong with it in other
/// ways is met when it is opened.
pub(super) fn look(directory: &Path) -> Result<(), Fault> {
    let path = directory.join(NAME);
    if !path.is_file() {
        return Ok(());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let seen = || {
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(BUSY_MAX)?;
        match schema::is_empty(&connection)? && schema::version(&connection)? == 0 {
            true => Ok(()),
            false => recognise(&connection, &path),
        }
    };
    match seen() {
        Err(Obstacle::Fault(fault)) if fault.class == domain::Class::Fatal => Err(fault),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// SQLite's own look at every page.
fn check(connection: &Connection) -> Result<(), Obstacle> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(Obstacle::Broken(verdict)) }
}

/// Puts the broken file aside and begins a new one with as much of it as can be read.
fn begin_anew(path: &Path, why: &str, meter: &Meter) -> Result<Connection, Fault> {
    let aside = put_aside(path).map_err(|error| {
        fault::transient(format!(
            "{} is damaged ({why}) and cannot be put aside ({error}): check its directory's rights",
            path.display()
        ))
    })?;
    let mut connection = prepare(path).map_err(|obstacle| match obstacle {
        Obstacle::Fault(fault) => fault,
        Obstacle::Broken(why) => fault::transient(format!("a new file is damaged at once: {why}")),
    })?;
    let saved = salvage::salvage(&aside, &mut connection, meter);
    tracing::error!(
        why, aside = %aside.display(), saved = saved.n_rows, lost_at_least = saved.n_gaps,
        "the state's file was damaged: it was put aside, and what could be read of it is in a new one; check the disk, \
         and import a backup if something is missing"
    );
    Ok(connection)
}

fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let mut at = now_s();
    let mut aside = beside(path, &format!(".broken-{at}"));
    while aside.exists() {
        at += 1;
        aside = beside(path, &format!(".broken-{at}"));
    }
    std::fs::rename(path, &aside)?;
    // SQLite looks for the log under the file's name
    for suffix in ["-wal", "-shm"] {
        match std::fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

fn create_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Tries it, because rights alone do not say it: disks are mounted for reading, and root may everything.
pub(super) fn is_writable(directory: &Path) -> bool {
    create_directory(directory).and_then(|()| open_lock(directory)).is_ok()
}

fn open_lock(directory: &Path) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).open(directory.join(LOCK_NAME))
}

/// One process for one directory.
fn lock(directory: &Path) -> Result<std::fs::File, Fault> {
    let file = open_lock(directory).map_err(|error| unwritable(directory, &error))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if since.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_EVERY);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(fault::fatal(format!(
                    "another process uses {}: stop it, or set another state.directory for this one",
                    directory.display()
                )));
            }
            Err(TryLockError::Error(error)) => {
                let directory = directory.display();
                return Err(fault::transient(format!("{directory} cannot be locked: {error}")));
            }
        }
    }
}

/// Before SQLite makes it: nobody else may read it, and SQLite gives its other files the same rights.
fn create_private(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn limit(connection: &Connection, max_bytes: u64) -> Result<(), rusqlite::Error> {
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let n_pages = i64::try_from(max_bytes).unwrap_or(i64::MAX) / page.max(1);
    connection.query_row(&format!("PRAGMA max_page_count = {}", n_pages.max(1)), [], |_| Ok(()))
}

fn unwritable(path: &Path, error: &io::Error) -> Fault {
    fault::transient(format!(
        "{} cannot be written ({error}): give this user the right to write there, or set another state.directory",
        path.display()
    ))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl From<rusqlite::Error> for Obstacle {
    fn from(error: rusqlite::Error) -> Obstacle {
        if fault::is_broken(&error) {
            Obstacle::Broken(error.to_string())
        } else {
            Obstacle::Fault(fault::from_sqlite(&error))
        }
    }
}
