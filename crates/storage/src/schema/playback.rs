use std::time::Duration;

use domain::player::Snapshot;
use domain::queue::EntryId;
use domain::{Attempt, MessageId};
use serde::{Deserialize, Serialize};

use super::Schema;
use crate::table::Table;

/// What a chat plays; the key is the chat's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    /// Public name of the chat, by which an assistant may join.
    pub username: Option<String>,
    /// Which life of the player the buttons belong to that people see.
    pub generation: u32,
    pub rules: Snapshot,
    pub anchor: Anchor,
    #[serde(default)]
    pub page: Page,
    /// Kept for the commands that will change it.
    #[serde(default, skip_serializing_if = "Manner::is_usual")]
    pub manner: Manner,
}

/// How a chat's queue is played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manner {
    pub repeat: Repeat,
    pub is_shuffled: bool,
    /// Percent.
    pub volume: u16,
    /// Percent.
    pub speed: u16,
    /// Names, in the order in which the sound goes through them.
    pub filters: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    #[default]
    Off,
    Track,
    Queue,
}

/// Where a track was at some moment; the rest follows from the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The process that wrote it; its clock is its own.
    pub run: u64,
    pub attempt: Option<Attempt>,
    pub position_ms: u64,
    /// Milliseconds since that process began.
    pub at_ms: u64,
    /// Whether the position moves with the clock from there.
    pub is_moving: bool,
    /// How many people were in the voice chat then, beside the assistant.
    #[serde(default, skip_serializing_if = "is_nobody")]
    pub listeners: u32,
}

/// What people see of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The now-playing message.
    pub panel: Option<(Attempt, MessageId)>,
    /// Requests whose answer still says that they are being looked for: the entry, who asked, the answer.
    pub searching: Vec<(EntryId, MessageId, MessageId)>,
    /// What is spoken there, as a tag.
    pub language: Option<String>,
}

/// A sign of life of a process, or the anchor of a chat whose position left its old one. The key is `process/` and the
/// process's number in hexadecimal, or the chat's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Beat {
    Alive { run: u64, at_ms: u64 },
    At(Anchor),
}

/// A command that took effect. The key is the chat's id, a slash, `m` and the message's number or `b` and the number of
/// the pressed button's query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Unix seconds.
    pub at: i64,
}

impl Schema for Playback {
    const TABLE: Table = Table::Playback;
    const VERSION: u64 = 1;
}

impl Schema for Beat {
    const TABLE: Table = Table::Beats;
    const VERSION: u64 = 1;
}

impl Schema for Done {
    const TABLE: Table = Table::Commands;
    const VERSION: u64 = 1;
}

/// How often a process says that it is alive. After a crash every track goes on within half of this of where it was.
pub const BEAT_EVERY: Duration = Duration::from_secs(1);

/// A position that is this far from where the clock would have it is written anew.
const DRIFT_MAX_MS: u64 = 300;

fn is_nobody(listeners: &u32) -> bool {
    *listeners == 0
}

// === impl Manner ===

impl Manner {
    fn is_usual(&self) -> bool {
        *self == Manner::default()
    }
}

impl Default for Manner {
    fn default() -> Manner {
        Manner {
            repeat: Repeat::Off,
            is_shuffled: false,
            volume: 100,
            speed: 100,
            filters: Vec::new(),
        }
    }
}

// === impl Anchor ===

impl Anchor {
    /// Where the track was when its process died, as far as one can know: after its last sign of life, and before the
    /// next one that did not come. The middle is at most half of that wrong.
    pub fn position_when(&self, last: Beat) -> Duration {
        let position = Duration::from_millis(self.position_ms);
        match last {
            Beat::Alive { run, at_ms } if run == self.run && self.is_moving => {
                let moved = Duration::from_millis(at_ms.saturating_sub(self.at_ms));
                position.saturating_add(moved).saturating_add(BEAT_EVERY / 2)
            }
            _ => position,
        }
    }

    /// Whether `now` is what this anchor and the clock say.
    pub fn foretells(&self, now: &Anchor) -> bool {
        let moved = if self.is_moving { now.at_ms.saturating_sub(self.at_ms) } else { 0 };
        (self.run, self.attempt, self.is_moving) == (now.run, now.attempt, now.is_moving)
            && self.position_ms.saturating_add(moved).abs_diff(now.position_ms) <= DRIFT_MAX_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANCHOR: Anchor = Anchor {
        run: 7,
        attempt: Some(Attempt(3)),
        position_ms: 10_000,
        at_ms: 50_000,
        is_moving: true,
        listeners: 0,
    };

    fn at(at_ms: u64, position_ms: u64) -> Anchor {
        Anchor { at_ms, position_ms, ..ANCHOR }
    }

    #[test]
    fn a_track_moved_until_half_a_beat_after_the_last_sign_of_life_of_its_process() {
        let alive = |run| Beat::Alive { run, at_ms: 62_500 };
        assert_eq!(ANCHOR.position_when(alive(7)), Duration::from_millis(23_000));
        assert_eq!(
            ANCHOR.position_when(alive(8)),
            Duration::from_secs(10),
            "another process's clock"
        );
        let held = Anchor { is_moving: false, ..ANCHOR };
        assert_eq!(held.position_when(alive(7)), Duration::from_secs(10));
        let early = Beat::Alive { run: 7, at_ms: 49_000 };
        assert_eq!(ANCHOR.position_when(early), Duration::from_millis(10_500));
    }

    #[test]
    fn only_a_position_that_left_the_clock_is_written_anew() {
        assert!(ANCHOR.foretells(&at(60_000, 20_000)));
        assert!(ANCHOR.foretells(&at(60_000, 19_750)));
        assert!(!ANCHOR.foretells(&at(60_000, 19_000)), "it stood still for a second");
        assert!(!ANCHOR.foretells(&Anchor { attempt: Some(Attempt(4)), ..at(60_000, 20_000) }));
        assert!(!ANCHOR.foretells(&Anchor { is_moving: false, ..at(60_000, 20_000) }));
    }

    #[test]
    fn what_version_one_wrote_is_read() {
        let rules = r#"{"current":null,"queue":[],"is_paused":false,"last_attempt":3,"last_entry":2,"deaths":null}"#;
        let text = format!(
            r#"{{"schema":1,"username":"jam","generation":4,"rules":{rules},"anchor":{{"run":7,"attempt":3,"position_ms":10000,"at_ms":50000,"is_moving":true}},"page":{{"panel":[3,77],"searching":[[2,40,41]],"language":"ru"}}}}"#
        );
        let value: serde_json::Value = serde_json::from_str(&text).expect("a fixture is JSON");
        let read: Playback = super::super::read(value.clone()).expect("it is read");
        assert_eq!((read.anchor, read.page.panel), (ANCHOR, Some((Attempt(3), MessageId(77)))));
        assert_eq!(super::super::write(&read), value);
        let heard = Anchor { listeners: 3, ..read.anchor };
        let read_back = super::super::read(super::super::write(&Beat::At(heard)));
        assert_eq!(read_back, Ok(Beat::At(heard)));
        let beat =
            |text: &str| super::super::read::<Beat>(serde_json::from_str(text).expect("JSON"));
        assert_eq!(
            beat(r#"{"schema":1,"kind":"alive","run":7,"at_ms":5}"#),
            Ok(Beat::Alive { run: 7, at_ms: 5 })
        );
    }
}
