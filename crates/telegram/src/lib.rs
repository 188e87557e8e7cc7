//! One Telegram account: its session, its connection, what it can do and what it hears.
//!
//! The only crate that knows grammers. Nothing of grammers leaves it: callers see the domain's words, [`Incoming`]
//! events and [`CallError`] values. It must never retry a request by itself, never log a secret, and never keep the
//! updates waiting for whoever handles them.
//!
//! The shape: a [`Session`] outlives everything; [`connect`] makes an [`Account`] (a cloneable handle that calls), the
//! [`Updates`] (what is heard) and a [`Runner`] (what drives both; the caller owns it, and rebuilds from the same
//! session when it ends).

mod account;
mod attachment;
mod calls;
mod download;
mod fault;
mod flood;
mod html;
mod incoming;
mod keyboard;
mod link;
mod runner;
mod secret;
mod session;
mod settings;
mod unreadable;
mod vault;

pub use account::{Account, BotCommand, Me, Membership, Once, Outgoing, Participant, Stats};
pub use attachment::MessageContent;
pub use calls::{CallDetails, JoinOutcome, Row, ssrc_from_wire, ssrc_to_wire};
pub use download::Download;
pub use fault::{CallError, Rpc};
pub use html::Html;
pub use incoming::{
    CallChanged, CallParticipants, CallState, Callback, Chat, Incoming, MemberChange, MemberStatus,
    Message, Sender, Updates, User,
};
pub use keyboard::{Button, Keyboard};
pub use runner::{Runner, connect};
pub use secret::Secret;
pub use session::{Carried, Carrier, Heard, Parcel, Part, Session, StringError};
pub use settings::Settings;
pub use vault::{Vault, WeakKey};
