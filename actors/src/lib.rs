//! The living tree: roles that hold the parts in their hands.
//!
//! The folders are the tree: a file with a folder supervises what is in it, the order of `mod` lines is the order of
//! starts, and its reverse the order of stops. Commands go down, events go up, nothing goes sideways. Rules live in
//! `domain`; actors only perform their effects, and no handler waits for anything.

pub mod settings;
pub mod speech;
mod wire;
mod inbox;
mod voice;
mod requests;
mod feeding;
mod call_sink;
mod root;

#[cfg(test)]
mod tests;

pub use root::{Tree, start};
pub use settings::Settings;
