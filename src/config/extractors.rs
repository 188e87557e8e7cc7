//! The outside services' part of the settings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sources::secret::Secret;

use super::values::Reader;

/// Everything that can be asked, as [extractors] names it.
pub const NAMES: [&str; 15] = [
    "ytdlp",
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

/// Who is asked, and where they are.
#[derive(Debug, Clone)]
pub struct Extractors {
    pub order: Vec<&'static str>,
    pub urls: BTreeMap<&'static str, Vec<String>>,
    pub invidious_region: Option<String>,
    pub is_invidious_proxied: bool,
    pub soundcloud_site: String,
    pub radio_country: Option<String>,
    pub spotify_accounts: String,
    pub spotify_site: String,
    pub apple_country: String,
    pub ytdlp: Ytdlp,
    /// Present when it has a template to open with.
    pub gateway: Option<Gateway>,
}

/// Where yt-dlp is, and what it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ytdlp {
    pub program: Program,
    pub cookies: Option<PathBuf>,
    /// Its process is replaced when it holds more.
    pub memory_max_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Looked for on the search path.
    Auto,
    Off,
    At(PathBuf),
}

#[derive(Debug, Clone)]
pub struct Gateway {
    pub open_url: String,
    pub open_stream: String,
    pub open_title: Option<String>,
    pub open_artist: Option<String>,
    pub open_duration: Option<String>,
    pub open_lifetime: Option<Duration>,
    pub search_url: Option<String>,
    pub search_items: String,
    pub search_key: String,
    pub search_title: String,
    pub search_artist: Option<String>,
    pub search_duration: Option<String>,
    pub hosts: Vec<String>,
    pub is_youtube: bool,
    pub secret_header: Option<String>,
}

/// What services want to see, from the environment.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    pub soundcloud: Option<Secret>,
    pub jamendo: Option<Secret>,
    pub cobalt: Option<Secret>,
    pub gateway: Option<Secret>,
    pub spotify: Option<(String, Secret)>,
    /// PATH, on which programs are looked for.
    pub search_path: Option<OsString>,
    /// HOME, where programs find what was installed for one user only.
    pub home: Option<PathBuf>,
}

// === impl Reader ===

impl Reader<'_> {
    pub(super) fn extractors(&mut self) -> Extractors {
        let mut order: Vec<&'static str> = Vec::new();
        for wanted in self.texts("extractors.order") {
            match NAMES.iter().find(|name| **name == wanted) {
                Some(name) if order.contains(name) => {
                    self.mistake("extractors.order", format!("{wanted:?} is named twice"));
                }
                Some(name) => order.push(name),
                None => {
                    let known = NAMES.join(", ");
                    let fix = format!("there is no {wanted:?}; known are {known}");
                    self.mistake("extractors.order", fix);
                }
            }
        }
        let has_urls = NAMES.iter().filter(|name| !matches!(**name, "gateway" | "ytdlp"));
        let urls =
            has_urls.map(|name| (*name, self.texts(&format!("extractors.{name}.urls")))).collect();
        Extractors {
            order,
            urls,
            invidious_region: self.given("extractors.invidious.region"),
            is_invidious_proxied: self.flag("extractors.invidious.proxied"),
            soundcloud_site: self.text("extractors.soundcloud.site"),
            radio_country: self.given("extractors.radio.country"),
            spotify_accounts: self.text("extractors.spotify.accounts"),
            spotify_site: self.text("extractors.spotify.site"),
            apple_country: self.text("extractors.apple.country"),
            ytdlp: self.ytdlp(),
            gateway: self.gateway(),
        }
    }

    fn ytdlp(&mut self) -> Ytdlp {
        let program = match self.filled("extractors.ytdlp.program").as_str() {
            "auto" => Program::Auto,
            "off" => Program::Off,
            path => Program::At(self.absolute("extractors.ytdlp.program", path)),
        };
        let cookies = self.given("extractors.ytdlp.cookies").map(|path| {
            let path = self.absolute("extractors.ytdlp.cookies", &path);
            if let Err(error) = std::fs::read(&path) {
                let path = path.display();
                let fix =
                    format!("{path} cannot be read: {}; correct it or set \"\"", error.kind());
                self.mistake("extractors.ytdlp.cookies", fix);
            }
            path
        });
        let memory_max_bytes = self.number("extractors.ytdlp.memory_max_mib", 64, 65_536) << 20;
        Ytdlp { program, cookies, memory_max_bytes }
    }

    /// Its processes do not run in our directory.
    fn absolute(&mut self, key: &str, path: &str) -> PathBuf {
        std::path::absolute(path).unwrap_or_else(|error| {
            self.mistake(key, format!("is no path: {error}"));
            Path::new(path).to_owned()
        })
    }

    fn gateway(&mut self) -> Option<Gateway> {
        let at = |key: &str| format!("extractors.gateway.{key}");
        let open_url = self.given(&at("open_url"))?;
        let lifetime_s = self.number(&at("open_lifetime_s"), 0, 7 * 86_400);
        Some(Gateway {
            open_url,
            open_stream: self.text(&at("open_stream")),
            open_title: self.given(&at("open_title")),
            open_artist: self.given(&at("open_artist")),
            open_duration: self.given(&at("open_duration")),
            open_lifetime: (lifetime_s > 0).then(|| Duration::from_secs(lifetime_s)),
            search_url: self.given(&at("search_url")),
            search_items: self.text(&at("search_items")),
            search_key: self.text(&at("search_key")),
            search_title: self.text(&at("search_title")),
            search_artist: self.given(&at("search_artist")),
            search_duration: self.given(&at("search_duration")),
            hosts: self.texts(&at("hosts")),
            is_youtube: self.flag(&at("youtube")),
            secret_header: self.given(&at("secret_header")),
        })
    }

    fn given(&self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }
}
