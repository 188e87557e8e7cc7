//! What was heard lately: a push and a difference may tell the same thing, and a command is to be obeyed once.

use std::collections::{HashSet, VecDeque};

use crate::incoming::Incoming;

/// How much is remembered. Twice told things come within seconds; this is more than a busy minute.
const HEARD_MAX: usize = 8_192;

#[derive(Debug, Default)]
pub(crate) struct Recent {
    seen: HashSet<Heard>,
    order: VecDeque<Heard>,
}

/// What is heard once and obeyed once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Heard {
    Message {
        chat: i64,
        id: i32,
    },
    /// A pressed button's query.
    Press(i64),
    /// A basic group that became a supergroup.
    Move {
        from: i64,
    },
}

// === impl Recent ===

impl Recent {
    /// Whether this is news. What may be told twice without harm always is.
    pub(crate) fn is_news(&mut self, event: &Incoming) -> bool {
        Heard::of(event).is_none_or(|heard| self.is_first(heard))
    }

    /// What was heard and did not take effect is news again.
    pub(crate) fn forget(&mut self, heard: &Heard) {
        self.seen.remove(heard);
        self.order.retain(|other| other != heard);
    }

    fn is_first(&mut self, heard: Heard) -> bool {
        if !self.seen.insert(heard.clone()) {
            return false;
        }
        self.order.push_back(heard);
        if self.order.len() > HEARD_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

// === impl Heard ===

impl Heard {
    pub(crate) fn of(event: &Incoming) -> Option<Heard> {
        match event {
            Incoming::Message(message) => {
                Some(Heard::Message { chat: message.chat.id.0, id: message.id.0 })
            }
            Incoming::Callback(callback) => Some(Heard::Press(callback.id)),
            Incoming::Migrated { from, .. } => Some(Heard::Move { from: from.0 }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{ChatId, MessageId};

    use super::*;
    use crate::incoming::{Chat, Message, Sender};

    fn message(chat: i64, id: i32) -> Incoming {
        let chat = Chat { id: ChatId(chat), title: None, username: None, is_broadcast: false };
        Incoming::Message(Box::new(Message {
            chat,
            id: MessageId(id),
            from: Sender::AnonymousAdmin,
            text: String::new(),
            reply_to: None,
            attachment: None,
            date: Duration::ZERO,
            is_out: false,
        }))
    }

    #[test]
    fn a_message_told_twice_is_heard_once() {
        let mut recent = Recent::default();
        assert!(recent.is_news(&message(-100, 7)));
        assert!(!recent.is_news(&message(-100, 7)));
        assert!(recent.is_news(&message(-200, 7)), "another chat");
        let moved = Incoming::Migrated { from: ChatId(-7), to: ChatId(-100) };
        assert!(
            recent.is_news(&moved) && !recent.is_news(&moved),
            "done once, and heard until it is"
        );
        assert!(recent.is_news(&Incoming::Connected) && recent.is_news(&Incoming::Connected));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut recent = Recent::default();
        for id in 0..100_000 {
            assert!(recent.is_news(&message(-100, id)));
        }
        assert_eq!((recent.seen.len(), recent.order.len()), (HEARD_MAX, HEARD_MAX));
        assert!(!recent.is_news(&message(-100, 99_999)));
    }
}
