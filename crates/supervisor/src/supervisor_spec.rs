//! Supervisor specs — a strategy, an intensity, and the children in start order.

use crate::{
    child_spec::ChildSpec,
    dynamic::Dynamic,
    handle::{Door, door},
    intensity::Intensity,
    strategy::Strategy,
    supervisor::Msg,
};

/// Control messages that may wait for a supervisor; its own bookkeeping is never refused.
const CONTROL_BOUND: usize = 1024;

#[derive(Debug)]
#[must_use = "a supervisor spec does nothing until it is started"]
pub struct SupervisorSpec {
    pub(crate) strategy: Strategy,
    pub(crate) intensity: Intensity,
    pub(crate) children: Vec<ChildSpec>,
    pub(crate) dynamic: Option<Dynamic>,
    door: Option<Door<Msg>>,
}

impl SupervisorSpec {
    pub fn new(strategy: Strategy, intensity: Intensity) -> Self {
        Self { strategy, intensity, children: Vec::new(), dynamic: None, door: None }
    }

    /// A supervisor whose children come and go while it runs; they fall alone, are started at
    /// once and stopped all at the same time. The handle may be used before it has started.
    pub fn dynamic(intensity: Intensity) -> (Self, Dynamic) {
        let (door, handle) = door(CONTROL_BOUND);
        let dynamic = Dynamic::new(handle);
        let spec = Self {
            strategy: Strategy::OneForOne,
            intensity,
            children: Vec::new(),
            dynamic: Some(dynamic.clone()),
            door: Some(door),
        };
        (spec, dynamic)
    }

    /// Adds a child; it is started after those before it and stopped before them.
    ///
    /// # Panics
    /// When there is already a child with this id.
    pub fn child(mut self, spec: ChildSpec) -> Self {
        assert!(
            self.children.iter().all(|child| child.id != spec.id),
            "two children with the id {:?}",
            spec.id
        );
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

    pub(crate) fn take_door(&mut self) -> Door<Msg> {
        self.door.take().unwrap_or_else(|| door(CONTROL_BOUND).0)
    }
}
