//! Supervisor specs — a strategy, an intensity, and the children in start order.

use crate::{
    child_spec::ChildSpec,
    dynamic::{Dynamic, Taken},
    handle::{Door, door},
    intensity::Intensity,
    strategy::Strategy,
    supervisor::Msg,
};

/// Control messages that may wait for a supervisor; its own bookkeeping is never refused.
const CONTROL_BOUND: usize = 1024;

/// Whether a supervisor ends, normally, when significant children have ended for good by
/// themselves. Erlang's `auto_shutdown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoShutdown {
    Never,
    AnySignificant,
    AllSignificant,
}

#[derive(Debug)]
#[must_use = "a supervisor spec does nothing until it is started"]
pub struct SupervisorSpec {
    pub(crate) strategy: Strategy,
    pub(crate) intensity: Intensity,
    pub(crate) children: Vec<ChildSpec>,
    pub(crate) dynamic: Option<Dynamic>,
    pub(crate) auto_shutdown: AutoShutdown,
    pub(crate) is_strict: bool,
    door: Option<Door<Msg>>,
}

impl SupervisorSpec {
    pub fn new(strategy: Strategy, intensity: Intensity) -> Self {
        Self {
            strategy,
            intensity,
            children: Vec::new(),
            dynamic: None,
            auto_shutdown: AutoShutdown::Never,
            is_strict: false,
            door: None,
        }
    }

    /// A supervisor whose children come and go while it runs; they fall alone, are started at
    /// once and stopped all at the same time. The handle may be used before it has started.
    pub fn dynamic(intensity: Intensity) -> (Self, Dynamic) {
        let (door, handle) = door(CONTROL_BOUND);
        let dynamic = Dynamic::new(handle);
        let mut spec = Self::new(Strategy::OneForOne, intensity);
        spec.dynamic = Some(dynamic.clone());
        spec.door = Some(door);
        (spec, dynamic)
    }

    /// The children of a dynamic supervisor are there again when it is: from the same specs, behind
    /// the same doors, and their ids are taken meanwhile. In Erlang its next life begins empty.
    pub fn keeps_children(self) -> Self {
        if let Some(dynamic) = &self.dynamic {
            dynamic.keep_children();
        }
        self
    }

    /// First starts must succeed, exactly like in Erlang: a child that fails its first start fails
    /// the start of this supervisor; one that was added while it runs is not kept; one that had
    /// been terminated stays down. Otherwise such failures are retried like all others.
    pub fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.auto_shutdown = auto_shutdown;
        self
    }

    /// Adds a child; it is started after those before it and stopped before them.
    ///
    /// # Panics
    /// When there is already a child with this id.
    pub fn child(self, spec: ChildSpec) -> Self {
        let level = self.next_level();
        self.child_at(level, spec)
    }

    /// Adds children that do not depend on each other: they are started together after those
    /// before them, and stopped together before them, so that one deadline is enough for all.
    ///
    /// # Panics
    /// Like [`SupervisorSpec::child`].
    pub fn together(self, specs: impl IntoIterator<Item = ChildSpec>) -> Self {
        let level = self.next_level();
        specs.into_iter().fold(self, |all, spec| all.child_at(level, spec))
    }

    fn next_level(&self) -> u64 {
        self.children.last().map_or(0, |child| child.level + 1)
    }

    fn child_at(mut self, level: u64, mut spec: ChildSpec) -> Self {
        assert!(
            self.children.iter().all(|child| child.id != spec.id),
            "two children with the id {:?}",
            spec.id
        );
        spec.level = level;
        self.children.push(spec);
        self
    }

    /// Adds children in their order.
    ///
    /// # Panics
    /// Like [`SupervisorSpec::child`].
    pub fn children(self, specs: impl IntoIterator<Item = ChildSpec>) -> Self {
        specs.into_iter().fold(self, Self::child)
    }

    /// What the life before has left.
    pub(crate) fn take_kept(&self) -> Vec<(ChildSpec, Taken)> {
        self.dynamic.as_ref().map(Dynamic::take_kept).unwrap_or_default()
    }

    pub(crate) fn take_door(&mut self) -> Door<Msg> {
        self.door.take().unwrap_or_else(|| door(CONTROL_BOUND).0)
    }
}

/// Nobody will start it again, and so nobody waits for its children any more.
impl Drop for SupervisorSpec {
    fn drop(&mut self) {
        for (spec, _) in self.take_kept() {
            spec.door.seal();
        }
    }
}
