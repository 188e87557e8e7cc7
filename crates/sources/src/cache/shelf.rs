//! What is kept and what has to go: least recently used first, never more than the cap, never what is being read or
//! written. Pure: it knows names and lengths, and no disk.

use std::collections::HashMap;

use super::name::{Content, Key};

#[derive(Debug)]
pub(super) struct Shelf {
    bytes_max: u64,
    bodies: HashMap<Content, Body>,
    keys: HashMap<Key, Content>,
    parts: HashMap<Key, Part>,
    /// Counts uses; the greater, the later.
    clock: u64,
}

#[derive(Debug)]
struct Body {
    bytes: u64,
    used: u64,
    n_readers: usize,
    /// Its hash was found right since the program started.
    is_checked: bool,
}

/// What is not whole yet. While somebody writes it, its whole length counts.
#[derive(Debug)]
struct Part {
    bytes: u64,
    used: u64,
    is_claimed: bool,
}

/// What has to be removed from the disk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Victim {
    Body(Content, Vec<Key>),
    Part(Key),
}

/// A body that may be read until it is given back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) content: Content,
    pub(super) bytes: u64,
    pub(super) used: u64,
    pub(super) is_checked: bool,
}

// === impl Shelf ===

impl Shelf {
    pub(super) fn new(bytes_max: u64) -> Shelf {
        let (bodies, keys, parts) = (HashMap::new(), HashMap::new(), HashMap::new());
        Shelf { bytes_max, bodies, keys, parts, clock: 0 }
    }

    /// What lay there before the program started.
    pub(super) fn found(&mut self, key: Key, content: Content, bytes: u64, used: u64) {
        self.clock = self.clock.max(used);
        let body = self.bodies.entry(content).or_insert(Body {
            bytes,
            used,
            n_readers: 0,
            is_checked: false,
        });
        body.used = body.used.max(used);
        self.keys.insert(key, content);
    }

    pub(super) fn found_part(&mut self, key: Key, bytes: u64) {
        self.parts.insert(key, Part { bytes, used: self.clock, is_claimed: false });
    }

    pub(super) fn n_entries(&self) -> usize {
        self.keys.len()
    }

    /// Kept, and promised to what is being written.
    pub(super) fn bytes(&self) -> u64 {
        let bodies = self.bodies.values().map(|body| body.bytes);
        bodies.chain(self.parts.values().map(|part| part.bytes)).sum()
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.keys.contains_key(key)
    }

    pub(super) fn has_part(&self, key: &Key) -> bool {
        self.parts.get(key).is_some_and(|part| !part.is_claimed)
    }

    /// The body of a key, for a reader.
    pub(super) fn take(&mut self, key: &Key) -> Option<Taken> {
        let content = *self.keys.get(key)?;
        let body = self.bodies.get_mut(&content)?;
        self.clock += 1;
        body.used = self.clock;
        body.n_readers += 1;
        Some(Taken { content, bytes: body.bytes, used: body.used, is_checked: body.is_checked })
    }

    pub(super) fn give_back(&mut self, content: &Content) {
        if let Some(body) = self.bodies.get_mut(content) {
            body.n_readers = body.n_readers.saturating_sub(1);
        }
    }

    pub(super) fn checked(&mut self, content: &Content) {
        if let Some(body) = self.bodies.get_mut(content) {
            body.is_checked = true;
        }
    }

    /// Forgets a body that is not what it should be, whoever reads it; the keys that led to it.
    pub(super) fn discard(&mut self, content: &Content) -> Vec<Key> {
        self.bodies.remove(content);
        let keys: Vec<Key> =
            self.keys.iter().filter(|(_, of)| *of == content).map(|(key, _)| *key).collect();
        self.keys.retain(|_, of| of != content);
        keys
    }

    /// Makes the caller the only one who writes under this key; false when somebody does already.
    pub(super) fn claim(&mut self, key: Key) -> bool {
        self.clock += 1;
        let clock = self.clock;
        let part = self.parts.entry(key).or_insert(Part { bytes: 0, used: 0, is_claimed: false });
        let is_free = !part.is_claimed;
        (part.is_claimed, part.used) = (true, clock);
        is_free
    }

    /// Promises a claimed part its whole length; what has to go for it, or `None` when there is no room.
    pub(super) fn reserve(&mut self, key: &Key, total: u64) -> Option<Vec<Victim>> {
        let others = self.bytes() - self.parts.get(key)?.bytes;
        let victims = self.evict((others + total).saturating_sub(self.bytes_max))?;
        self.parts.get_mut(key)?.bytes = total;
        Some(victims)
    }

    /// Nobody writes any more; so many bytes are kept to go on from.
    pub(super) fn release(&mut self, key: &Key, kept: u64) {
        match self.parts.get_mut(key) {
            Some(part) if kept > 0 => (part.bytes, part.is_claimed) = (kept, false),
            _ => drop(self.parts.remove(key)),
        }
    }

    /// A part is whole; it stays claimed until it is released. What its key led to before goes, unless another key leads
    /// there or it is being read.
    pub(super) fn settle(&mut self, key: Key, content: Content, bytes: u64) -> (u64, Vec<Victim>) {
        if let Some(part) = self.parts.get_mut(&key) {
            part.bytes = 0;
        }
        self.clock += 1;
        let used = self.clock;
        let body = self.bodies.entry(content).or_insert(Body {
            bytes,
            used,
            n_readers: 0,
            is_checked: true,
        });
        (body.used, body.is_checked) = (used, true);
        let before = self.keys.insert(key, content).filter(|before| *before != content);
        let Some(before) = before.filter(|before| !self.keys.values().any(|of| of == before))
        else {
            return (used, Vec::new());
        };
        match self.bodies.get_mut(&before) {
            // the first to go once it is given back
            Some(body) if body.n_readers > 0 => {
                body.used = 0;
                (used, Vec::new())
            }
            _ => {
                self.bodies.remove(&before);
                (used, vec![Victim::Body(before, Vec::new())])
            }
        }
    }

    /// What is beyond the cap.
    pub(super) fn trim(&mut self) -> Vec<Victim> {
        let over = self.bytes().saturating_sub(self.bytes_max);
        self.evict(over).unwrap_or_default()
    }

    /// Frees so many bytes, the least recently used first, or changes nothing.
    fn evict(&mut self, mut needed: u64) -> Option<Vec<Victim>> {
        let bodies = self.bodies.iter().filter(|(_, body)| body.n_readers == 0);
        let bodies = bodies.map(|(content, body)| (body.used, body.bytes, Ok(*content)));
        let parts = self.parts.iter().filter(|(_, part)| !part.is_claimed);
        let parts = parts.map(|(key, part)| (part.used, part.bytes, Err(*key)));
        let mut rows: Vec<(u64, u64, Result<Content, Key>)> = bodies.chain(parts).collect();
        rows.sort_unstable();
        let mut going = Vec::new();
        for (_, bytes, row) in rows {
            if needed == 0 {
                break;
            }
            needed = needed.saturating_sub(bytes);
            going.push(row);
        }
        if needed > 0 {
            return None;
        }
        let gone = going.into_iter().map(|row| match row {
            Ok(content) => Victim::Body(content, self.discard(&content)),
            Err(key) => {
                self.parts.remove(&key);
                Victim::Part(key)
            }
        });
        Some(gone.collect())
    }
}

#[cfg(test)]
mod tests;
