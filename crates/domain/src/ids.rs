//! Names of things on Telegram's side, and the number that every try carries.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where messages live, as bot APIs write it: users are positive, basic groups negative, channels and supergroups
/// below −10¹² (`-100…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChatId(pub i64);

/// What a [`ChatId`] points at; the number alone says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChatKind {
    /// A private dialog; the bare id of the user.
    Private(i64),
    /// A basic group; its bare id.
    Group(i64),
    /// A supergroup or channel; its bare id.
    Channel(i64),
}

/// The offset between a channel's bare id and its [`ChatId`].
const CHANNEL_OFFSET: i64 = 1_000_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub i32);

// === impl MessageId ===

impl MessageId {
    /// None that Telegram gives: there is nothing to answer to.
    pub const NONE: MessageId = MessageId(0);
}

/// A group call as Telegram addresses it (`inputGroupCall`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallId {
    pub id: i64,
    pub access_hash: i64,
}

/// Which try this is. Late news about an older attempt is ignored by whoever started a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u64);

// === impl ChatId ===

impl ChatId {
    pub fn private(user: i64) -> ChatId {
        ChatId(user)
    }

    pub fn group(id: i64) -> ChatId {
        ChatId(-id)
    }

    pub fn channel(id: i64) -> ChatId {
        ChatId(-(CHANNEL_OFFSET + id))
    }

    pub fn kind(self) -> ChatKind {
        if self.0 > 0 {
            ChatKind::Private(self.0)
        } else if self.0 < -CHANNEL_OFFSET {
            ChatKind::Channel(-self.0 - CHANNEL_OFFSET)
        } else {
            ChatKind::Group(-self.0)
        }
    }

    pub fn is_private(self) -> bool {
        self.0 > 0
    }
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Attempt ===

impl Attempt {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Attempt {
        Attempt(self.0 + 1)
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_id_says_what_it_points_at() {
        assert_eq!(ChatId::channel(1234).0, -1_000_000_001_234);
        assert_eq!(ChatId::channel(1234).kind(), ChatKind::Channel(1234));
        assert_eq!(ChatId::group(77).kind(), ChatKind::Group(77));
        assert_eq!(ChatId::private(5).kind(), ChatKind::Private(5));
        assert!(ChatId::private(5).is_private());
        assert!(!ChatId::group(5).is_private());
    }
}
