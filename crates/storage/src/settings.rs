//! Where state is kept, and how long anybody waits for it.

use std::path::PathBuf;
use std::time::Duration;

use crate::lease::Lease;
use crate::mongo::Address;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the embedded engine's file lies.
    pub directory: Option<PathBuf>,
    /// The MongoDB that follows the file, or that serves alone when there is no directory.
    pub mongo: Option<Address>,
    /// What lets this process, and no other, write where MongoDB serves alone.
    pub lease: Option<Lease>,
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

    /// MongoDB, with the embedded engine in `directory` as journal and outbox if there is one.
    pub fn mongo(address: Address, directory: Option<PathBuf>) -> Settings {
        Settings { mongo: Some(address), directory, ..Settings::default() }
    }

    /// A loaded machine is slow; that is not what tests look for.
    #[cfg(test)]
    pub(crate) fn patient(self) -> Settings {
        Settings { timeout: Duration::from_secs(300), ..self }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            directory: None,
            mongo: None,
            lease: None,
            timeout: Duration::from_secs(10),
            queue: 4_096,
            size_max_bytes: None,
        }
    }
}
