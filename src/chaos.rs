//! `armedmusic demo --chaos`: many chats play while something dies every few seconds, and what came of it.
//!
//! Everything is chosen by a seed. Judged are the tracks (asked for and never sounded, or told as failed: lost), the
//! packets of chats to which nothing was done, and what is left over at the end.
#![allow(clippy::print_stdout, reason = "what the rehearsal prints is what it is for")]

mod audience;
mod faults;
mod report;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use simulator::dc;
use simulator::sfu::SfuSettings;
use simulator::world::{Population, Telegram};
use supervisor::EventKind;

use crate::cli::SimulatorOptions;
use crate::run::fail;
use crate::simulated::{Simulated, Wishes, in_runtime};
use audience::Audience;
use faults::Fault;
use report::Leftover;
pub use report::Report;

/// Between two looks at what was said and heard.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After the last fault everything has this long to come back, and later to go.
const SETTLE_MAX: Duration = Duration::from_secs(90);

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    pub n_chats: usize,
    pub length: Duration,
    /// Between two faults.
    pub every: Duration,
}

pub fn run(options: &Options) -> ExitCode {
    in_runtime(async {
        println!(
            "{} chats play for {} s, and every {} ms something dies (seed {}).\n",
            options.n_chats,
            options.length.as_secs(),
            options.every.as_millis(),
            options.seed
        );
        match rehearse(options, |line| println!("{line}")).await {
            Ok(report) => {
                println!("\n{report}\n{}", report.json());
                if report.is_good() { ExitCode::SUCCESS } else { fail("something was lost") }
            }
            Err(error) => fail(&format!("{error:#}")),
        }
    })
}

/// The whole rehearsal; `tell` hears a line about every fault.
pub async fn rehearse(options: &Options, tell: impl FnMut(&str)) -> Result<Report> {
    let mut simulated = start(options).await?;
    let before = Leftover::now(&simulated);
    let played = play(&simulated, options, tell).await;
    let report = match played {
        Ok(mut report) => {
            report.before = before;
            report.after = Leftover::now(&simulated);
            Ok(report)
        }
        Err(error) => Err(error),
    };
    simulated.stop().await;
    report
}

async fn start(options: &Options) -> Result<Simulated> {
    let mut population = Population::small();
    population.places.extend(audience::places(options.n_chats));
    let settings = (dc::Settings::loopback(), SfuSettings::loopback());
    let telegram = Telegram::assemble(population, settings.0, settings.1).await?;
    let loopback = SimulatorOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        quiet_ms: 0,
        record: None,
        home: Vec::new(),
    };
    let wishes = Wishes {
        options: &loopback,
        music: None,
        allow_hosts: &[],
        refresh: Duration::from_secs(5),
        settings: "",
        environment: &[],
    };
    Simulated::beside(telegram, &wishes).await.context("the rehearsal could not start")
}

async fn play(
    simulated: &Simulated,
    options: &Options,
    mut tell: impl FnMut(&str),
) -> Result<Report> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut audience = Audience::new(options.n_chats);
    let mut events = simulated.tree.root().events();
    let mut restarts: BTreeMap<String, u64> = BTreeMap::new();
    let mut done: BTreeMap<&'static str, u64> = BTreeMap::new();
    audience.until_all_play(simulated, SETTLE_MAX).await?;
    let began = Instant::now();
    let mut next_fault = began + options.every;
    while began.elapsed() < options.length {
        tokio::time::sleep(LOOK_EVERY.min(options.every)).await;
        if Instant::now() >= next_fault {
            next_fault += options.every;
            let fault = Fault::any(&mut rng, &audience.chats());
            if let Some(what) = fault.strike(simulated) {
                *done.entry(fault.name()).or_default() += 1;
                audience.touched(fault.chat());
                tell(&format!("{:>4} s  {what}", began.elapsed().as_secs()));
            }
        }
        audience.look(simulated);
        audience.ask_for_more(simulated)?;
        while let Some(event) = events.try_next() {
            if event.kind == EventKind::Restarted {
                *restarts.entry(report::kind_of(&event.path)).or_default() += 1;
            }
        }
    }
    let recovered = audience.until_all_play(simulated, SETTLE_MAX).await;
    if let Err(error) = &recovered {
        tell(&format!("{:>4} s  {error}", began.elapsed().as_secs()));
    }
    audience.look(simulated);
    let mut report = audience.judge(simulated);
    report.faults = done.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    report.restarts = restarts;
    report.silent_at_the_end = usize::from(recovered.is_err());
    report.seconds = began.elapsed().as_secs();
    report.chats = options.n_chats;
    report.seed = options.seed;
    audience.end(simulated, SETTLE_MAX).await?;
    Ok(report)
}
