//! What is kept, by name.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A kind of record. Its name is stable: it stands in files, in archives and as a collection in MongoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// What a chat chose (language, controls, volume …); by chat.
    Settings,
    /// Who may control the music of a chat without being its administrator; by chat.
    Authorised,
    /// Who may do what the owner may; by user.
    Sudo,
    /// Whom the bot ignores; by user or chat.
    Blocks,
    /// Saved lists of tracks; by their own id.
    Playlists,
    /// What has been played; one record for each play.
    History,
    /// Tracks somebody likes; by user.
    Favourites,
    /// Counters; by their own names.
    Statistics,
    /// Which assistant serves a chat; by chat.
    Assignments,
    /// Logins and where their updates stand, encrypted by whoever writes them; by account.
    Sessions,
    /// What a chat plays; by chat.
    Playback,
    /// Commands that took effect, so that none does so twice; one record for each.
    Commands,
    /// Signs of life of a process; by process.
    Beats,
}

// === impl Table ===

impl Table {
    pub const ALL: [Table; 13] = [
        Table::Settings,
        Table::Authorised,
        Table::Sudo,
        Table::Blocks,
        Table::Playlists,
        Table::History,
        Table::Favourites,
        Table::Statistics,
        Table::Assignments,
        Table::Sessions,
        Table::Playback,
        Table::Commands,
        Table::Beats,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Table::Settings => "settings",
            Table::Authorised => "authorised",
            Table::Sudo => "sudo",
            Table::Blocks => "blocks",
            Table::Playlists => "playlists",
            Table::History => "history",
            Table::Favourites => "favourites",
            Table::Statistics => "statistics",
            Table::Assignments => "assignments",
            Table::Sessions => "sessions",
            Table::Playback => "playback",
            Table::Commands => "commands",
            Table::Beats => "beats",
        }
    }

    pub fn named(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// How long a record is of use after it was written; `None` for ever. Telegram does not repeat an update that is
    /// older than a few days, and nobody asks what was played two years ago.
    pub fn kept(self) -> Option<Duration> {
        const DAY: Duration = Duration::from_secs(86_400);
        match self {
            Table::Commands => Some(7 * DAY),
            Table::History => Some(400 * DAY),
            Table::Beats => Some(30 * DAY),
            _ => None,
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_found_by_its_name() {
        for table in Table::ALL {
            assert_eq!(Table::named(table.name()), Some(table));
            assert_eq!(serde_json::to_value(table).unwrap(), table.name());
        }
        assert_eq!(Table::named("nothing"), None);
    }
}
