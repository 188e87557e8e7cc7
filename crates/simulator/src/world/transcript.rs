//! The transcript: what an onlooker would see happen, for tests and the demo.

use grammers_tl_types as tl;

/// A button under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    pub text: String,
    /// What a press sends to the bot.
    pub data: Option<Vec<u8>>,
    pub url: Option<String>,
}

/// A message as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub id: i32,
    pub chat: i64,
    /// A user, or the chat in whose name it is written; nobody under a channel's post.
    pub from: Option<i64>,
    pub text: String,
    /// The text with its entities as HTML.
    pub html: String,
    pub buttons: Vec<Vec<Button>>,
    pub is_edited: bool,
    pub reply_to: Option<i32>,
    /// `audio/mpeg`, `image/jpeg`, …
    pub media: Option<String>,
    /// The name of the service action, as in `messageActionGroupCall`.
    pub service: Option<String>,
}

impl Shown {
    /// The data of the first button whose text contains `text`.
    pub fn button(&self, text: &str) -> Option<Vec<u8>> {
        self.buttons.iter().flatten().find(|button| button.text.contains(text))?.data.clone()
    }
}

/// What a bot answered to a press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackAnswer {
    pub text: Option<String>,
    pub is_alert: bool,
    pub url: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Said(Shown),
    Edited(Shown),
    /// Message ids as the one who deleted them calls them.
    Deleted {
        chat: i64,
        ids: Vec<i32>,
    },
    Pressed {
        chat: i64,
        user: i64,
        message: i32,
        data: Vec<u8>,
    },
    Answered {
        chat: i64,
        user: i64,
        message: i32,
        answer: CallbackAnswer,
    },
    Joined {
        chat: i64,
        user: i64,
    },
    Left {
        chat: i64,
        user: i64,
    },
}

fn button(text: &str, kind: &tl::enums::InlineButtonType) -> Button {
    use tl::enums::InlineButtonType as Kind;
    let (data, url) = match kind {
        Kind::Callback(c) => (Some(c.data.clone()), None),
        Kind::Url(u) => (None, Some(u.url.clone())),
        Kind::WebView(u) => (None, Some(u.url.clone())),
        _ => (None, None),
    };
    Button { text: text.to_owned(), data, url }
}

pub(crate) fn buttons(markup: Option<&tl::enums::ReplyMarkup>) -> Vec<Vec<Button>> {
    match markup {
        Some(tl::enums::ReplyMarkup::ReplyInlineMarkup(markup)) => {
            let rows = markup.rows.iter().map(|row| {
                let tl::enums::KeyboardInlineButtonRow::Row(row) = row;
                row.buttons
                    .iter()
                    .map(|b| {
                        let tl::enums::KeyboardInlineButton::Button(b) = b;
                        button(&b.text, &b.r#type)
                    })
                    .collect()
            });
            rows.collect()
        }
        _ => Vec::new(),
    }
}

/// `messageActionGroupCall` and the like.
pub(crate) fn action_name(action: &tl::enums::MessageAction) -> String {
    use tl::Serializable;
    let bytes = action.to_bytes();
    let id = bytes.first_chunk::<4>().map_or(0, |id| u32::from_le_bytes(*id));
    tl::name_for_id(id).to_owned()
}
