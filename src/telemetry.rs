//! Where log lines go: stderr, so that stdout stays for data. What is said again and again is counted instead.

mod folding;
mod lines;
pub mod troubles;

use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::{Log, Mistakes};
use folding::Folding;
use lines::Lines;

/// Libraries speak only of what they cannot go on with: what matters of the rest is said by ours, in our words, at the
/// level that tells whether anybody has to act. Whoever wants their details asks for them by name (`log.level`).
const LIBRARIES: &str = "rtc=error,webrtc=error,rtc_ice=error,rtc_dtls=error,rtc_sctp=error,rtc_srtp=error,\
                         symphonia=error,symphonia_core=error,symphonia_bundle_mp3=error,symphonia_format_isomp4=error,\
                         lofty=error,ractor=error,str0m=error,is=error,hyper=error,hyper_util=error,h2=error,\
                         reqwest=error,rustls=error,mio=error,tokio=error,grammers_client=error,grammers_mtproto=error,\
                         grammers_mtsender=error,grammers_session=error";

/// The same line is counted for so long before its count is told.
const FOLDED_FOR: Duration = Duration::from_secs(60);
/// Different lines that are counted at the same time; beyond them nothing is folded.
const FOLDS_MAX: usize = 512;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// So long the end of the process waits for whoever reads the log.
const FLUSH_MAX: Duration = Duration::from_millis(200);

static FOLDING: OnceLock<Folding> = OnceLock::new();
static LINES: OnceLock<Lines> = OnceLock::new();

/// Sets logging up once for the process.
pub fn start(log: &Log) -> Result<(), Mistakes> {
    let filter = EnvFilter::try_new(format!("{LIBRARIES},{}", log.level)).map_err(|error| {
        Mistakes::one("log.level", format!("is not a level or filter: {error}"))
    })?;
    let folding = FOLDING.get_or_init(|| Folding::new(FOLDED_FOR, FOLDS_MAX));
    if LINES.get().is_none() {
        let lines = Lines::to(std::io::stderr()).map_err(|error| {
            Mistakes::one(
                "log.level",
                format!("nothing can be logged, the system gives no threads: {error}"),
            )
        })?;
        // whoever was faster has one of its own
        LINES.set(lines).ok();
    }
    let lines = LINES.get().expect("it was set in the lines above").clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(lines);
    let lines = if log.is_json { lines.json().boxed() } else { lines.compact().boxed() };
    let started = tracing_subscriber::registry()
        .with(filter)
        .with(lines.with_filter(folding.clone()))
        .try_init();
    if started.is_err() {
        tracing::debug!("logging was set up already");
        return Ok(());
    }
    let looking = thread::Builder::new().name("log-folds".into()).spawn(move || {
        loop {
            thread::sleep(LOOK_EVERY);
            folding.tell_due();
        }
    });
    if let Err(error) = looking {
        tracing::warn!(%error, "repeated log lines will not be counted in time");
    }
    Ok(())
}

/// Tells what was counted and not told yet, and waits a moment until all is written: before the end.
pub fn finish() {
    if let Some(folding) = FOLDING.get() {
        folding.tell_all();
    }
    if let Some(lines) = LINES.get() {
        lines.flush(FLUSH_MAX);
    }
}
