//! Telegram in a box: a real MTProto server and a real group-call media server on loopback.
//!
//! Tests, the demo and the benchmarks talk to it exactly as they would to Telegram. It imports nothing of the bot, and
//! the bot has no branch for it: only addresses, keys and allowed hosts differ, by configuration.

pub mod dc;
pub mod ear;
pub mod group_calls;
pub mod listener;
pub mod music;
pub mod services;
pub mod sfu;
pub mod world;
