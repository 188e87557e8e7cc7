//! The machine — every decision of one supervisor, pure: time, chance and budget are arguments.
//!
//! It is fed what happened and answers with what to do. After each input it looks at all its
//! children and takes the next steps that the rules allow (`step`), so that there is no plan that
//! could go stale: whatever happens in the middle of a group restart, the next steps follow from
//! where the children are.

use std::{collections::BTreeMap, time::Duration};

use rand::RngCore;
use tokio::time::Instant;

use self::child::{Child, Phase};
use crate::{
    backoff::Backoff,
    child_spec::Restart,
    event::EventKind,
    failure::{Class, Exit},
    intensity::{Intensity, Window},
    node::{Key, Stage},
    shutdown::Shutdown,
    strategy::{Strategy, Verdict, verdict},
};

mod child;
mod step;

/// What the world lends the machine for one input.
pub(crate) struct Env<'a> {
    pub(crate) now: Instant,
    pub(crate) rng: &'a mut dyn RngCore,
    /// Takes a restart token and says how long until it is there.
    pub(crate) token: &'a mut dyn FnMut(Instant) -> Duration,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) backoff: Backoff,
}

#[derive(Debug)]
pub(crate) enum Input {
    /// Begin; the static children are known.
    Boot,
    Started {
        key: Key,
        incarnation: u64,
    },
    /// An incarnation and all below it are gone.
    Ended {
        key: Key,
        incarnation: u64,
        exit: Exit,
        healthy_for: Option<Duration>,
    },
    /// A dynamic child is added, or asked to go for ever.
    Add {
        key: Key,
        rules: Rules,
    },
    End {
        key: Key,
    },
    /// A human wants a parked or waiting child to be tried at once.
    Retry {
        key: Key,
    },
    /// The time that [`Machine::wakes_at`] named has come.
    Tick,
    /// End everything, children first.
    Shutdown,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Start {
        key: Key,
        incarnation: u64,
    },
    /// Ask politely.
    Stop {
        key: Key,
    },
    Kill {
        key: Key,
    },
    /// The child is gone for ever and may be forgotten.
    Remove {
        key: Key,
    },
    Tell {
        key: Key,
        incarnation: u64,
        kind: EventKind,
    },
    /// All children have had their first try.
    Booted,
    /// All children are gone; end.
    Exit {
        gave_up: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Serving,
    Ending { gave_up: bool },
    Gone,
}

/// A killed child that has not ended by then is reported: something blocks its thread.
const STUCK_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Machine {
    strategy: Strategy,
    /// Children are independent: no order among their starts and stops.
    is_dynamic: bool,
    window: Window,
    children: BTreeMap<Key, Child>,
    mode: Mode,
    is_booted: bool,
    effects: Vec<Effect>,
}

impl Machine {
    /// `children`: the static ones with the number of lives they have already had.
    pub(crate) fn new(
        strategy: Strategy,
        intensity: Intensity,
        is_dynamic: bool,
        children: impl IntoIterator<Item = (Key, Rules, u64)>,
    ) -> Self {
        let children = children
            .into_iter()
            .map(|(key, rules, incarnation)| (key, Child::new(rules, incarnation, is_dynamic)))
            .collect();
        Self {
            strategy,
            is_dynamic,
            window: Window::new(intensity),
            children,
            mode: Mode::Serving,
            is_booted: false,
            effects: Vec::new(),
        }
    }

    pub(crate) fn on(&mut self, input: Input, env: &mut Env<'_>) -> Vec<Effect> {
        match input {
            Input::Boot | Input::Tick => {}
            Input::Started { key, incarnation } => self.started(key, incarnation),
            Input::Ended { key, incarnation, exit, healthy_for } => {
                self.ended(key, incarnation, exit, healthy_for, env);
            }
            Input::Add { key, rules } => self.add(key, rules),
            Input::End { key } => self.end(key),
            Input::Retry { key } => self.retry(key),
            Input::Shutdown => {
                if self.mode == Mode::Serving {
                    self.mode = Mode::Ending { gave_up: false };
                }
            }
        }
        self.step(env);
        std::mem::take(&mut self.effects)
    }

    /// When the machine wants a [`Input::Tick`], if nothing happens before. What is due already
    /// waits for something else to happen, not for time.
    pub(crate) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let times = self.children.values().filter_map(|child| self.child_wakes_at(child));
        times.filter(|at| *at > now).min()
    }

    /// What to write on the board: the stage and the failures in a row.
    pub(crate) fn view(&self, key: Key, now: Instant) -> Option<(Stage, u32)> {
        let child = self.children.get(&key)?;
        let stage = match child.phase {
            Phase::Starting => Stage::Starting,
            Phase::Up => Stage::Up,
            Phase::Stopping { .. } => Stage::Stopping,
            Phase::Down if child.is_parked => Stage::Parked,
            Phase::Down if !child.is_wanted || self.mode != Mode::Serving => Stage::Ended,
            Phase::Down => match child.not_before {
                Some(until) if until > now => Stage::Backoff { until },
                _ => Stage::Waiting,
            },
        };
        Some((stage, child.failures))
    }

    fn started(&mut self, key: Key, incarnation: u64) {
        let Some(child) = self.current(key, incarnation) else { return };
        child.is_settled = true;
        if child.phase != Phase::Starting {
            return;
        }
        child.phase = Phase::Up;
        let is_first = incarnation == 1;
        self.tell(key, if is_first { EventKind::Started } else { EventKind::Restarted });
    }

    fn ended(
        &mut self,
        key: Key,
        incarnation: u64,
        exit: Exit,
        healthy_for: Option<Duration>,
        env: &mut Env<'_>,
    ) {
        let Some(child) = self.current(key, incarnation) else { return };
        child.phase = Phase::Down;
        child.is_settled = true;
        let was_asked = std::mem::take(&mut child.is_doomed);
        let is_leaving = child.is_leaving;
        let restart = child.rules.restart;
        self.tell(key, EventKind::Exited { exit: exit.clone() });
        if is_leaving {
            self.remove(key);
        } else if !was_asked && self.mode == Mode::Serving {
            match verdict(restart, &exit) {
                Verdict::Restart => self.failed(key, &exit, healthy_for, env),
                Verdict::Rest | Verdict::Forget if self.is_dynamic => self.remove(key),
                Verdict::Rest | Verdict::Forget => self.rest(key),
            }
        }
    }

    /// The child stays down; a restart of its group brings it back, unless it is temporary.
    fn rest(&mut self, key: Key) {
        if let Some(child) = self.children.get_mut(&key) {
            child.is_wanted = false;
        }
    }

    /// A child failed on its own: count, wait or park, and take its group down.
    fn failed(&mut self, key: Key, exit: &Exit, healthy_for: Option<Duration>, env: &mut Env<'_>) {
        let Some(child) = self.children.get_mut(&key) else { return };
        let is_forgiven = healthy_for.is_some_and(|time| time >= child.rules.backoff.reset_after);
        child.failures = if is_forgiven { 1 } else { child.failures.saturating_add(1) };
        let failures = child.failures;
        let backoff = child.rules.backoff;
        if exit.class() == Class::Fatal {
            child.is_parked = true;
            let text = exit.failure().map_or_else(String::new, |failure| failure.text);
            self.tell(key, EventKind::Parked { text });
            self.take_down_group(key);
            return;
        }
        if !self.window.admit(env.now) {
            self.tell(key, EventKind::GaveUp);
            self.mode = Mode::Ending { gave_up: true };
            return;
        }
        let delay = backoff.delay(failures, exit.class(), &mut env.rng);
        if let Some(child) = self.children.get_mut(&key) {
            child.not_before = Some(env.now + delay);
            child.owes_token = true;
        }
        self.tell(key, EventKind::Backoff { delay, failures });
        if failures == backoff.critical_after {
            self.tell(key, EventKind::Critical { failures });
        }
        self.take_down_group(key);
    }

    fn take_down_group(&mut self, failed: Key) {
        let strategy = self.strategy;
        let group: Vec<Key> =
            self.children.keys().copied().filter(|key| strategy.takes_down(failed, *key)).collect();
        for key in group {
            let Some(child) = self.children.get_mut(&key) else { continue };
            let is_temporary = child.rules.restart == Restart::Temporary;
            child.is_doomed = !child.is_down();
            child.is_wanted = !is_temporary;
            child.is_leaving |= is_temporary && self.is_dynamic;
        }
    }

    fn add(&mut self, key: Key, rules: Rules) {
        self.children.insert(key, Child::new(rules, 0, true));
        if self.mode != Mode::Serving {
            self.remove(key);
        }
    }

    fn end(&mut self, key: Key) {
        let Some(child) = self.children.get_mut(&key) else { return };
        child.is_leaving = true;
        child.is_wanted = false;
        child.is_doomed = !child.is_down();
        if child.is_down() {
            self.remove(key);
        }
    }

    fn retry(&mut self, key: Key) {
        let Some(child) = self.children.get_mut(&key) else { return };
        child.is_parked = false;
        child.not_before = None;
    }

    fn remove(&mut self, key: Key) {
        self.children.remove(&key);
        self.effects.push(Effect::Remove { key });
    }

    /// The child, if this is its present life: late reports about earlier ones are ignored.
    fn current(&mut self, key: Key, incarnation: u64) -> Option<&mut Child> {
        self.children
            .get_mut(&key)
            .filter(|child| child.incarnation == incarnation && !child.is_down())
    }

    fn tell(&mut self, key: Key, kind: EventKind) {
        let incarnation = self.children.get(&key).map_or(0, |child| child.incarnation);
        self.effects.push(Effect::Tell { key, incarnation, kind });
    }
}
