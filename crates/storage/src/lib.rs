//! What must be remembered: one port, two engines.
//!
//! [`open`] gives a [`Store`] (what others hold: write, read, scan) and a [`Driver`] (what keeps it going; the caller
//! owns it and opens anew when it ends with a fault). A commit resolves when it is durable and not before. With a state
//! directory that is SQLite's file in it; with a MongoDB beside it the file is journal and outbox and MongoDB follows;
//! with a MongoDB alone a commit is durable when a majority has it.
//!
//! Every record has a revision, and a write applies only when its revision is greater than the stored one. So whatever
//! is sent twice, or late, changes nothing: replays, imports and retries need no care.

mod alone;
pub mod archive;
#[cfg(test)]
mod conformance;
mod driver;
mod embedded;
mod fault;
mod lease;
mod meter;
mod mongo;
mod record;
mod replay;
mod request;
pub mod schema;
#[cfg(test)]
mod secantus;
mod settings;
mod store;
mod table;

pub use driver::{Driver, look, open};
pub use lease::{Claim, Lease};
pub use meter::{State, Stats};
pub use mongo::Address;
pub use record::{Record, VALUE_MAX_BYTES, Write};
pub use settings::Settings;
pub use store::Store;
pub use table::Table;
