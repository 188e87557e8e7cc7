//! Files — a folder of music on this machine.
//!
//! Everything here blocks on the disk except [`Library::search`], [`Library::best`] and the counters: call the others
//! on a blocking thread. No path that leaves this module lies outside the folder.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use domain::track::{Location, Track};
use domain::{Fault, Reason};

mod scan;
mod search;
mod tags;

/// The name of this source in [`Track::source`].
pub const NAME: &str = "files";

/// Where the music is, and how much of it is looked at.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder.
    pub root: PathBuf,
    /// How many folders deep the scan goes; 0 is the root alone.
    pub depth_max: usize,
    /// How many files are indexed at most; at most eight times as many names are looked at.
    pub files_max: usize,
}

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Playable files in the index.
    pub indexed: usize,
    /// Files that were opened in this scan; the others had not changed.
    pub read: usize,
    /// Files that are called music but are not, or cannot be read.
    pub broken: usize,
    /// Links that lead out of the folder, or nowhere.
    pub outside: usize,
    /// Whether a limit cut the scan short.
    pub is_cut: bool,
}

/// A search result; more is better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub track: Track,
    pub score: u32,
}

/// The index of the folder.
#[derive(Debug)]
pub struct Library {
    settings: Settings,
    /// The folder, every link in it resolved.
    root: PathBuf,
    entries: Vec<Entry>,
    /// The folders that were read, with the time each had then.
    folders: Vec<(PathBuf, Option<SystemTime>)>,
    report: Report,
}

/// One file in the index.
#[derive(Debug, Clone)]
struct Entry {
    track: Track,
    /// Folded, for searching.
    words: search::Words,
    path: PathBuf,
    stamp: Stamp,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

// === impl Library ===

impl Library {
    /// Scans the folder. Blocking.
    ///
    /// # Errors
    /// `Fatal` when the folder cannot be read; broken files inside it are only counted.
    pub fn scan(settings: Settings) -> Result<Library, Fault> {
        let root = canonical_root(&settings)?;
        let mut library = Library {
            settings,
            root,
            entries: Vec::new(),
            folders: Vec::new(),
            report: Report::default(),
        };
        library.rescan()?;
        Ok(library)
    }

    /// Scans again, reading only what changed since. Blocking.
    ///
    /// # Errors
    /// As [`Library::scan`]; the old index stays.
    pub fn rescan(&mut self) -> Result<Report, Fault> {
        self.root = canonical_root(&self.settings)?;
        let found = scan::walk(&self.root, &self.settings, &self.entries)?;
        (self.entries, self.folders, self.report) = (found.entries, found.folders, found.report);
        let Report { indexed, read, broken, outside, is_cut } = self.report;
        tracing::info!(indexed, read, broken, outside, is_cut, "music folder scanned");
        Ok(self.report)
    }

    /// Scans again if a file was added, removed or renamed anywhere since the last scan; a file whose content changed
    /// in place is found by [`Library::rescan`] only. Blocking, but cheap when nothing did. Says whether it scanned.
    ///
    /// # Errors
    /// As [`Library::scan`]; the old index stays.
    pub fn refresh(&mut self) -> Result<bool, Fault> {
        let is_same = self.folders.iter().all(|(folder, then)| scan::modified(folder) == *then);
        if is_same {
            return Ok(false);
        }
        self.rescan().map(|_| true)
    }

    /// The tracks that contain every word of the query, best first. Words may be cut short, accents left out.
    pub fn search(&self, query: &str, limit: usize) -> Vec<Hit> {
        let query = search::Query::new(query);
        let mut hits: Vec<(u32, &Entry)> = self
            .entries
            .iter()
            .filter_map(|entry| query.score(&entry.words).map(|score| (score, entry)))
            .collect();
        hits.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
        hits.into_iter()
            .take(limit)
            .map(|(score, entry)| Hit { track: entry.track.clone(), score })
            .collect()
    }

    /// The best match.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn best(&self, query: &str) -> Result<Track, Fault> {
        let best = self.search(query, 1).into_iter().next();
        best.map(|hit| hit.track)
            .ok_or_else(|| Fault::refused(Reason::NotFound, "no such file in the music folder"))
    }

    /// Where a file of the folder is now, links resolved; the path may be absolute or relative to the folder. To be
    /// asked before a file is opened: the index may be older than a link. Blocking.
    ///
    /// # Errors
    /// `NotFound` for what does not exist, is no file, or lies outside the folder.
    pub fn locate(&self, path: &Path) -> Result<PathBuf, Fault> {
        let missing = || Fault::refused(Reason::NotFound, "no such file in the music folder");
        let path = self.root.join(path).canonicalize().map_err(|_| missing())?;
        if path.starts_with(&self.root) && path.is_file() { Ok(path) } else { Err(missing()) }
    }

    /// All tracks, in the order of their paths.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.entries.iter().map(|entry| &entry.track)
    }

    /// What the last scan found.
    pub fn report(&self) -> Report {
        self.report
    }

    /// The folder, links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

// === impl Entry ===

impl Entry {
    fn new(path: PathBuf, stamp: Stamp, tags: tags::Tags) -> Entry {
        let words = search::Words::new(&tags, &path);
        let track = Track {
            title: tags.title,
            artist: tags.artist,
            duration: tags.duration,
            location: Location::File(path.clone()),
            source: NAME,
            link: None,
            is_live: false,
        };
        Entry { track, words, path, stamp }
    }
}

fn canonical_root(settings: &Settings) -> Result<PathBuf, Fault> {
    let root = settings.root.canonicalize();
    root.map_err(|error| {
        Fault::fatal(Reason::NotFound, format!("music folder {}: {error}", settings.root.display()))
    })
}

#[cfg(test)]
mod tests;
