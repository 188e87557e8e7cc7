//! The vocabulary of ArmedMusic: what is played, asked for, allowed and told, and what can go wrong.
//!
//! Pure: no clock, no I/O, no async, nothing of ours imported. Time is an argument (`Duration` since a moment that
//! the caller chose), bytes are arguments, and every rule is a function that a table test can read aloud.

pub mod breaker;
pub mod cache;
pub mod call;
pub mod candidate;
pub mod callback;
pub mod command;
pub mod event;
pub mod fault;
pub mod ids;
pub mod inquiry;
pub mod league;
pub mod lease;
pub mod limit;
pub mod matching;
pub mod message_link;
pub mod permission;
pub mod player;
pub mod queue;
pub mod timeline;
pub mod track;
pub mod words;

pub use fault::{Class, Fault, Reason};
pub use ids::{Attempt, CallId, ChatId, ChatKind, MessageId, UserId};
