//! The file: who may hold it, whether it is sound, which layout it has.

use std::fs::{DirBuilder, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
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
    /// Which file it is, whatever lies at its path by now.
    identity: (u64, u64),
    size_max_bytes: Option<u64>,
    /// Held by the kernel until it is closed, however the process ends. Declared after the connection: it is let go
    /// last.
    lock: std::fs::File,
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
        let identity = identity(&path).map_err(|error| unwritable(&path, &error))?;
        Ok(File { connection, path, identity, size_max_bytes: place.size_max_bytes, lock })
    }

    /// Whether it lies where it was opened: what is written to a file that was removed is gone with this process.
    pub(super) fn is_in_place(&self) -> bool {
        identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }

    /// Writes everything that the removed file holds to its place once more, with a lock of its own. What lies there
    /// already is somebody else's and stays.
    pub(super) fn put_back(&mut self) -> Result<(), Fault> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        create_directory(directory).map_err(|error| unwritable(directory, &error))?;
        let lock = self.lock_anew(directory)?;
        let is_taken = self.path.metadata().is_ok_and(|metadata| metadata.len() > 0);
        if is_taken {
            return Err(fault::transient(format!(
                "another file was put in the place of {} while it was in use",
                self.path.display()
            )));
        }
        let copied = || {
            create_private(&self.path).map_err(|error| unwritable(&self.path, &error))?;
            let to = self.path.to_string_lossy();
            self.connection
                .execute("VACUUM INTO ?1", [to])
                .and_then(|_| connect(&self.path))
                .and_then(|connection| {
                    settle(&connection)?;
                    self.size_max_bytes.map_or(Ok(()), |max| limit(&connection, max))?;
                    Ok(connection)
                })
                .map_err(|error| fault::from_sqlite(&error))
        };
        let connection = copied()?;
        let synced = std::fs::File::open(&self.path).and_then(|file| file.sync_all());
        self.identity = synced
            .and_then(|()| identity(&self.path))
            .map_err(|error| unwritable(&self.path, &error))?;
        self.connection = connection;
        if let Some(lock) = lock {
            self.lock = lock;
        }
        Ok(())
    }

    /// A lock in the place of ours, unless ours is there still.
    fn lock_anew(&self, directory: &Path) -> Result<Option<std::fs::File>, Fault> {
        let ours = self.lock.metadata().map(|metadata| (metadata.dev(), metadata.ino())).ok();
        match identity(&directory.join(LOCK_NAME)).ok() {
            there if there.is_some() && there == ours => Ok(None),
            _ => lock(directory).map(Some),
        }
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
        if let Some(missing) = schema::missing(&connection)? {
            return Err(Obstacle::Broken(missing));
        }
    }
    settle(&connection)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// How every connection works.
fn settle(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // a log that was long once does not keep its room
    connection.pragma_update(None, "journal_size_limit", 16 << 20)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
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
