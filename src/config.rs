//! Settings of one installation: the documented defaults, the operator's file over them, secrets from the environment.
//!
//! `config/armedmusic.toml` is part of the program and holds every key with its default, so file, documentation and
//! program cannot drift apart. Anything wrong is reported with its key and its fix before the network is touched.

mod environment;
mod merge;
mod values;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::permission::Controls;

pub(crate) use environment::Environment;

/// Everything an operator may set, checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) language: Option<actors::speech::Language>,
    pub(crate) state_directory: PathBuf,
    pub(crate) telegram: Telegram,
    pub(crate) chat: Chat,
    pub(crate) audio: Audio,
    pub(crate) call: Call,
    pub(crate) sources: Sources,
    pub(crate) log: Log,
}

#[derive(Debug, Clone)]
pub(crate) struct Telegram {
    pub(crate) datacenters: Vec<(i32, SocketAddr)>,
    pub(crate) call_timeout: Duration,
    pub(crate) ping_every: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) command_age_max: Duration,
}

#[derive(Debug, Clone)]
pub(crate) struct Chat {
    pub(crate) controls: Controls,
    pub(crate) queue_max: usize,
    pub(crate) duration_max: Option<Duration>,
    pub(crate) linger: Duration,
    pub(crate) refresh: Duration,
}

#[derive(Debug, Clone)]
pub(crate) struct Audio {
    pub(crate) bitrate_bps: u32,
    pub(crate) complexity: u8,
    pub(crate) ring: Duration,
    pub(crate) read_ahead_bytes: usize,
    pub(crate) streams_per_clock: usize,
    pub(crate) ffmpeg: Ffmpeg,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ffmpeg {
    Auto,
    Off,
    At(PathBuf),
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) connect: Duration,
    pub(crate) lost_after: Duration,
    pub(crate) tries_max: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) music_dir: Option<PathBuf>,
    pub(crate) allow_hosts: Vec<String>,
    pub(crate) size_max_bytes: u64,
    pub(crate) resolve_max: Duration,
}

#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) level: String,
    pub(crate) is_json: bool,
}

/// Who this installation is on Telegram. Every part of it is a secret or a person's id; it is never printed.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) api_id: i32,
    pub(crate) api_hash: String,
    pub(crate) bot_token: String,
    pub(crate) assistants: Vec<String>,
    /// A session string for the bot itself, in place of a fresh sign-in.
    pub(crate) bot_session: Option<String>,
    pub(crate) owner: Option<i64>,
    pub(crate) logger: Option<i64>,
}

/// What is wrong, each with its key and its fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistakes(pub(crate) Vec<Mistake>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) key: String,
    pub(crate) fix: String,
}

/// Every key with its default; the operator's documentation.
const DEFAULTS: &str = include_str!("../config/armedmusic.toml");

/// Where the file is looked for when nobody says.
const DEFAULT_PATH: &str = "config/armedmusic.toml";

/// sysexits.h EX_CONFIG: systemd knows not to restart on it.
pub(crate) const EXIT_CONFIG: u8 = 78;

// === impl Config ===

impl Config {
    /// The file at `path`, or the usual place, or the defaults alone when there is none.
    pub(crate) fn load(path: Option<&Path>) -> Result<Config, Mistakes> {
        let text = match path {
            Some(path) => read(path)?,
            None if Path::new(DEFAULT_PATH).exists() => read(Path::new(DEFAULT_PATH))?,
            None => String::new(),
        };
        Config::parse(&text)
    }

    /// The operator's `text` over the defaults.
    pub(crate) fn parse(text: &str) -> Result<Config, Mistakes> {
        let defaults: toml::Table =
            DEFAULTS.parse().expect("the embedded defaults are checked by a test");
        let own: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            Mistakes::one(
                "the file",
                format!("is not TOML: {}", error.to_string().trim().replace('\n', " ")),
            )
        })?;
        let merged = merge::over(defaults, own).map_err(Mistakes)?;
        values::read(&merged)
    }
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
    pub(crate) fn one(key: impl Into<String>, fix: impl Into<String>) -> Mistakes {
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
