//! A body, while somebody plays it.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::disk::{self, Disk};
use super::name::{Content, Key, Name};
use super::shelf::Taken;
use super::{Inner, Wanted, now_s};
use crate::direct::Identity;

/// It is not removed while this lives.
#[derive(Debug)]
pub struct Whole {
    pub path: PathBuf,
    pub mime: String,
    pub extension: Option<String>,
    /// Whether it can be played without asking where it came from.
    pub is_fresh: bool,
    identity: Identity,
    key: Key,
    content: Content,
    disk: Arc<Disk>,
    inner: Arc<Inner>,
}

/// The body of what is wanted, if it is what it should be. Blocking.
pub(super) fn take(inner: &Arc<Inner>, disk: &Arc<Disk>, wanted: Wanted) -> Option<Whole> {
    let key = wanted.key;
    let (taken, entry) = {
        let mut books = inner.books();
        let taken = books.shelf.take(&key)?;
        let Some(entry) = books.entries.get_mut(&key) else {
            books.shelf.give_back(&taken.content);
            return None;
        };
        entry.used = taken.used;
        (taken, entry.clone())
    };
    if let Err(error) = check(disk, &taken) {
        let _hands = inner.hands();
        let keys = {
            let mut books = inner.books();
            books.figures.damaged += 1;
            let keys = books.shelf.discard(&taken.content);
            keys.iter().for_each(|key| drop(books.entries.remove(key)));
            keys
        };
        disk.remove_body(&taken.content, &keys);
        tracing::warn!(%error, "a cached track is damaged and is removed, it streams");
        return None;
    }
    let is_fresh = inner.is_fresh(&entry);
    {
        let mut books = inner.books();
        books.shelf.checked(&taken.content);
        books.figures.hits += u64::from(is_fresh);
    }
    touch(inner, disk, &key);
    Some(Whole {
        path: disk.body(&taken.content),
        mime: entry.facts.mime,
        extension: entry.facts.extension,
        is_fresh,
        identity: entry.identity,
        key,
        content: taken.content,
        disk: disk.clone(),
        inner: inner.clone(),
    })
}

/// Its length always, its hash once since the program started.
fn check(disk: &Disk, taken: &Taken) -> io::Result<()> {
    let mut file = File::open(disk.body(&taken.content))?;
    if file.metadata()?.len() != taken.bytes {
        return Err(io::Error::other("it has another length"));
    }
    if !taken.is_checked
        && Content(Name::of(disk::hashed(&mut file, taken.bytes)?)) != taken.content
    {
        return Err(io::Error::other("it has another hash"));
    }
    Ok(())
}

/// Writes down when it was used, which only decides who has to go first.
fn touch(inner: &Inner, disk: &Disk, key: &Key) {
    let _hands = inner.hands();
    let entry = { inner.books().entries.get(key).cloned() };
    if let Some(Err(error)) = entry.map(|entry| disk.write_entry(key, &entry)) {
        tracing::debug!(%error, "the use of a cached track was not written down");
    }
}

// === impl Whole ===

impl Whole {
    /// Whether this is what its origin has now.
    pub fn is_same(&self, now: Option<&Identity>) -> bool {
        now.is_some_and(|now| self.identity.is_surely(now))
    }

    /// It is played although it was not fresh: its origin has the same, or could not be asked. Blocking.
    pub fn confirm(&self, was_asked: bool) {
        {
            let mut books = self.inner.books();
            books.figures.hits += 1;
            let entry = books.entries.get_mut(&self.key).filter(|_| was_asked);
            entry.into_iter().for_each(|entry| entry.asked_s = Some(now_s()));
        }
        touch(&self.inner, &self.disk, &self.key);
    }

    /// Its origin has another one by now.
    pub fn outdated(self) {
        self.inner.books().figures.misses += 1;
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        self.inner.books().shelf.give_back(&self.content);
    }
}
