//! Classified failure: what went wrong, and what whoever meets it should do.
//!
//! A [`Fault`] is a value, never a crash. Its [`Class`] tells the caller how to act, its [`Reason`] picks the words a
//! user reads, and its detail is one redacted line for the operator's log.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the caller should do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Try again, with backoff; nothing is wrong with the request itself.
    Transient,
    /// Telegram asked to wait this long before this method is called again by this account.
    FloodWait(Duration),
    /// This request will not succeed as it stands; tell whoever asked.
    Refused,
    /// The account or the configuration is unusable; park and alert, never retry.
    Fatal,
}

/// Why, in the project's own vocabulary. Every reason has a text in every language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    // --- what was asked for ---
    /// Nothing by that name or address.
    NotFound,
    /// `/play` without a name, a link or a reply.
    NothingAsked,
    /// The link leads to something that is not audio.
    NotAudio,
    /// Audio, but of a kind that this installation cannot read (ffmpeg would help).
    Unsupported,
    /// The file ends too early or its contents are broken.
    Corrupt,
    /// There is no sound in it at all.
    Empty,
    /// Only a short sample of the track is offered there.
    Preview,
    /// Over the size limit.
    TooLarge,
    /// Over the length limit.
    TooLong,
    /// Live streams are not allowed in this installation.
    LiveOff,
    /// Explicit tracks are not allowed in this installation.
    ExplicitOff,
    /// The link is not one that the bot may open (scheme, user info, port).
    BadUrl,
    /// The message that a link names cannot be read, or not by whoever asked.
    MessageHidden,
    /// The link leads to a private or local address.
    PrivateAddress,
    /// The place where the music is does not answer.
    Unreachable,
    /// It answered too slowly.
    Timeout,
    /// The service refused (its status says so).
    ServiceRefused,
    /// The queue holds as much as it may.
    QueueFull,
    // --- the voice chat ---
    /// No voice chat is on, and the assistant may not start one.
    NoVoiceChat,
    /// The voice chat ended.
    CallEnded,
    /// The assistant is muted by an administrator, so nobody would hear it.
    ForceMuted,
    /// The voice chat is a live stream or too large to speak in.
    BroadcastOnly,
    /// An end-to-end encrypted conference; bots cannot speak there.
    Conference,
    /// The assistant account entered this voice chat from somewhere else.
    JoinedElsewhere,
    /// The voice chat's media server could not be reached.
    CallUnreachable,
    // --- people and accounts ---
    /// Whoever asked lacks the right.
    NotAllowed,
    /// No assistant account is available.
    NoAssistant,
    /// The assistant is not in the group and could not join.
    AssistantNotIn,
    /// The assistant is banned in the group.
    AssistantBanned,
    /// The assistant asked to join; an administrator has to approve.
    AssistantAwaitsApproval,
    /// The account is in too many channels.
    TooManyChannels,
    /// The account's login is gone.
    AccountLost,
    /// Telegram limits how often this may be asked.
    Flood,
    // --- the machinery ---
    /// Telegram cannot be reached.
    TelegramUnreachable,
    /// Telegram answered with something this build cannot read.
    Unreadable,
    /// The service is stopping.
    Stopping,
    /// Something of ours failed; the log says what.
    Internal,
}

/// A classified failure. `Display` is the operator's line; users get the text of its reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    pub class: Class,
    pub reason: Reason,
    /// One line for the log; never a secret, never a full URL with its query.
    pub detail: String,
}

// === impl Fault ===

impl Fault {
    pub fn transient(reason: Reason, detail: impl Into<String>) -> Fault {
        Fault { class: Class::Transient, reason, detail: detail.into() }
    }

    pub fn refused(reason: Reason, detail: impl Into<String>) -> Fault {
        Fault { class: Class::Refused, reason, detail: detail.into() }
    }

    pub fn fatal(reason: Reason, detail: impl Into<String>) -> Fault {
        Fault { class: Class::Fatal, reason, detail: detail.into() }
    }

    pub fn flood_wait(wait: Duration, detail: impl Into<String>) -> Fault {
        Fault { class: Class::FloodWait(wait), reason: Reason::Flood, detail: detail.into() }
    }

    /// Whether the same request may be sent again, now or after a wait.
    pub fn is_retryable(&self) -> bool {
        matches!(self.class, Class::Transient | Class::FloodWait(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.detail)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Class::Transient => f.write_str("transient"),
            Class::FloodWait(wait) => write!(f, "flood wait {} s", wait.as_secs()),
            Class::Refused => f.write_str("refused"),
            Class::Fatal => f.write_str("fatal"),
        }
    }
}
