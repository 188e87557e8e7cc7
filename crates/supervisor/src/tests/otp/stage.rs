//! The stage: plays a scenario with our supervisor on a paused clock.

use std::time::Duration;

use crate::{
    Denied, Options, Root, State, start_root,
    tests::{
        lab::settle,
        otp::{
            cast::{Cast, Cue},
            scenario::{Kind, Part, Scenario, Step},
        },
    },
};

/// Longer than anything in a scenario takes.
const LONG: Duration = Duration::from_secs(3_600);

/// The trace of our supervisor, normalised like those of OTP.
pub(super) async fn play(scenario: &Scenario) -> Vec<String> {
    let cast = Cast::default();
    cast.note("start root");
    let root = start_root(scenario.root.supervisor_spec(&cast), Options::default());
    if root.booted().await {
        quiet(&root).await;
        for step in &scenario.script {
            perform(step, &root, scenario, &cast).await;
            if step.waits {
                quiet(&root).await;
            }
        }
    }
    let exit = root.shutdown().await;
    cast.ended("root", &exit);
    for name in cast.alive() {
        cast.note(format!("orphan {name}"));
    }
    normalise(cast.trace(), &scenario.root)
}

async fn perform(step: &Step, root: &Root, scenario: &Scenario, cast: &Cast) {
    let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
    match words[..] {
        ["sleep", time] => tokio::time::sleep(millis(time)).await,
        ["stop"] => {
            root.shutdown().await;
        }
        ["busy", name, time] => cue(root, scenario, name, Cue::Busy(millis(time))),
        ["hang", name] => cue(root, scenario, name, Cue::Hang),
        [
            order @ ("start_child" | "terminate_child" | "restart_child" | "delete_child"),
            parent,
            ..,
        ] => {
            // nothing can be asked of a supervisor that is gone
            if !is_alive(root, scenario, parent) {
                return;
            }
            let said = obey(order, parent, &step.words[2..], root, scenario, cast).await;
            let name = if words.len() > 3 { words[3] } else { words[2] };
            cast.note(format!("{order} {name} -> {said}"));
        }
        // several at the same time: none of them is waited for
        [how, ..] => {
            for name in &words[1..] {
                match how {
                    "crash" => cue(root, scenario, name, Cue::Crash),
                    "quit" => cue(root, scenario, name, Cue::Quit),
                    "shutdown" => cue(root, scenario, name, Cue::Shutdown),
                    "kill" => kill(root, scenario, name),
                    other => panic!("what is {other}?"),
                }
            }
        }
        [] => {}
    }
}

async fn obey(
    order: &str,
    parent: &str,
    words: &[String],
    root: &Root,
    scenario: &Scenario,
    cast: &Cast,
) -> &'static str {
    let tree = root.tree();
    let above = scenario.root.path_of(parent);
    let path = format!("{above}/{}", words[0]);
    let answer = match order {
        "start_child" => {
            let dynamic = scenario.root.find(parent).and_then(|part| part.dynamic_child(&words[0]));
            let part = dynamic.unwrap_or_else(|| Part::parse(words));
            tree.start_child(&above, part.child_spec(cast), LONG).await
        }
        "terminate_child" => tree.terminate_child(&path, LONG).await,
        "restart_child" => tree.restart_child(&path, LONG).await,
        _ => tree.delete_child(&path, LONG).await,
    };
    match answer {
        Ok(()) => "ok",
        Err(Denied::NotFound) => "not_found",
        Err(Denied::AlreadyStarted) => "already_started",
        Err(Denied::AlreadyPresent) => "already_present",
        Err(Denied::Running) => "running",
        Err(Denied::Restarting) => "restarting",
        Err(Denied::Dynamic) => "simple_one_for_one",
        Err(Denied::Failed(_)) => "failed",
        Err(Denied::Unanswered(_)) => "unanswered",
    }
}

fn cue(root: &Root, scenario: &Scenario, name: &str, cue: Cue) {
    if let Some(handle) = root.tree().find::<Cue>(&scenario.root.path_of(name)) {
        // whoever does not live is not told, like in Erlang
        handle.send(cue).ok();
    }
}

fn kill(root: &Root, scenario: &Scenario, name: &str) {
    let node = root.tree().node(&scenario.root.path_of(name));
    if let Some(cell) = node.and_then(|node| node.live.borrow().clone()) {
        cell.kill();
    }
}

fn is_alive(root: &Root, scenario: &Scenario, name: &str) -> bool {
    let node = root.tree().node(&scenario.root.path_of(name));
    node.is_some_and(|node| node.live.borrow().is_some())
}

fn millis(word: &str) -> Duration {
    Duration::from_millis(word.parse().unwrap())
}

/// Waits until no supervisor has anything left to do.
async fn quiet(root: &Root) {
    for _ in 0..100_000 {
        settle().await;
        let is_calm = |state: &State| matches!(state, State::Ready | State::Parked | State::Ended);
        if root.snapshot().children.iter().all(|child| is_calm(&child.state)) {
            return;
        }
    }
    panic!("it does not come to rest: {:?}", root.snapshot());
}

/// Where OTP itself is concurrent; the same as in generate.escript.
fn normalise(mut trace: Vec<String>, root: &Part) -> Vec<String> {
    let exit = |line: &str| -> Option<(String, String)> {
        let mut words = line.strip_prefix("exit ")?.split(' ');
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    // a killed supervisor is named before those that died with it, and those are sorted
    for at in 0..trace.len() {
        let Some((above, why)) = exit(&trace[at]) else { continue };
        let is_supervisor = root.find(&above).is_some_and(|part| part.kind != Kind::Worker);
        if !is_supervisor || why != "killed" {
            continue;
        }
        let died_with_it = |line: &&String| {
            exit(line).is_some_and(|(name, why)| why == "killed" && root.is_below(&name, &above))
        };
        let count = trace[..at].iter().rev().take_while(died_with_it).count();
        trace[at - count..=at].rotate_right(1);
        trace[at - count + 1..=at].sort();
    }
    // the children of a dynamic supervisor end all at the same time
    let dynamic = |line: &String| -> Option<String> {
        let parent = root.parent_of(&exit(line)?.0)?;
        (parent.kind == Kind::Dynamic).then(|| parent.name.clone())
    };
    for run in trace.chunk_by_mut(|a, b| dynamic(a).is_some() && dynamic(a) == dynamic(b)) {
        if run.len() > 1 {
            run.sort();
        }
    }
    trace
}
