use serde::{Deserialize, Serialize};

use super::Schema;
use crate::table::Table;

/// Who may control the music of a chat without being its administrator; the key is the chat's id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Authorised {
    pub people: Vec<Person>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub user: i64,
    #[serde(default)]
    pub name: String,
    /// The administrator who gave the right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<i64>,
}

impl Schema for Authorised {
    const TABLE: Table = Table::Authorised;
    const VERSION: u64 = 1;
}
