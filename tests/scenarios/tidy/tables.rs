//! The restart table and the drain table of supervision.md, held against the contracts of the running tree.

use std::collections::BTreeSet;
use std::time::Duration;

use armedmusic::run::{AUDIO_MAX, DRAIN_MAX, LAST_RESORT};
use simulator::world::{ADA, BORIS, jam};
use supervisor::{Backoff, Contract, Restart, Strategy};

use super::super::world::World;
use super::root;
use super::tree::with_all_services;

/// The contracts of a bot that plays in one chat.
async fn contracts(world: World) -> Vec<Contract> {
    let running = world.start().await;
    running.say(ADA, "/play harbour");
    running.sees("Now playing").await;
    let contracts = running.inside.tree.root().tree().contracts();
    running.end().await;
    contracts
}

fn document() -> String {
    std::fs::read_to_string(root().join("supervision.md")).expect("supervision.md is readable")
}

/// The cells of the table below a heading, without its head.
fn table(heading: &str) -> Vec<Vec<String>> {
    let document = document();
    let (_, below) = document.split_once(heading).expect("the document has this chapter");
    let lines = below.lines().take_while(|line| !line.starts_with("## "));
    let rows = lines.filter(|line| line.starts_with("| "));
    let cells = |row: &str| -> Vec<String> {
        row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    rows.skip(1).map(cells).collect()
}

/// Who a row of the restart table is about, as the document calls it.
fn called(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        _ if name == jam().to_string() => "{chat}",
        _ if path.starts_with("root/assistants/") => "assistant (1 … n)",
        name => name,
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// What the document has to say of a place: restart, supervised as, intensity.
fn terms(contract: &Contract) -> [String; 3] {
    let restart = match contract.restart {
        _ if contract.path == "root" => "–",
        Restart::Permanent => "permanent",
        Restart::Transient => "transient",
        Restart::Temporary => "temporary",
    };
    let at_once = if contract.backoff.first_immediate { ", at once" } else { "" };
    let nothing = || "–".to_owned();
    let strategy = |group: supervisor::Group| {
        let word = match group.strategy {
            Strategy::OneForOne => "one_for_one",
            Strategy::OneForAll => "one_for_all",
            Strategy::RestForOne => "rest_for_one",
        };
        format!("{}{word}", if group.is_dynamic { "dynamic, " } else { "" })
    };
    let intensity = |group: supervisor::Group| {
        let intensity = group.intensity;
        format!("{} in {}", intensity.restarts_max, seconds(intensity.within))
    };
    [
        format!("{restart}{at_once}"),
        contract.group.map_or_else(nothing, strategy),
        contract.group.map_or_else(nothing, intensity),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_restart_table_says_what_the_running_tree_does() {
    let two = contracts(with_all_services(World::new())).await;
    let three = contracts(with_all_services(World::new().assistant(BORIS))).await;
    let rows = table("## 2. Restarts");
    let mut told = BTreeSet::new();
    for row in &rows {
        for name in
            if row[0].contains(" … ") { vec![&*row[0]] } else { row[0].split(", ").collect() }
        {
            assert!(told.insert(name.to_owned()), "{name} has two rows");
            let places = || three.iter().filter(|one| called(&one.path) == name);
            assert!(places().next().is_some(), "there is no {name} in the tree");
            for contract in places() {
                let mut terms = terms(contract);
                if name == "assistants" {
                    terms[2] = assistants_intensity(&two, contract);
                }
                assert_eq!(row[1..4], terms, "the row of {name}, and what {} does", contract.path);
            }
        }
    }
    let alive: BTreeSet<String> = three.iter().map(|one| called(&one.path).to_owned()).collect();
    assert_eq!(told, alive, "rows (left) and the tree (right)");
}

/// It grows with their number; few of them have the minimum.
fn assistants_intensity(two: &[Contract], of_three: &Contract) -> String {
    let minimum = two.iter().find(|one| one.path == of_three.path).map(terms);
    let minimum = minimum.expect("there are always assistants")[2].clone();
    let three = of_three.group.map_or(0, |group| group.intensity.restarts_max);
    format!("{minimum}, or {} for each of them", three / 3)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_delays_between_restarts_are_those_of_the_document() {
    let contracts = contracts(World::new()).await;
    for Contract { path, backoff, .. } in contracts {
        let Backoff { initial, max, jitter, reset_after, critical_after, .. } = backoff;
        let says = [
            format!(
                "Backoff is {} · 2ⁿ up to {}, ±{:.0} %, and is forgiven after {} minutes",
                seconds(initial),
                seconds(max),
                jitter * 100.0,
                reset_after.as_secs() / 60,
            ),
            format!("the {critical_after}th failure in a row"),
        ];
        let document = document();
        let text: String = document.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in says {
            assert!(text.contains(&line), "{path}: the document does not say {line:?}");
        }
    }
}

/// The deadlines of a place, one for each step of its end.
fn deadlines(contracts: &[Contract], path: &str) -> Vec<Duration> {
    let of = |path: &str| contracts.iter().find(|one| one.path == path).expect("it is there");
    let end_max =
        |path: &str| Contract::end_max(contracts, path).expect("everybody has a deadline");
    let Some(group) = of(path).group else { return vec![end_max(path)] };
    let children = contracts
        .iter()
        .filter(|one| one.path.rsplit_once('/').is_some_and(|(parent, _)| parent == path));
    if group.is_dynamic {
        return children
            .map(|child| deadlines(contracts, &child.path))
            .max_by_key(|all| all.iter().sum::<Duration>())
            .expect("somebody plays");
    }
    let mut levels: Vec<(u64, Duration)> = Vec::new();
    for child in children {
        let own = end_max(&child.path);
        match levels.last_mut().filter(|(level, _)| *level == child.level) {
            Some((_, slowest)) => *slowest = own.max(*slowest),
            None => levels.push((child.level, own)),
        }
    }
    levels.into_iter().rev().map(|(_, slowest)| slowest).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drain_table_says_what_the_running_tree_does() {
    let contracts = contracts(World::new()).await;
    let mut levels: Vec<&Contract> =
        contracts.iter().filter(|one| one.path.matches('/').count() == 1).collect();
    levels.sort_by_key(|one| std::cmp::Reverse(one.level));
    let mut expected: Vec<[String; 3]> = Vec::new();
    for (n, child) in levels.iter().enumerate() {
        let steps = deadlines(&contracts, &child.path).into_iter().map(seconds);
        let steps = steps.collect::<Vec<_>>().join(" + ");
        expected.push([(n + 1).to_string(), called(&child.path).to_owned(), steps]);
    }
    let whole = |number: String, who: &str, max| [number, who.to_owned(), seconds(max)];
    expected.push(whole("–".into(), "all together", DRAIN_MAX));
    expected.push(whole((levels.len() + 1).to_string(), "audio threads", AUDIO_MAX));
    expected.push(whole("–".into(), "the process", LAST_RESORT));
    let told: Vec<[String; 3]> = table("## 3. Draining")
        .into_iter()
        .map(|row| {
            let who = row[1].split(',').next().unwrap_or_default().to_owned();
            [row[0].clone(), who, row[3].clone()]
        })
        .collect();
    assert_eq!(told, expected, "what the document says (left), and what the tree does (right)");

    let sum = Contract::end_max(&contracts, "root").expect("everybody has a deadline") + AUDIO_MAX;
    let unit = std::fs::read_to_string(root().join("config/armedmusic.service"));
    let unit = unit.expect("the unit is readable");
    let given = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec="));
    let given = given.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let given = given.expect("the unit has a TimeoutStopSec in seconds");
    assert!(sum < given, "deadlines of {sum:?} in a unit that is given {given:?}");
    assert!(DRAIN_MAX + AUDIO_MAX < LAST_RESORT && LAST_RESORT < given);
    let document = document();
    for says in
        [format!("sum up to {}", seconds(sum)), format!("`TimeoutStopSec={}`", given.as_secs())]
    {
        assert!(document.contains(&says), "the document does not say {says:?}");
    }
}
