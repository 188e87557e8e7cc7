//! The WebRTC leg of a Telegram group call: one connection to the call's media server (SFU), over which Opus frames go out.
//!
//! This crate is the only place of `webrtc` and `rtc`; nothing of them shows in its interface, so another WebRTC stack
//! is a change of this crate alone. It never talks to Telegram itself: it makes the text that goes into
//! `phone.joinGroupCall` ([`Connection::payload`]) and takes the text that comes back ([`Connection::apply`]).
//!
//! Two engines stand behind the same [`Connection`]. Native style, the first choice, is put together from the parts of
//! `rtc` (STUN, DTLS, SRTP, SCTP), because Telegram's servers expect things of a native client that a browser's peer
//! connection never does; web style is webrtc's peer connection as it is. A second attempt in web style is therefore a
//! second opinion in more than one sense.
//!
//! Tasks: a [`Transport`] owns a small pool of reactor threads, and every task of a [`Connection`] runs there and is
//! ended when the connection is closed or dropped. Nothing runs on the caller's executor, so any executor will do.

mod answer;
pub mod bare;
mod connection;
mod description;
mod ears;
mod flight;
mod header;
mod leg;
mod native;
mod packetizer;
mod payload;
mod pump;
mod queue;
mod reactor;
mod reception;
mod sender;
mod shared;
mod signals;
mod socket;
mod srtp;
mod stack;
mod transport;
mod wire;

#[cfg(test)]
mod tests;

pub use connection::{AnswerFault, Connection, ConnectionEvent, DtlsState, State, Stats};
pub use reception::Reception;
pub use sender::{Closed, Sender};
pub use transport::{Settings, Style, Transport};
