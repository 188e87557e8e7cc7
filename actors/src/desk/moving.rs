//! A basic group became a supergroup: everything moves along, the music too. What is asked in the new chat meanwhile
//! waits, or it would be obeyed by a chat that knows nothing.

use std::collections::HashMap;

use domain::ChatId;
use telegram::{Heard, Incoming};

use super::Desk;
use crate::keep::COMMIT_MAX;
use crate::root::bot::Msg;

/// What may wait in one chat; more is obeyed at once.
const HELD_MAX: usize = 256;

/// Chats that are just moving in, and what was heard in them.
#[derive(Default)]
pub(super) struct Moving(HashMap<ChatId, Vec<Incoming>>);

// === impl Moving ===

impl Moving {
    /// Keeps what has to wait; gives back what does not.
    fn hold(&mut self, incoming: Incoming) -> Option<Incoming> {
        let chat = match &incoming {
            Incoming::Message(message) => message.chat.id,
            Incoming::Callback(callback) => callback.chat,
            _ => return Some(incoming),
        };
        match self.0.get_mut(&chat) {
            Some(held) if held.len() < HELD_MAX => {
                held.push(incoming);
                None
            }
            _ => Some(incoming),
        }
    }
}

// === impl Desk ===

impl Desk {
    /// Gives back what can be obeyed now.
    pub(crate) fn hold(&mut self, incoming: Incoming) -> Option<Incoming> {
        self.moving.hold(incoming)
    }

    /// The group's player ends in order and begins again in the supergroup. A process that dies on the way hears of the
    /// move again.
    pub(crate) fn migrate(&mut self, from: ChatId, to: ChatId) {
        self.moving.0.entry(to).or_default();
        let (chats, context) = (self.parts.chats.clone(), self.context.clone());
        let session = self.parts.settings.login.session.clone();
        self.context.tasks().finish(async move {
            let writes = chats.moved(from, to).await;
            // a bot that ended finds the chat among those that are to go on
            let _has_ended = !context.tell_self(Msg::Moved { from, to });
            if !writes.is_empty()
                && let Err(fault) = chats.shelf().commit(writes, COMMIT_MAX).await
            {
                tracing::debug!(%from, %to, %fault, "the move was not written down");
            }
            session.settle(&Heard::Move { from: from.0 });
        });
    }

    /// It is here now; what was heard meanwhile.
    pub(crate) fn moved(&mut self, from: ChatId, to: ChatId) -> Vec<Incoming> {
        tracing::info!(%from, %to, "the group has another id now, its music moves along");
        self.resume(to);
        self.moving.0.remove(&to).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: ChatId = ChatId(-1_000_000_000_007);

    fn press(chat: ChatId, id: i64) -> Incoming {
        let user = telegram::User {
            id: domain::UserId(1),
            name: "Ada".to_owned(),
            username: None,
            language: None,
            is_bot: false,
        };
        let message = domain::MessageId(1);
        Incoming::Callback(telegram::Callback { id, chat, message, from: user, data: vec![] })
    }

    #[test]
    fn what_is_asked_in_a_chat_that_is_moving_in_waits_and_what_is_too_much_does_not() {
        let mut moving = Moving::default();
        assert_eq!(moving.hold(press(NEW, 1)), Some(press(NEW, 1)), "nobody moves");
        moving.0.entry(NEW).or_default();
        assert_eq!(moving.hold(press(NEW, 2)), None);
        assert_eq!(moving.hold(press(ChatId(-7), 3)), Some(press(ChatId(-7), 3)), "elsewhere");
        assert_eq!(moving.hold(Incoming::Connected), Some(Incoming::Connected));
        for id in 3..=HELD_MAX as i64 + 1 {
            assert_eq!(moving.hold(press(NEW, id)), None);
        }
        assert_eq!(moving.hold(press(NEW, 999)), Some(press(NEW, 999)), "it is bounded");
        assert_eq!(moving.0.remove(&NEW).map(|held| held.len()), Some(HELD_MAX));
    }
}
