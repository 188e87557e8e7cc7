//! `armedmusic`: one program, told by its first word what to do.

use std::process::ExitCode;

use armedmusic::cli::{Cli, Command};
use armedmusic::{run, telemetry};
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // one TLS provider for the whole process, before anybody needs it
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return run::fail("a TLS provider is installed already; this is a bug");
    }
    let code = match cli.command.unwrap_or_default() {
        Command::Run(options) => run::run(&options),
        Command::Check(options) => run::check(&options),
        Command::Resolve(options) => armedmusic::resolve::run(&options),
        Command::Export(options) => armedmusic::storage_cli::export(&options),
        Command::Import(options) => armedmusic::storage_cli::import(&options),
        #[cfg(feature = "demo")]
        Command::Demo(options) => armedmusic::demo::run(&options),
        #[cfg(feature = "demo")]
        Command::Simulator(options) => armedmusic::simulated::serve_simulator(&options),
        #[cfg(feature = "demo")]
        Command::Bench(bench) => armedmusic::bench::run(&bench),
    };
    telemetry::finish();
    code
}
