use domain::permission::Controls;
use serde::{Deserialize, Serialize};

use super::Schema;
use crate::table::Table;

/// What a chat chose; the key is the chat's id. What is `None` follows the installation's settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatSettings {
    /// "en", "ru".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Who controls the music.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<Controls>,
    /// Who may ask for tracks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub players: Option<Players>,
    /// Percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<u16>,
    /// Whether the first hit plays, or a choice is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub play_mode: Option<PlayMode>,
    /// The linked channel whose voice chat the group's commands control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<i64>,
    /// Members whose votes skip a track; 0 when votes are off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_votes: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Players {
    Everyone,
    Admins,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlayMode {
    Direct,
    Choice,
}

impl Schema for ChatSettings {
    const TABLE: Table = Table::Settings;
    const VERSION: u64 = 1;
}
