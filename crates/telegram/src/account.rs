//! The handle: everything an account can be asked to do.

use domain::{ChatId, Fault, MessageId, Reason, UserId};
use tokio::sync::mpsc;

use crate::attachment::MessageContent;
use crate::fault::CallError;
use crate::html::Html;
use crate::incoming::{Chat, Updates, User};
use crate::keyboard::Keyboard;
use crate::runner::Runner;
use crate::secret::Secret;
use crate::session::Session;
use crate::settings::Settings;

/// A connected account. Cheap to clone; every call has a timeout and none is retried.
#[derive(Clone, Debug)]
pub struct Account {}

/// The account itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    pub user: User,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub text: Html,
    pub keyboard: Option<Keyboard>,
    pub reply_to: Option<MessageId>,
    /// Without a notification sound.
    pub is_silent: bool,
}

/// Somebody's standing in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Participant {
    pub user: UserId,
    pub is_creator: bool,
    /// The creator counts as one.
    pub is_admin: bool,
    /// May manage the group call.
    pub can_manage_calls: bool,
    pub is_member: bool,
    pub is_banned: bool,
}

/// What joining a chat came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// The account is in now.
    Joined(Chat),
    /// It was in already.
    AlreadyIn(Option<Chat>),
}

/// A command in a bot's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotCommand {
    /// Without the slash.
    pub name: String,
    pub description: String,
}

/// Counters of one connection, for the dashboard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Containers of updates that came in.
    pub updates: u64,
    /// Containers that did not fit and were fetched again.
    pub overflowed: u64,
    /// Containers that this build could not read.
    pub malformed: u64,
    /// Times the place in the sequence was given up (a gap that cannot be read).
    pub skipped_gaps: u64,
    /// Requests sent.
    pub calls: u64,
    /// Requests that failed.
    pub failures: u64,
    /// The last ping's round trip.
    pub ping: Option<std::time::Duration>,
}

/// Prepares an account's connection. Nothing happens until the runner runs; updates flow once
/// [`Account::sign_in_bot`] or [`Account::me`] succeeded.
pub fn connect(_settings: Settings, _session: Session) -> (Account, Updates, Runner) {
    let (_, events) = mpsc::channel(1);
    (Account {}, Updates { events }, Runner {})
}

pub(crate) fn unfinished() -> CallError {
    Fault::refused(Reason::Internal, "not written yet").into()
}

// === impl Account ===

impl Account {
    /// Signs in as the bot of this token; asks nothing more than who it is if the session is that bot already.
    pub async fn sign_in_bot(&self, _token: &Secret) -> Result<Me, CallError> {
        Err(unfinished())
    }

    /// Who this account is; the first success lets the updates flow.
    pub async fn me(&self) -> Result<Me, CallError> {
        Err(unfinished())
    }

    /// Saves the session, disconnects and lets the runner end.
    pub async fn close(&self) {}

    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Sends a message; the id it got.
    pub async fn send(&self, _chat: ChatId, _message: Outgoing) -> Result<MessageId, CallError> {
        Err(unfinished())
    }

    /// Replaces a message's text and buttons (`None` removes them). Succeeds too when nothing differs.
    pub async fn edit(
        &self,
        _chat: ChatId,
        _message: MessageId,
        _text: &Html,
        _keyboard: Option<&Keyboard>,
    ) -> Result<(), CallError> {
        Err(unfinished())
    }

    /// Deletes for everybody. Succeeds too when it is gone already.
    pub async fn delete(&self, _chat: ChatId, _message: MessageId) -> Result<(), CallError> {
        Err(unfinished())
    }

    /// Answers a pressed button: a passing notice, or a window to be closed when `is_alert`.
    pub async fn answer_callback(
        &self,
        _id: i64,
        _text: &str,
        _is_alert: bool,
    ) -> Result<(), CallError> {
        Err(unfinished())
    }

    /// What a message holds; `None` when it is gone.
    pub async fn message(
        &self,
        _chat: ChatId,
        _message: MessageId,
    ) -> Result<Option<MessageContent>, CallError> {
        Err(unfinished())
    }

    /// Sets the bot's menu. `language` is a two-letter code, or empty for everybody else.
    pub async fn set_commands(
        &self,
        _language: &str,
        _commands: &[BotCommand],
    ) -> Result<(), CallError> {
        Err(unfinished())
    }

    /// Somebody's standing in a chat.
    pub async fn participant(
        &self,
        _chat: ChatId,
        _user: UserId,
    ) -> Result<Participant, CallError> {
        Err(unfinished())
    }

    /// Reads the account's dialogs (users only), so that their access hashes are known; how many chats it is in.
    pub async fn load_dialogs(&self) -> Result<usize, CallError> {
        Err(unfinished())
    }

    /// What a public name (with or without `@`) leads to.
    pub async fn resolve_username(&self, _username: &str) -> Result<ChatId, CallError> {
        Err(unfinished())
    }

    /// Joins a public chat.
    pub async fn join_by_username(&self, _username: &str) -> Result<Membership, CallError> {
        Err(unfinished())
    }

    /// Joins by an invite link or its hash. `INVITE_REQUEST_SENT` arrives as a refusal with the reason
    /// `AssistantAwaitsApproval`.
    pub async fn join_by_invite(&self, _link: &Secret) -> Result<Membership, CallError> {
        Err(unfinished())
    }

    /// A new invite link to the chat; the account must be an administrator who may invite.
    pub async fn export_invite(&self, _chat: ChatId) -> Result<Secret, CallError> {
        Err(unfinished())
    }

    /// Whether this account is in the chat.
    pub async fn is_member(&self, _chat: ChatId) -> Result<bool, CallError> {
        Err(unfinished())
    }

    /// Leaves the chat. Succeeds too when it is not in.
    pub async fn leave_chat(&self, _chat: ChatId) -> Result<(), CallError> {
        Err(unfinished())
    }
}
