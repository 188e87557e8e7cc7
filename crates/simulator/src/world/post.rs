//! Writing, editing and deleting: what changes in the boxes, and who is told.

use grammers_tl_types as tl;

use super::ids::{self, Kind};
use super::letter::{Draft, Letter};
use super::mailbox::{LetterId, What};
use super::state::State;
use super::transcript::{Event, Shown};
use super::view::Mentioned;
use super::{html, transcript};

/// Updates for one viewer, and whoever they mention.
#[derive(Default)]
pub(crate) struct Bundle {
    pub updates: Vec<tl::enums::Update>,
    pub mentioned: Mentioned,
}

impl Bundle {
    pub(crate) fn seal(self, state: &State, viewer: i64) -> tl::enums::Updates {
        tl::types::Updates {
            users: self.mentioned.users(state, viewer),
            chats: self.mentioned.chats(state, viewer),
            updates: self.updates,
            date: state.now(),
            seq: 0,
        }
        .into()
    }
}

/// The session of a user that is told by the answer to its own request, not by a push.
pub(crate) type Except = Option<(i64, i64)>;

fn session_of(except: Except, user: i64) -> Option<i64> {
    except.filter(|(owner, _)| *owner == user).map(|(_, session)| session)
}

impl State {
    /// Puts a message into every box it belongs to and tells everybody.
    pub(crate) fn post(
        &mut self,
        author: i64,
        chat: i64,
        draft: Draft,
        except: Except,
    ) -> LetterId {
        let id = self.next_letter();
        let date = self.now();
        let is_post = self.is_broadcast(chat);
        let mut letter = Letter {
            id,
            chat,
            author,
            sent_as: draft.sent_as,
            is_post,
            date,
            edit_date: None,
            text: draft.text,
            entities: draft.entities,
            markup: draft.markup,
            media: draft.media,
            action: draft.action,
            reply_to: draft.reply_to,
            forward: draft.forward,
            via_bot: draft.via_bot,
            grouped: draft.grouped,
            silent: draft.silent,
            ids: Default::default(),
            is_deleted: false,
        };
        let audience = self.audience(chat, author);
        if let Kind::Channel(_) = ids::kind(chat) {
            if let Some(place) = self.chats.get_mut(&chat) {
                letter.ids.insert(0, place.mailbox.put(id, date));
            }
        } else {
            for user in &audience {
                if let Some(account) = self.accounts.get_mut(user) {
                    letter.ids.insert(*user, account.mailbox.put(id, date));
                }
            }
        }
        if let (Some(random_id), Some(account)) = (draft.random_id, self.accounts.get_mut(&author))
        {
            account.sent.insert(random_id, id);
        }
        self.letters.insert(id, letter);
        self.tell(id, &audience, except, Kin::New);
        let shown = self.shown(author, id);
        self.news.extend(shown.map(Event::Said));
        id
    }

    /// Records a change of a letter that is already made, and tells everybody.
    pub(crate) fn edited(&mut self, id: LetterId, except: Except) {
        let Some(letter) = self.letters.get(&id) else { return };
        let (chat, author, date) = (letter.chat, letter.author, self.now());
        let audience = self.audience(chat, author);
        if let Kind::Channel(_) = ids::kind(chat) {
            if let Some(place) = self.chats.get_mut(&chat) {
                place.mailbox.record(What::Edited(id), 1, date);
            }
        } else {
            for user in &audience {
                if let Some(account) = self.accounts.get_mut(user) {
                    account.mailbox.record(What::Edited(id), 1, date);
                }
            }
        }
        self.tell(id, &audience, except, Kin::Edited);
        let shown = self.shown(author, id);
        self.news.extend(shown.map(Event::Edited));
    }

    fn tell(&mut self, id: LetterId, audience: &[i64], except: Except, kin: Kin) {
        for user in audience {
            let Some(bundle) = self.news_of(*user, id, kin) else { continue };
            let updates = bundle.seal(self, *user);
            self.push(*user, &updates, session_of(except, *user));
        }
    }

    /// The update that tells `viewer` of the latest event of this letter; none when it may not see it.
    pub(crate) fn news_of(&mut self, viewer: i64, id: LetterId, kin: Kin) -> Option<Bundle> {
        let letter = self.letters.get(&id)?;
        if !self.may_see(viewer, letter) {
            return None;
        }
        let message = self.message_for(viewer, letter);
        let mut bundle = Bundle::default();
        bundle.mentioned.add_letter(letter, viewer);
        bundle.mentioned.add(viewer);
        let chat = letter.chat;
        let update = if let Kind::Channel(_) = ids::kind(chat) {
            let place = self.chats.get_mut(&chat)?;
            let pts = place.mailbox.pts_of(id, kin == Kin::New);
            // What a privacy-mode bot may not see is counted with what it may, so that it does not look like a gap.
            let told = place.told.insert(viewer, pts);
            let pts_count = told.filter(|told| *told < pts).map_or(1, |told| pts - told);
            let is_everything_seen = !self.is_bot(viewer);
            kin.of_channel(message, pts, if is_everything_seen { 1 } else { pts_count })
        } else {
            kin.of_account(message, self.accounts.get(&viewer)?.mailbox.pts_of(id, kin == Kin::New))
        };
        bundle.updates.push(update);
        Some(bundle)
    }

    /// Deletes letters of one dialog for everybody; returns how many there were.
    pub(crate) fn erase(
        &mut self,
        actor: i64,
        chat: i64,
        letters: &[LetterId],
        except: Except,
    ) -> usize {
        let live: Vec<LetterId> = letters
            .iter()
            .copied()
            .filter(|id| self.letters.get(id).is_some_and(|l| !l.is_deleted))
            .collect();
        if live.is_empty() {
            return 0;
        }
        let ids_as_seen: Vec<i32> =
            live.iter().filter_map(|id| self.letters[id].id_for(actor)).collect();
        let audience = self.audience(chat, actor);
        for id in &live {
            if let Some(letter) = self.letters.get_mut(id) {
                letter.is_deleted = true;
            }
        }
        let date = self.now();
        match ids::kind(chat) {
            Kind::Channel(channel_id) => {
                self.erase_in_channel(chat, channel_id, &live, &audience, except, date)
            }
            _ => self.erase_in_boxes(&live, &audience, except, date),
        }
        self.news.push_back(Event::Deleted { chat, ids: ids_as_seen });
        live.len()
    }

    fn erase_in_channel(
        &mut self,
        chat: i64,
        channel_id: i64,
        live: &[LetterId],
        audience: &[i64],
        except: Except,
        date: i32,
    ) {
        let messages: Vec<i32> =
            live.iter().filter_map(|id| self.letters[id].ids.get(&0)).copied().collect();
        let pts_count = messages.len() as i32;
        let Some(place) = self.chats.get_mut(&chat) else { return };
        for message in &messages {
            place.mailbox.letters.remove(message);
        }
        let pts = place.mailbox.record(What::Deleted(messages.clone()), pts_count, date);
        for user in audience {
            if let Some(place) = self.chats.get_mut(&chat) {
                place.told.insert(*user, pts);
            }
            let update = tl::types::UpdateDeleteChannelMessages {
                channel_id,
                messages: messages.clone(),
                pts,
                pts_count,
            };
            let mut bundle = Bundle { updates: vec![update.into()], ..Bundle::default() };
            bundle.mentioned.add(chat);
            let updates = bundle.seal(self, *user);
            self.push(*user, &updates, session_of(except, *user));
        }
    }

    fn erase_in_boxes(&mut self, live: &[LetterId], audience: &[i64], except: Except, date: i32) {
        for user in audience {
            let messages: Vec<i32> =
                live.iter().filter_map(|id| self.letters[id].ids.get(user)).copied().collect();
            let Some(account) = self.accounts.get_mut(user) else { continue };
            for message in &messages {
                account.mailbox.letters.remove(message);
            }
            let pts_count = messages.len() as i32;
            let pts = account.mailbox.record(What::Deleted(messages.clone()), pts_count, date);
            let update = tl::types::UpdateDeleteMessages { messages, pts, pts_count };
            let bundle = Bundle { updates: vec![update.into()], ..Bundle::default() };
            let updates = bundle.seal(self, *user);
            self.push(*user, &updates, session_of(except, *user));
        }
    }

    /// Tells `users` of something that is numbered nowhere (joins, typing, calls).
    pub(crate) fn announce(
        &mut self,
        users: &[i64],
        update: &tl::enums::Update,
        mentioned: &[i64],
        except: Except,
    ) {
        for user in users {
            let mut bundle = Bundle { updates: vec![update.clone()], ..Bundle::default() };
            mentioned.iter().for_each(|id| bundle.mentioned.add(*id));
            let updates = bundle.seal(self, *user);
            self.push(*user, &updates, session_of(except, *user));
        }
    }

    /// The letter as an onlooker reads it.
    pub(crate) fn shown(&self, viewer: i64, id: LetterId) -> Option<Shown> {
        let letter = self.letters.get(&id)?;
        let answered = letter.reply_to.and_then(|to| self.letters.get(&to));
        let media = match &letter.media {
            Some(super::letter::Media::Document(file) | super::letter::Media::Photo(file)) => {
                self.files.get(*file).map(|file| file.mime.clone())
            }
            Some(super::letter::Media::Other(_)) => Some("other".to_owned()),
            None => None,
        };
        Some(Shown {
            id: letter.id_for(viewer)?,
            chat: letter.dialog_for(viewer),
            from: letter.shown_sender(),
            text: letter.text.clone(),
            html: html::render(&letter.text, &letter.entities),
            buttons: transcript::buttons(letter.markup.as_ref()),
            is_edited: letter.edit_date.is_some(),
            reply_to: answered.and_then(|to| to.id_for(viewer)),
            media,
            service: letter.action.as_ref().map(transcript::action_name),
        })
    }
}

/// New or edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kin {
    New,
    Edited,
}

impl Kin {
    fn of_channel(
        self,
        message: tl::enums::Message,
        pts: i32,
        pts_count: i32,
    ) -> tl::enums::Update {
        match self {
            Self::New => tl::types::UpdateNewChannelMessage { message, pts, pts_count }.into(),
            Self::Edited => tl::types::UpdateEditChannelMessage { message, pts, pts_count }.into(),
        }
    }

    fn of_account(self, message: tl::enums::Message, pts: i32) -> tl::enums::Update {
        match self {
            Self::New => tl::types::UpdateNewMessage { message, pts, pts_count: 1 }.into(),
            Self::Edited => tl::types::UpdateEditMessage { message, pts, pts_count: 1 }.into(),
        }
    }
}
