//! The directory: bodies by what they hold, entries, parts and journals by what they are called. Blocking.
//!
//! Every file is written beside its place and renamed into it, so whatever kills the program leaves a whole one. What
//! does not make sense at the start is removed; what is not named as ours is left alone.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::name::{Content, Key, Name};
use super::paper::{Entry, Journal};

const BODY: &str = "body";
const ENTRY: &str = "entry";
const PART: &str = "part";
const JOURNAL: &str = "journal";
/// What was being written when the program ended.
const NEW: &str = "new";
const LOCK: &str = "lock";

/// How bytes are put into a file; tests have disks that are full.
pub(super) type Append = fn(&mut File, &[u8]) -> io::Result<()>;

/// The directory while it is ours.
#[derive(Debug)]
pub(super) struct Disk {
    directory: PathBuf,
    append: Append,
    /// Held open: two processes would remove each other's files.
    _lock: File,
}

/// What lay there.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) entries: Vec<(Key, Entry)>,
    pub(super) parts: Vec<(Key, u64)>,
    /// What made no sense.
    pub(super) n_dropped: usize,
}

// === impl Disk ===

impl Disk {
    /// Takes the directory, and cleans it up.
    pub(super) fn open(
        directory: &Path,
        append: Append,
        part_age_max: Duration,
    ) -> io::Result<(Disk, Found)> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(directory.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => io::Error::other("another process uses it"),
            fs::TryLockError::Error(error) => error,
        })?;
        let disk = Disk { directory: directory.to_owned(), append, _lock: lock };
        let found = disk.scan(part_age_max)?;
        Ok((disk, found))
    }

    fn scan(&self, part_age_max: Duration) -> io::Result<Found> {
        let (mut entries, mut bodies) = (Vec::new(), HashSet::new());
        let (mut parts, mut journals) = (HashSet::new(), HashSet::new());
        let mut found = Found::default();
        for file in fs::read_dir(&self.directory)? {
            let name = file?.file_name();
            let Some((stem, kind)) = name.to_str().and_then(|name| name.split_once('.')) else {
                continue;
            };
            let Some(name) = Name::parse(stem) else { continue };
            match kind {
                ENTRY => entries.push(Key(name)),
                BODY => drop(bodies.insert(Content(name))),
                PART => drop(parts.insert(Key(name))),
                JOURNAL => drop(journals.insert(Key(name))),
                _ if kind.ends_with(NEW) => {
                    self.remove(&self.directory.join(format!("{name}.{kind}")))
                }
                _ => {}
            }
        }
        let mut kept = HashSet::new();
        for key in entries {
            let entry = fs::read(self.entry(&key)).ok().and_then(|text| Entry::read(&text));
            let is_whole = |entry: &Entry| length(&self.body(&entry.content)) == Some(entry.bytes);
            match entry.filter(is_whole) {
                Some(entry) => {
                    kept.insert(entry.content);
                    found.entries.push((key, entry));
                }
                None => {
                    found.n_dropped += 1;
                    self.remove(&self.entry(&key));
                }
            }
        }
        bodies.difference(&kept).for_each(|content| self.remove(&self.body(content)));
        for key in parts.union(&journals) {
            match self.journal(key).filter(|_| !self.is_old(key, part_age_max)) {
                Some(journal) => found.parts.push((*key, journal.bytes)),
                None => self.remove_part(key),
            }
        }
        Ok(found)
    }

    /// How far a part came, if it can be gone on with.
    pub(super) fn journal(&self, key: &Key) -> Option<Journal> {
        let journal = fs::read(self.at(key.0, JOURNAL)).ok();
        let journal = journal.and_then(|text| Journal::read(&text))?;
        let is_there = length(&self.part(key)).is_some_and(|length| length >= journal.bytes);
        (is_there && journal.bytes > 0 && journal.identity.can_resume()).then_some(journal)
    }

    fn is_old(&self, key: &Key, age_max: Duration) -> bool {
        let modified = fs::metadata(self.part(key)).and_then(|part| part.modified());
        let age = modified.ok().and_then(|then| SystemTime::now().duration_since(then).ok());
        age.is_some_and(|age| age > age_max)
    }

    pub(super) fn body(&self, content: &Content) -> PathBuf {
        self.at(content.0, BODY)
    }

    pub(super) fn part(&self, key: &Key) -> PathBuf {
        self.at(key.0, PART)
    }

    fn entry(&self, key: &Key) -> PathBuf {
        self.at(key.0, ENTRY)
    }

    fn at(&self, name: Name, kind: &str) -> PathBuf {
        self.directory.join(format!("{name}.{kind}"))
    }

    /// A part to write to from `offset` on.
    pub(super) fn open_part(&self, key: &Key, offset: u64) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(false).mode(0o600).open(self.part(key))?;
        file.set_len(offset)?;
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    }

    pub(super) fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        (self.append)(file, bytes)
    }

    pub(super) fn write_journal(&self, key: &Key, journal: &Journal) -> io::Result<()> {
        self.write(&self.at(key.0, JOURNAL), &journal.text())
    }

    pub(super) fn write_entry(&self, key: &Key, entry: &Entry) -> io::Result<()> {
        self.write(&self.entry(key), &entry.text())
    }

    /// A part becomes a body.
    pub(super) fn settle(&self, key: &Key, file: &File, content: &Content) -> io::Result<()> {
        file.sync_all()?;
        fs::rename(self.part(key), self.body(content))?;
        self.remove(&self.at(key.0, JOURNAL));
        Ok(())
    }

    pub(super) fn remove_part(&self, key: &Key) {
        self.remove(&self.part(key));
        self.remove(&self.at(key.0, JOURNAL));
    }

    pub(super) fn remove_body(&self, content: &Content, keys: &[Key]) {
        self.remove(&self.body(content));
        keys.iter().for_each(|key| self.remove(&self.entry(key)));
    }

    fn write(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".");
        beside.push(NEW);
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text)?;
        fs::rename(beside, path)
    }

    fn remove(&self, path: &Path) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(path = %path.display(), %error, "a file of the cache stays");
            }
            _ => {}
        }
    }
}

/// The hash of the first `bytes` of a file, which must not be shorter.
pub(super) fn hashed(file: &mut File, bytes: u64) -> io::Result<Sha256> {
    let (mut hasher, mut left) = (Sha256::new(), bytes);
    let mut buffer = vec![0; 128 * 1024];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = file.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&buffer[..read]);
        left -= read as u64;
    }
    Ok(hasher)
}

fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len())
}
