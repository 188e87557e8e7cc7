//! `armedmusic bench`: what the call path costs on this machine, and how soon a /play is heard.
//!
//! `bench calls` runs the call path in this process exactly as the bot does (media engine, clock, group-call transport)
//! against a media server in a child process that is not counted. `bench play` runs the whole bot in the simulated
//! Telegram, `bench resolve` the same with ten outside services of which most hang. Every report names the conditions it was measured under; a figure without them says nothing.
#![allow(clippy::print_stdout, reason = "figures are what it is for")]

mod calls;
mod child;
mod conditions;
mod floor;
mod play;
mod process;
mod report;
mod resolve;
mod server;
mod spacing;
mod statistics;
mod store;
mod table;

use std::process::ExitCode;

use crate::cli::{Bench, BenchOptions};
use crate::run::fail;
use crate::simulated::in_runtime;

pub fn run(options: &BenchOptions) -> ExitCode {
    in_runtime(async {
        let done = match &options.what {
            Bench::Calls(calls) => calls::run(calls).await,
            Bench::Play(play) => play::run(play).await,
            Bench::Resolve(resolve) => resolve::run(resolve).await,
            Bench::Table(table) => table::run(table).await,
            Bench::Store(store) => store::run(store).await,
            Bench::Sfu => server::serve(),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("{error:#}")),
        }
    })
}
