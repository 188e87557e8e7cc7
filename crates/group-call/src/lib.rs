//! The WebRTC leg of a Telegram group call: one connection to the call's media server (SFU), over which Opus frames go out.
//!
//! This crate is the only place of `webrtc` and `rtc`; nothing of them shows in its interface, so another WebRTC stack
//! is a change of this crate alone. It never talks to Telegram itself: it makes the text that goes into
//! `phone.joinGroupCall` ([`Connection::payload`]) and takes the text that comes back ([`Connection::apply`]).
//!
//! Tasks: a [`Transport`] owns a small pool of reactor threads, and every task of a [`Connection`] runs there and is
//! ended when the connection is closed or dropped. Nothing runs on the caller's executor, so any executor will do.

mod answer;
mod connection;
mod description;
mod leg;
mod native;
mod packetizer;
mod payload;
mod pump;
mod reactor;
mod sender;
mod shared;
mod signals;
mod socket;
mod stack;
mod transport;

#[cfg(test)]
mod tests;

pub use connection::{AnswerFault, Connection, ConnectionEvent, DtlsState, State, Stats};
pub use sender::{Closed, Sender};
pub use transport::{Settings, Style, Transport};
