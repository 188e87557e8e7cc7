//! What the values of each table look like.
//!
//! Every value carries the version of its shape. A reader takes its own version and older ones; fields that an older
//! build did not write have defaults. A newer version is a fault and not a guess: see [`read`]. What is in a
//! session is its writer's.

mod assignment;
mod authorised;
mod block;
mod chat;
mod favourites;
mod history;
mod playback;
mod playlist;
mod session;
mod statistic;
mod sudo;
mod track;

use domain::Fault;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use assignment::Assignment;
pub use authorised::{Authorised, Person};
pub use block::{Block, Subject};
pub use chat::{ChatSettings, PlayMode, Players};
pub use favourites::Favourites;
pub use history::Played;
pub use playback::{Anchor, BEAT_EVERY, Beat, Done, Manner, Page, Playback, Repeat};
pub use playlist::Playlist;
pub use session::SealedSession;
pub use statistic::Statistic;
pub use sudo::Sudo;
pub use track::SavedTrack;

use crate::fault;
use crate::table::Table;

/// A value of one table.
pub trait Schema: Serialize + DeserializeOwned {
    const TABLE: Table;
    const VERSION: u64;
}

/// The name of the version within a value.
const FIELD: &str = "schema";

/// The value to write.
pub fn write<S: Schema>(what: &S) -> Value {
    let mut value =
        serde_json::to_value(what).expect("our shapes have texts for names, so they are JSON");
    if let Value::Object(fields) = &mut value {
        fields.insert(FIELD.to_owned(), S::VERSION.into());
    }
    value
}

/// What a value says, or why it cannot be read.
pub fn read<S: Schema>(value: Value) -> Result<S, Fault> {
    let table = S::TABLE;
    let version = value.get(FIELD).and_then(Value::as_u64).unwrap_or(1);
    if version > S::VERSION {
        return Err(fault::refused(format!(
            "a record of {table} has the newer shape {version}, this version knows {}",
            S::VERSION
        )));
    }
    serde_json::from_value(value)
        .map_err(|error| fault::refused(format!("a record of {table} cannot be read: {error}")))
}

#[cfg(test)]
mod tests;
