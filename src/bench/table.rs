//! `bench table`: the whole table of docs/benchmarks.md, one process per row.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::cli::TableOptions;

/// What a run takes besides its window.
const BESIDES_MAX: Duration = Duration::from_secs(180);

const HEAD: &str = "\
| file | calls | CPU-s per stream-s | in the kernel | floor | times the floor | memory per further call (RSS) \
| frames late when sent, p50 / p99 / max | packets off their 20 ms, p50 / p99 / max |
|---|---|---|---|---|---|---|---|---|
";

pub(super) async fn run(options: &TableOptions) -> Result<()> {
    print!("{HEAD}");
    let mut conditions = String::new();
    for file in &options.files {
        for calls in &options.calls {
            let figures = measure(file, *calls, options.seconds).await?;
            println!("{}", row(&figures));
            writeln!(conditions, "* {}", condition(&figures)).expect("a string takes everything");
        }
    }
    println!("\n{conditions}");
    Ok(())
}

/// A process of its own, so that no run inherits another's memory.
async fn measure(file: &Path, calls: u16, seconds: u64) -> Result<Value> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let run = Command::new(program)
        .args(["bench", "calls", "--json", "--calls", &calls.to_string()])
        .args(["--seconds", &seconds.to_string(), "--file"])
        .arg(file)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?
        .wait_with_output();
    let output = timeout(Duration::from_secs(seconds) + BESIDES_MAX, run)
        .await
        .context("a run did not end in time")??;
    ensure!(output.status.success(), "a run of {calls} calls failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn row(figures: &Value) -> String {
    let number = |path: &str| figures.pointer(path).and_then(Value::as_f64);
    let seconds = |path: &str| number(path).unwrap_or_default();
    let cost = seconds("/cpu/per_stream_second");
    let floor = seconds("/floor/sound") + seconds("/floor/sending");
    let memory = number("/memory/rss_per_further_call_kib")
        .map_or_else(|| "–".to_owned(), |kib| format!("{:.2} MiB", kib / 1_024.0));
    let three = |path: &str| {
        let at = |name: &str| seconds(&format!("{path}/{name}"));
        format!("{:.2} / {:.2} / {:.2} ms", at("p50_ms"), at("p99_ms"), at("max_ms"))
    };
    format!(
        "| {} | {} | {cost:.5} | {:.0} % | {floor:.5} | {:.2} | {memory} | {} | {} |",
        name_of(figures),
        figures["calls"],
        seconds("/cpu/system_share") * 100.0,
        cost / floor.max(f64::MIN_POSITIVE),
        three("/lateness"),
        three("/packets/spacing"),
    )
}

/// Everything that makes a row worth less.
fn condition(figures: &Value) -> String {
    let of = |path: &str| figures.pointer(path).cloned().unwrap_or_default();
    format!(
        "{}, {} calls: load {}, others kept {:.2} cores busy; lost {}, dropped {}, refused {}, nulled {}, deficit {}; \
         reduced complexity {:.0} % of the time; {} threads",
        name_of(figures),
        of("/calls"),
        of("/conditions/load_before/0"),
        of("/conditions/busy_with_others").as_f64().unwrap_or_default(),
        of("/packets/lost"),
        of("/packets/dropped"),
        of("/packets/refused"),
        of("/frames/nulled"),
        of("/frames/deficit"),
        of("/encoder/reduced_share").as_f64().unwrap_or_default() * 100.0,
        of("/threads"),
    )
}

fn name_of(figures: &Value) -> String {
    let path = Path::new(figures["file"].as_str().unwrap_or_default());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_passthrough = figures.pointer("/source/is_passthrough") == Some(&Value::Bool(true));
    format!("{name} ({})", if is_passthrough { "passed through" } else { "transcoded" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_has_a_cell_for_every_column() {
        let figures = json!({
            "file": "/tmp/music.webm", "calls": 50, "source": { "is_passthrough": true },
            "cpu": { "per_stream_second": 0.001, "system_share": 0.5 },
            "floor": { "sound": null, "sending": 0.0005 },
            "memory": { "rss_per_further_call_kib": 512.0 },
            "lateness": { "p50_ms": 0.05, "p99_ms": 0.15, "max_ms": 1.25 },
            "packets": { "spacing": { "p50_ms": 0.05, "p99_ms": 0.95, "max_ms": 2.0 } },
        });
        let row = row(&figures);
        assert_eq!(row.matches('|').count(), HEAD.lines().next().unwrap().matches('|').count());
        for cell in ["| 50 |", "0.00100", "| 50 % |", "| 2.00 |", "0.50 MiB", "0.05 / 0.15 / 1.25"]
        {
            assert!(row.contains(cell), "{cell} is not in {row}");
        }
        assert!(condition(&figures).contains("music.webm (passed through), 50 calls"));
    }
}
