//! Random lives of random trees: whatever happens, never two incarnations of one child, never an
//! orphan, no more restarts than the intensity allows, and the order of stopping is the reverse of
//! the order of starting. `SEED` plays one script, `SCRIPTS` says how many.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::time::Instant;

use super::lab::{Habits, Lab, Word, secs, seeds, settle};
use crate::{
    Backoff, ChildSpec, Ending, EventKind, Events, Exit, Failure, Intensity, Kind, Options,
    RestartBudget, Root, Shutdown, Snapshot, Strategy, SupervisorSpec, start_root, task::own,
};

const SEEDS: u64 = 1_000;
const STEPS: usize = 40;

/// How much each supervisor bears, by its path.
type Bearable = HashMap<String, Intensity>;

fn spec(rng: &mut StdRng, lab: &Lab, depth: u32, path: &str, all: &mut Bearable) -> SupervisorSpec {
    let strategies = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
    let intensity = Intensity::new(rng.random_range(1..30), secs(rng.random_range(1..60)));
    all.insert(path.to_owned(), intensity);
    let mut spec = SupervisorSpec::new(strategies[rng.random_range(0..3)], intensity);
    for n in 0..rng.random_range(1..5) {
        let child = if depth > 0 && rng.random_bool(0.4) {
            let below = self::spec(rng, lab, depth - 1, &format!("{path}/s{n}"), all);
            ChildSpec::supervisor(format!("s{n}"), below)
        } else {
            worker(rng, lab, &format!("w{n}"))
        };
        spec = spec.child(seasoned(rng, child));
    }
    spec
}

fn worker(rng: &mut StdRng, lab: &Lab, id: &str) -> ChildSpec {
    let habits = Habits {
        start_takes: secs([0, 0, 0, 2][rng.random_range(0..4)]),
        stop_takes: secs([0, 0, 1][rng.random_range(0..3)]),
        hangs_at_stop: rng.random_bool(0.1),
        ..Habits::default()
    };
    habits
        .start_fails
        .store([0, 0, 2][rng.random_range(0..3)], std::sync::atomic::Ordering::SeqCst);
    let shutdown = [Shutdown::BrutalKill, Shutdown::Deadline(secs(3))][rng.random_range(0..2)];
    let ending = [Ending::Drain, Ending::Stop][rng.random_range(0..2)];
    lab.child_with(id, habits).shutdown(shutdown).ending(ending)
}

fn seasoned(rng: &mut StdRng, child: ChildSpec) -> ChildSpec {
    let backoff = Backoff {
        initial: secs(rng.random_range(0..4)),
        max: secs(8),
        jitter: 0.2,
        ..Backoff::NONE
    };
    let child = child.backoff(backoff);
    match rng.random_range(0..4) {
        0 => child.transient(),
        1 => child.temporary(),
        _ => child.permanent(),
    }
}

async fn step(rng: &mut StdRng, root: &Root) {
    let children = root.snapshot().children;
    let child = children.choose(rng).expect("the root is always listed");
    if rng.random_bool(0.1) {
        // also supervisors, also while they start or stop; the root is spared
        if let Some(node) = root.tree().node(&child.path).filter(|_| child.path != "root")
            && let Some(cell) = node.live.borrow().clone()
        {
            cell.kill();
        }
    } else if let Some(handle) = root.tree().find::<Word>(&child.path) {
        let word = match rng.random_range(0..7) {
            0 => Word::Crash,
            1 => Word::Panic,
            2 => Word::Quit,
            3 => Word::Hang,
            4 => Word::Work(secs(1)),
            5 => Word::Fail(Failure::wait(secs(2), "later")),
            _ => Word::Ready,
        };
        // a child that is down cannot be told, which is one of the cases
        handle.send(word).ok();
    }
    match rng.random_range(0..4) {
        0 => tokio::time::sleep(secs(rng.random_range(1..10))).await,
        1 => settle().await,
        2 => tokio::task::yield_now().await,
        _ => {}
    }
}

/// Counts the restarts of each life of a supervisor; answers those that were too many.
async fn count_restarts(mut events: Events, bearable: Bearable, wrong: Arc<Mutex<Vec<String>>>) {
    let mut granted: HashMap<String, Vec<Instant>> = HashMap::new();
    let mut gave_up: HashSet<String> = HashSet::new();
    while let Some(event) = events.next().await {
        let now = Instant::now();
        match event.kind {
            EventKind::Exited { .. } => {
                // with it went all below, and of those nobody tells
                let is_gone =
                    |path: &String| format!("{path}/").starts_with(&format!("{}/", event.path));
                granted.retain(|path, _| !is_gone(path));
                gave_up.retain(|path| !is_gone(path));
            }
            EventKind::GaveUp => {
                gave_up.insert(event.path);
            }
            EventKind::Backoff { .. } => {
                let (parent, _) = event.path.rsplit_once('/').unwrap();
                let Intensity { restarts_max, within } = bearable[parent];
                let times = granted.entry(parent.to_owned()).or_default();
                times.push(now);
                let recent = times.iter().filter(|at| now - **at <= within).count();
                if recent > restarts_max as usize || gave_up.contains(parent) {
                    wrong.lock().unwrap().push(format!("{parent} granted {recent} restarts"));
                }
            }
            _ => {}
        }
    }
    wrong.lock().unwrap().extend((events.missed() > 0).then(|| "events were missed".to_owned()));
}

/// Running workers in start order, as the board shows them.
fn running(snapshot: &Snapshot) -> Vec<String> {
    let is_running = |child: &&crate::ChildSnapshot| {
        child.kind == Kind::Worker && child.uptime_ms.is_some() && child.path != "root"
    };
    snapshot.children.iter().filter(is_running).map(|child| child.path.clone()).collect()
}

/// Answers how many workers were seen to stop in order.
async fn play(seed: u64) -> usize {
    let mut rng = StdRng::seed_from_u64(seed);
    let lab = Lab::default();
    let budget = RestartBudget { burst: 3, per_second: 2.0 };
    let options = Options { seed: Some(seed), restart_budget: budget, ..Options::default() };
    let mut bearable = Bearable::new();
    let spec = spec(&mut rng, &lab, 2, "root", &mut bearable);
    let root = start_root(spec, options);
    let too_many = Arc::new(Mutex::new(Vec::new()));
    let counting = own(count_restarts(root.events(), bearable, too_many.clone()));
    for _ in 0..STEPS {
        step(&mut rng, &root).await;
    }
    let is_calm = rng.random_bool(0.7);
    if is_calm {
        tokio::time::sleep(secs(600)).await;
    }
    let mut on_board = running(&root.snapshot());
    let history = lab.take_trace();
    if is_calm {
        let mut sorted = on_board.clone();
        sorted.sort();
        assert_eq!(sorted, lab.alive(), "seed {seed}: the board tells the truth");
    }
    let exit = root.shutdown().await;
    assert!(matches!(exit, Exit::Normal | Exit::GaveUp), "seed {seed}: {exit:?}");
    assert!(lab.alive().is_empty(), "seed {seed}: orphans {:?}", lab.alive());
    let end = lab.take_trace();
    if is_calm {
        let ended: Vec<String> =
            end.iter().map(|line| format!("root/{}", line.split_once(' ').unwrap().1)).collect();
        on_board.reverse();
        assert_eq!(ended, on_board, "seed {seed}: stopped in reverse");
    }
    let twins = history.iter().chain(&end).find(|line| line.starts_with("TWO"));
    assert_eq!(twins, None, "seed {seed}");
    tokio::time::sleep(secs(1_000)).await;
    assert!(lab.take_trace().is_empty(), "seed {seed}: somebody came back from the dead");
    drop(root);
    counting.await.unwrap();
    let too_many = std::mem::take(&mut *too_many.lock().unwrap());
    assert!(too_many.is_empty(), "seed {seed}: {too_many:?}");
    if is_calm { on_board.len() } else { 0 }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_nobody_lives_twice_nobody_is_orphaned_and_the_last_in_is_first_out() {
    let seeds = seeds(SEEDS);
    let mut in_order = 0;
    for seed in seeds.clone() {
        in_order += play(seed).await;
    }
    println!("{} scripts of {STEPS} steps, seeds {seeds:?}", seeds.end - seeds.start);
    let is_many = seeds.end - seeds.start >= 100;
    assert!(!is_many || in_order > 100, "the scripts leave too little to look at: {in_order}");
}
