use serde::{Deserialize, Serialize};

use super::{SavedTrack, Schema};
use crate::table::Table;

/// One track that was played; the key is the chat's id, a colon and a number that grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    pub chat: i64,
    pub track: SavedTrack,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<i64>,
    /// Unix seconds.
    pub at: i64,
    /// How much of it was heard.
    #[serde(default)]
    pub heard_ms: u64,
}

impl Schema for Played {
    const TABLE: Table = Table::History;
    const VERSION: u64 = 1;
}
