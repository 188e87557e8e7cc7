//! What people read: texts in their language, and the panels built of them. Pure: events in, words out.

pub mod book;
pub mod outbox;
pub mod panel;
pub mod texts;

pub use texts::{Arg, Language, Texts};
