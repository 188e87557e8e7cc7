use serde::{Deserialize, Serialize};

use super::{SavedTrack, Schema};
use crate::table::Table;

/// A saved list of tracks; the key is its owner's id, a colon and its number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Playlist {
    pub name: String,
    pub owner: i64,
    pub tracks: Vec<SavedTrack>,
}

impl Schema for Playlist {
    const TABLE: Table = Table::Playlists;
    const VERSION: u64 = 1;
}
