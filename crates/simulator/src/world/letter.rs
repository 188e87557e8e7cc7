//! A letter: one message as the world knows it, before anybody looks at it.

use std::collections::BTreeMap;

use grammers_tl_types as tl;

use super::files::FileId;
use super::mailbox::LetterId;

/// What hangs on a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Media {
    Document(FileId),
    Photo(FileId),
    /// Anything else is kept as it came (contacts, dice, points on the map).
    Other(Box<tl::enums::MessageMedia>),
}

/// One message. In private chats and basic groups every member's box holds it under its own id.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub id: LetterId,
    /// The chat; in a private chat, the addressee.
    pub chat: i64,
    /// Who did it, even when nobody is shown.
    pub author: i64,
    /// The chat in whose name it is written (anonymous administrators, channels as senders).
    pub sent_as: Option<i64>,
    /// A post of a broadcast channel: no sender is shown.
    pub is_post: bool,
    pub date: i32,
    pub edit_date: Option<i32>,
    pub text: String,
    pub entities: Vec<tl::enums::MessageEntity>,
    pub markup: Option<tl::enums::ReplyMarkup>,
    pub media: Option<Media>,
    pub action: Option<tl::enums::MessageAction>,
    pub reply_to: Option<LetterId>,
    pub forward: Option<tl::types::MessageFwdHeader>,
    pub via_bot: Option<i64>,
    pub grouped: Option<i64>,
    pub silent: bool,
    /// The message id in each box: by account, or under 0 for a channel.
    pub ids: BTreeMap<i64, i32>,
    pub is_deleted: bool,
}

impl Letter {
    /// The message id as `viewer` sees it.
    pub(crate) fn id_for(&self, viewer: i64) -> Option<i32> {
        self.ids.get(&0).or_else(|| self.ids.get(&viewer)).copied()
    }

    /// The dialog in which `viewer` sees it (the other one, in a private chat).
    pub(crate) fn dialog_for(&self, viewer: i64) -> i64 {
        if self.chat > 0 && self.chat == viewer { self.author } else { self.chat }
    }

    /// The sender that is shown: a user, or a chat.
    pub(crate) fn shown_sender(&self) -> Option<i64> {
        if self.is_post { None } else { Some(self.sent_as.unwrap_or(self.author)) }
    }
}

/// What a sender hands in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub text: String,
    pub entities: Vec<tl::enums::MessageEntity>,
    pub markup: Option<tl::enums::ReplyMarkup>,
    pub media: Option<Media>,
    pub action: Option<tl::enums::MessageAction>,
    pub reply_to: Option<LetterId>,
    pub forward: Option<tl::types::MessageFwdHeader>,
    pub sent_as: Option<i64>,
    pub via_bot: Option<i64>,
    pub grouped: Option<i64>,
    pub silent: bool,
    pub random_id: Option<i64>,
}
