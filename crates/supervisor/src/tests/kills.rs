//! A thousand kills on real threads, under load: single actors and whole supervisors, at any
//! moment of their lives. `KILLS` says how many, `SEED` fixes who.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::{runtime::Handle as Runtime, time::Instant};

use super::lab::{Habits, Lab, Word, group, secs};
use crate::{
    Backoff, ChildSpec, Dynamic, Options, Root, Strategy, SupervisorSpec, start_root, task::own,
};

const KILLS: u64 = 1_000;
const CHATS: u64 = 8;
/// A loaded machine may take its time.
const PATIENCE: Duration = Duration::from_secs(120);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn worker(lab: &Lab, id: &str) -> ChildSpec {
    // the state takes a moment to drop, so that a hasty successor would meet it
    lab.child_with(id, Habits { lingers: Duration::from_micros(50), ..Habits::default() })
}

fn supervisor(id: &str, spec: SupervisorSpec) -> ChildSpec {
    ChildSpec::supervisor(id, spec).backoff(Backoff::NONE)
}

fn tree(lab: &Lab) -> (SupervisorSpec, Dynamic) {
    let (chats_spec, chats) = SupervisorSpec::dynamic(super::lab::PATIENT);
    let all = group(Strategy::OneForAll).children(["a", "b", "c"].map(|id| worker(lab, id)));
    let deep = group(Strategy::OneForOne).together(["f", "g"].map(|id| worker(lab, id)));
    let rest = group(Strategy::RestForOne)
        .child(worker(lab, "d"))
        .child(supervisor("deep", deep))
        .child(worker(lab, "e"));
    let spec = group(Strategy::OneForOne)
        .child(supervisor("all", all))
        .child(supervisor("rest", rest))
        .child(supervisor("chats", chats_spec));
    (spec, chats)
}

/// Whoever is missing is asked for again: dynamic children do not outlive their supervisor.
fn people(lab: &Lab, chats: &Dynamic) {
    for n in 0..CHATS {
        let pair =
            group(Strategy::RestForOne).child(worker(lab, "call")).child(worker(lab, "player"));
        // most of them are there
        chats.start(supervisor(&n.to_string(), pair)).ok();
    }
}

/// Questions, tasks and threads for everybody, until the tree is gone.
async fn load(root: crate::Tree, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    loop {
        let children = root.snapshot().children;
        let child = children.choose(&mut rng).expect("the root is always listed");
        if child.path == "root" && child.state == crate::State::Ended {
            return;
        }
        // a few tasks for each, or the threads alone fill the machine
        let is_laden = child.tasks.running >= 4;
        if let Some(handle) = root.find::<Word>(&child.path) {
            let word = match rng.random_range(0..20) {
                0..5 if !is_laden => Word::Do(Box::new(|context| {
                    context.tasks().spawn_quiet(std::future::pending());
                })),
                5 if !is_laden => Word::Do(Box::new(|context| {
                    context.tasks().thread(|quit| {
                        // a runtime waits for its threads: a failed test has to end too
                        let began = Instant::now();
                        while !quit.is_asked() && began.elapsed() < PATIENCE {
                            std::thread::sleep(Duration::from_millis(2));
                        }
                        Word::Ready
                    });
                })),
                6..10 => Word::Work(Duration::from_micros(300)),
                _ => Word::Ready,
            };
            // a child that is down is told nothing
            handle.send(word).ok();
            // and whoever is killed does not answer
            handle.ask(Word::Ping, Duration::from_millis(2)).await.ok();
        }
        tokio::task::yield_now().await;
    }
}

/// Kills somebody, whatever they are doing; the root is spared.
fn kill_somebody(root: &Root, rng: &mut StdRng) -> bool {
    let children = root.snapshot().children;
    let child = children.choose(rng).expect("the root is always listed");
    let node = root.tree().node(&child.path).filter(|_| child.path != "root");
    let cell = node.and_then(|node| node.live.borrow().clone());
    cell.inspect(ractor::ActorCell::kill).is_some()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let asked = Instant::now();
    while !is_so() {
        assert!(asked.elapsed() < PATIENCE, "not in {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_kills_under_load_leave_no_orphan_no_twin_and_no_task() {
    let (kills, seed) = (number("KILLS").unwrap_or(KILLS), number("SEED").unwrap_or(1));
    let alive_tasks = || Runtime::current().metrics().num_alive_tasks();
    let baseline = alive_tasks();
    let mut rng = StdRng::seed_from_u64(seed);
    let lab = Lab::default();
    let (spec, chats) = tree(&lab);
    let root = start_root(spec, Options { seed: Some(seed), ..Options::default() });
    root.booted().await;
    let loads: Vec<_> = (0..3).map(|n| own(load(root.tree().clone(), n))).collect();
    let everybody = 3 + 4 + 2 * CHATS as usize;
    let (mut killed, began) = (0, Instant::now());
    while killed < kills {
        people(&lab, &chats);
        killed += u64::from(kill_somebody(&root, &mut rng));
        if rng.random_bool(0.7) {
            tokio::time::sleep(Duration::from_micros(rng.random_range(0..3_000))).await;
        }
    }
    let took = began.elapsed();
    until("everybody is back", || {
        people(&lab, &chats);
        lab.alive().len() == everybody
    })
    .await;
    assert!(root.ping(secs(60)).await.is_ok(), "the root was spared");
    root.shutdown_within(PATIENCE).await;
    for load in loads {
        load.await.unwrap();
    }
    assert!(lab.alive().is_empty(), "orphans: {:?}", lab.alive());
    let trace = lab.take_trace();
    let lives = trace.iter().filter(|line| line.starts_with("start ")).count();
    let twins: Vec<&String> = trace.iter().filter(|line| line.starts_with("TWO")).collect();
    assert!(twins.is_empty(), "{twins:?}");
    let running: u64 = root.snapshot().children.iter().map(|child| child.tasks.running).sum();
    assert_eq!(running, 0, "tasks without an owner");
    drop(root);
    until("the runtime has no more tasks than before", || alive_tasks() <= baseline).await;
    println!("{killed} kills in {took:?}, seed {seed}: {lives} lives of {everybody} workers");
}
