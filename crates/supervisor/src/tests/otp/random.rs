//! Random scenarios, within what both sides decide alike: a start that is under way when its group
//! falls again is brought to its end by OTP and not by us (a declared difference), so where several
//! children fall at the same time the elders fall first and nobody is killed brutally.

use std::fmt::Write;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

const STEPS: usize = 10;

#[derive(Default)]
struct Names {
    /// Workers with their supervisors.
    workers: Vec<(String, String)>,
    supervisors: Vec<(String, String)>,
    has_dynamic: bool,
    /// Ids that were given to dynamic children; OTP has none, so they are never used twice.
    n_dynamic: usize,
    /// Several children may fall at the same time.
    is_crowded: bool,
}

pub(super) fn scenario(rng: &mut StdRng) -> String {
    let mut text = String::new();
    let mut names = Names { is_crowded: rng.random_bool(0.5), ..Names::default() };
    let auto = auto(rng);
    writeln!(text, "root {}{auto}", manner(rng)).unwrap();
    children(rng, &mut text, &mut names, "root", 1, !auto.is_empty());
    text.push_str("script\n");
    for _ in 0..STEPS {
        writeln!(text, "{}", step(rng, &mut names)).unwrap();
    }
    text
}

fn children(
    rng: &mut StdRng,
    text: &mut String,
    names: &mut Names,
    parent: &str,
    depth: usize,
    is_auto: bool,
) {
    for _ in 0..rng.random_range(1..=4) {
        let indent = "  ".repeat(depth);
        match rng.random_range(0..10) {
            0..=1 if depth < 4 => {
                let name = format!("s{}", names.supervisors.len());
                names.supervisors.push((name.clone(), parent.to_owned()));
                let (restart, significant) = restart(rng, is_auto);
                let auto = auto(rng);
                let manner = manner(rng);
                writeln!(
                    text,
                    "{indent}supervisor {name} {restart} infinity {manner}{auto}{significant}"
                )
                .unwrap();
                children(rng, text, names, &name, depth + 1, !auto.is_empty());
            }
            2 if !names.has_dynamic => {
                names.has_dynamic = true;
                let (most, each) = (rng.random_range(0..4), worker(rng, false, names.is_crowded));
                writeln!(text, "{indent}dynamic d permanent infinity {most}/60 of {each}").unwrap();
            }
            _ => {
                let name = format!("w{}", names.workers.len());
                names.workers.push((name.clone(), parent.to_owned()));
                writeln!(text, "{indent}worker {name} {}", worker(rng, is_auto, names.is_crowded))
                    .unwrap();
            }
        }
    }
}

fn manner(rng: &mut StdRng) -> String {
    let strategy = ["one_for_one", "one_for_all", "rest_for_one"][rng.random_range(0..3)];
    // restarts never become too old to count while a scenario runs
    format!("{strategy} {}/60", rng.random_range(0..6))
}

fn auto(rng: &mut StdRng) -> &'static str {
    ["", "", "", " any_significant", " all_significant"][rng.random_range(0..5)]
}

/// OTP refuses significant children where they mean nothing.
fn restart(rng: &mut StdRng, is_auto: bool) -> (&'static str, &'static str) {
    let restart = ["permanent", "permanent", "transient", "temporary"][rng.random_range(0..4)];
    let may = is_auto && restart != "permanent";
    (restart, if may && rng.random_bool(0.5) { " significant" } else { "" })
}

fn worker(rng: &mut StdRng, is_auto: bool, is_crowded: bool) -> String {
    let (restart, significant) = restart(rng, is_auto);
    let habits = ["", "", "", "", " fails 2-2", " fails 2-3", " fails 1-1"];
    // a first start that fails ends many a scenario before it begins
    let kinds = if rng.random_bool(0.1) { 7 } else { 6 };
    let habits = habits[rng.random_range(0..kinds)];
    let endings = ["5000", "5000", "100 deaf", "brutal_kill"];
    let ending = endings[rng.random_range(0..if is_crowded { 3 } else { 4 })];
    format!("{restart} {ending}{habits}{significant}")
}

fn step(rng: &mut StdRng, names: &mut Names) -> String {
    // a deaf one that ends by its own idea hangs, and then takes longer to die than its siblings
    let ways = if names.is_crowded { 4 } else { 5 };
    let how = ["crash", "crash", "kill", "quit", "shutdown"][rng.random_range(0..ways)];
    let all: Vec<&(String, String)> = names.workers.iter().chain(&names.supervisors).collect();
    let Some((name, parent)) = all.choose(rng).copied().cloned() else {
        return "sleep 1".to_owned();
    };
    let dynamic = format!("d{}", rng.random_range(1..=names.n_dynamic.max(1)));
    match rng.random_range(0..20) {
        0 => format!("terminate_child {parent} {name}"),
        1 => format!("restart_child {parent} {name}"),
        2 => format!("delete_child {parent} {name}"),
        3 if name.starts_with('w') => {
            format!("start_child {parent} worker {name} permanent 5000")
        }
        4..=6 if names.has_dynamic => {
            names.n_dynamic += 1;
            format!("start_child d d{}", names.n_dynamic)
        }
        7 if names.has_dynamic => format!("terminate_child d {dynamic}"),
        8 if names.has_dynamic => format!("{how} {dynamic}"),
        9..=12 if names.is_crowded => {
            let Some((_, parent)) = names.workers.choose(rng) else { return "sleep 1".into() };
            let siblings = names.workers.iter().filter(|(_, above)| above == parent);
            let several: Vec<&str> =
                siblings.map(|(name, _)| name.as_str()).filter(|_| rng.random_bool(0.7)).collect();
            // elders first: a junior's fall is then part of theirs, on both sides
            if several.is_empty() {
                "sleep 1".into()
            } else {
                format!("{how} {}", several.join(" "))
            }
        }
        _ => match names.workers.choose(rng) {
            Some((name, _)) => format!("{how} {name}"),
            None => "sleep 1".to_owned(),
        },
    }
}
