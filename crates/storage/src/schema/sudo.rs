use serde::{Deserialize, Serialize};

use super::Schema;
use crate::table::Table;

/// Somebody who may do what the owner may; the key is the user's id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sudo {
    /// Unix seconds; 0 when nobody knows.
    pub since: i64,
}

impl Schema for Sudo {
    const TABLE: Table = Table::Sudo;
    const VERSION: u64 = 1;
}
