//! From checked settings to what the tree is started with.

mod services;

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::pace::Pace;
use actors::settings::{Bot, Chat, Login, Lookups, Settings, Sources};
use domain::{ChatId, Class, Fault, UserId};
use sources::http::AllowHost;
use sources::short_links::ShortLinks;
use telegram::{Secret, Session, Vault};

use crate::config::{Config, Engine, Ffmpeg, Identity, Keys, Mistakes, assistant_key};

/// Between official clients' own values; see `domain::call`.
const CHECK_CONNECTING_EVERY: Duration = Duration::from_secs(4);
const CHECK_JOINED_EVERY: Duration = Duration::from_secs(10);
const CHECK_AGAIN: Duration = Duration::from_secs(1);
const REJOIN_BACKOFF: Duration = Duration::from_secs(1);
const REJOIN_BACKOFF_MAX: Duration = Duration::from_secs(60);
const CALL_HEALTHY_AFTER: Duration = Duration::from_secs(30);
/// An hour without a network, and then some.
const CALL_HOLD_MAX: Duration = Duration::from_secs(2 * 3_600);
const ASSISTANT_WAIT: Duration = Duration::from_secs(30);
/// A join's answer and the connection's own deadline both fit in.
const CONNECT_SLACK: Duration = Duration::from_secs(3);
/// Administrators change seldom; a minute is what people accept.
const STANDING_MAX: Duration = Duration::from_secs(60);
/// What a link leads to may change; within an hour people mean the same.
const CACHE_LINK_FRESH_FOR: Duration = Duration::from_secs(3_600);
/// Nobody goes on with it any more.
const CACHE_PART_AGE_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Where sign-ins lie.
struct Signs<'a> {
    /// A directory that can be written, though its disk may not last.
    directory: Option<&'a Path>,
    /// MongoDB keeps them, because no disk lasts.
    is_in_store: bool,
    vault: Option<Vault>,
}

/// Why the bot cannot be started.
#[derive(Debug)]
pub enum Unusable {
    Settings(Mistakes),
    /// Another process is connected with the same login. Two connections would cost the account that login.
    InUse(String),
}

/// Everything the tree needs.
pub fn settings(
    config: &Config,
    mut identity: Identity,
    store: storage::Settings,
) -> Result<Settings, Unusable> {
    let signs = signs(config, identity.vault.take())?;
    with_signs(config, identity, store, signs)
}

/// The same beside a bot that has the sign-ins: its files are not looked at.
pub fn look(
    config: &Config,
    mut identity: Identity,
    store: storage::Settings,
) -> Result<Settings, Unusable> {
    let signs = Signs { directory: None, ..signs(config, identity.vault.take())? };
    with_signs(config, identity, store, signs)
}

fn with_signs(
    config: &Config,
    identity: Identity,
    store: storage::Settings,
    signs: Signs<'_>,
) -> Result<Settings, Unusable> {
    let token = Secret::new(identity.bot_token);
    let mut telegram = telegram::Settings::new(identity.api_id, identity.api_hash.clone());
    telegram.datacenters = config.telegram.datacenters.clone();
    telegram.call_timeout = config.telegram.call_timeout;
    telegram.ping_every = config.telegram.ping_every;
    telegram.ping_timeout = config.telegram.ping_timeout;
    let bot = bot_login(&signs, identity.bot_session)?;
    let assistants = assistant_logins(&signs, identity.assistants)?;
    keep_apart(&bot, &assistants)?;
    Ok(Settings {
        telegram,
        reconnect: supervisor::Backoff {
            initial: config.telegram.retry_first,
            max: config.telegram.retry_max,
            ..supervisor::Backoff::STANDARD
        },
        bot: Bot {
            login: bot,
            button_key: button_key(&signs, &token)?,
            token,
            language: config.language,
            operators: identity.owner.into_iter().chain(identity.sudo).map(UserId).collect(),
            logger: identity.logger.map(ChatId),
            resume: Pace { at_once: config.call.resume_at_once, every: config.call.resume_every },
            command_age_max: config.telegram.command_age_max,
            standing_max: STANDING_MAX,
        },
        assistants: assistants.into_iter().map(|(_, login)| login).collect(),
        chat: Chat {
            player: player(config),
            refresh: config.chat.refresh,
            load_max: config.audio.stuck_after,
        },
        call: call(config),
        transport: transport(config),
        media: media(config)?,
        sources: sources(config, &identity.keys)?,
        store,
        cache: cache(config, identity.cache_directory),
        memory: resident_bytes,
    })
}

fn player(config: &Config) -> domain::player::Settings {
    domain::player::Settings {
        queue_max: config.chat.queue_max,
        controls: config.chat.controls,
        duration_max: config.chat.duration_max,
        linger: config.chat.linger,
        stuck_ticks: stuck_ticks(config.audio.stuck_after, config.chat.refresh),
    }
}

/// Whole ticks of the now-playing line; a single one could be chance.
fn stuck_ticks(after: Duration, refresh: Duration) -> u32 {
    let ticks = after.as_millis().div_ceil(refresh.as_millis().max(1));
    u32::try_from(ticks).unwrap_or(u32::MAX).max(2)
}

fn call(config: &Config) -> domain::call::Settings {
    domain::call::Settings {
        tries_max: config.call.tries_max,
        connect_max: config.call.connect + CONNECT_SLACK,
        check_connecting_every: CHECK_CONNECTING_EVERY,
        check_joined_every: CHECK_JOINED_EVERY,
        check_again: CHECK_AGAIN,
        backoff_initial: REJOIN_BACKOFF,
        backoff_max: REJOIN_BACKOFF_MAX,
        healthy_after: CALL_HEALTHY_AFTER,
        hold_max: CALL_HOLD_MAX,
        assistant_wait: ASSISTANT_WAIT,
        ended_wait: config.call.ended_wait,
    }
}

/// How calls are carried.
pub fn transport(config: &Config) -> group_call::Settings {
    group_call::Settings {
        connect_deadline: config.call.connect,
        lost_after: config.call.lost_after,
        ..group_call::Settings::recommended()
    }
}

/// How sound is made.
pub fn media(config: &Config) -> Result<media::Settings, Mistakes> {
    let ffmpeg = match &config.audio.ffmpeg {
        Ffmpeg::Off => None,
        Ffmpeg::Auto => find_in_path("ffmpeg"),
        Ffmpeg::At(path) if path.is_file() => Some(path.clone()),
        Ffmpeg::At(path) => {
            let fix =
                format!("there is no program at {}; correct it or set \"auto\"", path.display());
            return Err(Mistakes::one("audio.ffmpeg", fix));
        }
    };
    Ok(media::Settings {
        bitrate_bps: config.audio.bitrate_bps,
        complexity: config.audio.complexity,
        complexity_loaded: config.audio.complexity.min(5),
        ring: config.audio.ring,
        ffmpeg,
        streams_per_clock: config.audio.streams_per_clock,
        stall: Duration::from_secs(20),
    })
}

/// Where music is looked for, and how.
pub fn sources(config: &Config, keys: &Keys) -> Result<Sources, Mistakes> {
    let mut allow_hosts = Vec::new();
    for host in &config.sources.allow_hosts {
        let host: AllowHost = host
            .parse()
            .map_err(|fault: Fault| Mistakes::one("sources.allow_hosts", fault.detail))?;
        allow_hosts.push(host);
    }
    let http = sources::http::Settings {
        user_agent: concat!("ArmedMusic/", env!("CARGO_PKG_VERSION")).to_owned(),
        allow_hosts,
        proxy: config.sources.proxy.clone(),
        connect_timeout: Duration::from_secs(10),
        answer_timeout: Duration::from_secs(15),
    };
    let answer_max = config.sources.answer_max.min(config.sources.resolve_max);
    let for_services = sources::http::Settings { answer_timeout: answer_max, ..http.clone() };
    let client = sources::http::Http::new(for_services)
        .map_err(|fault| Mistakes::one("sources.proxy", fault.detail))?;
    let api = sources::api::Api::new(
        client.clone(),
        sources::api::Settings { answer_max, ..sources::api::Settings::STANDARD },
    );
    Ok(Sources {
        music_dir: config.sources.music_dir.clone(),
        http,
        direct: sources::direct::Settings {
            bytes_max: config.sources.size_max_bytes,
            stall_timeout: Duration::from_secs(15),
            // a third of what the thinnest music needs; slower than that it cannot be played anyway
            rate_min: 1_000,
            rate_window: Duration::from_secs(20),
            open_max: Duration::from_secs(12 * 3_600),
            attempts_max: 5,
            backoff: Duration::from_millis(500),
        },
        attachment: sources::attachment::Settings { bytes_max: config.sources.size_max_bytes },
        short_links: ShortLinks::new(config.sources.short_links.clone()),
        services: services::build(&config.extractors, keys, &client, &api, answer_max)?,
        lookups: Lookups {
            inquiry: domain::inquiry::Settings {
                deadline: config.sources.resolve_max,
                answer_max,
                ..domain::inquiry::Settings::STANDARD
            },
            rules: domain::matching::Rules {
                is_live_allowed: config.sources.is_live_allowed,
                is_explicit_allowed: config.sources.is_explicit_allowed,
                duration_max: config.chat.duration_max,
            },
            open_max: config.sources.resolve_max.min(config.audio.stuck_after * 3 / 4),
            playlist_max: config.sources.playlist_max,
        },
        read_ahead_bytes: config.audio.read_ahead_bytes,
        stall: Duration::from_secs(30),
    })
}

/// Where what was fetched is kept: as set, or as the system gives, or beside the state.
fn cache(config: &Config, given: Option<PathBuf>) -> Option<sources::cache::Settings> {
    let own = || config.state_directory.join("cache");
    let directory = config.cache.directory.clone().or(given).unwrap_or_else(own);
    let bytes_max = config.cache.bytes_max;
    (bytes_max > 0).then_some(sources::cache::Settings {
        directory,
        bytes_max,
        entry_bytes_max: config.cache.entry_bytes_max.min(bytes_max),
        link_fresh_for: CACHE_LINK_FRESH_FOR,
        part_age_max: CACHE_PART_AGE_MAX,
    })
}

/// Where sign-ins lie: in the state directory, unless MongoDB alone keeps what has to last.
fn signs(config: &Config, vault: Option<Vault>) -> Result<Signs<'_>, Mistakes> {
    let is_in_store = config.storage.engine == Engine::Mongodb;
    let made = make_private_directory(&config.state_directory);
    let directory = Some(config.state_directory.as_path());
    if !is_in_store {
        made?;
        return Ok(Signs { directory, is_in_store, vault });
    }
    if vault.is_none() {
        tracing::error!(
            "sign-ins are not kept in MongoDB without a key, so every start signs the bot in anew; set STATE_KEY (`openssl \
             rand -base64 32` makes one)"
        );
    }
    let directory = directory.filter(|directory| made.is_ok() && is_writable(directory));
    Ok(Signs { directory, is_in_store, vault })
}

fn is_writable(directory: &Path) -> bool {
    let probe = directory.join("probe");
    fs::write(&probe, []).is_ok() && fs::remove_file(&probe).is_ok()
}

impl Signs<'_> {
    fn login(&self, name: &str, key: &str, string: Option<String>) -> Result<Login, Unusable> {
        let path = self.directory.map(|directory| directory.join(format!("{name}.session.json")));
        let (path, vault) = (path.as_deref(), self.vault.clone());
        let session = match string {
            Some(string) => Session::import_sealed(&Secret::new(string), path, vault),
            None => Session::open_sealed(path, vault),
        };
        let session = session.map_err(|fault| unusable(key, fault))?;
        Ok(Login { session, kept_as: self.is_in_store.then(|| name.to_owned()) })
    }
}

fn bot_login(signs: &Signs<'_>, string: Option<String>) -> Result<Login, Unusable> {
    signs.login("bot", "BOT_SESSION", string)
}

fn assistant_logins(
    signs: &Signs<'_>,
    strings: Vec<(usize, String)>,
) -> Result<Vec<(String, Login)>, Unusable> {
    let login = |(number, string)| {
        let key = assistant_key(number);
        let login = signs.login(&format!("assistant-{number}"), &key, Some(string))?;
        Ok((key, login))
    };
    strings.into_iter().map(login).collect()
}

/// No login twice in one process.
fn keep_apart(bot: &Login, assistants: &[(String, Login)]) -> Result<(), Mistakes> {
    let bot = ("BOT_SESSION", &bot.session);
    let assistants = assistants.iter().map(|(key, login)| (key.as_str(), &login.session));
    let logins: Vec<(&str, &Session)> = std::iter::once(bot).chain(assistants).collect();
    for (index, (key, session)) in logins.iter().enumerate() {
        if let Some((other, _)) = logins[..index].iter().find(|(_, it)| it.is_same_login(session)) {
            let fix = format!(
                "is the same login as {other}, and Telegram signs out what is connected twice; make a session string of \
                 another account, or remove this one"
            );
            return Err(Mistakes::one(*key, fix));
        }
    }
    Ok(())
}

/// No login in two processes of this machine, wherever they keep their files. Where MongoDB alone keeps the state, its
/// lease keeps processes apart, and lets the next one wait.
pub fn claim_logins(settings: &Settings) -> Result<(), Unusable> {
    if settings.bot.login.kept_as.is_some() {
        return Ok(());
    }
    let claim = |name: &str, login: &Login| {
        login.session.claim_login().map_err(|fault| unusable(name, fault))
    };
    claim("the bot's login", &settings.bot.login)?;
    let mut assistants = settings.assistants.iter().zip(1..);
    assistants.try_for_each(|(login, n)| claim(&format!("assistant {n}'s login"), login))
}

fn unusable(key: &str, fault: Fault) -> Unusable {
    match fault.class {
        Class::Transient => Unusable::InUse(format!(
            "{key} is in use: {}; stop that one first, one login may be connected only once",
            fault.detail
        )),
        _ => Mistakes::one(key, fault.detail).into(),
    }
}

fn make_private_directory(path: &Path) -> Result<(), Mistakes> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| {
        let fix = format!("{} cannot be created: {error}; choose a writable place", path.display());
        Mistakes::one("state.directory", fix)
    })
}

/// The key that signs buttons, made at the first start; where no disk lasts, the bot's token makes the same one each time.
/// Without it old buttons are void, nothing worse.
fn button_key(signs: &Signs<'_>, token: &Secret) -> Result<[u8; 32], Mistakes> {
    match signs.directory.filter(|_| !signs.is_in_store) {
        Some(directory) => button_key_in(&directory.join("buttons.key")),
        None => Ok(token.key_for("armedmusic buttons 1")),
    }
}

fn button_key_in(path: &Path) -> Result<[u8; 32], Mistakes> {
    if let Ok(bytes) = fs::read(path)
        && let Ok(key) = <[u8; 32]>::try_from(bytes)
    {
        return Ok(key);
    }
    let key: [u8; 32] = rand::random();
    let written =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    written.and_then(|mut file| file.write_all(&key)).map_err(|error| {
        Mistakes::one("state.directory", format!("{} cannot be written: {error}", path.display()))
    })?;
    Ok(key)
}

/// What the system says this process holds; `None` where there is no Linux to ask.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}

fn find_in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

impl From<Mistakes> for Unusable {
    fn from(mistakes: Mistakes) -> Unusable {
        Unusable::Settings(mistakes)
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Settings(mistakes) => mistakes.fmt(f),
            Unusable::InUse(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Unusable {}
