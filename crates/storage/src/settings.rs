//! Where state is kept, and how long anybody waits for it.

use std::path::PathBuf;
use std::time::Duration;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the embedded engine's file lies.
    pub directory: Option<PathBuf>,
    /// How long a commit or a read may take before its caller is told that it did not work.
    pub timeout: Duration,
    /// Requests that may wait; beyond them a request is refused at once.
    pub queue: usize,
    /// Largest size of the embedded engine's file; beyond it a commit says that there is no room.
    pub size_max_bytes: Option<u64>,
}

// === impl Settings ===

impl Settings {
    /// The embedded engine, in `directory`.
    pub fn embedded(directory: impl Into<PathBuf>) -> Settings {
        Settings { directory: Some(directory.into()), ..Settings::default() }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            directory: None,
            timeout: Duration::from_secs(10),
            queue: 4_096,
            size_max_bytes: None,
        }
    }
}
