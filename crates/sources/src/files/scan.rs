//! Walks the folder.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use domain::{Fault, Reason};

use super::{Entry, Report, Settings, Stamp, tags};

/// What may hold sound that can be played. Only a hint: the content decides.
const EXTENSIONS: [&str; 24] = [
    "aac", "aif", "aiff", "flac", "m4a", "m4b", "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4",
    "mpeg", "mpga", "oga", "ogg", "ogx", "opus", "spx", "ts", "wav", "wave", "webm",
];

/// How many names are looked at for each file that may be indexed.
const NAMES_PER_FILE: usize = 8;

pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    pub(super) folders: Vec<(PathBuf, Option<SystemTime>)>,
    pub(super) report: Report,
}

struct Walk<'a> {
    root: &'a Path,
    settings: &'a Settings,
    known: HashMap<&'a Path, &'a Entry>,
    /// Folders and files that were visited, links resolved: links make loops and twins.
    visited: HashSet<PathBuf>,
    names_left: usize,
    found: Found,
}

/// When a folder or file changed last.
pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

pub(super) fn walk(root: &Path, settings: &Settings, known: &[Entry]) -> Result<Found, Fault> {
    let unreadable = |error: std::io::Error| {
        Fault::fatal(Reason::NotFound, format!("music folder {}: {error}", root.display()))
    };
    fs::read_dir(root).map_err(unreadable)?;
    let mut walk = Walk {
        root,
        settings,
        known: known.iter().map(|entry| (entry.path.as_path(), entry)).collect(),
        visited: HashSet::new(),
        names_left: settings.files_max.saturating_mul(NAMES_PER_FILE),
        found: Found { entries: Vec::new(), folders: Vec::new(), report: Report::default() },
    };
    walk.visited.insert(root.to_owned());
    walk.folder(root, 0);
    let mut found = walk.found;
    found.entries.sort_by(|a, b| a.path.cmp(&b.path));
    found.report.indexed = found.entries.len();
    Ok(found)
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) {
        // the time comes first: what is added while we read makes the next look scan again
        self.found.folders.push((folder.to_owned(), modified(folder)));
        let Ok(names) = fs::read_dir(folder) else {
            self.found.report.broken += 1;
            return;
        };
        let mut names: Vec<PathBuf> =
            names.flatten().map(|name| name.path()).take(self.names_left).collect();
        self.names_left -= names.len();
        if self.names_left == 0 {
            self.found.report.is_cut = true;
        }
        names.sort();
        for name in names {
            self.name(&name, depth);
        }
    }

    fn name(&mut self, name: &Path, depth: usize) {
        let is_hidden = name.file_name().is_some_and(|it| it.to_string_lossy().starts_with('.'));
        if is_hidden {
            return;
        }
        let Some(path) = name.canonicalize().ok().filter(|path| path.starts_with(self.root)) else {
            self.found.report.outside += 1;
            return;
        };
        let Ok(metadata) = fs::metadata(&path) else {
            return;
        };
        let may_sound = metadata.is_file() && is_called_music(&path);
        if !(metadata.is_dir() || may_sound) || !self.visited.insert(path.clone()) {
            return;
        }
        if metadata.is_dir() {
            match depth < self.settings.depth_max {
                true => self.folder(&path, depth + 1),
                false => self.found.report.is_cut = true,
            }
        } else if self.found.entries.len() >= self.settings.files_max {
            self.found.report.is_cut = true;
        } else {
            self.file(path, Stamp { bytes: metadata.len(), modified: metadata.modified().ok() });
        }
    }

    fn file(&mut self, path: PathBuf, stamp: Stamp) {
        if let Some(entry) = self.known.get(path.as_path()).filter(|entry| entry.stamp == stamp) {
            self.found.entries.push((*entry).clone());
            return;
        }
        self.found.report.read += 1;
        match tags::read(&path) {
            Some(tags) => self.found.entries.push(Entry::new(path, stamp, tags)),
            None => {
                tracing::debug!(path = %path.display(), "not playable");
                self.found.report.broken += 1;
            }
        }
    }
}

fn is_called_music(path: &Path) -> bool {
    let extension =
        path.extension().map(|it| it.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    EXTENSIONS.contains(&extension.as_str())
}
