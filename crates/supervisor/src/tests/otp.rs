//! Conformance: the same scenarios on real Erlang/OTP and here, with the same traces.
//!
//! The scenarios, OTP's traces and the declared differences are data in tests/otp at the top of
//! the repository; its README.md explains them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use rand::{SeedableRng, rngs::StdRng};

use self::{scenario::Scenario, stage::play};

mod cast;
mod random;
mod scenario;
mod stage;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/otp")
}

/// The texts in a folder of the data, by name.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let texts: BTreeMap<String, String> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    texts
}

fn lines(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// Both traces beside each other, from the first line on that differs.
fn difference(name: &str, otp: &[String], ours: &[String]) -> String {
    let same = otp.iter().zip(ours).take_while(|(a, b)| a == b).count();
    let line = |trace: &[String], at: usize| trace.get(at).cloned().unwrap_or_default();
    let rows = (same.saturating_sub(3)..otp.len().max(ours.len()))
        .map(|at| format!("    {:36}{}\n", line(otp, at), line(ours, at)));
    format!("{name}, line {}: OTP (left), ours (right)\n{}", same + 1, rows.collect::<String>())
}

#[tokio::test(start_paused = true)]
async fn our_supervisor_does_what_erlangs_does_except_what_is_declared() {
    let scenarios = texts(&data().join("scenarios"));
    let traces = texts(&data().join("traces"));
    let declared = texts(&data().join("differences"));
    assert!(scenarios.len() >= 40, "only {} scenarios", scenarios.len());
    assert!(scenarios.keys().eq(traces.keys()), "a scenario without trace, or the reverse");
    assert!(declared.keys().all(|name| scenarios.contains_key(name)), "a difference of nothing");
    let mut wrong = Vec::new();
    for (name, text) in &scenarios {
        let otp = lines(&traces[name]);
        let ours = play(&Scenario::parse(text)).await;
        let expected = declared.get(name).map_or_else(|| otp.clone(), |text| lines(text));
        if ours != expected {
            wrong.push(difference(name, &expected, &ours));
        }
        if declared.contains_key(name) && expected == otp {
            wrong.push(format!("{name}: declared, but there is no difference\n"));
        }
    }
    println!("{} scenarios, {} declared differences", scenarios.len(), declared.len());
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// A difference is declared by the sentence of supervision.md that explains it.
#[test]
fn every_declared_difference_is_explained_and_every_explained_one_is_shown() {
    let document = data().join("../../supervision.md");
    let document = std::fs::read_to_string(document).unwrap();
    let (_, list) = document.split_once("<!-- differences -->\n").expect("the list is marked");
    let (list, _) = list.split_once("<!-- /differences -->").expect("the list is marked");
    let explained: BTreeSet<&str> = list
        .lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once("**").map(|(name, _)| name))
        .collect();
    let declared = texts(&data().join("differences"));
    let shown: BTreeSet<&str> = declared
        .values()
        .map(|text| text.lines().next().unwrap().strip_prefix("# ").expect("it says which one"))
        .collect();
    assert_eq!(shown, explained, "shown by scenarios (left), explained in supervision.md (right)");
}

/// The emulator runs on the real clock, so a machine that stands still for long can spoil a run.
const RUNS: usize = 3;

#[test]
fn the_traces_are_those_of_the_erlang_of_this_machine() {
    if Command::new("erl").arg("-version").output().is_err() {
        println!("erl is not installed: our traces were compared with the committed ones only");
        return;
    }
    let expected = texts(&data().join("traces"));
    let mut wrong = String::new();
    for run in 0..RUNS {
        let fresh = generate(&data().join("scenarios"), &format!("traces-{run}"));
        assert!(fresh.keys().eq(expected.keys()), "run tests/otp/generate.escript");
        let differs = |name: &&String| fresh[*name] != expected[*name];
        let differences = expected
            .keys()
            .filter(differs)
            .map(|name| difference(name, &lines(&expected[name]), &lines(&fresh[name])));
        wrong = differences.collect();
        if wrong.is_empty() {
            println!("{} traces are those of this machine's Erlang", expected.len());
            return;
        }
        println!("run {run}: committed (left), fresh (right)\n{wrong}");
    }
    panic!("the committed traces are not those of this machine's Erlang\n{wrong}");
}

/// What nobody thought of: random trees with random scripts, the same on both sides. `OTP_SEED` plays
/// one of them, `OTP_RANDOM` says how many.
#[test]
fn random_scenarios_have_the_same_traces_on_erlang() {
    if Command::new("erl").arg("-version").output().is_err() {
        println!("erl is not installed: no random scenarios");
        return;
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("OTP_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("OTP_RANDOM").unwrap_or(60)).collect(),
    };
    let name = |seed: u64| format!("seed-{seed:06}");
    let scenarios: BTreeMap<String, String> = seeds
        .iter()
        .map(|seed| (name(*seed), random::scenario(&mut StdRng::seed_from_u64(*seed))))
        .collect();
    let mut wrong: BTreeMap<String, String> = BTreeMap::new();
    for run in 0..RUNS {
        let folder = scratch(&format!("random-{run}"));
        std::fs::create_dir_all(&folder).unwrap();
        // after the first run only those that are in doubt
        let doubtful = scenarios.iter().filter(|(name, _)| run == 0 || wrong.contains_key(*name));
        for (name, text) in doubtful {
            std::fs::write(folder.join(format!("{name}.txt")), text).unwrap();
        }
        let otp = generate(&folder, &format!("random-traces-{run}"));
        std::fs::remove_dir_all(&folder).unwrap();
        wrong.clear();
        for (name, trace) in otp {
            let ours = on_paused_clock(play(&Scenario::parse(&scenarios[&name])));
            if ours != lines(&trace) {
                let text =
                    format!("{}\n{}", scenarios[&name], difference(&name, &lines(&trace), &ours));
                wrong.insert(name, text);
            }
        }
        println!("run {run}: {} of {} differ", wrong.len(), scenarios.len());
        if wrong.is_empty() {
            println!("{} random scenarios, seeds {:?}", seeds.len(), (seeds.first(), seeds.last()));
            return;
        }
    }
    panic!("{}", wrong.into_values().collect::<String>());
}

fn on_paused_clock<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(future)
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("armedmusic-otp-{}-{name}", std::process::id()))
}

/// Plays scenarios on real Erlang.
fn generate(scenarios: &Path, run: &str) -> BTreeMap<String, String> {
    let folder = scratch(run);
    let output = Command::new("escript")
        .arg(data().join("generate.escript"))
        .args([scenarios, &folder])
        .output()
        .expect("escript comes with erl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let fresh = texts(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
    fresh
}
