//! The bot, from settings to exit code.

use std::process::ExitCode;
use std::time::Duration;

use actors::Tree;

use crate::assemble::Unusable;
use crate::cli::RunOptions;
use crate::config::{Config, EXIT_CONFIG, Environment};
use crate::signals::Signals;
use crate::{assemble, telemetry};

/// All children together must be done by then (supervision.md); systemd waits longer.
pub const DRAIN_MAX: Duration = Duration::from_secs(15);
/// Audio threads have nothing left to do once the tree is down.
pub const AUDIO_MAX: Duration = Duration::from_secs(1);
/// sysexits.h EX_UNAVAILABLE: the tree gave up; a supervisor above may try again.
const EXIT_GAVE_UP: u8 = 69;
/// sysexits.h EX_TEMPFAIL: it may work when the other process is gone.
const EXIT_IN_USE: u8 = 75;
/// What shells report for a process ended by SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// `armedmusic run`
pub fn run(options: &RunOptions) -> ExitCode {
    let settings = match read(options) {
        Ok(settings) => settings,
        Err(unusable) => return refuse(&unusable),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the system gives no threads: {error}")),
    };
    runtime.block_on(async {
        let mut signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => return fail(&format!("signals cannot be heard: {error}")),
        };
        match actors::start(settings) {
            Ok(tree) => until_signal(&tree, &mut signals).await,
            Err(fault) => fail(&fault.detail),
        }
    })
}

/// `armedmusic check`
#[allow(clippy::print_stdout, reason = "the answer of the command")]
pub fn check(options: &RunOptions) -> ExitCode {
    match read(options) {
        Ok(_) => {
            println!("The settings are good.");
            ExitCode::SUCCESS
        }
        Err(unusable) => refuse(&unusable),
    }
}

fn read(options: &RunOptions) -> Result<actors::Settings, Unusable> {
    let config = Config::load(options.config.as_deref());
    let identity = Environment(&|name| std::env::var(name).ok()).identity();
    // both kinds of mistakes are told together
    let (config, identity) = match (config, identity) {
        (Ok(config), Ok(identity)) => (config, identity),
        (Err(mut mistakes), Err(more)) => {
            mistakes.0.extend(more.0);
            return Err(mistakes.into());
        }
        (Err(mistakes), _) | (_, Err(mistakes)) => return Err(mistakes.into()),
    };
    telemetry::start(&config.log)?;
    assemble::settings(&config, identity)
}

/// Lets the tree live until a signal, then drains it. A second signal ends at once.
pub async fn until_signal(tree: &Tree, signals: &mut Signals) -> ExitCode {
    let gave_up = tokio::select! {
        exit = tree.root().wait() => Some(exit),
        signal = signals.next() => {
            tracing::info!(signal, "draining");
            None
        }
    };
    if let Some(exit) = gave_up {
        tracing::error!(?exit, "the tree gave up; see the lines above for the cause");
        return ExitCode::from(EXIT_GAVE_UP);
    }
    or_interrupted(tree.shutdown(DRAIN_MAX, AUDIO_MAX), signals).await
}

/// Waits for `drained`, unless a further signal wants to leave at once.
pub async fn or_interrupted(drained: impl Future<Output = ()>, signals: &mut Signals) -> ExitCode {
    tokio::select! {
        () = drained => {
            tracing::info!("drained");
            ExitCode::SUCCESS
        }
        signal = signals.next() => {
            tracing::warn!(signal, "second signal, leaving at once");
            std::process::exit(EXIT_INTERRUPTED)
        }
    }
}

#[allow(clippy::print_stderr, reason = "there is no log before the settings are good")]
fn refuse(unusable: &Unusable) -> ExitCode {
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
