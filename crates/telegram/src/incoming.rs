//! What an account hears, in the domain's words.

pub(crate) mod convert;
pub(crate) mod people;

use std::time::Duration;

use domain::track::Attachment;
use domain::{CallId, ChatId, Fault, MessageId, UserId};
use tokio::sync::mpsc;

use crate::calls::{CallDetails, Row};

/// The stream of what the account hears. Bounded; a slow reader makes updates wait, it does not lose them.
#[derive(Debug)]
pub struct Updates {
    pub(crate) events: mpsc::Receiver<Incoming>,
}

/// One thing heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// The update stream is up; what was missed while away follows.
    Connected,
    /// The connection is down and being rebuilt; `Connected` follows, or the runner ends with the fault.
    Lost(Fault),
    /// A new message. Check its date: after an absence old ones arrive too.
    Message(Box<Message>),
    /// A button was pressed.
    Callback(Callback),
    /// A group call began, changed or ended.
    Call(CallChanged),
    /// People in a group call changed.
    Participants(CallParticipants),
    /// Somebody's membership changed (the account's own, or another's where the account is told).
    Member(MemberChange),
    /// A basic group became a supergroup: what was kept under `from` belongs to `to` now.
    Migrated { from: ChatId, to: ChatId },
}

/// Where something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Its kind is `id.kind()`.
    pub id: ChatId,
    pub title: Option<String>,
    /// Public name without `@`.
    pub username: Option<String>,
    /// A channel where only administrators write, not a group.
    pub is_broadcast: bool,
}

/// A new message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub chat: Chat,
    pub id: MessageId,
    pub from: Sender,
    /// The text or the caption, without markup.
    pub text: String,
    /// The message that this one answers (in the same chat). What it holds is not in the update: ask
    /// [`Account::message`](crate::Account::message).
    pub reply_to: Option<MessageId>,
    /// A playable file on this message.
    pub attachment: Option<Attachment>,
    /// When it was sent: since the Unix epoch, by Telegram's clock.
    pub date: Duration,
    /// Sent by this account itself.
    pub is_out: bool,
}

/// Who sent a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    User(User),
    /// An administrator of this very chat who writes in its name.
    AnonymousAdmin,
    /// A channel: the linked one, or one that a user speaks for.
    Channel {
        id: ChatId,
        title: Option<String>,
    },
}

/// A person or a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// First and last name; may be empty. From outside: escape it.
    pub name: String,
    /// Public name without `@`.
    pub username: Option<String>,
    /// The language of the user's application, such as `ru`; told to bots only.
    pub language: Option<String>,
    pub is_bot: bool,
}

/// A pressed button. A hostile client can send any data for any message: check who, where and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// To be answered with [`Account::answer_callback`](crate::Account::answer_callback) within seconds.
    pub id: i64,
    pub chat: ChatId,
    pub message: MessageId,
    pub from: User,
    pub data: Vec<u8>,
}

/// A group call's own state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallChanged {
    /// Not always told; [`Account::chat_of_call`](crate::Account::chat_of_call) remembers.
    pub chat: Option<ChatId>,
    pub call: CallId,
    pub state: CallState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallState {
    Active(CallDetails),
    /// Over, after this long.
    Discarded {
        lasted: Duration,
    },
}

/// Rows that changed in a group call's list of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallParticipants {
    pub call: CallId,
    pub rows: Vec<Row>,
    pub version: i32,
}

/// Somebody came, went, or was given or denied something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    pub chat: Chat,
    pub user: UserId,
    /// It is this account itself.
    pub is_self: bool,
    pub status: MemberStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberStatus {
    /// In, as an ordinary member, restricted or not.
    Member,
    /// In, with rights; cached rights are stale now.
    Administrator,
    /// Out by own will.
    Left,
    /// Removed or banned.
    Banned,
    /// Changed in a way the update does not tell; ask.
    Unknown,
}

// === impl Updates ===

impl Updates {
    /// The next event; `None` once the runner has ended.
    pub async fn next(&mut self) -> Option<Incoming> {
        self.events.recv().await
    }
}

// === impl Message ===

impl Message {
    /// The sender's user, when it is one.
    pub fn user(&self) -> Option<&User> {
        match &self.from {
            Sender::User(user) => Some(user),
            _ => None,
        }
    }
}
