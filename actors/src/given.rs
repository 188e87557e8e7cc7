//! A command on its way to a player.

use domain::ChatId;
use domain::player::Input;
use supervisor::Handle;

use crate::root::bot;

/// Whoever lets go of it unread (a player that died or ended with it in its mailbox) has given it back to the bot, which
/// hands it to the next life, or tells that nothing plays.
pub(crate) struct Given {
    input: Option<Box<Input>>,
    back: Back,
}

/// Where a command came from.
#[derive(Clone)]
pub(crate) struct Back {
    pub(crate) bot: Handle<bot::Msg>,
    pub(crate) chat: ChatId,
    /// The group's public name, for a player that has to be started.
    pub(crate) username: Option<String>,
}

// === impl Given ===

impl Given {
    pub(crate) fn new(input: Box<Input>, back: Back) -> Given {
        Given { input: Some(input), back }
    }

    pub(crate) fn read(mut self) -> Box<Input> {
        self.input.take().expect("it is read once, and that consumes it")
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        let Some(input) = self.input.take() else { return };
        let Back { bot, chat, username } = self.back.clone();
        if bot.send(bot::Msg::Again { chat, username, input }).is_err() {
            tracing::debug!(%chat, "a command was not read, and the bot is not there either");
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::MessageId;
    use domain::UserId;
    use domain::event::{By, Via};
    use domain::permission::Standing;

    use super::*;

    #[test]
    fn a_command_that_nobody_read_goes_back_to_the_bot() {
        let (_door, bot) = supervisor::door(4);
        let back = Back { bot: bot.clone(), chat: ChatId(-1), username: None };
        let standing = Standing {
            user: UserId(5),
            is_admin: false,
            is_anonymous_admin: false,
            is_owner: false,
            is_requester: false,
        };
        let by = By { name: "Ada".into(), standing, via: Via::Message(MessageId(7)) };
        let list = || Box::new(Input::List { by: by.clone() });
        drop(Given::new(list(), back.clone()).read());
        assert_eq!(bot.depth(), 0);
        drop(Given::new(list(), back));
        assert_eq!(bot.depth(), 1);
    }
}
