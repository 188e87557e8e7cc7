//! Buttons: a press goes to the bot, the bot's answer goes back; and the bot's list of commands.

use std::time::Duration;

use grammers_tl_types as tl;
use tl::{Deserializable, Serializable, enums, types};
use tokio::sync::oneshot;

use super::{BOT_PATIENCE, Desk, Reply, methods, ready};
use crate::world::World;
use crate::world::ids::{self, Kind, mix, peer};
use crate::world::refusal::{Answered, bad};
use crate::world::state::State;
use crate::world::transcript::{CallbackAnswer, Event};
use crate::world::waiting::Press;

/// A press on its way: its number, and where the answer will come.
type Pressed = (i64, oneshot::Receiver<types::messages::BotCallbackAnswer>);

impl State {
    fn press(
        &mut self,
        user: i64,
        chat: i64,
        message: i32,
        data: Option<Vec<u8>>,
    ) -> Answered<Pressed> {
        let letter = self.letter(user, chat, message).ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        let data = data.ok_or_else(|| bad("DATA_INVALID"))?;
        let buttons = crate::world::transcript::buttons(letter.markup.as_ref());
        let is_there = buttons.iter().flatten().any(|button| button.data.as_deref() == Some(&data));
        if !is_there {
            return Err(bad("DATA_INVALID"));
        }
        self.press_anything(user, chat, message, data)
    }

    /// A press of a client that makes up its data, or had the message on its screen for too long.
    fn press_anything(
        &mut self,
        user: i64,
        chat: i64,
        message: i32,
        data: Vec<u8>,
    ) -> Answered<Pressed> {
        let letter = self.letter(user, chat, message).ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        let bot = letter.via_bot.unwrap_or(letter.author);
        if !self.is_bot(bot) {
            return Err(bad("DATA_INVALID"));
        }
        // In a private chat the bot calls the message by another id, and the dialog by the presser's name.
        let msg_id = letter.id_for(bot).ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        let dialog = if matches!(ids::kind(chat), Kind::User(_)) { user } else { chat };
        let query_id = self.fresh();
        let (answer, answered) = oneshot::channel();
        let update = types::UpdateBotCallbackQuery {
            query_id,
            user_id: user,
            peer: peer(dialog),
            msg_id,
            chat_instance: mix(chat, 4),
            data: Some(data.clone()),
            game_short_name: None,
        };
        self.waiting.presses.insert(query_id, Press { bot, user, chat, message, answer });
        self.announce(&[bot], &update.into(), &[user, dialog], None);
        self.news.push_back(Event::Pressed { chat, user, message, data });
        Ok((query_id, answered))
    }
}

impl World {
    /// Presses a button as `user` and waits for the bot.
    pub(crate) async fn pressed(
        &self,
        user: i64,
        chat: i64,
        message: i32,
        data: Option<Vec<u8>>,
        patience: Duration,
    ) -> Answered<types::messages::BotCallbackAnswer> {
        let pressed = self.with(|state| state.press(user, chat, message, data))?;
        self.answered(pressed, patience).await
    }

    /// The same with data that need not be on any button.
    pub(crate) async fn pressed_anything(
        &self,
        user: i64,
        chat: i64,
        message: i32,
        data: Vec<u8>,
        patience: Duration,
    ) -> Answered<types::messages::BotCallbackAnswer> {
        let pressed = self.with(|state| state.press_anything(user, chat, message, data))?;
        self.answered(pressed, patience).await
    }

    async fn answered(
        &self,
        (query_id, answered): Pressed,
        patience: Duration,
    ) -> Answered<types::messages::BotCallbackAnswer> {
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            _ => {
                self.with(|state| state.waiting.presses.remove(&query_id));
                Err(bad("BOT_RESPONSE_TIMEOUT"))
            }
        }
    }

    pub(super) fn press_button(&self, user: i64, body: &[u8]) -> Reply {
        let Ok(q) = tl::functions::messages::GetBotCallbackAnswer::from_bytes(body) else {
            return ready(Err(bad("INPUT_FETCH_ERROR")));
        };
        let world = self.clone();
        let chat = self.with(|state| state.open(user, &q.peer));
        Box::pin(async move {
            let answer = world.pressed(user, chat?, q.msg_id, q.data, BOT_PATIENCE).await?;
            Ok(enums::messages::BotCallbackAnswer::from(answer).to_bytes())
        })
    }
}

impl Desk<'_> {
    pub(super) fn presses(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            messages::SetBotCallbackAnswer => answer_press,
            bots::SetBotCommands => set_commands,
            bots::ResetBotCommands => reset_commands,
            bots::GetBotCommands => commands,
            bots::SetBotMenuButton => set_menu_button,
            bots::SetBotInfo => set_info,
        )
    }

    fn answer_press(&mut self, q: tl::functions::messages::SetBotCallbackAnswer) -> Answered<bool> {
        let is_mine =
            self.state.waiting.presses.get(&q.query_id).is_some_and(|press| press.bot == self.user);
        let press = self.state.waiting.presses.remove(&q.query_id).filter(|_| is_mine);
        let press = press.ok_or_else(|| bad("QUERY_ID_INVALID"))?;
        let answer =
            CallbackAnswer { text: q.message.clone(), is_alert: q.alert, url: q.url.clone() };
        let (chat, user, message) = (press.chat, press.user, press.message);
        self.state.news.push_back(Event::Answered { chat, user, message, answer });
        let answer = types::messages::BotCallbackAnswer {
            alert: q.alert,
            has_url: q.url.is_some(),
            native_ui: true,
            message: q.message,
            url: q.url,
            cache_time: q.cache_time,
        };
        // The presser may have gone away meanwhile; the bot is told that all is well, as Telegram does.
        drop(press.answer.send(answer));
        Ok(true)
    }

    fn set_commands(&mut self, q: tl::functions::bots::SetBotCommands) -> Answered<bool> {
        for command in &q.commands {
            let enums::BotCommand::Command(command) = command;
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if command.command.is_empty()
                || command.command.len() > 32
                || !command.command.chars().all(is_name)
            {
                return Err(bad("BOT_COMMAND_INVALID"));
            }
            if command.description.is_empty() || command.description.chars().count() > 256 {
                return Err(bad("BOT_COMMAND_DESCRIPTION_INVALID"));
            }
        }
        let Some(account) = self.state.accounts.get_mut(&self.user) else { return Ok(false) };
        account.commands.insert((q.scope.to_bytes(), q.lang_code), q.commands);
        Ok(true)
    }

    fn reset_commands(&mut self, q: tl::functions::bots::ResetBotCommands) -> Answered<bool> {
        let Some(account) = self.state.accounts.get_mut(&self.user) else { return Ok(false) };
        account.commands.remove(&(q.scope.to_bytes(), q.lang_code));
        Ok(true)
    }

    fn commands(
        &mut self,
        q: tl::functions::bots::GetBotCommands,
    ) -> Answered<Vec<enums::BotCommand>> {
        let account = self.state.accounts.get(&self.user);
        let commands = account.and_then(|a| a.commands.get(&(q.scope.to_bytes(), q.lang_code)));
        Ok(commands.cloned().unwrap_or_default())
    }

    fn set_menu_button(&mut self, _: tl::functions::bots::SetBotMenuButton) -> Answered<bool> {
        Ok(true)
    }

    fn set_info(&mut self, _: tl::functions::bots::SetBotInfo) -> Answered<bool> {
        Ok(true)
    }
}
