//! /stats: operators see everything in their own chats, everybody else what the group's player is doing.
//!
//! A group is read by strangers, so the whole picture is shown in private and in the operators' group only.

use domain::event::{By, Via};
use domain::{ChatId, MessageId};

use super::Desk;
use crate::root::bot::Msg;
use crate::speech::panel::{Pen, Saying, plain};

/// Where a drawn page goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In answer to this message.
    Under(MessageId),
    /// In place of this one.
    Over(MessageId),
}

// === impl Desk ===

impl Desk {
    pub(super) fn stats(&mut self, chat: ChatId, by: &By) {
        let Via::Message(asked_in) = by.via else { return };
        let is_operators_group = self.parts.settings.logger == Some(chat);
        match by.standing.is_owner {
            true if chat.is_private() || is_operators_group => {
                self.draw(chat, 0, Place::Under(asked_in))
            }
            false if chat.is_private() => self.say(chat, Some(asked_in), "stats-stranger", &[]),
            is_operator => {
                let stats = self.parts.board.chat(chat);
                let mut saying = self.with_pen(chat, |pen| pen.chat_stats(stats.as_ref()));
                if is_operator {
                    let hint = self.with_pen(chat, |pen| pen.say("stats-elsewhere", &[]));
                    saying = plain(format!("{}\n\n{hint}", saying.html));
                }
                self.voice.show(chat, Some(asked_in), saying);
            }
        }
    }

    /// Another page was asked for by a button under `message`.
    pub(super) fn turn(&mut self, chat: ChatId, by: &By, page: usize, message: MessageId) {
        if !by.standing.is_owner {
            return self.refuse(chat, by, "stats-forbidden");
        }
        if let Via::Button(query) = by.via {
            self.voice.acknowledge(query);
        }
        self.draw(chat, page, Place::Over(message));
    }

    /// Looks at everything and draws it beside the actor: there may be thousands of lines.
    fn draw(&mut self, chat: ChatId, page: usize, place: Place) {
        let (board, tree) = (self.parts.board.clone(), self.context.tree().clone());
        let (texts, seal) = (self.parts.texts.clone(), self.seal.clone());
        let language = self.voice.language(chat);
        self.context.tasks().spawn(async move {
            let stats = board.collect(&tree);
            let generation = domain::callback::Generation(0);
            let pen = Pen { texts: &texts, language, seal: &seal, chat, generation };
            Msg::Drawn { chat, place, saying: pen.stats(&stats, page) }
        });
    }

    pub(crate) fn drawn(&mut self, chat: ChatId, place: Place, saying: Saying) {
        match place {
            Place::Under(asked_in) => self.voice.show(chat, Some(asked_in), saying),
            Place::Over(message) => self.voice.redraw(chat, message, saying),
        }
    }

    pub(super) fn with_pen<T>(&mut self, chat: ChatId, draw: impl FnOnce(Pen<'_>) -> T) -> T {
        let language = self.voice.language(chat);
        let texts = self.parts.texts.clone();
        let generation = domain::callback::Generation(0);
        draw(Pen { texts: &texts, language, seal: &self.seal, chat, generation })
    }
}
