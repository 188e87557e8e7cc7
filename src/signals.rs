//! The first signal drains, the second leaves; SIGUSR1 asks for the numbers.
//!
//! Signals are heard on a thread of their own, and the second one acts inside the handler itself: nothing that hangs in
//! this process, its runtime and its log included, can keep it from ending.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::Signals as Arriving;
use tokio::sync::watch;

/// What shells report for a process ended by SIGINT.
const EXIT_INTERRUPTED: i32 = 130;
/// sysexits.h EX_SOFTWARE: draining did not come to its end.
const EXIT_STUCK: i32 = 70;
/// A log that takes no more lines may not keep the process alive.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// SIGINT, SIGTERM, SIGHUP (a terminal that was closed) and SIGUSR1, as the process gets them.
pub struct Signals {
    ends: watch::Receiver<Option<&'static str>>,
    reports: watch::Receiver<u64>,
}

// === impl Signals ===

impl Signals {
    /// From here on a signal is remembered until somebody waits for it, and a second one ends the process at once. Once
    /// the first one came, the process ends after `drain_max` whatever it is doing.
    pub fn listen(drain_max: Duration) -> std::io::Result<Signals> {
        // heard before anything is decided about it: a signal that comes between these lines drains, it is not forgotten
        let mut arriving = Arriving::new([SIGINT, SIGTERM, SIGUSR1])?;
        if !is_ignored(SIGHUP) {
            arriving.add_signal(SIGHUP)?;
        }
        let is_asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // in this order: the first signal finds the flag unset, and sets it
            flag::register_conditional_shutdown(signal, EXIT_INTERRUPTED, is_asked.clone())?;
            flag::register(signal, is_asked.clone())?;
        }
        let (end, ends) = watch::channel(None);
        let (report, reports) = watch::channel(0);
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in arriving.forever() {
                let name = match signal {
                    SIGINT => "SIGINT",
                    SIGTERM => "SIGTERM",
                    // a terminal that is closed sends it, its shell too, and neither is in a hurry
                    SIGHUP if end.borrow().is_some() => continue,
                    SIGHUP => "SIGHUP",
                    _ => {
                        report.send_modify(|n| *n += 1);
                        continue;
                    }
                };
                let former = end.send_replace(Some(name));
                // two threads may run the handlers at the same instant, and neither sees the other's flag
                if former.is_some() {
                    signal_hook::low_level::exit(EXIT_INTERRUPTED);
                }
                limit(drain_max);
            }
        })?;
        Ok(Signals { ends, reports })
    }

    /// Waits until the process is asked to end; the signal's name is for the log.
    pub async fn end(&self) -> &'static str {
        match self.ends.clone().wait_for(Option::is_some).await.map(|name| *name) {
            Ok(Some(name)) => name,
            // nobody can ask any more
            _ => std::future::pending().await,
        }
    }

    /// Waits until an operator wants to see the numbers, for the `n`th time.
    pub async fn report(&self, n: u64) {
        if self.reports.clone().wait_for(|asked| *asked >= n).await.is_err() {
            std::future::pending().await
        }
    }
}

/// Whether this process was started so that a signal does nothing to it, as nohup does.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Ends the process after `drain_max` whatever it is doing.
fn limit(drain_max: Duration) {
    let timer = thread::Builder::new().name("drain-limit".into()).spawn(move || {
        thread::sleep(drain_max);
        give_up(drain_max);
    });
    if let Err(error) = timer {
        tracing::warn!(%error, "draining goes on without a limit");
    }
}

/// The end of a process that cannot end itself.
fn give_up(drain_max: Duration) -> ! {
    let words = thread::Builder::new().spawn(move || {
        tracing::error!(
            after_s = drain_max.as_secs(),
            "draining hangs, leaving anyway; please report the lines above"
        );
    });
    if words.is_ok() {
        thread::sleep(LAST_WORDS);
    }
    signal_hook::low_level::exit(EXIT_STUCK)
}
