//! Under what a figure was measured.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::process;

/// Said with every report.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Conditions {
    pub(super) version: &'static str,
    /// `release` or `debug`.
    pub(super) build: &'static str,
    pub(super) cores: usize,
    pub(super) processor: String,
    pub(super) load_before: [f64; 3],
    pub(super) load_after: [f64; 3],
    /// Cores that everybody else kept busy meanwhile, on average.
    pub(super) busy_with_others: f64,
}

/// A moment from which things are counted.
pub(super) struct Moment {
    at: Instant,
    load: [f64; 3],
    machine: Duration,
    cpu: Duration,
    user: Duration,
    system: Duration,
    helper: Duration,
}

/// From one moment to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub(super) wall: Duration,
    /// Of this process.
    pub(super) cpu: Duration,
    /// Share of it in the kernel.
    pub(super) system_share: f64,
    /// Of the helper.
    pub(super) helper: Duration,
}

// === impl Moment ===

impl Moment {
    /// Now. `helper` is a process whose time is neither ours nor that of others.
    pub(super) fn now(helper: Option<&str>) -> Result<Moment> {
        let ours = process::usage("self")?;
        let helper = helper.map(process::usage).transpose()?;
        Ok(Moment {
            at: Instant::now(),
            load: process::load_average()?,
            machine: process::machine_busy()?,
            cpu: process::cpu_time(),
            user: ours.user,
            system: ours.system,
            helper: helper.map_or(Duration::ZERO, |helper| helper.user + helper.system),
        })
    }

    /// What was spent until `end`, and under what conditions.
    pub(super) fn until(&self, end: &Moment) -> (Spent, Conditions) {
        let (user, system) = (end.user - self.user, end.system - self.system);
        let total = (user + system).as_secs_f64();
        let spent = Spent {
            wall: end.at - self.at,
            cpu: end.cpu.saturating_sub(self.cpu),
            system_share: if total > 0.0 { system.as_secs_f64() / total } else { 0.0 },
            helper: end.helper.saturating_sub(self.helper),
        };
        let others =
            end.machine.saturating_sub(self.machine).saturating_sub(spent.cpu + spent.helper);
        let conditions = Conditions {
            version: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: process::processor(),
            load_before: self.load,
            load_after: end.load,
            busy_with_others: others.as_secs_f64() / spent.wall.as_secs_f64().max(0.001),
        };
        (spent, conditions)
    }
}
