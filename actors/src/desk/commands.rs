//! What people want of a player: a request that finds or begins one, and commands that only find one.

use domain::event::{By, Via};
use domain::permission::Controls;
use domain::player::Input;
use domain::track::{Request, Requester};
use domain::{Attempt, ChatId, Class, Fault, MessageId, UserId};
use telegram::Message;
use tokio::time::Instant;

use super::{Desk, STANDINGS_MAX};
use crate::inbox::{Control, PlayAsked};
use crate::root::bot::Msg;
use crate::root::chats::Untaken;

// === impl Desk: commands ===

impl Desk {
    pub(super) fn play(&mut self, message: &Message, asked: PlayAsked, requester: Requester) {
        let chat = message.chat.clone();
        let asked_in = message.id;
        match asked {
            PlayAsked::Request(request) => {
                self.hand_over(
                    chat.id,
                    chat.username,
                    Input::Play { request, requester, asked_in, via: Via::Message(asked_in) },
                );
            }
            PlayAsked::Reply(reply_to) => {
                let account = self.account.clone();
                self.context.tasks().spawn(async move {
                    let outcome = match account.message(chat.id, reply_to).await {
                        Ok(content) => Ok(content
                            .and_then(|content| content.attachment)
                            .map(Request::Attachment)),
                        Err(error) => Err(error.into()),
                    };
                    Msg::Replied { chat: Box::new(chat), asked_in, requester, outcome }
                });
            }
            PlayAsked::Linked(link) => self.linked(message, link, requester),
            PlayAsked::Nothing => {
                self.settle(chat.id, Via::Message(asked_in));
                self.say(chat.id, Some(asked_in), "reason-nothing-asked", &[]);
            }
        }
    }

    pub(crate) fn replied(
        &mut self,
        chat: &telegram::Chat,
        asked_in: MessageId,
        requester: Requester,
        outcome: Result<Option<Request>, Fault>,
    ) {
        match outcome {
            Ok(Some(request)) => {
                self.hand_over(
                    chat.id,
                    chat.username.clone(),
                    Input::Play { request, requester, asked_in, via: Via::Message(asked_in) },
                );
            }
            Ok(None) => {
                self.settle(chat.id, Via::Message(asked_in));
                self.say(chat.id, Some(asked_in), "reason-nothing-asked", &[]);
            }
            Err(fault) if fault.class == Class::Refused => {
                self.settle(chat.id, Via::Message(asked_in));
                self.voice.reason(chat.id, asked_in, fault.reason, self.parts.texts.clone());
            }
            Err(fault) => self.not_taken(chat.id, asked_in, &fault),
        }
    }

    /// To the chat's player; a new one is started when there is none.
    pub(crate) fn hand_over(&mut self, chat: ChatId, username: Option<String>, input: Input) {
        let Err(input) = self.parts.chats.play_now(chat, username.clone(), input) else { return };
        let Input::Play { asked_in, .. } = *input else { return };
        let chats = self.parts.chats.clone();
        self.context.tasks().spawn(async move {
            match chats.play(chat, username, *input).await {
                Ok(()) => Msg::Taken,
                Err(fault) => Msg::NotTaken { chat, asked_in, fault },
            }
        });
    }

    pub(crate) fn not_taken(&mut self, chat: ChatId, asked_in: MessageId, fault: &Fault) {
        self.settle(chat, Via::Message(asked_in));
        tracing::warn!(%chat, %fault, "request not taken");
        self.voice.reason(chat, asked_in, fault.reason, self.parts.texts.clone());
    }

    pub(super) fn control(
        &mut self,
        chat: ChatId,
        control: Control,
        by: By,
        only: Option<Attempt>,
    ) {
        let user = by.standing.user;
        let is_known =
            by.standing.is_anonymous_admin || by.standing.is_owner || !control.needs_standing();
        let known = self
            .standings
            .get(&(chat, user))
            .filter(|(_, at)| at.elapsed() < self.parts.settings.standing_max);
        match known {
            _ if is_known || self.parts.controls == Controls::Everyone => {
                self.command(chat, control, by, only)
            }
            Some((is_admin, _)) => {
                let is_admin = *is_admin;
                self.standing_known(chat, user, Some(is_admin), control, by, only);
            }
            None => {
                let account = self.account.clone();
                self.context.tasks().spawn(async move {
                    let is_admin = account
                        .participant(chat, user)
                        .await
                        .ok()
                        .map(|p| p.is_admin || p.is_creator);
                    Msg::Standing { chat, user, is_admin, control, by: Box::new(by), only }
                });
            }
        }
    }

    /// Somebody whose standing cannot be learnt commands as a member.
    pub(crate) fn standing_known(
        &mut self,
        chat: ChatId,
        user: UserId,
        is_admin: Option<bool>,
        control: Control,
        mut by: By,
        only: Option<Attempt>,
    ) {
        if let Some(is_admin) = is_admin {
            if self.standings.len() >= STANDINGS_MAX {
                self.standings.clear();
            }
            self.standings.entry((chat, user)).or_insert((is_admin, Instant::now()));
            by.standing.is_admin = is_admin;
        }
        self.command(chat, control, by, only);
    }

    fn command(&mut self, chat: ChatId, control: Control, by: By, only: Option<Attempt>) {
        if control == Control::List {
            self.settle(chat, by.via);
        }
        self.hand_on(chat, control, by.clone(), control.input(by, only));
    }

    /// A player ended before it read of this.
    pub(crate) fn again(&mut self, chat: ChatId, username: Option<String>, input: Input) {
        match Control::of(&input) {
            Some((control, by)) => self.hand_on(chat, control, by.clone(), input),
            None => self.hand_over(chat, username, input),
        }
    }

    fn hand_on(&mut self, chat: ChatId, control: Control, by: By, input: Input) {
        let Err(input) = self.parts.chats.tell(chat, input) else { return };
        if !self.parts.chats.is_there(chat) {
            return self.nobody_plays(chat, &by, control);
        }
        let chats = self.parts.chats.clone();
        self.context.tasks().spawn(async move {
            match chats.command(chat, None, input).await {
                Ok(()) => Msg::Taken,
                Err(untaken) => Msg::NotCommanded { chat, control, by: Box::new(by), untaken },
            }
        });
    }

    /// A command waited for a player, and none took it.
    pub(crate) fn not_commanded(&mut self, chat: ChatId, control: Control, by: &By, why: &Untaken) {
        match (why, by.via) {
            (Untaken::Nobody(_), _) => self.nobody_plays(chat, by, control),
            (Untaken::Fault(fault), Via::Message(asked_in)) => {
                self.not_taken(chat, asked_in, fault);
            }
            (Untaken::Fault(_), Via::Button(_)) => {
                self.settle(chat, by.via);
                self.refuse(chat, by, "reason-stopping");
            }
        }
    }

    fn nobody_plays(&mut self, chat: ChatId, by: &By, control: Control) {
        self.settle(chat, by.via);
        let id = match (control, by.via) {
            (Control::List, _) => "queue-empty",
            (_, Via::Button(_)) => "stale",
            (_, Via::Message(_)) => "nothing-playing",
        };
        self.refuse(chat, by, id);
    }
}
