//! The first bytes of a track, which a later play goes on from.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use sha2::Sha256;

use super::Inner;
use super::disk::{self, Disk};
use super::name::{Content, Key, Name};
use crate::direct::Resume;
use crate::format::{Format, SNIFF_BYTES, Verdict};

/// How much of it is read at once.
const PIECE: usize = 64 * 1024;

/// What a part holds so far. While it lives nobody else writes it.
#[derive(Debug)]
pub struct Begun {
    /// What the origin is to be asked for.
    pub resume: Resume,
    /// What is here, to be read first.
    pub head: Head,
    pub(super) hasher: Sha256,
    pub(super) claim: Claim,
}

/// The right to write under a key.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) key: Key,
    pub(super) inner: Arc<Inner>,
    /// So many bytes can be gone on from.
    pub(super) kept: u64,
}

/// Reads the bytes that are here. Clones share the file.
#[derive(Debug, Clone)]
pub struct Head {
    file: Arc<File>,
    bytes: u64,
}

/// What was begun under a key, if it can be gone on with. Blocking.
pub(super) fn take(inner: &Arc<Inner>, disk: &Disk, key: Key) -> Option<Begun> {
    if !inner.books().shelf.has_part(&key) {
        return None;
    }
    let mut claim = Claim::new(inner, key)?;
    let found = disk.journal(&key).and_then(|journal| {
        let mut file = File::open(disk.part(&key)).ok()?;
        let mut start = vec![0; SNIFF_BYTES.min(usize::try_from(journal.bytes).ok()?)];
        file.read_exact_at(&mut start, 0).ok()?;
        let hasher = disk::hashed(&mut file, journal.bytes).ok()?;
        let is_right = Content(Name::of(hasher.clone())) == journal.content;
        match Format::sniff(&start) {
            Verdict::Audio(format) if is_right => Some((journal, file, hasher, format)),
            _ => None,
        }
    });
    match found {
        Some((journal, file, hasher, format)) => {
            claim.kept = journal.bytes;
            let head = Head { file: Arc::new(file), bytes: journal.bytes };
            let resume = Resume { identity: journal.identity, offset: journal.bytes, format };
            Some(Begun { resume, head, hasher, claim })
        }
        None => {
            inner.books().figures.damaged += 1;
            tracing::debug!("a part is not what it should be and is removed");
            let _hands = inner.hands();
            disk.remove_part(&key);
            None
        }
    }
}

// === impl Head ===

impl Head {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Some bytes from `offset` on; none at its end. Blocking.
    ///
    /// # Errors
    /// What the disk says.
    pub fn read(&self, offset: u64) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut piece = vec![0; PIECE.min(left)];
        self.file.read_exact_at(&mut piece, offset)?;
        Ok(piece)
    }
}

// === impl Claim ===

impl Claim {
    /// `None` when somebody else writes there.
    pub(super) fn new(inner: &Arc<Inner>, key: Key) -> Option<Claim> {
        let is_ours = inner.books().shelf.claim(key);
        is_ours.then(|| Claim { key, inner: inner.clone(), kept: 0 })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.inner.books().shelf.release(&self.key, self.kept);
    }
}
