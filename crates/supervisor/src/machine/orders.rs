//! What others may order: children come, go, and come back.

use crate::{
    child_spec::Restart,
    machine::{
        Machine, Mode, Rules,
        child::{Child, Standing, Trial},
    },
    node::Key,
};

impl Machine {
    pub(crate) fn standing(&self, key: Key) -> Option<Standing> {
        self.children.get(&key).map(Child::standing)
    }

    #[cfg(test)]
    pub(crate) fn is_parked(&self, key: Key) -> bool {
        self.children.get(&key).is_some_and(|child| child.is_parked)
    }

    pub(super) fn add(&mut self, key: Key, rules: Rules) {
        let mut child = Child::new(rules, 0, true);
        child.trial = self.manner.is_strict.then_some(Trial::Add);
        self.children.insert(key, child);
        if self.mode != Mode::Serving {
            self.remove(key);
        }
    }

    pub(super) fn end(&mut self, key: Key) {
        let Some(child) = self.children.get_mut(&key) else { return };
        child.is_leaving = true;
        child.is_wanted = false;
        child.is_doomed = !child.is_down();
        if child.is_down() {
            self.remove(key);
        }
    }

    pub(super) fn retry(&mut self, key: Key) {
        let Some(child) = self.children.get_mut(&key) else { return };
        child.is_parked = false;
        child.not_before = None;
    }

    /// The child goes, by its own rules, and stays down; a temporary one is forgotten.
    pub(super) fn terminate(&mut self, key: Key) {
        let Some(child) = self.children.get_mut(&key) else { return };
        child.is_wanted = false;
        child.is_parked = false;
        child.not_before = None;
        child.is_doomed = !child.is_down();
        // its juniors need not wait for a first try that is not going to happen
        child.is_settled |= child.is_down();
        child.is_leaving |= child.rules.restart == Restart::Temporary;
        if child.is_down() && child.is_leaving {
            self.remove(key);
        }
    }

    /// The child that was terminated, or has finished, is started again.
    pub(super) fn revive(&mut self, key: Key) {
        let Some(child) = self.children.get_mut(&key) else { return };
        child.is_wanted = true;
        child.trial = self.manner.is_strict.then_some(Trial::Revive);
    }
}
