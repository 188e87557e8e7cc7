//! `armedmusic bench calls`: the call path in this process, the media server in a child that is not counted.

use std::process::ExitCode;

use crate::cli::{Bench, BenchOptions};

pub fn run(options: &BenchOptions) -> ExitCode {
    match &options.what {
        Bench::Calls(calls) => crate::run::fail(&format!("not yet: {calls:?}")),
        Bench::Sfu(sfu) => crate::run::fail(&format!("not yet: {sfu:?}")),
    }
}
