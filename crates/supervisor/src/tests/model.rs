//! Thousands of random lives of one machine, without a runtime: a model of the world beside it
//! says what must never be decided. `SEED` plays one script, `SCRIPTS` says how many.

use std::{collections::BTreeMap, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IteratorRandom};
use tokio::time::Instant;

use super::lab::{secs, seeds};
use crate::{
    AutoShutdown, Backoff, EventKind, Exit, Failure, Intensity, Restart, Shutdown, Strategy,
    machine::{Effect, Env, Input, Machine, Manner, Rules, Standing},
    node::Key,
};

const STEPS: usize = 60;

/// What is really there, as far as a machine can know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    Coming,
    Running,
    /// Asked to end, or killed.
    Going,
}

struct Actual {
    rules: Rules,
    there: There,
    incarnation: u64,
}

struct World {
    machine: Machine,
    manner: Manner,
    children: BTreeMap<Key, Actual>,
    next_key: Key,
    now: Instant,
    rng: StdRng,
    /// When restarts were granted.
    restarts: Vec<Instant>,
    is_ending: bool,
    has_ended: bool,
    starts: usize,
}

fn rules(rng: &mut StdRng, level: u64) -> Rules {
    let restarts = [Restart::Permanent, Restart::Transient, Restart::Temporary];
    let shutdowns = [Shutdown::BrutalKill, Shutdown::Deadline(secs(3)), Shutdown::Infinity];
    let seconds = secs([0, 0, 1, 4][rng.random_range(0..4)]);
    Rules {
        restart: restarts[[0, 0, 1, 2][rng.random_range(0..4)]],
        shutdown: shutdowns[rng.random_range(0..3)],
        backoff: Backoff { initial: seconds, max: secs(8), jitter: 0.2, ..Backoff::NONE },
        level,
        is_significant: rng.random_bool(0.2),
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let is_dynamic = rng.random_bool(0.2);
        let strategies = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
        let autos =
            [AutoShutdown::Never, AutoShutdown::AnySignificant, AutoShutdown::AllSignificant];
        let manner = Manner {
            strategy: if is_dynamic {
                Strategy::OneForOne
            } else {
                strategies[rng.random_range(0..3)]
            },
            intensity: Intensity::new(rng.random_range(0..6), secs(rng.random_range(1..30))),
            auto_shutdown: autos[[0, 0, 0, 1, 2][rng.random_range(0..5)]],
            is_dynamic,
            is_strict: rng.random_bool(0.5),
        };
        let n_children = if is_dynamic { 0 } else { rng.random_range(1..6) };
        let mut level = 0;
        let children: BTreeMap<Key, Actual> = (0..n_children)
            .map(|key| {
                // now and then two on one level
                level += u64::from(rng.random_bool(0.8));
                let rules = rules(&mut rng, level);
                (key, Actual { rules, there: There::Nothing, incarnation: 0 })
            })
            .collect();
        let specs: Vec<_> = children.iter().map(|(key, child)| (*key, child.rules, 0)).collect();
        let mut world = Self {
            machine: Machine::new(manner, specs),
            manner,
            children,
            next_key: n_children,
            now: Instant::now(),
            rng,
            restarts: Vec::new(),
            is_ending: false,
            has_ended: false,
            starts: 0,
        };
        world.feed(Input::Boot);
        world
    }

    fn feed(&mut self, input: Input) {
        let token = &mut |_| Duration::ZERO;
        let mut env = Env { now: self.now, rng: &mut self.rng, token };
        for effect in self.machine.on(input, &mut env) {
            let is_late = !matches!(effect, Effect::Remove { .. });
            assert!(!(self.has_ended && is_late), "{effect:?} after its own end");
            self.check(effect);
        }
    }

    fn check(&mut self, effect: Effect) {
        match effect {
            Effect::Start { key, incarnation } => self.check_start(key, incarnation),
            Effect::Stop { key } => {
                let there = self.children[&key].there;
                assert!(matches!(there, There::Coming | There::Running), "asked while {there:?}");
                self.check_order(key);
                self.child(key).there = There::Going;
            }
            Effect::Kill { key } => {
                let child = &self.children[&key];
                assert_ne!(child.there, There::Nothing, "killed what is not there");
                assert_ne!(child.rules.shutdown, Shutdown::Infinity, "killed before its time");
                if child.there != There::Going {
                    self.check_order(key);
                }
                self.child(key).there = There::Going;
            }
            Effect::Remove { key } => {
                let gone = self.children.remove(&key).expect("nobody is removed twice");
                assert_eq!(gone.there, There::Nothing, "forgotten while it lives");
            }
            Effect::Tell { kind: EventKind::Backoff { .. }, .. } => self.check_restart(),
            Effect::Tell { kind: EventKind::GaveUp, .. } => {
                let max = self.manner.intensity.restarts_max as usize;
                assert_eq!(self.recent(), max, "gave up too early");
                self.is_ending = true;
            }
            Effect::Tell { .. } | Effect::Booted => {}
            Effect::Exit { .. } => {
                let left = self.children.values().any(|child| child.there != There::Nothing);
                assert!(!left, "an orphan");
                self.has_ended = true;
            }
        }
    }

    fn check_start(&mut self, key: Key, incarnation: u64) {
        assert!(!self.is_ending, "started at the end");
        let level = self.children[&key].rules.level;
        if self.manner.strategy != Strategy::OneForOne {
            let is_going = self.children.values().any(|child| child.there == There::Going);
            assert!(!is_going, "the group has not ended yet");
            let is_coming =
                |child: &Actual| child.rules.level < level && child.there == There::Coming;
            assert!(!self.children.values().any(is_coming), "an elder is not up yet");
        }
        let child = self.child(key);
        assert_eq!(child.there, There::Nothing, "two incarnations");
        assert_eq!(child.incarnation + 1, incarnation, "lives are counted one by one");
        child.there = There::Coming;
        child.incarnation = incarnation;
        self.starts += 1;
    }

    /// Stopped in reverse: at the end nobody older goes while somebody younger is there, and at no
    /// time do two levels go together.
    fn check_order(&self, key: Key) {
        if self.manner.is_dynamic {
            return;
        }
        let level = self.children[&key].rules.level;
        for child in self.children.values().filter(|child| child.rules.level != level) {
            assert_ne!(child.there, There::Going, "two levels end at the same time");
            let is_younger = child.rules.level > level;
            assert!(
                !(self.is_ending && is_younger && child.there != There::Nothing),
                "an elder goes before a junior"
            );
        }
    }

    fn check_restart(&mut self) {
        self.restarts.push(self.now);
        let max = self.manner.intensity.restarts_max as usize;
        assert!(self.recent() <= max, "more restarts than its intensity allows");
    }

    fn recent(&self) -> usize {
        let within = self.manner.intensity.within;
        self.restarts.iter().filter(|at| self.now - **at <= within).count()
    }

    fn child(&mut self, key: Key) -> &mut Actual {
        self.children.get_mut(&key).expect("the machine knows only its children")
    }

    fn any(&mut self, is_it: impl Fn(&Actual) -> bool) -> Option<(Key, u64)> {
        let found = self.children.iter().filter(|(_, child)| is_it(child));
        found.map(|(key, child)| (*key, child.incarnation)).choose(&mut self.rng)
    }

    fn step(&mut self) {
        match self.rng.random_range(0..20) {
            0..=5 => self.comes_up(),
            6..=9 => self.ends_by_itself(),
            10..=12 => self.is_gone(),
            13..=15 => {
                let pause = Duration::from_millis(self.rng.random_range(0..4_000));
                self.now = self.machine.wakes_at(self.now).unwrap_or(self.now + pause);
                self.feed(Input::Tick);
            }
            16 => {
                let key = self.next_key;
                self.next_key += 1;
                let level = self.children.values().map(|c| c.rules.level + 1).max().unwrap_or(0);
                let rules = rules(&mut self.rng, level);
                self.children.insert(key, Actual { rules, there: There::Nothing, incarnation: 0 });
                self.feed(Input::Add { key, rules });
            }
            17 => self.order(),
            18 if self.rng.random_bool(0.05) => {
                self.is_ending = true;
                self.feed(Input::Shutdown);
            }
            _ => {}
        }
    }

    fn comes_up(&mut self) {
        if let Some((key, incarnation)) = self.any(|child| child.there == There::Coming) {
            self.child(key).there = There::Running;
            self.feed(Input::Started { key, incarnation });
        }
    }

    fn ends_by_itself(&mut self) {
        let is_alive = |child: &Actual| matches!(child.there, There::Coming | There::Running);
        let Some((key, incarnation)) = self.any(is_alive) else { return };
        let was_up = self.children[&key].there == There::Running;
        let failure = match self.rng.random_range(0..8) {
            0 => Failure::fatal("x"),
            1 => Failure::wait(secs(2), "x"),
            _ => Failure::transient("x"),
        };
        let exit = match (was_up, self.rng.random_range(0..4)) {
            (false, _) => Exit::NotStarted(failure),
            (true, 0) => Exit::Normal,
            (true, 1) => Exit::Killed,
            (true, _) => Exit::Failed(failure),
        };
        self.down(key, incarnation, exit);
    }

    fn is_gone(&mut self) {
        if let Some((key, incarnation)) = self.any(|child| child.there == There::Going) {
            let exit = if self.rng.random_bool(0.5) { Exit::Normal } else { Exit::Killed };
            self.down(key, incarnation, exit);
        }
    }

    fn down(&mut self, key: Key, incarnation: u64, exit: Exit) {
        self.child(key).there = There::Nothing;
        self.feed(Input::Ended { key, incarnation, exit, healthy_for: None });
    }

    fn order(&mut self) {
        let Some((key, _)) = self.any(|_| true) else { return };
        let input = match self.rng.random_range(0..4) {
            0 => Input::End { key },
            1 => Input::Terminate { key },
            2 => Input::Retry { key },
            // only what is down for good is revived
            _ if self.machine.standing(key) == Some(Standing::Down) => Input::Revive { key },
            _ => return,
        };
        self.feed(input);
    }

    /// Everybody does what is expected; nobody who should run may be left behind.
    fn calm(&mut self) {
        for _ in 0..1_000 {
            let going = self.any(|child| child.there == There::Going);
            if self.any(|child| child.there == There::Coming).is_some() {
                self.comes_up();
            } else if let Some((key, incarnation)) = going {
                self.down(key, incarnation, Exit::Normal);
            } else if let Some(at) = self.machine.wakes_at(self.now) {
                self.now = at;
                self.feed(Input::Tick);
            } else {
                break;
            }
        }
        let pending = |key: &Key| self.machine.standing(*key) == Some(Standing::Pending);
        let parked = self.children.keys().any(|key| self.machine.is_parked(*key));
        let forgotten: Vec<&Key> = self.children.keys().filter(|key| pending(key)).collect();
        assert!(parked || self.has_ended || forgotten.is_empty(), "nobody starts {forgotten:?}");
    }
}

/// Answers how many lives there were.
fn play(seed: u64) -> usize {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.calm();
    world.is_ending = true;
    world.feed(Input::Shutdown);
    world.calm();
    assert!(world.has_ended, "it does not end");
    world.starts
}

#[test]
fn whatever_happens_a_machine_decides_nothing_that_it_must_not() {
    let seeds = seeds(20_000);
    let lives: usize = seeds
        .clone()
        .map(|seed| {
            let played = std::panic::catch_unwind(|| play(seed));
            played.unwrap_or_else(|_| panic!("SEED={seed} shows it"))
        })
        .sum();
    let count = seeds.end - seeds.start;
    println!("{count} scripts of {STEPS} steps, seeds {seeds:?}, {lives} lives");
    assert!(lives as u64 > count, "the scripts leave too little to look at");
}
