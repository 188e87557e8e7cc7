//! Sending, editing and deleting messages, and answering buttons.

#[cfg(test)]
mod tests;

use domain::{ChatId, ChatKind, MessageId, Reason, UserId};
use grammers_client::tl;

use super::Account;
use super::peers::contents;
use crate::attachment::{MessageContent, attachment_of};
use crate::fault::{CallError, forgive};
use crate::html::Html;
use crate::html::markup::{self, Style};
use crate::keyboard::Keyboard;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub text: Html,
    pub keyboard: Option<Keyboard>,
    pub reply_to: Option<MessageId>,
    /// Without a notification sound.
    pub is_silent: bool,
    pub once: Once,
}

/// Which message this is. Sent again with the same one after a lost answer, it appears once (core.telegram.org,
/// `random_id` of messages.sendMessage).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once(i64);

/// A command in a bot's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotCommand {
    /// Without the slash.
    pub name: String,
    pub description: String,
}

// === impl Once ===

impl Once {
    #[allow(clippy::new_without_default, reason = "every one is another")]
    pub fn new() -> Once {
        Once(rand::random())
    }
}

// === impl Outgoing ===

impl Outgoing {
    /// A silent message with nothing but text.
    pub fn new(text: Html) -> Outgoing {
        Outgoing { text, keyboard: None, reply_to: None, is_silent: true, once: Once::new() }
    }
}

// === impl Account (messages) ===

impl Account {
    /// Sends a message; the id it got.
    pub async fn send(&self, chat: ChatId, message: Outgoing) -> Result<MessageId, CallError> {
        let (text, entities) = self.styled(&message.text);
        let reply_to = message.reply_to.map(|message| reply_header(message).into());
        let Once(random_id) = message.once;
        let request = tl::functions::messages::SendMessage {
            no_webpage: true,
            silent: message.is_silent,
            background: false,
            clear_draft: false,
            noforwards: false,
            update_stickersets_order: false,
            invert_media: false,
            allow_paid_floodskip: false,
            peer: self.input_peer(chat)?,
            reply_to,
            message: text,
            random_id,
            reply_markup: markup_of(message.keyboard.as_ref())?,
            entities: Some(entities).filter(|entities| !entities.is_empty()),
            schedule_date: None,
            schedule_repeat_period: None,
            send_as: None,
            quick_reply_shortcut: None,
            effect: None,
            allow_paid_stars: None,
            suggested_post: None,
            rich_message: None,
        };
        let updates = self.call(&request).await?;
        let (_, users, chats) = contents(&updates);
        self.learn(users, chats);
        sent_id(&updates, random_id).ok_or_else(|| {
            CallError::refused(Reason::Unreadable, "telegram did not say what the message became")
        })
    }

    /// Replaces a message's text and buttons (`None` removes them). Succeeds too when nothing differs.
    pub async fn edit(
        &self,
        chat: ChatId,
        message: MessageId,
        text: &Html,
        keyboard: Option<&Keyboard>,
    ) -> Result<(), CallError> {
        let (text, entities) = self.styled(text);
        let request = tl::functions::messages::EditMessage {
            no_webpage: true,
            invert_media: false,
            peer: self.input_peer(chat)?,
            id: message.0,
            message: Some(text),
            media: None,
            reply_markup: markup_of(keyboard)?,
            entities: Some(entities),
            schedule_date: None,
            schedule_repeat_period: None,
            quick_reply_shortcut_id: None,
            rich_message: None,
        };
        forgive(self.call(&request).await, &["MESSAGE_NOT_MODIFIED"]).map(drop)
    }

    /// Deletes for everybody. Succeeds too when it is gone already.
    pub async fn delete(&self, chat: ChatId, message: MessageId) -> Result<(), CallError> {
        let id = vec![message.0];
        let answer = match chat.kind() {
            ChatKind::Channel(channel) => {
                let channel = self.input_channel(channel)?;
                self.call(&tl::functions::channels::DeleteMessages { channel, id }).await
            }
            _ => self.call(&tl::functions::messages::DeleteMessages { revoke: true, id }).await,
        };
        forgive(answer, &["MESSAGE_ID_INVALID"]).map(drop)
    }

    /// Answers a pressed button: a passing notice, or a window to be closed when `is_alert`. An empty text only ends
    /// the button's waiting.
    pub async fn answer_callback(
        &self,
        id: i64,
        text: &str,
        is_alert: bool,
    ) -> Result<(), CallError> {
        let request = tl::functions::messages::SetBotCallbackAnswer {
            alert: is_alert,
            query_id: id,
            message: Some(text.to_owned()).filter(|text| !text.is_empty()),
            url: None,
            cache_time: 0,
        };
        self.call(&request).await.map(drop)
    }

    /// What a message holds; `None` when it is gone.
    pub async fn message(
        &self,
        chat: ChatId,
        message: MessageId,
    ) -> Result<Option<MessageContent>, CallError> {
        let found = self.fetch_message(chat, message).await?;
        Ok(found.map(|found| MessageContent {
            chat,
            id: message,
            attachment: attachment_of(chat, &found),
            text: found.message,
        }))
    }

    /// Sets the bot's menu. `language` is a two-letter code, or empty for everybody else.
    pub async fn set_commands(
        &self,
        language: &str,
        commands: &[BotCommand],
    ) -> Result<(), CallError> {
        let commands = commands.iter().map(|command| {
            let (command, description) = (command.name.clone(), command.description.clone());
            tl::types::BotCommand { ephemeral: false, command, description }.into()
        });
        let request = tl::functions::bots::SetBotCommands {
            scope: tl::enums::BotCommandScope::Default,
            lang_code: language.to_owned(),
            commands: commands.collect(),
        };
        self.call(&request).await.map(drop)
    }

    pub(crate) async fn fetch_message(
        &self,
        chat: ChatId,
        message: MessageId,
    ) -> Result<Option<tl::types::Message>, CallError> {
        let id = vec![tl::types::InputMessageId { id: message.0 }.into()];
        let answer = match chat.kind() {
            ChatKind::Channel(channel) => {
                let channel = self.input_channel(channel)?;
                self.call(&tl::functions::channels::GetMessages { channel, id }).await?
            }
            _ => self.call(&tl::functions::messages::GetMessages { id }).await?,
        };
        let (messages, users, chats) = match answer {
            tl::enums::messages::Messages::Messages(all) => (all.messages, all.users, all.chats),
            tl::enums::messages::Messages::Slice(all) => (all.messages, all.users, all.chats),
            tl::enums::messages::Messages::ChannelMessages(all) => {
                (all.messages, all.users, all.chats)
            }
            tl::enums::messages::Messages::NotModified(_) => return Ok(None),
        };
        self.learn(&users, &chats);
        Ok(messages.into_iter().find_map(|found| match found {
            tl::enums::Message::Message(found) if found.id == message.0 => Some(found),
            _ => None,
        }))
    }

    fn styled(&self, html: &Html) -> (String, Vec<tl::enums::MessageEntity>) {
        let styled = markup::parse(html.as_str());
        let entities = styled.spans.into_iter().filter_map(|span| {
            let mention = |user| self.input_user(user).ok();
            entity_of(span.style, span.offset, span.length, mention)
        });
        (styled.text, entities.collect())
    }
}

/// A mention of somebody never met is left out; the name stays.
fn entity_of(
    style: Style,
    offset: i32,
    length: i32,
    mention: impl Fn(UserId) -> Option<tl::enums::InputUser>,
) -> Option<tl::enums::MessageEntity> {
    Some(match style {
        Style::Bold => tl::types::MessageEntityBold { offset, length }.into(),
        Style::Italic => tl::types::MessageEntityItalic { offset, length }.into(),
        Style::Underline => tl::types::MessageEntityUnderline { offset, length }.into(),
        Style::Strike => tl::types::MessageEntityStrike { offset, length }.into(),
        Style::Spoiler => tl::types::MessageEntitySpoiler { offset, length }.into(),
        Style::Code => tl::types::MessageEntityCode { offset, length }.into(),
        Style::Pre => {
            tl::types::MessageEntityPre { offset, length, language: String::new() }.into()
        }
        Style::Quote { is_collapsed } => {
            tl::types::MessageEntityBlockquote { collapsed: is_collapsed, offset, length }.into()
        }
        Style::Link(url) => tl::types::MessageEntityTextUrl { offset, length, url }.into(),
        Style::Mention(user) => {
            let user_id = mention(UserId(user))?;
            tl::types::InputMessageEntityMentionName { offset, length, user_id }.into()
        }
        Style::Nothing => return None,
    })
}

fn markup_of(keyboard: Option<&Keyboard>) -> Result<Option<tl::enums::ReplyMarkup>, CallError> {
    keyboard.filter(|keyboard| !keyboard.is_empty()).map(Keyboard::to_markup).transpose()
}

fn reply_header(message: MessageId) -> tl::types::InputReplyToMessage {
    tl::types::InputReplyToMessage {
        reply_to_msg_id: message.0,
        top_msg_id: None,
        reply_to_peer_id: None,
        quote_text: None,
        quote_entities: None,
        quote_offset: None,
        monoforum_peer_id: None,
        todo_item_id: None,
        poll_option: None,
    }
}

/// The id that a sent message got: told in a short form, by its random number, or by the message itself.
fn sent_id(updates: &tl::enums::Updates, random_id: i64) -> Option<MessageId> {
    if let tl::enums::Updates::UpdateShortSentMessage(sent) = updates {
        return Some(MessageId(sent.id));
    }
    let (updates, _, _) = contents(updates);
    let by_number = updates.iter().find_map(|update| match update {
        tl::enums::Update::MessageId(sent) if sent.random_id == random_id => Some(sent.id),
        _ => None,
    });
    let by_message = || {
        updates.iter().find_map(|update| match update {
            tl::enums::Update::NewMessage(new) => Some(new.message.id()),
            tl::enums::Update::NewChannelMessage(new) => Some(new.message.id()),
            _ => None,
        })
    };
    by_number.or_else(by_message).map(MessageId)
}
