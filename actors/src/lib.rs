//! The living tree: roles that hold the parts in their hands.
//!
//! The folders are the tree: a file with a folder supervises what is in it, the order of `mod` lines is the order of
//! starts, and its reverse the order of stops. Commands go down, events go up, nothing goes sideways. Rules live in
//! `domain`; actors only perform their effects, and no handler waits for anything.

mod alarm;
mod breakers;
mod caching;
mod call_sink;
mod courier;
mod feeding;
mod given;
mod inbox;
mod journal;
mod keep;
mod ledger;
mod loading;
mod lookup;
pub mod pace;
mod patience;
mod pulse;
mod pursuit;
mod remembered;
mod requests;
mod resolving;
mod root;
mod seeker;
pub mod settings;
mod sheet;
mod shelf;
pub mod speech;
pub mod stats;
mod desk;
mod voice;
mod wire;

pub use call_sink::CallSink;
pub use lookup::{LookedUp, look_up};
pub use pulse::Pulse;
pub use root::{Tree, start};
pub use settings::Settings;
pub use stats::Stats;
