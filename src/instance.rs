//! One instance at a time, where no state directory's lock keeps two apart: a new one waits for the lease that the old one
//! holds in MongoDB, and connects to nothing of Telegram before it has it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use domain::lease::LOOK_EVERY;
use domain::{Class, Fault};
use storage::{Claim, Lease};

use crate::config::EXIT_CONFIG;
use crate::notify::{Line, Notify};
use crate::run::{EXIT_GAVE_UP, EXIT_IN_USE};
use crate::signals::Signals;

/// So long a new instance waits for the old one, or for MongoDB.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// What it waits for is told so often.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// The service manager hears that it waits still, and waits so much longer itself.
const EXTEND: Duration = Duration::from_secs(60);

/// What keeps it waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    Other,
    MongoDb,
}

/// Waits until the lease is ours; the exit code of a process that does not get it, or was asked to end meanwhile.
pub async fn wait(lease: &Lease, signals: &Signals, notify: &Notify) -> Option<ExitCode> {
    tokio::select! {
        signal = signals.end() => {
            tracing::info!(signal, "ending, nothing was begun");
            Some(ExitCode::SUCCESS)
        }
        end = claim(lease, notify) => end.map(ExitCode::from),
    }
}

async fn claim(lease: &Lease, notify: &Notify) -> Option<u8> {
    let since = Instant::now();
    let mut told: Option<(Obstacle, Instant)> = None;
    loop {
        let (obstacle, fault) = match lease.claim().await {
            Ok(Claim::Ours) => {
                if told.is_some() {
                    let waited_s = since.elapsed().as_secs();
                    tracing::info!(waited_s, "the other instance has ended, going on");
                }
                return None;
            }
            Ok(Claim::Theirs) => (Obstacle::Other, None),
            Err(fault) if fault.class == Class::Fatal => {
                tracing::error!(%fault, "MongoDB, which keeps the state alone, cannot be used");
                return Some(EXIT_CONFIG);
            }
            Err(fault) => (Obstacle::MongoDb, Some(fault)),
        };
        if since.elapsed() >= WAIT_MAX {
            return Some(give_up(obstacle));
        }
        if told.is_none_or(|(what, at)| what != obstacle || at.elapsed() >= TELL_EVERY) {
            tell(fault.as_ref());
            told = Some((obstacle, Instant::now()));
        }
        let status = match obstacle {
            Obstacle::Other => "waiting until the other instance ends",
            Obstacle::MongoDb => "waiting for MongoDB",
        };
        notify.send(&[Line::Status(status.to_owned()), Line::ExtendTimeout(EXTEND)]);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn tell(fault: Option<&Fault>) {
    match fault {
        Some(fault) => tracing::warn!(
            %fault,
            "MongoDB is away, and without it nobody knows whether another instance is connected; waiting for it"
        ),
        None => tracing::info!("another instance serves; waiting until it ends"),
    }
}

fn give_up(obstacle: Obstacle) -> u8 {
    match obstacle {
        Obstacle::Other => {
            tracing::error!(
                "another instance serves still; stop it, or this one: a login may be connected only once"
            );
            EXIT_IN_USE
        }
        Obstacle::MongoDb => {
            tracing::error!("MongoDB is still away; see to it, it keeps the state alone");
            EXIT_GAVE_UP
        }
    }
}

/// Ends when another instance has taken over; never where there is no lease.
pub async fn lost(lease: Option<&Lease>) {
    match lease {
        Some(lease) => lease.keep().await,
        None => std::future::pending().await,
    }
}

/// The same while the process ends anyhow, so that what it still writes is its own.
pub async fn keep(lease: Option<&Lease>) -> std::convert::Infallible {
    lost(lease).await;
    std::future::pending().await
}
