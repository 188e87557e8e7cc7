//! The machine — every decision of one supervisor, pure: time, chance and budget are arguments.
//!
//! It is fed what happened and answers with what to do. After each input it looks at all its
//! children and takes the next steps that the rules allow (`step`), so that there is no plan that
//! could go stale: whatever happens in the middle of a group restart, the next steps follow from
//! where the children are.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use self::child::{Child, Phase, Trial};
pub(crate) use self::{
    child::Standing,
    terms::{Effect, Env, Input, Manner, Rules},
};
use crate::{
    child_spec::Restart,
    event::EventKind,
    failure::{Class, Exit, Failure},
    intensity::Window,
    node::{Key, Stage},
    strategy::{Verdict, verdict},
    supervisor_spec::AutoShutdown,
};

mod child;
mod orders;
mod step;
mod terms;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Serving,
    Ending,
    Gone,
}

/// A killed child that has not ended by then is reported: something blocks its thread.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Machine {
    manner: Manner,
    window: Window,
    children: BTreeMap<Key, Child>,
    mode: Mode,
    /// Why it ends, once it does.
    exit: Exit,
    is_booted: bool,
    effects: Vec<Effect>,
}

impl Machine {
    /// `children`: the static ones with the number of lives they have already had.
    pub(crate) fn new(
        manner: Manner,
        children: impl IntoIterator<Item = (Key, Rules, u64)>,
    ) -> Self {
        let children = children
            .into_iter()
            .map(|(key, rules, incarnation)| {
                let mut child = Child::new(rules, incarnation, manner.is_dynamic);
                child.trial = manner.is_strict.then_some(Trial::Boot);
                (key, child)
            })
            .collect();
        Self {
            manner,
            window: Window::new(manner.intensity),
            children,
            mode: Mode::Serving,
            exit: Exit::Normal,
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
            Input::Terminate { key } => self.terminate(key),
            Input::Revive { key } => self.revive(key),
            Input::Shutdown => self.end_with(Exit::Normal),
        }
        self.step(env);
        std::mem::take(&mut self.effects)
    }

    /// Whether a child should be running as long as this supervisor is.
    pub(crate) fn is_wanted(&self, key: Key) -> bool {
        self.children.get(&key).is_some_and(|child| child.is_wanted)
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
        child.trial = None;
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
        let trial = child.trial.take();
        self.tell(key, EventKind::Exited { exit: exit.clone() });
        if is_leaving {
            self.remove(key);
        } else if !was_asked && self.mode == Mode::Serving {
            match (trial, exit) {
                (Some(trial), Exit::NotStarted(failure)) => self.refused(key, trial, failure),
                (_, exit) => self.judge(key, &exit, healthy_for, env),
            }
        }
    }

    /// A start that had to succeed did not.
    fn refused(&mut self, key: Key, trial: Trial, failure: Failure) {
        match trial {
            Trial::Boot => {
                self.rest(key);
                self.end_with(Exit::NotStarted(failure));
            }
            Trial::Add => self.remove(key),
            Trial::Revive => self.rest(key),
        }
    }

    /// A child ended by itself.
    fn judge(&mut self, key: Key, exit: &Exit, healthy_for: Option<Duration>, env: &mut Env<'_>) {
        let Some(child) = self.children.get(&key) else { return };
        let is_significant = child.rules.is_significant;
        match verdict(child.rules.restart, exit) {
            Verdict::Restart => return self.failed(key, exit, healthy_for, env),
            Verdict::Rest | Verdict::Forget if self.manner.is_dynamic => self.remove(key),
            Verdict::Rest | Verdict::Forget => self.rest(key),
        }
        if is_significant && self.ends_with_its_significant() {
            self.end_with(Exit::Normal);
        }
    }

    fn ends_with_its_significant(&self) -> bool {
        let is_active = |child: &Child| !child.is_down() || child.is_wanted;
        match self.manner.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => {
                !self.children.values().any(|c| c.rules.is_significant && is_active(c))
            }
        }
    }

    /// The first reason counts.
    fn end_with(&mut self, exit: Exit) {
        if self.mode == Mode::Serving {
            self.mode = Mode::Ending;
            self.exit = exit;
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
            return self.end_with(Exit::GaveUp);
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
        let strategy = self.manner.strategy;
        let Some(level) = self.children.get(&failed).map(|child| child.rules.level) else { return };
        for (key, child) in &mut self.children {
            if *key == failed || !strategy.takes_down(level, child.rules.level) {
                continue;
            }
            let is_temporary = child.rules.restart == Restart::Temporary;
            child.is_doomed = !child.is_down();
            child.is_wanted = !is_temporary;
            child.is_leaving |= is_temporary && self.manner.is_dynamic;
        }
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
