//! The process in which actors are killed: the bot's tree, and a hand that carries out orders. An order is a file in the
//! state directory; its answer is another one.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use actors::Tree;
use armedmusic::config::{Config, Environment};
use armedmusic::run::{AUDIO_MAX, DRAIN_MAX};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use supervisor::{ChildSnapshot, Contract, State};

use super::{Count, Killed};
use crate::world::World;

/// Where its settings are; without it, it is nobody's victim.
pub(super) const CONFIG: &str = "ARMEDMUSIC_VICTIM";
/// A state in which nobody is on his way anywhere lasts so long before it is counted.
const CALM: Duration = Duration::from_secs(1);
const CALM_MAX: Duration = Duration::from_secs(100);
/// Each waits longer from life to life, and nothing below it can be killed meanwhile.
const SUPERVISOR_DEATHS_MAX: u64 = 4;
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(super) fn arrange(command: &mut Command, config: &Path) {
    command.args(["--exact", "kills::the_bot_that_is_killed_is_this_program_too", "--nocapture"]);
    command.env(CONFIG, config);
}

pub(super) fn run(config: &Path) {
    World::install_provider();
    let config = Config::load(Some(config)).expect("the test wrote it");
    armedmusic::telemetry::start(&config.log).expect("the test wrote it");
    let identity = Environment(&|name| std::env::var(name).ok()).identity();
    let store = config.storage.settings(&config.state_directory, None).expect("its own file");
    let identity = identity.expect("the test gave it");
    let settings = armedmusic::assemble::settings(&config, identity, store);
    // threads that have nothing to do any more are gone when they are counted
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(CALM / 2)
        .build()
        .expect("the system has threads");
    runtime.block_on(async {
        let tree =
            actors::start(settings.expect("the state directory is ours")).expect("it starts");
        obey(&tree, &config.state_directory).await;
        tree.shutdown(DRAIN_MAX, AUDIO_MAX).await;
        assert_eq!(tree.left(), Vec::<String>::new());
    });
}

async fn obey(tree: &Tree, orders: &Path) {
    let mut hand = Hand::new();
    let done = |order: &str, answer: String| {
        let path = |name: &str| -> PathBuf { orders.join(name) };
        std::fs::write(path("answer"), answer).expect("the folder is ours");
        std::fs::rename(path("answer"), path(&format!("{order}.done"))).expect("it is ours");
    };
    loop {
        for order in ["rest", "count", "kill", "end"] {
            let path = orders.join(order);
            let Ok(content) = std::fs::read_to_string(&path) else { continue };
            std::fs::remove_file(&path).expect("it is ours");
            let number = content.parse().unwrap_or(0);
            match order {
                "rest" => {
                    tokio::time::sleep(Duration::from_secs(number)).await;
                    done(order, "null".into());
                }
                "count" => done(order, json(&count(tree).await)),
                "kill" => done(order, json(&hand.kill(tree, number).await)),
                _ => return done(order, "null".into()),
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}

/// Waits until nothing plays and everybody is well, and stays so for a while.
async fn count(tree: &Tree) -> Count {
    let since = Instant::now();
    let mut calm_since = Instant::now();
    loop {
        let count = now(tree);
        let has_chats = tree.stats().tree.children.iter().any(|one| kind_of(&one.path) == "chat");
        if has_chats || !count.unwell.is_empty() || count.streams > 0 {
            calm_since = Instant::now();
        }
        if calm_since.elapsed() > CALM || since.elapsed() > CALM_MAX {
            return count;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn now(tree: &Tree) -> Count {
    let stats = tree.stats();
    let children = &stats.tree.children;
    let unwell = children.iter().filter(|child| child.state != State::Ready);
    let status = std::fs::read_to_string("/proc/self/status").expect("this is linux");
    let line = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).expect("the kernel says so")
    };
    Count {
        actors: children.len(),
        unwell: unwell.map(|child| format!("{} {:?}", child.path, child.state)).collect(),
        tasks: children.iter().map(|child| child.tasks.running).sum(),
        streams: stats.engine.streams,
        threads: line("Threads:") as usize,
        fds: std::fs::read_dir("/proc/self/fd").expect("this is linux").count(),
        rss_kib: line("VmRSS:"),
    }
}

/// What an actor is, by its path.
fn kind_of(path: &str) -> &'static str {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["root", "bot"] => "bot",
        ["root", "assistants", _] => "assistant",
        ["root", "extractors", _] => "extractor",
        ["root", "chats", _] => "chat",
        ["root", "chats", _, "call"] => "call",
        ["root", "chats", _, "player"] => "player",
        ["root", "extractors" | "assistants" | "chats"] => "supervisor",
        _ => "",
    }
}

/// How often one kind dies for another: without a bot nobody starts any music that could be stopped by a death.
fn weight(kind: &str) -> usize {
    match kind {
        "call" | "player" => 6,
        "chat" | "supervisor" => 2,
        _ => 1,
    }
}

/// Kills, and takes care that no supervisor has to bear more than it is made for: more often than that it gives up, as
/// it should, in the end to the operating system.
struct Hand {
    rng: StdRng,
    /// Kills below a supervisor.
    blows: HashMap<String, Vec<Instant>>,
}

// === impl Hand ===

impl Hand {
    fn new() -> Hand {
        Hand { rng: StdRng::seed_from_u64(1), blows: HashMap::new() }
    }

    async fn kill(&mut self, tree: &Tree, n: u64) -> Killed {
        let mut killed: Killed = BTreeMap::new();
        let mut left = n;
        while left > 0 {
            // at any instant, whatever it is doing then
            tokio::time::sleep(Duration::from_micros(self.rng.random_range(0..20_000))).await;
            if let Some(kind) = self.strike(tree) {
                *killed.entry(kind.to_owned()).or_default() += 1;
                left -= 1;
            }
        }
        killed
    }

    fn strike(&mut self, tree: &Tree) -> Option<&'static str> {
        let view = tree.root().tree();
        let (children, contracts) = (view.snapshot().children, view.contracts());
        let mut kinds: Vec<&'static str> = Vec::new();
        let mut candidates: Vec<&ChildSnapshot> = Vec::new();
        for child in children.iter().filter(|child| child.uptime_ms.is_some()) {
            let kind = kind_of(&child.path);
            let is_spared = kind == "supervisor" && child.restarts >= SUPERVISOR_DEATHS_MAX;
            if !kind.is_empty()
                && !is_spared
                && self.is_bearable(&child.path, &children, &contracts)
            {
                candidates.push(child);
                if !kinds.contains(&kind) {
                    kinds.extend(std::iter::repeat_n(kind, weight(kind)));
                }
            }
        }
        let kind = *kinds.choose(&mut self.rng)?;
        candidates.retain(|child| kind_of(&child.path) == kind);
        let child = candidates.choose(&mut self.rng)?;
        let (parent, _) = child.path.rsplit_once('/')?;
        view.kill(&child.path).then(|| {
            self.blows.entry(parent.to_owned()).or_default().push(Instant::now());
            kind
        })
    }

    /// Whether its supervisor can take one more.
    fn is_bearable(
        &mut self,
        path: &str,
        children: &[ChildSnapshot],
        contracts: &[Contract],
    ) -> bool {
        let Some((parent, _)) = path.rsplit_once('/') else { return false };
        let intensity = contracts.iter().find(|one| one.path == parent).and_then(|one| one.group);
        let age = children.iter().find(|one| one.path == parent).and_then(|one| one.uptime_ms);
        let (Some(group), Some(age)) = (intensity, age.map(Duration::from_millis)) else {
            return false;
        };
        let blows = self.blows.entry(parent.to_owned()).or_default();
        // those of an earlier life of the supervisor do not count
        blows.retain(|at| at.elapsed() < group.intensity.within.min(age));
        blows.len() + 1 < group.intensity.restarts_max as usize
    }
}
