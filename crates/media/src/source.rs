//! Where the bytes of a track come from.

use std::path::PathBuf;

use crate::feed;

/// The bytes of one track.
#[derive(Debug)]
pub enum Input {
    /// A local file. Always seekable.
    File(PathBuf),
    /// Bytes that somebody downloads meanwhile.
    Feed(feed::Reader),
}

/// What the origin claims about the bytes. Content decides; claims only help to explain a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    /// File name extension without the dot.
    pub extension: Option<String>,
    /// MIME type.
    pub mime: Option<String>,
}
