//! From a merged table, whose shape is known, to checked values.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use actors::speech::Language;
use domain::permission::Controls;
use toml::{Table, Value};

use super::{Audio, Cache, Call, Chat, Config, Ffmpeg, Log, Mistake, Mistakes, Sources, Telegram};

/// Reads values and collects what is wrong with them.
pub(super) struct Reader<'a> {
    table: &'a Table,
    mistakes: Vec<Mistake>,
}

pub(super) fn read(table: &Table) -> Result<Config, Mistakes> {
    let mut reader = Reader { table, mistakes: Vec::new() };
    let config = reader.config();
    if reader.mistakes.is_empty() { Ok(config) } else { Err(Mistakes(reader.mistakes)) }
}

// === impl Reader: sections ===

impl Reader<'_> {
    fn config(&mut self) -> Config {
        Config {
            language: self.choice(
                "language",
                &[("auto", None), ("en", Some(Language::En)), ("ru", Some(Language::Ru))],
            ),
            state_directory: PathBuf::from(self.filled("state.directory")),
            storage: self.storage(),
            telegram: self.telegram(),
            chat: self.chat(),
            audio: self.audio(),
            call: Call {
                connect: self.seconds("call.connect_s", 2, 60),
                lost_after: self.seconds("call.lost_after_s", 5, 120),
                tries_max: self.number("call.tries_max", 1, 100) as u32,
                ended_wait: self.seconds("call.ended_wait_s", 0, 86_400),
                resume_at_once: self.number("call.resume_at_once", 1, 1_000) as usize,
                resume_every: Duration::from_millis(self.number("call.resume_every_ms", 0, 60_000)),
            },
            sources: self.sources(),
            cache: Cache {
                directory: Some(self.text("cache.directory"))
                    .filter(|directory| !directory.trim().is_empty())
                    .map(PathBuf::from),
                bytes_max: self.number("cache.size_mib", 0, 1 << 24) << 20,
                entry_bytes_max: self.number("cache.entry_max_mib", 1, 1 << 20) << 20,
            },
            extractors: self.extractors(),
            log: Log {
                level: self.filled("log.level"),
                is_json: self.choice("log.format", &[("text", false), ("json", true)]),
            },
        }
    }

    fn telegram(&mut self) -> Telegram {
        Telegram {
            datacenters: self.datacenters(),
            call_timeout: self.seconds("telegram.call_timeout_s", 1, 120),
            ping_every: self.seconds("telegram.ping_every_s", 1, 300),
            ping_timeout: self.seconds("telegram.ping_timeout_s", 1, 60),
            retry_first: self.seconds("telegram.retry_first_s", 1, 3_600),
            retry_max: self.seconds("telegram.retry_max_s", 1, 3_600),
            command_age_max: self.seconds("telegram.command_age_max_s", 1, 86_400),
        }
    }

    fn chat(&mut self) -> Chat {
        let minutes = self.number("chat.duration_max_min", 0, 100_000);
        Chat {
            controls: self.choice(
                "chat.controls",
                &[("admins", Controls::Admins), ("everyone", Controls::Everyone)],
            ),
            queue_max: self.number("chat.queue_max", 1, 10_000) as usize,
            duration_max: (minutes > 0).then(|| Duration::from_secs(minutes * 60)),
            linger: self.seconds("chat.linger_s", 0, 86_400),
            refresh: self.seconds("chat.refresh_s", 1, 3_600),
        }
    }

    fn audio(&mut self) -> Audio {
        Audio {
            bitrate_bps: self.number("audio.bitrate_kbps", 16, 510) as u32 * 1_000,
            complexity: self.number("audio.complexity", 0, 10) as u8,
            ring: Duration::from_millis(self.number("audio.ring_ms", 200, 10_000)),
            stuck_after: self.seconds("audio.stuck_after_s", 2, 600),
            read_ahead_bytes: self.number("audio.read_ahead_kib", 256, 262_144) as usize * 1_024,
            streams_per_clock: self.number("audio.streams_per_clock", 1, 1_000) as usize,
            ffmpeg: match self.filled("audio.ffmpeg").as_str() {
                "auto" => Ffmpeg::Auto,
                "off" => Ffmpeg::Off,
                path => Ffmpeg::At(PathBuf::from(path)),
            },
        }
    }

    fn sources(&mut self) -> Sources {
        let music_dir = self.text("sources.music_dir");
        if !music_dir.is_empty() && !std::path::Path::new(&music_dir).is_dir() {
            self.mistake(
                "sources.music_dir",
                format!("{music_dir:?} is not a folder; create it or set \"\""),
            );
        }
        Sources {
            music_dir: (!music_dir.is_empty()).then(|| PathBuf::from(music_dir)),
            allow_hosts: self.texts("sources.allow_hosts"),
            short_links: self.texts("sources.short_links"),
            size_max_bytes: self.number("sources.size_max_mib", 1, 1 << 20) << 20,
            resolve_max: self.seconds("sources.resolve_max_s", 1, 300),
            answer_max: self.seconds("sources.answer_max_s", 1, 300),
            proxy: Some(self.text("sources.proxy")).filter(|proxy| !proxy.is_empty()),
            playlist_max: self.number("sources.playlist_max", 1, 10_000) as usize,
            is_live_allowed: self.flag("sources.live"),
            is_explicit_allowed: self.flag("sources.explicit"),
        }
    }

    fn datacenters(&mut self) -> Vec<(i32, SocketAddr)> {
        let mut read = Vec::new();
        for entry in self.texts("telegram.datacenters") {
            let parsed = entry.split_once('=').and_then(|(id, address)| {
                Some((
                    id.trim().parse::<i32>().ok().filter(|id| (1..=5).contains(id))?,
                    address.trim().parse().ok()?,
                ))
            });
            match parsed {
                Some(datacenter) => read.push(datacenter),
                None => self.mistake(
                    "telegram.datacenters",
                    format!("{entry:?} is not like \"2=149.154.167.50:443\""),
                ),
            }
        }
        read
    }
}

// === impl Reader: values ===

impl Reader<'_> {
    fn value(&self, key: &str) -> Option<&Value> {
        let mut parts = key.split('.');
        let mut value = self.table.get(parts.next()?)?;
        for part in parts {
            value = value.get(part)?;
        }
        Some(value)
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.value(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    pub(super) fn filled(&mut self, key: &str) -> String {
        let text = self.text(key);
        if text.trim().is_empty() {
            self.mistake(key, "must not be empty");
        }
        text
    }

    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        let values = self.value(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let texts: Vec<String> =
            values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if texts.len() != values.len() {
            self.mistake(key, "must be a list of texts in quotes");
        }
        texts
    }

    pub(super) fn number(&mut self, key: &str, min: u64, max: u64) -> u64 {
        let value = self.value(key).and_then(Value::as_integer).unwrap_or_default();
        match u64::try_from(value).ok().filter(|value| (min..=max).contains(value)) {
            Some(value) => value,
            None => {
                self.mistake(key, format!("must be from {min} to {max}, but is {value}"));
                min
            }
        }
    }

    fn seconds(&mut self, key: &str, min: u64, max: u64) -> Duration {
        Duration::from_secs(self.number(key, min, max))
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.value(key).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> T {
        let text = self.text(key);
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, value)) => *value,
            None => {
                let names: Vec<String> =
                    choices.iter().map(|(name, _)| format!("{name:?}")).collect();
                // whatever stands there instead may be a secret in the wrong place
                self.mistake(key, format!("must be one of {}", names.join(", ")));
                choices[0].1
            }
        }
    }

    pub(super) fn mistake(&mut self, key: &str, fix: impl Into<String>) {
        self.mistakes.push(Mistake { key: key.to_owned(), fix: fix.into() });
    }
}
