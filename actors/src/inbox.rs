//! What a message or a pressed button wants of the bot. Pure.

use domain::callback::{Action, Forged, Generation, Pressed, Seal};
use domain::command::{Asked, Command, Parsed, parse};
use domain::event::{By, Via};
use domain::message_link::MessageLink;
use domain::permission::Standing;
use domain::player::Input;
use domain::track::{Attachment, Request, Requester};
use domain::{Attempt, ChatId, MessageId, UserId};
use telegram::{Callback, Message, Sender};

/// The account that speaks for anonymous administrators (GroupAnonymousBot, core.telegram.org/bots/api#chatmember).
const ANONYMOUS_ADMIN: UserId = UserId(1_087_968_824);

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wish {
    /// Nothing of this bot.
    Nothing,
    Start,
    Help,
    Ping,
    Stats {
        by: By,
    },
    /// Another page of numbers, in place of the one whose button was pressed.
    Turn {
        by: By,
        page: usize,
    },
    /// Something that makes sense in groups only.
    NotHere,
    Play {
        asked: PlayAsked,
        requester: Requester,
    },
    /// The last failure of the chat.
    Why,
    /// Something to choose from; without words there is nothing.
    Search(Option<String>),
    /// One of the hits of a search.
    Pick {
        by: By,
        search: Generation,
        at: usize,
    },
    Control {
        control: Control,
        by: By,
        only: Option<Attempt>,
    },
    /// A button of an earlier player.
    Stale {
        by: By,
    },
    /// A button that this bot did not make.
    Forged {
        by: By,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PlayAsked {
    Request(Request),
    /// Whatever is attached to this message.
    Reply(MessageId),
    /// Whatever is attached to the message that a link names.
    Linked(MessageLink),
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    Pause,
    Resume,
    Skip,
    Stop,
    List,
}

/// Reads a message. `username` is the bot's.
pub(crate) fn read(message: &Message, username: &str, operators: &[UserId]) -> Wish {
    if message.is_out
        || matches!(&message.from, Sender::User(user) if user.is_bot)
        || message.chat.is_broadcast
    {
        return Wish::Nothing;
    }
    let command = match parse(&message.text, username) {
        Parsed::Command(command) => command,
        Parsed::Unknown if message.chat.id.is_private() => return Wish::Help,
        Parsed::Unknown | Parsed::ForAnotherBot | Parsed::NotACommand => return Wish::Nothing,
    };
    let is_private = message.chat.id.is_private();
    let control = match command {
        Command::Start => return Wish::Start,
        Command::Help => return Wish::Help,
        Command::Ping => return Wish::Ping,
        Command::Stats => return Wish::Stats { by: by(message, operators) },
        _ if is_private => return Wish::NotHere,
        Command::Why => return Wish::Why,
        Command::Search(words) => return Wish::Search(words),
        Command::Play(asked) => {
            let Requester { id, name } = requester(&message.from, message.chat.id);
            let asked = play(asked, message.attachment.clone(), message.reply_to);
            return Wish::Play { asked, requester: Requester { id, name } };
        }
        Command::Pause => Control::Pause,
        Command::Resume => Control::Resume,
        Command::Skip => Control::Skip,
        Command::Stop => Control::Stop,
        Command::Queue => Control::List,
    };
    Wish::Control { control, by: by(message, operators), only: None }
}

/// Who wrote a message.
fn by(message: &Message, operators: &[UserId]) -> By {
    let Requester { id, name } = requester(&message.from, message.chat.id);
    let standing = Standing {
        user: id,
        is_anonymous_admin: matches!(message.from, Sender::AnonymousAdmin),
        is_admin: false,
        is_owner: operators.contains(&id),
        is_requester: false,
    };
    By { name, standing, via: Via::Message(message.id) }
}

/// Reads a press; `current` is the life of the player that the chat's newest panel belongs to.
pub(crate) fn press(
    callback: &Callback,
    seal: &Seal,
    current: Option<Generation>,
    operators: &[UserId],
) -> Wish {
    let standing = Standing {
        user: callback.from.id,
        is_anonymous_admin: false,
        is_admin: false,
        is_owner: operators.contains(&callback.from.id),
        is_requester: false,
    };
    let by = By { name: callback.from.name.clone(), standing, via: Via::Button(callback.id) };
    match seal.check(callback.chat, &callback.data) {
        Err(Forged) => Wish::Forged { by },
        Ok(Pressed { action: Action::Stats, attempt, .. }) => {
            Wish::Turn { by, page: usize::try_from(attempt.0).unwrap_or(usize::MAX) }
        }
        Ok(Pressed { action: Action::Pick, generation: search, attempt }) => {
            Wish::Pick { by, search, at: usize::try_from(attempt.0).unwrap_or(usize::MAX) }
        }
        Ok(pressed) if Some(pressed.generation) != current => Wish::Stale { by },
        Ok(pressed) => {
            let control = match pressed.action {
                Action::Pause => Control::Pause,
                Action::Resume => Control::Resume,
                Action::Skip => Control::Skip,
                Action::Stop => Control::Stop,
                Action::Stats | Action::Pick => return Wish::Stale { by },
            };
            Wish::Control { control, by, only: Some(pressed.attempt) }
        }
    }
}

/// Words win over the attachment, the attachment over the reply.
fn play(
    asked: Option<Asked>,
    attachment: Option<Attachment>,
    reply_to: Option<MessageId>,
) -> PlayAsked {
    match (asked, attachment, reply_to) {
        (Some(Asked::Url(url)), _, _) => match MessageLink::parse(&url) {
            Some(link) => PlayAsked::Linked(link),
            None => PlayAsked::Request(Request::Url(url)),
        },
        (Some(Asked::Query(query)), _, _) => PlayAsked::Request(Request::Query(query)),
        (None, Some(attachment), _) => PlayAsked::Request(Request::Attachment(attachment)),
        (None, None, Some(reply_to)) => PlayAsked::Reply(reply_to),
        (None, None, None) => PlayAsked::Nothing,
    }
}

fn requester(from: &Sender, chat: ChatId) -> Requester {
    match from {
        Sender::User(user) => Requester { id: user.id, name: user.name.clone() },
        Sender::AnonymousAdmin => Requester { id: ANONYMOUS_ADMIN, name: "Admin".to_owned() },
        Sender::Channel { id, title } => {
            let name = title.clone().unwrap_or_else(|| "Channel".to_owned());
            debug_assert!(*id != chat || !id.is_private());
            Requester { id: UserId(id.0), name }
        }
    }
}

// === impl Control ===

impl Control {
    pub(crate) fn input(self, by: By, only: Option<Attempt>) -> Input {
        match self {
            Control::Pause => Input::Pause { by, only },
            Control::Resume => Input::Resume { by, only },
            Control::Skip => Input::Skip { by, only },
            Control::Stop => Input::Stop { by, only },
            Control::List => Input::List { by },
        }
    }

    /// The other way round; requests and news are no controls.
    pub(crate) fn of(input: &Input) -> Option<(Control, &By)> {
        match input {
            Input::Pause { by, .. } => Some((Control::Pause, by)),
            Input::Resume { by, .. } => Some((Control::Resume, by)),
            Input::Skip { by, .. } => Some((Control::Skip, by)),
            Input::Stop { by, .. } => Some((Control::Stop, by)),
            Input::List { by } => Some((Control::List, by)),
            _ => None,
        }
    }

    /// Whether an administrator's standing makes a difference.
    pub(crate) fn needs_standing(self) -> bool {
        self != Control::List
    }
}
