//! What a machine is told, and what it answers.

use std::time::Duration;

use rand::RngCore;
use tokio::time::Instant;

use crate::{
    backoff::Backoff, child_spec::Restart, event::EventKind, failure::Exit, intensity::Intensity,
    node::Key, shutdown::Shutdown, strategy::Strategy, supervisor_spec::AutoShutdown,
};

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
    /// Children of one level start and stop together; the levels are in start order.
    pub(crate) level: u64,
    /// Its end, when nobody starts it again, can end its supervisor.
    pub(crate) is_significant: bool,
}

/// What kind of supervisor it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) strategy: Strategy,
    pub(crate) intensity: Intensity,
    pub(crate) auto_shutdown: AutoShutdown,
    /// Children are independent: no order among their starts and stops.
    pub(crate) is_dynamic: bool,
    /// First starts must succeed, like in Erlang.
    pub(crate) is_strict: bool,
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
    /// A child shall go, but its place stays; or it shall come back to it.
    Terminate {
        key: Key,
    },
    Revive {
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
        exit: Exit,
    },
}
