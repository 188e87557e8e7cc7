//! What the tree is started with. Only values: reading them is `src/`'s work.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::{ChatId, UserId, inquiry, matching};
use sources::service::Service;
use telegram::{Secret, Session};

use crate::pace::Pace;
use crate::speech::Language;

pub struct Settings {
    /// How both kinds of accounts speak to Telegram.
    pub telegram: telegram::Settings,
    /// How long an account whose connection failed waits before it connects again.
    pub reconnect: supervisor::Backoff,
    pub bot: Bot,
    /// Sessions of the userbot accounts that enter voice chats; at least one.
    pub assistants: Vec<Login>,
    pub chat: Chat,
    pub call: domain::call::Settings,
    pub transport: group_call::Settings,
    pub media: media::Settings,
    pub sources: Sources,
    pub store: storage::Settings,
    /// What was fetched is kept there; `None` keeps nothing.
    pub cache: Option<sources::cache::Settings>,
    /// How many bytes of memory the process holds; asking the system is `src/`'s work.
    pub memory: fn() -> Option<u64>,
}

/// An account's session, and where it lies.
pub struct Login {
    pub session: Session,
    /// It is carried to the store under this name, because no disk lasts here.
    pub kept_as: Option<String>,
}

pub struct Bot {
    pub login: Login,
    pub token: Secret,
    /// Texts in this language, or in the language of whoever asks.
    pub language: Option<Language>,
    /// The owner and whom the owner trusts as much: they may control every chat and see all numbers.
    pub operators: Vec<UserId>,
    /// A group that is told what needs a human.
    pub logger: Option<ChatId>,
    /// Signs the buttons; survives restarts.
    pub button_key: [u8; 32],
    /// Commands older than this are not executed.
    pub command_age_max: Duration,
    /// How fast chats go on after a restart.
    pub resume: Pace,
    /// How long an administrator's standing is believed.
    pub standing_max: Duration,
}

#[derive(Clone)]
pub struct Chat {
    pub player: domain::player::Settings,
    /// Between moves of the now-playing line.
    pub refresh: Duration,
    /// Until the first packets of a track.
    pub load_max: Duration,
}

#[derive(Clone)]
pub struct Sources {
    pub music_dir: Option<PathBuf>,
    pub http: sources::http::Settings,
    pub direct: sources::direct::Settings,
    pub attachment: sources::attachment::Settings,
    /// Whose links only say where to go.
    pub short_links: sources::short_links::ShortLinks,
    /// The outside services in the order of asking, each with its instances.
    pub services: Vec<Vec<Arc<dyn Service>>>,
    pub lookups: Lookups,
    /// Undecoded input kept ahead per track.
    pub read_ahead_bytes: usize,
    /// How long the reader of a download waits for bytes before the track counts as broken.
    pub stall: Duration,
}

/// How something is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Lookups {
    /// Deadlines and patience; its deadline is that of the whole.
    pub inquiry: inquiry::Settings,
    /// What may be played at all.
    pub rules: matching::Rules,
    /// For opening a track: it has to be told before the track counts as stuck.
    pub open_max: Duration,
    /// The most tracks that are taken from one list.
    pub playlist_max: usize,
}
