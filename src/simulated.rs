//! The simulated Telegram beside the bot: how the one is started, and how the other is pointed at it by settings alone.

pub mod services;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use actors::Tree;
use simulator::world::{ASSISTANT, BOT, Population, SECOND_ASSISTANT, Settings, Telegram};

use crate::cli::SimulatorOptions;
use crate::config::{Config, Environment, Log, Mistakes};
use crate::notify::Notify;
use crate::run::{AUDIO_MAX, DRAIN_MAX, LAST_RESORT, fail, until_signal};
use crate::signals::Signals;
use crate::{assemble, telemetry};

/// A bot in the simulated Telegram.
pub struct Simulated {
    pub telegram: Telegram,
    pub tree: Tree,
    /// Sign-ins, keys and music of this run; gone with it.
    pub folder: Folder,
}

/// Signing in takes milliseconds; a busy machine gets its time.
const SIGN_IN_MAX: Duration = Duration::from_secs(30);

/// A directory that is removed with its owner.
pub struct Folder(PathBuf);

/// What differs from an ordinary installation, all of it by settings.
pub struct Wishes<'a> {
    pub options: &'a SimulatorOptions,
    /// Searched by the bot; the demo's own music when there is none.
    pub music: Option<&'a Path>,
    pub allow_hosts: &'a [String],
    /// Between moves of the now-playing line.
    pub refresh: Duration,
    /// More settings, as in the settings file; they win.
    pub settings: &'a str,
    /// More of the environment, as in `config/env.example`.
    pub environment: &'a [(&'static str, String)],
}

/// `armedmusic simulator`
pub fn serve_simulator(options: &SimulatorOptions) -> ExitCode {
    in_runtime(async {
        let signals = match Signals::listen(LAST_RESORT) {
            Ok(signals) => signals,
            Err(error) => return fail(&format!("signals cannot be heard: {error}")),
        };
        let telegram = match Telegram::start(settings_of(options)).await {
            Ok(telegram) => telegram,
            Err(error) => {
                return fail(&format!(
                    "the simulator cannot listen on {}: {error}",
                    options.listen
                ));
            }
        };
        announce(&telegram);
        let signal = signals.end().await;
        tracing::info!(signal, "stopping");
        telegram.stop().await;
        ExitCode::SUCCESS
    })
}

/// `armedmusic demo --serve`
pub fn serve_demo(wishes: &Wishes<'_>) -> ExitCode {
    in_runtime(async {
        let signals = match Signals::listen(LAST_RESORT) {
            Ok(signals) => signals,
            Err(error) => return fail(&format!("signals cannot be heard: {error}")),
        };
        let simulated = match Simulated::start(wishes).await {
            Ok(simulated) => simulated,
            Err(error) => return fail(&error.to_string()),
        };
        announce(&simulated.telegram);
        let tree = &simulated.tree;
        let code = until_signal(tree, &signals, &Notify::nobody(), None, None).await;
        simulated.telegram.stop().await;
        code
    })
}

/// Runs `work` on a runtime of its own, with logging to stderr.
pub fn in_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
    if let Err(mistakes) = telemetry::start(&Log { level, is_json: false }) {
        return fail(&mistakes.to_string());
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => fail(&format!("the system gives no threads: {error}")),
    }
}

/// The first line of stdout: everything a client from outside needs.
fn announce(telegram: &Telegram) {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{}", telegram.ready_line()).and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::error!(%error, "the ready line could not be written; is stdout closed?");
    }
}

pub fn settings_of(options: &SimulatorOptions) -> Settings {
    Settings {
        listen: options.listen,
        quiet: Duration::from_millis(options.quiet_ms),
        record: options.record.clone(),
        population: Population { homes: options.home.clone(), ..Population::small() },
    }
}

// === impl Simulated ===

impl Simulated {
    /// Starts the simulator, then the bot as an operator would: with settings and secrets, nothing else.
    pub async fn start(wishes: &Wishes<'_>) -> anyhow::Result<Simulated> {
        let telegram = Telegram::start(settings_of(wishes.options)).await?;
        Self::beside(telegram, wishes).await
    }

    /// Starts the bot in a Telegram that somebody set up in detail, and waits until it is signed in: a bot that was
    /// never there hears nothing of what was said before.
    pub async fn beside(telegram: Telegram, wishes: &Wishes<'_>) -> anyhow::Result<Simulated> {
        let folder = Folder::new()?;
        let music = match wishes.music {
            Some(music) => music.to_owned(),
            None => {
                let music = folder.0.join("music");
                simulator::music::write_to(&music)?;
                music
            }
        };
        let config = config(&folder.0, &music, wishes)?;
        let mut secrets = secrets(&telegram);
        let more = wishes.environment.iter();
        secrets.extend(more.map(|(name, value)| ((*name).to_owned(), value.clone())));
        let lookup = |name: &str| secrets.get(name).cloned();
        let environment = Environment(&lookup);
        let identity = environment.identity()?;
        let uri = environment.mongodb_uri();
        let uri = uri.as_ref().map(sources::secret::Secret::expose);
        let store = config.storage.settings(&config.state_directory, uri)?;
        let tree = actors::start(assemble::settings(&config, identity, store)?)?;
        let simulated = Simulated { telegram, tree, folder };
        let is_ready = tokio::time::timeout(SIGN_IN_MAX, simulated.until_ready()).await;
        is_ready.map_err(|_| {
            anyhow::anyhow!("bot and assistants did not sign in within {SIGN_IN_MAX:?}")
        })?;
        Ok(simulated)
    }

    async fn until_ready(&self) {
        const CHILDREN: [&str; 3] = ["root/bot", "root/assistants/1", "root/assistants/2"];
        let is_ready = |child: &supervisor::ChildSnapshot| child.state == supervisor::State::Ready;
        loop {
            let snapshot = self.tree.root().snapshot();
            if CHILDREN.iter().all(|path| snapshot.find(path).is_some_and(is_ready)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Drains the bot, then stops the simulator. What was in the folder goes with the value.
    pub async fn stop(&mut self) {
        self.tree.shutdown(DRAIN_MAX, AUDIO_MAX).await;
        self.telegram.stop().await;
    }
}

/// The settings of this run: ours, and the caller's over them.
fn config(folder: &Path, music: &Path, wishes: &Wishes<'_>) -> Result<Config, Mistakes> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let hosts: Vec<String> = wishes.allow_hosts.iter().map(|host| quoted(host)).collect();
    let ours = format!(
        "state.directory = {}\nsources.music_dir = {}\nsources.allow_hosts = [{}]\nchat.refresh_s = {}\nextractors.order = []\n",
        quoted(&folder.join("state").display().to_string()),
        quoted(&music.display().to_string()),
        hosts.join(", "),
        wishes.refresh.as_secs().max(1),
    );
    Config::parse_all(&[&ours, wishes.settings])
}

/// The environment of this run: sign-ins that the simulator knows.
pub fn secrets(telegram: &Telegram) -> HashMap<String, String> {
    let token = telegram.population().bots.first().map(|bot| bot.token.clone()).unwrap_or_default();
    [
        ("API_ID", "12345".to_owned()),
        ("API_HASH", "0123456789abcdef0123456789abcdef".to_owned()),
        ("BOT_TOKEN", token),
        ("BOT_SESSION", telegram.session_string(BOT)),
        ("STRING_SESSION", telegram.session_string(ASSISTANT)),
        ("STRING_SESSION2", telegram.session_string(SECOND_ASSISTANT)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

// === impl Folder ===

impl Folder {
    pub fn new() -> std::io::Result<Folder> {
        let path =
            std::env::temp_dir().join(format!("armedmusic-demo-{:08x}", rand::random::<u32>()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // it lies in the system's temporary directory; what cannot be removed now goes with that
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "the demo's folder stays");
        }
    }
}
