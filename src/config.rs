//! Settings of one installation: the documented defaults, the operator's file over them, secrets from the environment.
//!
//! `config/armedmusic.toml` is part of the program and holds every key with its default, so file, documentation and
//! program cannot drift apart. Anything wrong is reported with its key and its fix before the network is touched.

mod environment;
mod extractors;
mod merge;
mod storage;
mod values;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::permission::Controls;

pub use environment::{Environment, assistant_key};
pub use extractors::{Extractors, Gateway, Keys, NAMES, Program, Ytdlp};
pub use storage::{Engine, Storage};

/// Everything an operator may set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub language: Option<actors::speech::Language>,
    pub state_directory: PathBuf,
    pub storage: Storage,
    pub telegram: Telegram,
    pub chat: Chat,
    pub audio: Audio,
    pub call: Call,
    pub sources: Sources,
    pub cache: Cache,
    pub extractors: Extractors,
    pub log: Log,
}

#[derive(Debug, Clone)]
pub struct Telegram {
    pub datacenters: Vec<(i32, SocketAddr)>,
    pub call_timeout: Duration,
    pub ping_every: Duration,
    pub ping_timeout: Duration,
    pub retry_first: Duration,
    pub retry_max: Duration,
    pub command_age_max: Duration,
}

#[derive(Debug, Clone)]
pub struct Chat {
    pub controls: Controls,
    pub queue_max: usize,
    pub duration_max: Option<Duration>,
    pub linger: Duration,
    pub refresh: Duration,
}

#[derive(Debug, Clone)]
pub struct Audio {
    pub bitrate_bps: u32,
    pub complexity: u8,
    pub ring: Duration,
    pub read_ahead_bytes: usize,
    pub stuck_after: Duration,
    pub streams_per_clock: usize,
    pub ffmpeg: Ffmpeg,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ffmpeg {
    Auto,
    Off,
    At(PathBuf),
}

#[derive(Debug, Clone)]
pub struct Call {
    pub connect: Duration,
    pub lost_after: Duration,
    pub tries_max: u32,
    pub ended_wait: Duration,
    pub resume_at_once: usize,
    pub resume_every: Duration,
}

#[derive(Debug, Clone)]
pub struct Sources {
    pub music_dir: Option<PathBuf>,
    pub allow_hosts: Vec<String>,
    pub short_links: Vec<String>,
    pub size_max_bytes: u64,
    pub resolve_max: Duration,
    pub answer_max: Duration,
    pub proxy: Option<String>,
    pub playlist_max: usize,
    pub is_live_allowed: bool,
    pub is_explicit_allowed: bool,
}

#[derive(Debug, Clone)]
pub struct Cache {
    /// `None` where the system or the state directory decides.
    pub directory: Option<PathBuf>,
    /// 0 when nothing is kept.
    pub bytes_max: u64,
    pub entry_bytes_max: u64,
}

#[derive(Debug, Clone)]
pub struct Log {
    pub level: String,
    pub is_json: bool,
}

/// Who this installation is on Telegram. Every part of it is a secret or a person's id; it is never printed.
#[derive(Clone)]
pub struct Identity {
    pub api_id: i32,
    pub api_hash: String,
    pub bot_token: String,
    /// Session strings, each with the number in its key: 1 for STRING_SESSION, 2 for STRING_SESSION2.
    pub assistants: Vec<(usize, String)>,
    /// A session string for the bot itself, in place of a fresh sign-in.
    pub bot_session: Option<String>,
    /// Seals the sign-ins on disk.
    pub vault: Option<telegram::Vault>,
    pub owner: Option<i64>,
    /// People who may do what the owner may.
    pub sudo: Vec<i64>,
    pub logger: Option<i64>,
    /// The directory that systemd gives for what can be had again.
    pub cache_directory: Option<PathBuf>,
    /// What outside services want to see.
    pub keys: Keys,
}

/// What is wrong, each with its key and its fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub key: String,
    pub fix: String,
}

/// Every key with its default; the operator's documentation.
const DEFAULTS: &str = include_str!("../config/armedmusic.toml");

/// Where the file is looked for when nobody says.
const DEFAULT_PATH: &str = "config/armedmusic.toml";

/// sysexits.h EX_CONFIG: systemd knows not to restart on it.
pub const EXIT_CONFIG: u8 = 78;

// === impl Config ===

impl Config {
    /// The file at `path`, or the usual place, or the defaults alone when there is none.
    pub fn load(path: Option<&Path>) -> Result<Config, Mistakes> {
        let text = match path {
            Some(path) => read(path)?,
            None if Path::new(DEFAULT_PATH).exists() => read(Path::new(DEFAULT_PATH))?,
            None => String::new(),
        };
        Config::parse(&text)
    }

    /// The operator's `text` over the defaults.
    pub fn parse(text: &str) -> Result<Config, Mistakes> {
        Config::parse_all(&[text])
    }

    /// Several texts over the defaults, the later over the earlier.
    pub fn parse_all(texts: &[&str]) -> Result<Config, Mistakes> {
        let mut merged: toml::Table =
            DEFAULTS.parse().expect("the embedded defaults are checked by a test");
        for text in texts {
            merged = merge::over(merged, table(text)?).map_err(Mistakes)?;
        }
        values::read(&merged)
    }
}

fn table(text: &str) -> Result<toml::Table, Mistakes> {
    text.parse().map_err(|error: toml::de::Error| {
        // its own words would quote the line, and people put secrets into the wrong file
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Mistakes::one("the file", format!("is not TOML in line {line}: {}", error.message()))
    })
}

fn read(path: &Path) -> Result<String, Mistakes> {
    std::fs::read_to_string(path).map_err(|error| {
        Mistakes::one(
            path.display().to_string(),
            format!("cannot be read: {error}; check --config and the file's rights"),
        )
    })
}

// === impl Mistakes ===

impl Mistakes {
    pub fn one(key: impl Into<String>, fix: impl Into<String>) -> Mistakes {
        Mistakes(vec![Mistake { key: key.into(), fix: fix.into() }])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Mistake { key, fix }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{key}: {fix}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("n_assistants", &self.assistants.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
