//! Acting in the world without a client: what tests and the demo let people do, and what they look at.

use std::time::Duration;

use grammers_tl_types as tl;
use tokio::sync::broadcast;

use super::letter::{Draft, Media};
use super::mailbox::LetterId;
use super::refusal::{Refusal, bad};
use super::state::State;
use super::transcript::{CallbackAnswer, Event, Shown};
use super::{World, html, ids};

/// A file to be sent, as an app sends it.
#[derive(Clone, Debug)]
pub struct Upload {
    pub bytes: Vec<u8>,
    pub file_name: Option<String>,
    pub mime: String,
    pub kind: UploadKind,
    /// The text under it.
    pub caption: String,
}

/// What an app presents a file as.
#[derive(Clone, Debug)]
pub enum UploadKind {
    Music { title: Option<String>, performer: Option<String>, duration: Duration },
    Voice { duration: Duration },
    Document,
}

/// An audio file to be sent.
#[derive(Clone, Debug)]
pub struct Audio {
    pub bytes: Vec<u8>,
    pub file_name: String,
    pub mime: String,
    pub title: Option<String>,
    pub performer: Option<String>,
    pub duration: Duration,
}

impl UploadKind {
    fn attributes(self) -> Vec<tl::enums::DocumentAttribute> {
        let (voice, duration, title, performer) = match self {
            UploadKind::Music { title, performer, duration } => (false, duration, title, performer),
            UploadKind::Voice { duration } => (true, duration, None, None),
            UploadKind::Document => return Vec::new(),
        };
        let duration = duration.as_secs() as i32;
        let audio =
            tl::types::DocumentAttributeAudio { voice, duration, title, performer, waveform: None };
        vec![audio.into()]
    }
}

impl State {
    fn speak(&mut self, user: i64, chat: i64, draft: Draft) -> Result<i32, Refusal> {
        self.may_write(user, chat)?;
        let is_anonymous = self.chats.get(&chat).is_some_and(|place| place.is_anonymous(user));
        let entities = html::detect(&draft.text, draft.entities);
        let sent_as = is_anonymous.then_some(chat);
        let letter = self.post(user, chat, Draft { entities, sent_as, ..draft }, None);
        self.letters
            .get(&letter)
            .and_then(|letter| letter.id_for(user))
            .ok_or_else(|| bad("PEER_ID_INVALID"))
    }
}

impl World {
    /// `user` writes into `chat` (for a private chat: the other's id). Returns the message id as `user` sees it.
    ///
    /// # Errors
    /// The world refuses as Telegram would: not a member, restricted, slow mode.
    pub fn say(&self, user: i64, chat: i64, text: &str) -> Result<i32, Refusal> {
        let draft = Draft { text: text.to_owned(), ..Draft::default() };
        self.with(|state| state.speak(user, chat, draft))
    }

    /// The same, as an answer to a message.
    ///
    /// # Errors
    /// As [`Self::say`]; and the message may not be there.
    pub fn say_reply(&self, user: i64, chat: i64, to: i32, text: &str) -> Result<i32, Refusal> {
        self.with(|state| {
            let reply_to = state
                .letter(user, chat, to)
                .map(|letter| letter.id)
                .ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
            let draft =
                Draft { text: text.to_owned(), reply_to: Some(reply_to), ..Draft::default() };
            state.speak(user, chat, draft)
        })
    }

    /// `user` sends an audio file into `chat`.
    ///
    /// # Errors
    /// As [`Self::say`].
    pub fn send_audio(&self, user: i64, chat: i64, audio: Audio) -> Result<i32, Refusal> {
        let Audio { bytes, file_name, mime, title, performer, duration } = audio;
        let kind = UploadKind::Music { title, performer, duration };
        let file_name = Some(file_name);
        self.send_file(user, chat, Upload { bytes, file_name, mime, kind, caption: String::new() })
    }

    /// `user` sends a file of any kind into `chat`.
    ///
    /// # Errors
    /// As [`Self::say`].
    pub fn send_file(&self, user: i64, chat: i64, upload: Upload) -> Result<i32, Refusal> {
        let Upload { bytes, file_name, mime, kind, caption } = upload;
        let attributes = kind.attributes().into_iter().chain(
            file_name.map(|file_name| tl::types::DocumentAttributeFilename { file_name }.into()),
        );
        self.with(|state| {
            let (date, home) = (state.now(), state.home(user));
            let file = state.files.store(bytes, mime, attributes.collect(), date, home);
            let media = Some(Media::Document(file));
            state.speak(user, chat, Draft { text: caption, media, ..Draft::default() })
        })
    }

    /// `user` presses the button with this data and waits for the bot.
    ///
    /// # Errors
    /// No such button, or `BOT_RESPONSE_TIMEOUT` when the bot did not answer in `patience`.
    pub async fn press(
        &self,
        user: i64,
        chat: i64,
        message: i32,
        data: &[u8],
        patience: Duration,
    ) -> Result<CallbackAnswer, Refusal> {
        let answer = self.pressed(user, chat, message, Some(data.to_vec()), patience).await?;
        Ok(CallbackAnswer { text: answer.message, is_alert: answer.alert, url: answer.url })
    }

    /// The same with data that is on no button of the message: bots get such presses from altered apps, and from apps
    /// that still show buttons which are gone (core.telegram.org/bots/api#callbackquery).
    ///
    /// # Errors
    /// As [`Self::press`]; the message must be a bot's.
    pub async fn press_unseen(
        &self,
        user: i64,
        chat: i64,
        message: i32,
        data: &[u8],
        patience: Duration,
    ) -> Result<CallbackAnswer, Refusal> {
        let answer = self.pressed_unseen(user, chat, message, data.to_vec(), patience).await?;
        Ok(CallbackAnswer { text: answer.message, is_alert: answer.alert, url: answer.url })
    }

    /// The language of `user`'s app, as bots are told it; `en` at first.
    pub fn set_language(&self, user: i64, language: &str) {
        self.with(|state| {
            if let Some(account) = state.accounts.get_mut(&user) {
                account.language = language.to_owned();
            }
        });
    }

    /// `user` deletes messages of `chat` for everybody; how many there were.
    pub fn delete(&self, user: i64, chat: i64, messages: &[i32]) -> usize {
        self.with(|state| {
            let known = messages
                .iter()
                .filter_map(|id| state.letter(user, chat, *id))
                .map(|letter| letter.id);
            let letters: Vec<LetterId> = known.collect();
            state.erase(user, chat, &letters, None)
        })
    }

    /// Everything in a group or channel, oldest first, as its creator sees it.
    pub fn messages(&self, chat: i64) -> Vec<Shown> {
        let creator = self.with(|state| state.chats.get(&chat).map(|place| place.creator));
        creator.map(|creator| self.messages_of(creator, chat)).unwrap_or_default()
    }

    /// The same for any dialog, as `viewer` sees it.
    pub fn messages_of(&self, viewer: i64, chat: i64) -> Vec<Shown> {
        self.with(|state| {
            let Some(mailbox) = state.mailbox(viewer, chat) else { return Vec::new() };
            let shown = mailbox.letters.values().filter_map(|id| state.shown(viewer, *id));
            shown.filter(|message| message.chat == chat).collect()
        })
    }

    /// What happens from now on. A late onlooker loses the oldest events.
    pub fn watch(&self) -> broadcast::Receiver<Event> {
        self.shared.news.subscribe()
    }

    /// Looks at the world now and after everything that happens, until `look` finds something or time is up.
    pub async fn wait_for<T>(
        &self,
        deadline: Duration,
        mut look: impl FnMut(&World) -> Option<T>,
    ) -> Option<T> {
        let mut changes = self.shared.changes.subscribe();
        let search = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = look(self) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(deadline, search).await.ok().flatten()
    }

    /// Waits for a message of a group or channel.
    pub async fn wait_for_message(
        &self,
        chat: i64,
        deadline: Duration,
        mut wanted: impl FnMut(&Shown) -> bool,
    ) -> Option<Shown> {
        self.wait_for(deadline, |world| {
            world.messages(chat).into_iter().rev().find(|shown| wanted(shown))
        })
        .await
    }

    /// The access hash under which `viewer` knows a user, channel or supergroup (Bot-API id).
    pub fn access_hash(&self, viewer: i64, target: i64) -> i64 {
        self.with(|state| state.access_hash(viewer, target))
    }

    /// The bare channel id of a `-100…` id.
    pub fn channel_id(chat: i64) -> Option<i64> {
        match ids::kind(chat) {
            ids::Kind::Channel(id) => Some(id),
            _ => None,
        }
    }

    /// The file behind an audio or other document of a message.
    pub fn file(&self, viewer: i64, chat: i64, message: i32) -> Option<Vec<u8>> {
        self.with(|state| match state.letter(viewer, chat, message)?.media.as_ref()? {
            Media::Document(id) | Media::Photo(id) => {
                state.files.get(*id).map(|file| file.bytes.to_vec())
            }
            Media::Other(_) => None,
        })
    }
}
