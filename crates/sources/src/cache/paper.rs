//! What is written down beside the bytes: whose they are, and how far they came. JSON, each in a file of its own, so
//! that one that cannot be read costs one track.

use serde::{Deserialize, Serialize};

use super::name::Content;
use crate::direct::Identity;

/// Another number is another program's, and is dropped.
const FORMAT: u32 = 1;

/// What a key leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    format: u32,
    pub(super) content: Content,
    pub(super) bytes: u64,
    /// When it was used last, in uses.
    pub(super) used: u64,
    /// When its origin was asked for it last, in seconds since 1970; `None` for what its name stands for, always.
    pub(super) asked_s: Option<u64>,
    pub(super) identity: Identity,
    pub(super) facts: Facts,
}

/// How a track was described when it was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) artist: Option<String>,
    pub(crate) mime: String,
    pub(crate) extension: Option<String>,
}

/// How far a part came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    format: u32,
    pub(super) identity: Identity,
    pub(super) bytes: u64,
    /// Of these bytes.
    pub(super) content: Content,
}

// === impl Entry ===

impl Entry {
    pub(super) fn new(content: Content, bytes: u64, identity: Identity, facts: Facts) -> Entry {
        Entry { format: FORMAT, content, bytes, used: 0, asked_s: None, identity, facts }
    }

    pub(super) fn read(text: &[u8]) -> Option<Entry> {
        serde_json::from_slice(text).ok().filter(|entry: &Entry| entry.format == FORMAT)
    }

    pub(super) fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data")
    }
}

// === impl Journal ===

impl Journal {
    pub(super) fn new(identity: Identity, bytes: u64, content: Content) -> Journal {
        Journal { format: FORMAT, identity, bytes, content }
    }

    pub(super) fn read(text: &[u8]) -> Option<Journal> {
        serde_json::from_slice(text).ok().filter(|journal: &Journal| journal.format == FORMAT)
    }

    pub(super) fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data")
    }
}
