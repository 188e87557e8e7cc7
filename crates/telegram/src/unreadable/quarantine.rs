//! The quarantine: a few specimens of unreadable bytes on disk, the oldest replaced first, for the owner's eyes only.
//!
//! A file is one line of JSON about the specimen, then the bytes as they came.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use grammers_client::tl;

/// Files kept for one account, and the bytes kept of each specimen.
const FILES_MAX: usize = 16;
const BYTES_MAX: usize = 64 * 1024;

/// Answers to these methods may hold what lets somebody in; they are never written down.
const SECRET: &str = "auth.";

pub(super) struct Quarantine {
    folder: PathBuf,
    account: String,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// The file that is next to be written over; found when the first one is.
    next: Option<usize>,
    waiting: Vec<(PathBuf, Specimen)>,
}

pub(super) struct Specimen {
    constructor: u32,
    asked: String,
    length: usize,
    bytes: Vec<u8>,
}

// === impl Specimen ===

impl Specimen {
    pub(super) fn new(constructor: u32, asked: &str, bytes: &[u8]) -> Specimen {
        Specimen {
            constructor,
            asked: asked.to_owned(),
            length: bytes.len(),
            bytes: bytes[..bytes.len().min(BYTES_MAX)].to_vec(),
        }
    }

    fn head(&self) -> String {
        #[allow(
            clippy::disallowed_methods,
            reason = "a date for the reader of the file; nothing is decided by it"
        )]
        let now = SystemTime::now();
        let at = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let head = serde_json::json!({
            "constructor": format!("{:#010x}", self.constructor), "layer": tl::LAYER, "asked": self.asked,
            "at": at, "length": self.length, "kept": self.bytes.len(),
        });
        format!("{head}\n")
    }
}

// === impl Quarantine ===

impl Quarantine {
    pub(super) fn beside(session: &Path) -> Option<Quarantine> {
        let account = session.file_name()?.to_str()?.split('.').next()?.to_owned();
        let folder = session.parent()?.join("quarantine");
        Some(Quarantine { folder, account, queue: Mutex::default() })
    }

    /// Takes a specimen in; it is on disk after the next [`write`](Quarantine::write). The name of its file, unless
    /// it must not be written or too many wait already.
    pub(super) fn accept(&self, specimen: Specimen) -> Option<String> {
        if specimen.asked.starts_with(SECRET) {
            return None;
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.waiting.len() >= FILES_MAX {
            return None;
        }
        let number = queue.next.unwrap_or_else(|| self.oldest());
        queue.next = Some((number + 1) % FILES_MAX);
        let path = self.path(number);
        let name = path.display().to_string();
        queue.waiting.push((path, specimen));
        Some(name)
    }

    /// Writes what waits.
    pub(super) fn write(&self) {
        let waiting =
            std::mem::take(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner).waiting);
        for (path, specimen) in waiting {
            if let Err(error) = self.put(&path, &specimen) {
                tracing::warn!(path = %path.display(), %error, "unreadable bytes could not be kept");
            }
        }
    }

    fn put(&self, path: &Path, specimen: &Specimen) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(specimen.head().as_bytes())?;
        file.write_all(&specimen.bytes)
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{}-{number:02}.tl", self.account))
    }

    /// The first file that is not there, else the one written longest ago.
    fn oldest(&self) -> usize {
        let written =
            |number: usize| fs::metadata(self.path(number)).and_then(|file| file.modified()).ok();
        (0..FILES_MAX).min_by_key(|number| written(*number)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quarantine(folder: &Path) -> Quarantine {
        Quarantine::beside(&folder.join("assistant-1.session.json")).unwrap()
    }

    #[test]
    fn specimens_are_few_small_and_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let quarantine = quarantine(folder.path());
        for number in 0..40 {
            let bytes = vec![number; 100_000];
            quarantine
                .accept(Specimen::new(u32::from(number), "updates.getDifference", &bytes))
                .unwrap();
            quarantine.write();
        }
        let files: Vec<_> =
            fs::read_dir(folder.path().join("quarantine")).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), FILES_MAX);
        let mut numbers = Vec::new();
        for file in files {
            let bytes = fs::read(file.path()).unwrap();
            let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
            let head: serde_json::Value = serde_json::from_slice(&bytes[..end]).unwrap();
            assert_eq!(
                (&head["asked"], &head["length"]),
                (&"updates.getDifference".into(), &100_000.into())
            );
            assert_eq!(head["layer"], tl::LAYER);
            assert_eq!(bytes.len() - end - 1, BYTES_MAX);
            numbers.push(bytes[end + 1]);
            #[cfg(unix)]
            assert_eq!(
                std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions())
                    & 0o777,
                0o600
            );
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (24..40).collect::<Vec<u8>>(), "the newest are kept");
    }

    #[test]
    fn what_lets_somebody_in_is_never_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let quarantine = quarantine(folder.path());
        assert_eq!(quarantine.accept(Specimen::new(1, "auth.exportAuthorization", b"key!")), None);
        quarantine.write();
        assert!(!folder.path().join("quarantine").exists());
    }

    #[test]
    fn a_flood_of_specimens_does_not_pile_up_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let quarantine = quarantine(folder.path());
        let taken = (0..1_000).filter_map(|n| quarantine.accept(Specimen::new(n, "push", &[0; 4])));
        assert_eq!(taken.count(), FILES_MAX);
    }
}
