use serde::{Deserialize, Serialize};

use super::Schema;
use crate::table::Table;

/// Which assistant serves a chat; the key is the chat's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The number in the name of its session string: 1 for STRING_SESSION, 2 for STRING_SESSION2.
    pub assistant: u32,
}

impl Schema for Assignment {
    const TABLE: Table = Table::Assignments;
    const VERSION: u64 = 1;
}
