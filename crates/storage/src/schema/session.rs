use serde::{Deserialize, Serialize};

use super::Schema;
use crate::table::Table;

/// Part of an account's session, as its writer sealed it; the key is the account's name, a slash and the part's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSession {
    /// Base64.
    pub bytes: String,
}

impl Schema for SealedSession {
    const TABLE: Table = Table::Sessions;
    const VERSION: u64 = 1;
}
