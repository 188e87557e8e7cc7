//! What was fetched once: bodies on disk by what they hold, found by what was asked for, shared by all chats.
//!
//! It is a convenience and never a condition: whatever is wrong with the disk, or with what lies on it, music comes from
//! where it came from. Nothing here waits for anything but the disk; what does is marked as blocking and belongs on a
//! blocking thread. The lock of the books is never held while the disk is waited for.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::track::{Location, Track};

mod begun;
mod disk;
mod name;
mod paper;
mod recorder;
mod shelf;
mod whole;

pub use begun::{Begun, Head};
pub use name::Key;
pub use recorder::{Job, Recorder};
pub use whole::Whole;

use disk::{Append, Disk};
use paper::{Entry, Facts};
use shelf::{Shelf, Victim};

/// Looks at a time: a disk that hangs must not take all threads.
const LOOKS_MAX: usize = 16;

/// Where things are kept, and how much of them.
#[derive(Debug, Clone)]
pub struct Settings {
    pub directory: PathBuf,
    /// All bodies and parts together.
    pub bytes_max: u64,
    /// Longer tracks are not kept.
    pub entry_bytes_max: u64,
    /// A link is believed to lead to the same bytes for so long; then its server is asked once.
    pub link_fresh_for: Duration,
    /// Parts that nobody went on with for so long are removed at the start.
    pub part_age_max: Duration,
}

/// Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Cache(Option<Arc<Inner>>);

/// A track that may be kept.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    key: Key,
    /// A service's own name stands for the same bytes for ever, a link only for a while.
    is_link: bool,
}

/// What is here of a track.
#[derive(Debug)]
pub enum Look {
    Whole(Box<Whole>),
    /// Its first bytes; nobody else may go on with them meanwhile.
    Begun(Box<Begun>),
    Nothing,
}

/// What came of it so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    pub entries: u64,
    pub bytes: u64,
    pub bytes_max: u64,
    /// Tracks that were played from the disk, and those that were not there.
    pub hits: u64,
    pub misses: u64,
    /// Downloads that were gone on with.
    pub resumed: u64,
    /// Tracks that could not be written, and streamed on.
    pub given_up: u64,
    /// Bodies and parts that were not what they should be.
    pub damaged: u64,
}

#[derive(Debug)]
pub(crate) struct Inner {
    settings: Settings,
    append: Append,
    /// `None` until it was needed, and while it cannot be used. Locked by blocking threads only.
    disk: Mutex<Option<Arc<Disk>>>,
    /// Held while files come and go. Locked by blocking threads only.
    hands: Mutex<()>,
    books: Mutex<Books>,
    n_jobs: AtomicUsize,
    n_looks: AtomicUsize,
}

#[derive(Debug)]
struct Books {
    shelf: Shelf,
    entries: HashMap<Key, Entry>,
    figures: Figures,
    is_trouble_told: bool,
}

// === impl Cache ===

impl Cache {
    /// Nothing is read before the first look.
    pub fn new(settings: Settings) -> Cache {
        Cache::with_append(settings, File::write_all)
    }

    /// Keeps nothing.
    pub fn off() -> Cache {
        Cache(None)
    }

    fn with_append(settings: Settings, append: Append) -> Cache {
        let books = Books {
            shelf: Shelf::new(settings.bytes_max),
            entries: HashMap::new(),
            figures: Figures::default(),
            is_trouble_told: false,
        };
        Cache(Some(Arc::new(Inner {
            settings,
            append,
            disk: Mutex::default(),
            hands: Mutex::default(),
            books: Mutex::new(books),
            n_jobs: AtomicUsize::new(0),
            n_looks: AtomicUsize::new(0),
        })))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// `None` for what is never kept: files of the folder, attachments, what has no end, what is only described.
    pub fn wants(&self, track: &Track) -> Option<Wanted> {
        self.0.as_ref()?;
        let is_link = matches!(track.location, Location::Http(_));
        Key::of(track).map(|key| Wanted { key, is_link })
    }

    /// What is here of it. Blocking: the first look reads the directory, and the first look at a body reads all of it.
    pub fn look(&self, wanted: Wanted) -> Look {
        let Some(inner) = &self.0 else { return Look::Nothing };
        let is_free = inner.n_looks.fetch_add(1, Ordering::Relaxed) < LOOKS_MAX;
        let look = is_free.then(|| inner.look(wanted)).flatten();
        inner.n_looks.fetch_sub(1, Ordering::Relaxed);
        look.unwrap_or(Look::Nothing)
    }

    /// The track behind a link, if its bytes are here and its server need not be asked. Blocking.
    pub fn track(&self, url: &str) -> Option<Track> {
        let inner = self.0.as_ref()?;
        inner.disk()?;
        let key = Key::of_link(url)?;
        let books = inner.books();
        let entry = books.entries.get(&key).filter(|entry| inner.is_fresh(entry))?;
        let Facts { title, artist, .. } = entry.facts.clone();
        Some(Track { artist, ..crate::direct::track(url, title) })
    }

    /// Whether its bytes are here, as far as is known without a look.
    pub fn has(&self, track: &Track) -> bool {
        let key = self.wants(track).map(|wanted| wanted.key);
        let is_there = |inner: &Arc<Inner>| key.is_some_and(|key| inner.books().shelf.has(&key));
        self.0.as_ref().is_some_and(is_there)
    }

    /// `None` when it is off.
    pub fn figures(&self) -> Option<Figures> {
        let inner = self.0.as_ref()?;
        let books = inner.books();
        Some(Figures {
            entries: books.shelf.n_entries() as u64,
            bytes: books.shelf.bytes(),
            bytes_max: inner.settings.bytes_max,
            ..books.figures
        })
    }
}

// === impl Inner ===

impl Inner {
    fn look(self: &Arc<Inner>, wanted: Wanted) -> Option<Look> {
        let disk = self.disk()?;
        if let Some(whole) = whole::take(self, &disk, wanted) {
            return Some(Look::Whole(Box::new(whole)));
        }
        self.books().figures.misses += 1;
        begun::take(self, &disk, wanted.key).map(|begun| Look::Begun(Box::new(begun)))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hands(&self) -> MutexGuard<'_, ()> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory; a disk that could not be used is tried again.
    fn disk(&self) -> Option<Arc<Disk>> {
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(disk) = &*disk {
            return Some(disk.clone());
        }
        let Settings { directory, part_age_max, .. } = &self.settings;
        match Disk::open(directory, self.append, *part_age_max) {
            Ok((opened, found)) => {
                let opened = Arc::new(opened);
                self.found(&opened, found);
                *disk = Some(opened.clone());
                Some(opened)
            }
            Err(error) => {
                self.in_trouble(&error);
                None
            }
        }
    }

    fn found(&self, disk: &Disk, found: disk::Found) {
        let disk::Found { entries, parts, n_dropped } = found;
        if n_dropped > 0 {
            tracing::warn!(n_dropped, "a part of the cache made no sense and is removed");
        }
        let victims = {
            let mut books = self.books();
            // what was known of a directory that vanished is not true any more
            books.shelf = Shelf::new(self.settings.bytes_max);
            books.entries.clear();
            for (key, entry) in entries {
                books.shelf.found(key, entry.content, entry.bytes, entry.used);
                books.entries.insert(key, entry);
            }
            parts.into_iter().for_each(|(key, bytes)| books.shelf.found_part(key, bytes));
            books.figures.damaged += n_dropped as u64;
            if std::mem::take(&mut books.is_trouble_told) {
                tracing::info!("the cache can be used");
            }
            books.shelf.trim()
        };
        self.remove(disk, victims);
        let (entries, bytes) = {
            let books = self.books();
            (books.shelf.n_entries(), books.shelf.bytes())
        };
        tracing::debug!(entries, bytes, "the cache is read");
    }

    /// The directory vanished; the next look makes it anew.
    fn forget_disk(&self) {
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Told once, until it works.
    fn in_trouble(&self, error: &io::Error) {
        if std::mem::replace(&mut self.books().is_trouble_told, true) {
            return;
        }
        let path = self.settings.directory.display();
        tracing::warn!(%path, %error, "the cache cannot be used, music streams without it; make cache.directory writable");
    }

    fn remove(&self, disk: &Disk, victims: Vec<Victim>) {
        for victim in victims {
            match victim {
                Victim::Body(content, keys) => {
                    keys.iter().for_each(|key| drop(self.books().entries.remove(key)));
                    disk.remove_body(&content, &keys);
                }
                Victim::Part(key) => disk.remove_part(&key),
            }
        }
    }

    fn is_fresh(&self, entry: &Entry) -> bool {
        let age = entry.asked_s.map(|asked| Duration::from_secs(now_s().saturating_sub(asked)));
        age.is_none_or(|age| age < self.settings.link_fresh_for)
    }
}

/// Seconds since 1970, by the system's clock.
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
