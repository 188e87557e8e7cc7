//! ArmedMusic: music for the voice chats of Telegram groups, by a supervised tree of actors.

mod cli;
mod config;
mod telemetry;
mod signals;
mod assemble;
mod run;
#[cfg(feature = "demo")]
mod demo;
#[cfg(feature = "demo")]
mod simulated;
#[cfg(feature = "demo")]
mod bench;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // one TLS provider for the whole process, before anybody needs it
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a crypto provider is installed already");
    }
    match cli.command.unwrap_or_default() {
        cli::Command::Run(options) => run::run(&options),
        cli::Command::Check(options) => run::check(&options),
        #[cfg(feature = "demo")]
        cli::Command::Demo(options) => demo::run(&options),
        #[cfg(feature = "demo")]
        cli::Command::Simulator(options) => simulated::serve_simulator(&options),
        #[cfg(feature = "demo")]
        cli::Command::Bench(bench) => bench::run(&bench),
    }
}
