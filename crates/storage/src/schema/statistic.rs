use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Schema;
use crate::table::Table;

/// Counters of one subject; the key is what kind of subject it is, a colon and its id ("chat:-100…", "user:…", "bot").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistic {
    pub plays: u64,
    pub heard_ms: u64,
    /// Unix seconds of the first and the last time it was met; 0 when nobody knows.
    pub first_at: i64,
    pub last_at: i64,
    /// Whatever else is counted, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
}

impl Schema for Statistic {
    const TABLE: Table = Table::Statistics;
    const VERSION: u64 = 1;
}
