//! Names of what is kept: a hash of what it is called, and a hash of what it is. Nothing else ever becomes a file name.

use std::fmt;

use domain::track::{Location, Track};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

/// What a track is asked for by: a service and its own name for it, or a link; never the address that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub(super) Name);

/// What a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Content(pub(super) Name);

/// A SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Name([u8; 32]);

// === impl Key ===

impl Key {
    /// `None` for what is never kept: files, attachments, what has no end, and what is only described.
    pub(super) fn of(track: &Track) -> Option<Key> {
        match &track.location {
            _ if track.is_live => None,
            Location::File(_) | Location::Telegram(_) => None,
            Location::Page { key, .. } if key.is_empty() => None,
            Location::Page { service, key } => Some(Key::hashed(&["page", service, key])),
            Location::Http(url) => Key::of_link(url),
        }
    }

    pub(super) fn of_link(url: &str) -> Option<Key> {
        let mut url = Url::parse(url.trim()).ok()?;
        url.set_fragment(None);
        Some(Key::hashed(&["link", url.as_str()]))
    }

    /// Each part with its length, so that no two lists of parts read the same.
    fn hashed(parts: &[&str]) -> Key {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        Key(Name::of(hasher))
    }
}

// === impl Name ===

impl Name {
    pub(super) fn of(hasher: Sha256) -> Name {
        Name(hasher.finalize().into())
    }

    pub(super) fn parse(text: &str) -> Option<Name> {
        let is_ours = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 64 || !text.as_bytes().iter().all(is_ours) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(Name(bytes))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Name, &'static str> {
        Name::parse(&text).ok_or("not 64 hexadecimal digits")
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.to_string()
    }
}
