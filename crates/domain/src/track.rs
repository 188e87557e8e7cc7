//! What users ask for, and what it turned out to be.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::ids::{ChatId, MessageId, UserId};

/// What somebody asked to hear, before anything is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Words to search for.
    Query(String),
    /// A link, as typed.
    Url(String),
    /// A file that is attached to a Telegram message (the command's own, or the one it replies to).
    Attachment(Attachment),
    /// What was found already and chosen.
    Found(Box<Track>),
}

/// A playable file on a message. Only the account that saw the message can fetch it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub chat: ChatId,
    pub message: MessageId,
    pub title: Option<String>,
    pub performer: Option<String>,
    pub file_name: Option<String>,
    pub mime: Option<String>,
    pub size_bytes: u64,
    pub duration: Option<Duration>,
}

/// Who asked for a track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    pub id: UserId,
    pub name: String,
}

/// Where the bytes of a track are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Location {
    File(PathBuf),
    Http(String),
    Telegram(Attachment),
    /// A service's own name for it; where its bytes are is asked when it is to be played, because such addresses end.
    /// An empty key is a description only: the track is looked for where it can be played.
    Page {
        #[serde(deserialize_with = "source_name")]
        service: SourceName,
        key: String,
    },
}

/// Something that can be played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    pub title: String,
    pub artist: Option<String>,
    /// As announced by its origin; the decoder's measure replaces it when it differs.
    pub duration: Option<Duration>,
    pub location: Location,
    /// Which source found it: the extractor's name (`files`, `direct`, `telegram`).
    #[serde(deserialize_with = "source_name")]
    pub source: SourceName,
    /// What a user may open to see where it comes from.
    pub link: Option<String>,
    /// It has no end.
    pub is_live: bool,
}

// === impl Track ===

impl Track {
    /// What a service knows of it, as something that can be queued.
    pub fn of(service: &'static str, candidate: Candidate) -> Track {
        let Candidate { title, artist, duration, is_live, key, link, .. } = candidate;
        let duration = duration.filter(|_| !is_live);
        let location = Location::Page { service, key };
        Track { title, artist, duration, location, source: service, link, is_live }
    }

    /// "artist — title", or the title alone.
    pub fn display(&self) -> String {
        match self.artist.as_deref().map(str::trim).filter(|artist| !artist.is_empty()) {
            Some(artist) => format!("{artist} — {}", self.title),
            None => self.title.clone(),
        }
    }
}

/// One of [`SOURCES`]. (An alias, because serde's derive would take the reference for one into what it reads.)
pub type SourceName = &'static str;

/// Every source by its name, as the supervision tree calls it. Names are written down with the tracks, and read back into
/// these.
pub const SOURCES: [&str; 18] = [
    "files",
    "direct",
    "telegram",
    "yt-dlp",
    "invidious",
    "piped",
    "soundcloud",
    "jiosaavn",
    "audius",
    "jamendo",
    "archive",
    "cobalt",
    "gateway",
    "radio",
    "spotify",
    "apple",
    "deezer",
    "youtube",
];

fn source_name<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<&'static str, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = SOURCES.into_iter().find(|known| *known == name);
    known.ok_or_else(|| serde::de::Error::custom(format!("no source is called {name:?}")))
}

/// Cuts a title for display: at most `max` characters, never inside one, control and direction-changing characters
/// removed, white space folded. Empty titles become `fallback`.
pub fn clean_title(raw: &str, max: usize, fallback: &str) -> String {
    let visible: String = raw
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_hidden(*c))
        .collect();
    let folded = visible.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if folded.is_empty() {
        return fallback.to_owned();
    }
    if folded.chars().count() <= max {
        return folded;
    }
    let cut: String = folded.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// Control characters, and those that re-order or hide the text around them (bidirectional overrides and isolates,
/// zero-width spaces). Joiners stay: emoji and several scripts need them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{FEFF}' | '\u{061C}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_cut_and_cleaned_for_display() {
        let check = |raw: &str, expected: &str| {
            assert_eq!(clean_title(raw, 10, "untitled"), expected, "{raw:?}")
        };
        check("plain", "plain");
        check("  two \n words ", "two words");
        check("\u{202E}evil\u{0}", "evil");
        check("", "untitled");
        check("\u{200B}\u{FEFF}", "untitled");
        check("0123456789", "0123456789");
        check("0123456789x", "012345678…");
        check("Привет, мир и все", "Привет, м…");
        check("🎵🎶🎵🎶🎵🎶🎵🎶🎵🎶🎵", "🎵🎶🎵🎶🎵🎶🎵🎶🎵…");
        check("👨‍👩‍👧", "👨‍👩‍👧");
        assert_eq!(clean_title(&"a".repeat(4_000), 100, "x").chars().count(), 100);
    }
}
