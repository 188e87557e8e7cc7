//! The bot, from settings to exit code.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use actors::Tree;
use sources::secret::Secret;
use sources::service::Installation;
use storage::Lease;

use crate::assemble::Unusable;
use crate::cli::RunOptions;
use crate::config::{Config, EXIT_CONFIG, Environment, Identity, Mistakes};
use crate::notify::{Herald, Notify, View, Watch, is_settled, status};
use crate::signals::Signals;
use crate::{assemble, instance, telemetry};

/// All children together must be done by then (supervision.md); systemd waits longer.
pub const DRAIN_MAX: Duration = Duration::from_millis(12_500);
/// Audio threads have nothing left to do once the tree is down.
pub const AUDIO_MAX: Duration = Duration::from_secs(1);
/// The process ends by then after its first signal, whatever hangs in it.
pub const LAST_RESORT: Duration = Duration::from_secs(15);
/// What the runtime's own threads may still be doing (a name being resolved) is of no use to anybody.
const RUNTIME_MAX: Duration = Duration::from_millis(100);
/// How often the service manager's picture of us is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// In the state directory.
const STATS_FILE: &str = "stats.json";
/// sysexits.h EX_UNAVAILABLE: the tree gave up; a supervisor above may try again.
pub(crate) const EXIT_GAVE_UP: u8 = 69;
/// sysexits.h EX_TEMPFAIL: it may work when the other process is gone.
pub(crate) const EXIT_IN_USE: u8 = 75;

/// `armedmusic run`
pub fn run(options: &RunOptions) -> ExitCode {
    // before anything that takes time: from here on no signal is lost, and a second one leaves
    let signals = match Signals::listen(LAST_RESORT) {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("signals cannot be heard: {error}")),
    };
    let read = read(options, assemble::settings)
        .and_then(|read| assemble::claim_logins(&read.0).map(|()| read));
    let (mut settings, state) = match read {
        Ok(read) => read,
        Err(unusable) => return refuse(&unusable),
    };
    let notify = Notify::from_environment().unwrap_or_else(|error| {
        tracing::warn!(%error, "the service manager's socket (NOTIFY_SOCKET) cannot be used");
        Notify::nobody()
    });
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the system gives no threads: {error}")),
    };
    let lease = Lease::of(&settings.store, rand::random());
    settings.store.lease = lease.clone();
    let code = runtime.block_on(async {
        if let Some(lease) = &lease
            && let Some(code) = instance::wait(lease, &signals, &notify).await
        {
            return code;
        }
        match actors::start(settings) {
            Ok(tree) => until_signal(&tree, &signals, &notify, Some(&state), lease.as_ref()).await,
            Err(fault) => fail(&fault.detail),
        }
    });
    runtime.shutdown_timeout(RUNTIME_MAX);
    code
}

/// `armedmusic check`
#[allow(clippy::print_stdout, reason = "the answer of the command")]
pub fn check(options: &RunOptions) -> ExitCode {
    let read = match read(options, assemble::settings) {
        Err(Unusable::InUse(_)) => read(options, assemble::look),
        read => read,
    };
    match read {
        Ok((settings, _)) => {
            println!("The settings are good.");
            let services = settings.sources.services.iter().flatten();
            examine(services.filter_map(|service| service.installation()))
        }
        Err(unusable) => refuse(&unusable),
    }
}

/// Tells what is installed here, one line each.
#[allow(clippy::print_stdout, reason = "the answer of the command")]
fn examine<'a>(installations: impl Iterator<Item = Installation<'a>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the system gives no threads: {error}")),
    };
    for installation in installations {
        println!("{}", runtime.block_on(installation));
    }
    ExitCode::SUCCESS
}

/// What the tree is started with, and where it keeps its state.
fn read(
    options: &RunOptions,
    assemble: impl FnOnce(&Config, Identity, storage::Settings) -> Result<actors::Settings, Unusable>,
) -> Result<(actors::Settings, PathBuf), Unusable> {
    let config = Config::load(options.config.as_deref());
    let identity = Environment::of_process().identity();
    // both kinds of mistakes are told together
    let (config, identity) = match (config, identity) {
        (Ok(config), Ok(identity)) => (config, identity),
        (Err(mut mistakes), Err(more)) => {
            mistakes.0.extend(more.0);
            return Err(mistakes.into());
        }
        (Err(mistakes), _) | (_, Err(mistakes)) => return Err(mistakes.into()),
    };
    let mongodb_uri = Environment::of_process().mongodb_uri();
    // looked at before any network is touched
    let mongodb_uri = mongodb_uri.as_ref().map(Secret::expose);
    let store = config.storage.settings(&config.state_directory, mongodb_uri)?;
    storage::look(&store).map_err(|fault| Mistakes::one("state.directory", fault.detail))?;
    telemetry::start(&config.log)?;
    Ok((assemble(&config, identity, store)?, config.state_directory))
}

/// Why the tree ends.
enum End {
    Signal,
    /// It ended by itself.
    GaveUp(String),
    /// Another instance has taken over.
    Lost,
}

/// Lets the tree live until a signal, then drains it. A second signal ends the process by itself (see [`Signals`]). The
/// numbers that an operator asks for go to `state`.
pub async fn until_signal(
    tree: &Tree,
    signals: &Signals,
    notify: &Notify,
    state: Option<&Path>,
    lease: Option<&Lease>,
) -> ExitCode {
    let mut herald = Herald::new();
    let end = tokio::select! {
        exit = tree.root().wait() => End::GaveUp(format!("{exit:?}")),
        signal = signals.end() => {
            tracing::info!(signal, "draining");
            End::Signal
        }
        () = instance::lost(lease) => End::Lost,
        () = report(tree, notify, &mut herald) => End::Signal,
        () = beat(tree, notify) => End::Signal,
        () = write_down(tree, signals, state) => End::Signal,
    };
    let code = match end {
        End::GaveUp(exit) => {
            tracing::error!(exit, "the tree gave up; see the lines above for the cause");
            notify.send(&herald.draining("the tree gave up".to_owned(), Duration::ZERO));
            EXIT_GAVE_UP
        }
        End::Lost => {
            tracing::error!(
                "another instance has taken over while MongoDB could not be reached from here, and a login may be \
                 connected only once; ending: let one instance run, and see to this machine's way to MongoDB"
            );
            drain_with(tree, notify, &mut herald, None).await;
            EXIT_IN_USE
        }
        End::Signal => {
            drain_with(tree, notify, &mut herald, lease).await;
            0
        }
    };
    if let Some(lease) = lease {
        lease.give_back().await;
    }
    ExitCode::from(code)
}

/// The lease is kept until all is written.
async fn drain_with(tree: &Tree, notify: &Notify, herald: &mut Herald, lease: Option<&Lease>) {
    tokio::select! {
        () = drain(tree, notify, herald) => {}
        never = instance::keep(lease) => match never {},
    }
}

/// Keeps the service manager's picture of us. Never ends.
async fn report(tree: &Tree, notify: &Notify, herald: &mut Herald) {
    let since = Instant::now();
    while notify.is_heard() {
        let snapshot = tree.root().snapshot();
        let is_settled = is_settled(&snapshot, since.elapsed());
        let view = View { is_settled, status: status(tree.n_playing(), &snapshot) };
        notify.send(&herald.look(view, since.elapsed()));
        tokio::time::sleep(LOOK_EVERY).await;
    }
    std::future::pending().await
}

/// Tells the watchdog that we live, as long as everybody does. Never ends.
async fn beat(tree: &Tree, notify: &Notify) {
    let Some(patience) = notify.watchdog() else { return std::future::pending().await };
    let mut watch = Watch::default();
    loop {
        let pulse = tree.pulse(patience / 4).await;
        notify.send(watch.pulse(&pulse).as_slice());
        tokio::time::sleep(patience / 4).await;
    }
}

/// Writes the numbers down whenever SIGUSR1 asks for them. Never ends.
async fn write_down(tree: &Tree, signals: &Signals, state: Option<&Path>) {
    let Some(state) = state else { return std::future::pending().await };
    let path = state.join(STATS_FILE);
    for n in 1.. {
        signals.report(n).await;
        let stats = tree.stats();
        let totals = &stats.totals;
        match save(&path, &stats) {
            Ok(()) => tracing::info!(
                path = %path.display(),
                chats = totals.chats,
                playing = totals.playing,
                sessions = totals.sessions_ready,
                unwell = totals.unwell,
                "the numbers are written down"
            ),
            Err(error) => tracing::error!(
                path = %path.display(), %error, "the numbers cannot be written; is the disk full?"
            ),
        }
    }
}

/// Whoever reads the file meanwhile reads the old one or the new one.
fn save(path: &Path, stats: &actors::Stats) -> std::io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    serde_json::to_writer_pretty(&mut file, stats)?;
    std::fs::rename(beside, path)
}

/// Stops everything in order, and says so meanwhile.
async fn drain(tree: &Tree, notify: &Notify, herald: &mut Herald) {
    let since = Instant::now();
    let mut drained = std::pin::pin!(tree.shutdown(DRAIN_MAX, AUDIO_MAX));
    loop {
        let left = LAST_RESORT.saturating_sub(since.elapsed());
        let status = format!("draining, {} actors left", tree.left().len());
        notify.send(&herald.draining(status, left));
        if tokio::time::timeout(LOOK_EVERY, &mut drained).await.is_ok() {
            break;
        }
    }
    tracing::info!(took_ms = since.elapsed().as_millis() as u64, "drained");
}

#[allow(clippy::print_stderr, reason = "there is no log before the settings are good")]
pub(crate) fn refuse(unusable: &Unusable) -> ExitCode {
    match unusable {
        Unusable::Settings(mistakes) => {
            eprintln!("armedmusic: the settings are not usable\n{mistakes}");
            ExitCode::from(EXIT_CONFIG)
        }
        Unusable::InUse(text) => {
            eprintln!("armedmusic: {text}");
            ExitCode::from(EXIT_IN_USE)
        }
    }
}

#[allow(clippy::print_stderr, reason = "the process ends here, with or without a log")]
pub fn fail(text: &str) -> ExitCode {
    eprintln!("armedmusic: {text}");
    ExitCode::FAILURE
}
