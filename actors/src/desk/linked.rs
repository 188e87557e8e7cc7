//! `/play` with a link to a Telegram message: what that message holds, for whoever may read it.

use domain::message_link::{MessageLink, Place};
use domain::track::{Request, Requester};
use domain::{ChatId, Fault, MessageId, Reason, UserId};
use telegram::{Account, CallError, MessageContent, Sender};

use super::Desk;
use crate::root::bot::Msg;

/// Who reads, and for whom.
struct Reading {
    bot: Account,
    /// Public channels are open to people, and to bots only where these are members.
    readers: Vec<Account>,
    here: ChatId,
    /// `None` for whoever writes in the name of a chat: nobody knows where else they are.
    asker: Option<UserId>,
}

// === impl Desk ===

impl Desk {
    pub(super) fn linked(
        &self,
        message: &telegram::Message,
        link: MessageLink,
        requester: Requester,
    ) {
        let (chat, asked_in) = (Box::new(message.chat.clone()), message.id);
        let reading = Reading {
            bot: self.account.clone(),
            readers: self.parts.chats.readers(),
            here: chat.id,
            asker: match &message.from {
                Sender::User(user) => Some(user.id),
                Sender::AnonymousAdmin | Sender::Channel { .. } => None,
            },
        };
        self.context.tasks().spawn(async move {
            let outcome = reading.request(link).await;
            Msg::Replied { chat, asked_in, requester, outcome }
        });
    }
}

// === impl Reading ===

impl Reading {
    async fn request(&self, link: MessageLink) -> Result<Option<Request>, Fault> {
        let content = match link.place {
            Place::Public(name) => {
                let chat = self.bot.resolve_username(&name).await?;
                if chat.is_private() {
                    // a person or a bot: what is said there is between two
                    return Err(hidden("a link into a private chat"));
                }
                match link.comment {
                    Some(comment) => self.comment(chat, comment).await?,
                    None => self.open_to_all(&name, chat, link.message).await?,
                }
            }
            Place::Private(chat) => match link.comment {
                Some(comment) => self.comment(chat, comment).await?,
                None => self.of_members(chat, link.message).await?,
            },
        };
        let content = content.ok_or_else(|| {
            Fault::refused(Reason::NotFound, "a link to a message that is not there")
        })?;
        let attachment = content
            .attachment
            .ok_or_else(|| Fault::refused(Reason::NotAudio, "a link to a message without sound"))?;
        Ok(Some(Request::Attachment(attachment)))
    }

    /// In a public place: the bot reads it, or the first assistant that may.
    async fn open_to_all(
        &self,
        name: &str,
        chat: ChatId,
        message: MessageId,
    ) -> Result<Option<MessageContent>, Fault> {
        let mut refusal = match self.bot.message(chat, message).await {
            Ok(content) => return Ok(content),
            Err(error) => error,
        };
        for reader in &self.readers {
            if !is_closed(&refusal) {
                break;
            }
            // each account has to meet the place itself
            let read = async {
                let chat = reader.resolve_username(name).await?;
                reader.message(chat, message).await
            };
            match read.await {
                Ok(content) => return Ok(content),
                Err(error) => refusal = error,
            }
        }
        Err(told(refusal))
    }

    /// In a place of members: the bot is one, and so must be whoever asks, or the bot would tell strangers what is said
    /// there.
    async fn of_members(
        &self,
        chat: ChatId,
        message: MessageId,
    ) -> Result<Option<MessageContent>, Fault> {
        if chat != self.here {
            let asker = self.asker.ok_or_else(|| hidden("nobody knows who asks"))?;
            let asker = self.bot.participant(chat, asker).await.map_err(told)?;
            if !asker.is_member || asker.is_banned {
                return Err(hidden("a link into a chat that the asker is not in"));
            }
        }
        self.bot.message(chat, message).await.map_err(told)
    }

    /// A comment lies in the group that discusses the channel.
    async fn comment(
        &self,
        channel: ChatId,
        comment: MessageId,
    ) -> Result<Option<MessageContent>, Fault> {
        let group = self.bot.discussion(channel).await.map_err(told)?;
        let group = group.ok_or_else(|| hidden("a channel without a discussion"))?;
        self.of_members(group, comment).await
    }
}

/// Whether Telegram says that this account may not look there.
fn is_closed(error: &CallError) -> bool {
    matches!(error.fault.reason, Reason::AssistantNotIn | Reason::NotAllowed)
}

fn told(error: CallError) -> Fault {
    match is_closed(&error) {
        true => hidden(error.fault.detail),
        false => error.into(),
    }
}

fn hidden(detail: impl Into<String>) -> Fault {
    Fault::refused(Reason::MessageHidden, detail)
}
