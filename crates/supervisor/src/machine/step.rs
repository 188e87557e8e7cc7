//! The steps a supervisor takes of itself: stop what must stop, start what may start, end.

use tokio::time::Instant;

use crate::{
    event::EventKind,
    machine::{
        Effect, Env, Machine, Mode, STUCK_AFTER,
        child::{Child, Phase},
    },
    node::Key,
    shutdown::FirstStep,
    strategy::Strategy,
};

impl Machine {
    pub(super) fn step(&mut self, env: &mut Env<'_>) {
        if self.mode == Mode::Gone {
            return;
        }
        self.doom_all_at_the_end();
        self.pass_deadlines(env.now);
        self.stop_doomed(env.now);
        if self.mode == Mode::Serving {
            self.start_due(env);
            self.note_boot();
        }
        self.exit_when_empty();
    }

    /// When to look at this child again.
    pub(super) fn child_wakes_at(&self, child: &Child) -> Option<Instant> {
        match child.phase {
            Phase::Stopping { next_at, .. } => next_at,
            Phase::Down if child.is_due() && self.mode == Mode::Serving => child.not_before,
            Phase::Down | Phase::Starting | Phase::Up => None,
        }
    }

    fn doom_all_at_the_end(&mut self) {
        if self.mode != Mode::Ending {
            return;
        }
        for child in self.children.values_mut().filter(|child| !child.is_down()) {
            child.is_doomed = true;
        }
    }

    /// Kills those that were asked and did not end in time; reports those that do not even die.
    fn pass_deadlines(&mut self, now: Instant) {
        let mut late = Vec::new();
        for (key, child) in &mut self.children {
            let Phase::Stopping { next_at: Some(at), is_killed } = child.phase else { continue };
            if at <= now {
                let next_at = (!is_killed).then(|| now + STUCK_AFTER);
                child.phase = Phase::Stopping { next_at, is_killed: true };
                late.push((*key, is_killed));
            }
        }
        for (key, is_stuck) in late {
            if is_stuck {
                self.tell(key, EventKind::Stuck);
            } else {
                self.effects.push(Effect::Kill { key });
            }
        }
    }

    /// Static children are stopped level after level in reverse order; dynamic ones together.
    fn stop_doomed(&mut self, now: Instant) {
        let is_doomed = |child: &Child| child.is_doomed && child.is_running();
        let levels = self.children.values().filter(|child| is_doomed(child) || child.is_stopping());
        let Some(last) = levels.map(|child| child.rules.level).max() else { return };
        let is_turn = |level: u64| self.manner.is_dynamic || level == last;
        if self.children.values().any(|child| child.is_stopping() && !is_turn(child.rules.level)) {
            return;
        }
        let doomed: Vec<Key> = self
            .children
            .iter()
            .rev()
            .filter(|(_, child)| is_doomed(child) && is_turn(child.rules.level))
            .map(|(key, _)| *key)
            .collect();
        for key in doomed {
            self.stop(key, now);
        }
    }

    fn stop(&mut self, key: Key, now: Instant) {
        let Some(child) = self.children.get_mut(&key) else { return };
        let (phase, effect) = match child.rules.shutdown.first_step(now) {
            FirstStep::Kill => {
                let next_at = Some(now + STUCK_AFTER);
                (Phase::Stopping { next_at, is_killed: true }, Effect::Kill { key })
            }
            FirstStep::Ask { kill_at } => {
                (Phase::Stopping { next_at: kill_at, is_killed: false }, Effect::Stop { key })
            }
        };
        child.phase = phase;
        self.tell(key, EventKind::Stopping);
        self.effects.push(effect);
    }

    fn start_due(&mut self, env: &mut Env<'_>) {
        let due: Vec<Key> =
            self.children.iter().filter(|(_, c)| c.is_due()).map(|(key, _)| *key).collect();
        for key in due {
            if self.may_start(key, env.now) && self.has_token(key, env) {
                self.start(key);
            }
        }
    }

    fn may_start(&self, key: Key, now: Instant) -> bool {
        let is_waiting = |child: &Child| child.not_before.is_some_and(|at| at > now);
        let Some(child) = self.children.get(&key) else { return false };
        let level = child.rules.level;
        let mut elders = self.children.values().filter(|elder| elder.rules.level < level);
        let is_own_time = !is_waiting(child);
        let strategy = self.manner.strategy;
        let is_its_turn = match strategy {
            // only the first tries are ordered
            Strategy::OneForOne => child.is_settled || elders.all(|elder| elder.is_settled),
            Strategy::RestForOne | Strategy::OneForAll => {
                let is_quiet = !self.is_stopping() && !self.children.values().any(|c| c.is_doomed);
                is_quiet && elders.all(|elder| elder.phase == Phase::Up || !elder.is_wanted)
            }
        };
        // the group comes back as a whole, or not yet
        let is_group_ready = strategy != Strategy::OneForAll
            || !self.children.values().any(|c| c.is_parked || (c.is_due() && is_waiting(c)));
        is_own_time && is_its_turn && is_group_ready
    }

    /// A restart costs a token of the tree; without one it waits until its token is there.
    fn has_token(&mut self, key: Key, env: &mut Env<'_>) -> bool {
        let Some(child) = self.children.get_mut(&key) else { return false };
        if !std::mem::take(&mut child.owes_token) {
            return true;
        }
        let wait = (env.token)(env.now);
        if wait.is_zero() {
            return true;
        }
        child.not_before = Some(env.now + wait);
        false
    }

    fn start(&mut self, key: Key) {
        let Some(child) = self.children.get_mut(&key) else { return };
        child.incarnation += 1;
        child.phase = Phase::Starting;
        child.not_before = None;
        let incarnation = child.incarnation;
        self.effects.push(Effect::Start { key, incarnation });
    }

    /// A supervisor is up when every child has had its first try, or, when children depend on
    /// their elders, as soon as one of them failed: retries must not hold up its own siblings.
    fn note_boot(&mut self) {
        let is_settled = self.children.values().all(|child| child.is_settled);
        let has_failed = self.manner.strategy.is_ordered()
            && self.children.values().any(|child| child.failures > 0 || child.is_parked);
        if !self.is_booted && (is_settled || has_failed) {
            self.is_booted = true;
            self.effects.push(Effect::Booted);
        }
    }

    fn exit_when_empty(&mut self) {
        if self.mode == Mode::Ending && self.children.values().all(Child::is_down) {
            self.mode = Mode::Gone;
            self.effects.push(Effect::Exit { exit: self.exit.clone() });
        }
    }

    fn is_stopping(&self) -> bool {
        self.children.values().any(Child::is_stopping)
    }
}
