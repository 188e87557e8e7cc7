//! Acting in the world without a client: what tests and the demo let people do, and what they look at.

use std::time::Duration;

use grammers_tl_types as tl;
use tokio::sync::broadcast;

use super::account::Sort;
use super::chat::{Role, all_rights, unrestricted};
use super::letter::{Draft, Media};
use super::mailbox::LetterId;
use super::membership::Way;
use super::population::{Person, Place};
use super::refusal::{Refusal, bad};
use super::state::State;
use super::transcript::{CallbackAnswer, Event, Shown};
use super::{World, html, ids, settle};

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
        self.with(|state| {
            let attributes = vec![
                tl::types::DocumentAttributeAudio {
                    voice: false,
                    duration: audio.duration.as_secs() as i32,
                    title: audio.title,
                    performer: audio.performer,
                    waveform: None,
                }
                .into(),
                tl::types::DocumentAttributeFilename { file_name: audio.file_name }.into(),
            ];
            let date = state.now();
            let file = state.files.store(audio.bytes, audio.mime, attributes, date);
            state.speak(
                user,
                chat,
                Draft { media: Some(Media::Document(file)), ..Draft::default() },
            )
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

    /// Opens another account. One with this id is replaced.
    pub fn add_person(&self, person: &Person) {
        self.with(|state| state.accounts.insert(person.id, settle::person(person, Sort::Person)));
    }

    /// Opens another assistant's account.
    pub fn add_assistant(&self, person: &Person) {
        self.with(|state| {
            state.accounts.insert(person.id, settle::person(person, Sort::Assistant))
        });
    }

    /// Founds another chat.
    pub fn add_place(&self, place: &Place) {
        self.with(|state| settle::found(state, place));
    }

    /// Everybody who is in the chat.
    pub fn present(&self, chat: i64) -> Vec<i64> {
        self.with(|state| {
            state.chats.get(&chat).map(super::chat::Chat::present).unwrap_or_default()
        })
    }

    /// `by` brings `user` in.
    ///
    /// # Errors
    /// Already in, unknown chat, or the account has too many channels.
    pub fn add_member(&self, chat: i64, by: i64, user: i64) -> Result<(), Refusal> {
        self.with(|state| state.join(chat, user, Way::Invited(by), None))
    }

    /// The chat's creator throws `user` out; it may come back.
    pub fn kick(&self, chat: i64, user: i64) {
        self.take_out(chat, user, Role::Left);
    }

    /// The chat's creator throws `user` out and locks the door.
    pub fn ban(&self, chat: i64, user: i64) {
        let rights = tl::types::ChatBannedRights { view_messages: true, ..unrestricted() };
        let by = self.creator(chat);
        self.take_out(chat, user, Role::Banned { rights, by });
    }

    fn creator(&self, chat: i64) -> i64 {
        self.with(|state| state.chats.get(&chat).map_or(0, |place| place.creator))
    }

    fn take_out(&self, chat: i64, user: i64, role: Role) {
        let by = self.creator(chat);
        self.with(|state| state.remove(chat, by, user, role, None));
    }

    /// `user` leaves by itself.
    pub fn leave(&self, chat: i64, user: i64) {
        self.with(|state| state.remove(chat, user, user, Role::Left, None));
    }

    /// Lets a banned user come back in; lifts restrictions of a member.
    pub fn forgive(&self, chat: i64, user: i64) {
        let by = self.creator(chat);
        self.with(|state| {
            let is_in = state.chats.get(&chat).is_some_and(|place| place.is_member(user));
            state.set_role(chat, by, user, if is_in { Role::Member } else { Role::Left }, None);
        });
    }

    /// The member may read, but not write.
    pub fn silence(&self, chat: i64, user: i64) {
        let by = self.creator(chat);
        let rights = tl::types::ChatBannedRights { send_messages: true, ..unrestricted() };
        self.with(|state| state.set_role(chat, by, user, Role::Restricted { rights, by }, None));
    }

    /// Makes `user` an administrator with every right but anonymity, or with those that `choose` leaves.
    pub fn promote(
        &self,
        chat: i64,
        user: i64,
        choose: impl FnOnce(&mut tl::types::ChatAdminRights),
    ) {
        let by = self.creator(chat);
        let mut rights = all_rights();
        choose(&mut rights);
        self.with(|state| state.promote(chat, by, user, Some(rights)));
    }

    /// Takes the administrator's rights away.
    pub fn demote(&self, chat: i64, user: i64) {
        let by = self.creator(chat);
        self.with(|state| state.set_role(chat, by, user, Role::Member, None));
    }

    /// Makes a group private: it has no public name any more, or gets one.
    pub fn rename(&self, chat: i64, username: Option<&str>) {
        self.with(|state| {
            if let Some(place) = state.chats.get_mut(&chat) {
                place.username = username.map(str::to_owned);
            }
        });
    }

    /// `user` stops talking with `other` (a person stops a bot), or talks again.
    pub fn block(&self, user: i64, other: i64, is_blocked: bool) {
        self.with(|state| {
            let Some(account) = state.accounts.get_mut(&user) else { return };
            if is_blocked {
                account.blocked.insert(other);
            } else {
                account.blocked.remove(&other);
            }
        });
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
