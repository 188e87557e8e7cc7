use serde::{Deserialize, Serialize};

use super::Schema;
use crate::table::Table;

/// Whom the bot ignores; the key is the user's or the chat's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub subject: Subject,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Unix seconds; 0 when nobody knows.
    #[serde(default)]
    pub since: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Not answered anywhere.
    User,
    /// Not answered anywhere, and banned wherever the bot may ban.
    UserEverywhere,
    /// A chat where the bot does nothing.
    Chat,
}

impl Schema for Block {
    const TABLE: Table = Table::Blocks;
    const VERSION: u64 = 1;
}
