//! People and chats, from Telegram's objects.

use domain::{ChatId, UserId};
use grammers_client::tl;

use super::{Chat, User};

pub(crate) fn user_of(user: &tl::types::User) -> User {
    let names = [user.first_name.as_deref(), user.last_name.as_deref()];
    let names: Vec<&str> =
        names.into_iter().flatten().map(str::trim).filter(|name| !name.is_empty()).collect();
    User {
        id: UserId(user.id),
        name: names.join(" "),
        username: user.username.clone().or_else(|| first_username(user.usernames.as_deref())),
        language: user.lang_code.clone(),
        is_bot: user.bot,
    }
}

/// Somebody of whom only the number came along.
pub(crate) fn stranger(id: i64) -> User {
    User { id: UserId(id), name: String::new(), username: None, language: None, is_bot: false }
}

pub(crate) fn chat_id_of(chat: &tl::enums::Chat) -> Option<ChatId> {
    Some(match chat {
        tl::enums::Chat::Chat(chat) => ChatId::group(chat.id),
        tl::enums::Chat::Forbidden(chat) => ChatId::group(chat.id),
        tl::enums::Chat::Channel(chat) => ChatId::channel(chat.id),
        tl::enums::Chat::ChannelForbidden(chat) => ChatId::channel(chat.id),
        _ => return None,
    })
}

pub(crate) fn chat_of(chat: &tl::enums::Chat) -> Option<Chat> {
    let id = chat_id_of(chat)?;
    let (title, username, is_broadcast) = match chat {
        tl::enums::Chat::Chat(chat) => (&chat.title, None, false),
        tl::enums::Chat::Forbidden(chat) => (&chat.title, None, false),
        tl::enums::Chat::Channel(chat) => {
            let username =
                chat.username.clone().or_else(|| first_username(chat.usernames.as_deref()));
            (&chat.title, username, chat.broadcast)
        }
        tl::enums::Chat::ChannelForbidden(chat) => (&chat.title, None, chat.broadcast),
        _ => return None,
    };
    Some(Chat { id, title: Some(title.clone()), username, is_broadcast })
}

/// A chat of which only the number came along.
pub(crate) fn bare_chat(id: ChatId) -> Chat {
    Chat { id, title: None, username: None, is_broadcast: false }
}

fn first_username(usernames: Option<&[tl::enums::Username]>) -> Option<String> {
    usernames?.iter().find_map(|username| {
        let tl::enums::Username::Username(username) = username;
        username.active.then(|| username.username.clone())
    })
}
