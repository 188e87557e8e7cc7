//! supervisor — Erlang/OTP's supervision, built on ractor.
//!
//! ractor gives signals; this crate gives the rules: child specs, strategies, restart intensity,
//! ordered stops with deadlines, and, as declared extensions, backoff with jitter, failure classes
//! and one restart budget for the whole tree. It knows actors and time, and not one word of music.
//!
//! Reading order: [`ChildSpec`] and [`SupervisorSpec`] say what shall live; `machine` decides
//! (pure: time and chance are arguments); `supervisor` performs the decisions on ractor; `launch`
//! starts one incarnation and waits until it, its tasks and its subtree have really ended;
//! [`Handle`] addresses a place in the tree through restarts; [`task`] holds the only
//! `tokio::spawn` of the workspace; [`Root`] and [`Tree`] are the outside.
//!
//! Laws:
//! - never two incarnations of a child at once: the old one, its tasks and its subtree are awaited;
//! - never an orphan: whoever dies, its subtree is killed and awaited by its parent;
//! - no global names: a child is its path in its own tree;
//! - the supervisor's loop never waits: starts and stops come back as messages.

mod backoff;
mod bucket;
mod catch;
mod child_spec;
mod context;
mod contract;
mod dynamic;
mod event;
mod failure;
mod handle;
mod intensity;
mod launch;
mod machine;
mod mailbox;
mod node;
mod root;
mod seat;
mod shutdown;
mod snapshot;
mod strategy;
mod supervisor;
mod supervisor_spec;
pub mod task;
mod tree;
mod worker;

#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use bucket::RestartBudget;
pub use child_spec::{ChildSpec, Kind, Restart};
pub use context::Context;
pub use contract::{Contract, Group};
pub use dynamic::{Dynamic, NotStarted};
pub use event::{Event, EventKind, Events};
pub use failure::{Class, Exit, Failure, redact};
pub use handle::{Door, Handle, Reply, Unanswered, Undelivered, door};
pub use intensity::Intensity;
pub use root::{Root, start_root};
pub use shutdown::{Ending, Shutdown};
pub use snapshot::{ChildSnapshot, LastError, MailboxSnapshot, Snapshot, State, TaskSnapshot};
pub use strategy::Strategy;
pub use supervisor::Denied;
pub use supervisor_spec::{AutoShutdown, SupervisorSpec};
pub use tree::{Options, Tree};

/// Supervision is built on catching panics; with `panic = "abort"` one actor would end them all.
const _: () = assert!(cfg!(panic = "unwind"), "the supervision tree needs panic = \"unwind\"");
