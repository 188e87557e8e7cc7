//! What people read: texts in their language, and the panels built of them. Pure: events in, words out.

pub mod book;
pub mod outbox;
pub mod panel;
mod stats;
pub mod texts;
mod why;

pub use texts::{Arg, Language, Texts};
