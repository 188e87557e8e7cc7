//! Where state is kept: the directory, MongoDB, or both.

use std::path::Path;
use std::time::Duration;

use super::Mistakes;
use super::values::Reader;

#[derive(Debug, Clone)]
pub struct Storage {
    pub engine: Engine,
    pub timeout: Duration,
    pub size_max_bytes: Option<u64>,
    pub database: String,
    pub mongodb_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Embedded,
    Mongodb,
}

/// The variable that holds MongoDB's address.
const MONGODB_URI: &str = "MONGODB_URI";

// === impl Storage ===

impl Storage {
    /// What the store is opened with. The address is a secret and comes from the environment.
    pub fn settings(
        &self,
        state_directory: &Path,
        mongodb_uri: Option<&str>,
    ) -> Result<storage::Settings, Mistakes> {
        if mongodb_uri.is_some_and(|uri| uri.contains(char::REPLACEMENT_CHARACTER)) {
            return Err(Mistakes::one(MONGODB_URI, "is not UTF-8 text; set it anew"));
        }
        let mongo = mongodb_uri.map(|uri| {
            storage::Address::new(uri, &self.database, self.mongodb_timeout)
                .map_err(|fix| Mistakes::one(MONGODB_URI, fix))
        });
        let mongo = mongo.transpose()?;
        if self.engine == Engine::Mongodb && mongo.is_none() {
            return Err(Mistakes::one(
                MONGODB_URI,
                "is not set, and storage.engine = \"mongodb\" needs it; set it, or set storage.engine = \"embedded\"",
            ));
        }
        let directory = match self.engine {
            Engine::Embedded => Some(state_directory.to_owned()),
            Engine::Mongodb => None,
        };
        Ok(storage::Settings {
            directory,
            mongo,
            timeout: self.timeout,
            size_max_bytes: self.size_max_bytes,
            ..storage::Settings::default()
        })
    }
}

impl Reader<'_> {
    pub(super) fn storage(&mut self) -> Storage {
        let size_max_mib = self.number("storage.size_max_mib", 0, 1 << 20);
        let database = self.filled("storage.database");
        let is_good = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if !database.chars().all(is_good) || database.len() > 60 {
            self.mistake("storage.database", "must be of at most 60 letters, digits, - and _");
        }
        Storage {
            engine: self.choice(
                "storage.engine",
                &[("embedded", Engine::Embedded), ("mongodb", Engine::Mongodb)],
            ),
            timeout: Duration::from_millis(self.number("storage.timeout_ms", 100, 600_000)),
            size_max_bytes: (size_max_mib > 0).then_some(size_max_mib << 20),
            database,
            mongodb_timeout: Duration::from_millis(self.number(
                "storage.mongodb_timeout_ms",
                100,
                600_000,
            )),
        }
    }
}
