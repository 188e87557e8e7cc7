//! Playable files on messages.

use domain::track::Attachment;
use domain::{ChatId, MessageId};

/// What a message holds, fetched by [`Account::message`](crate::Account::message).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageContent {
    pub chat: ChatId,
    pub id: MessageId,
    pub text: String,
    pub attachment: Option<Attachment>,
}
