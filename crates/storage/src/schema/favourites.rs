use serde::{Deserialize, Serialize};

use super::{SavedTrack, Schema};
use crate::table::Table;

/// Tracks somebody likes, the latest last; the key is the user's id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Favourites {
    pub tracks: Vec<SavedTrack>,
}

impl Schema for Favourites {
    const TABLE: Table = Table::Favourites;
    const VERSION: u64 = 1;
}
