//! Editing, deleting, typing, pinning.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::history::affected;
use super::sending::check_text;
use super::{Desk, methods};
use crate::world::ids::{self, Kind};
use crate::world::mailbox::LetterId;
use crate::world::post::Kin;
use crate::world::refusal::{Answered, bad, forbidden};

const TEXT_MAX: usize = 4_096;
/// config.edit_time_limit, in seconds; bots in groups they administer are not bound by it.
const EDIT_TIME: i32 = 172_800;

impl Desk<'_> {
    pub(super) fn messages(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            messages::EditMessage => edit_message,
            messages::DeleteMessages => delete_messages,
            channels::DeleteMessages => delete_channel_messages,
            messages::SetTyping => set_typing,
            messages::UpdatePinnedMessage => pin,
            channels::ExportMessageLink => message_link,
        )
    }

    fn edit_message(
        &mut self,
        q: tl::functions::messages::EditMessage,
    ) -> Answered<enums::Updates> {
        let chat = self.state.open(self.user, &q.peer)?;
        let now = self.state.now();
        let letter =
            self.state.letter(self.user, chat, q.id).ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        let (id, is_own, age) = (letter.id, letter.author == self.user, now - letter.date);
        let may_edit_posts = letter.is_post
            && self
                .state
                .chats
                .get(&chat)
                .and_then(|c| c.rights(self.user))
                .is_some_and(|r| r.edit_messages);
        if !is_own && !may_edit_posts {
            return Err(forbidden("MESSAGE_AUTHOR_REQUIRED"));
        }
        if letter.action.is_some() || letter.forward.is_some() {
            return Err(bad("MESSAGE_ID_INVALID"));
        }
        if age > EDIT_TIME && !self.state.is_bot(self.user) {
            return Err(bad("MESSAGE_EDIT_TIME_EXPIRED"));
        }
        let mut new = letter.clone();
        if let Some(text) = q.message {
            if text.trim().is_empty() && new.media.is_none() && q.media.is_none() {
                return Err(bad("MESSAGE_EMPTY"));
            }
            check_text(&text, TEXT_MAX, "MESSAGE_TOO_LONG")?;
            let draft = self.text_draft(text, q.entities)?;
            (new.text, new.entities) = (draft.text, draft.entities);
        }
        if let Some(media) = q.media {
            new.media = Some(self.media(media)?);
        }
        // An edit without a keyboard takes the old one away.
        new.markup = self.markup(q.reply_markup)?;
        let old = &self.state.letters[&id];
        let is_same = old.text == new.text
            && old.entities == new.entities
            && old.markup == new.markup
            && old.media == new.media;
        if is_same {
            return Err(bad("MESSAGE_NOT_MODIFIED"));
        }
        new.edit_date = Some(now);
        self.state.letters.insert(id, new);
        self.state.edited(id, self.except());
        let bundle = self.state.news_of(self.user, id, Kin::Edited).unwrap_or_default();
        Ok(bundle.seal(self.state, self.user))
    }

    fn delete_messages(
        &mut self,
        q: tl::functions::messages::DeleteMessages,
    ) -> Answered<enums::messages::AffectedMessages> {
        let account = self.state.accounts.get(&self.user);
        let mailbox = account.map(|account| &account.mailbox);
        let mut letters: Vec<(i64, LetterId)> = Vec::new();
        for id in &q.id {
            let Some(letter) =
                mailbox.and_then(|m| m.letters.get(id)).and_then(|id| self.state.letters.get(id))
            else {
                continue;
            };
            let is_admin =
                self.state.chats.get(&letter.chat).is_some_and(|chat| chat.is_admin(self.user));
            if self.state.is_bot(self.user)
                && letter.author != self.user
                && letter.chat < 0
                && !is_admin
            {
                return Err(forbidden("MESSAGE_DELETE_FORBIDDEN"));
            }
            letters.push((letter.dialog_for(self.user), letter.id));
        }
        let n_letters = letters.len() as i32;
        let mut dialogs: Vec<i64> = letters.iter().map(|(dialog, _)| *dialog).collect();
        dialogs.dedup();
        for dialog in dialogs {
            let of_it: Vec<LetterId> =
                letters.iter().filter(|(d, _)| *d == dialog).map(|(_, id)| *id).collect();
            self.state.erase(self.user, dialog, &of_it, self.except());
        }
        Ok(affected(self.state.updates_state(self.user).pts, n_letters))
    }

    fn delete_channel_messages(
        &mut self,
        q: tl::functions::channels::DeleteMessages,
    ) -> Answered<enums::messages::AffectedMessages> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        let place = self.state.readable(self.user, chat)?;
        let may_delete = place.rights(self.user).is_some_and(|rights| rights.delete_messages);
        let mut letters = Vec::new();
        for id in &q.id {
            let Some(letter) = self.state.letter(self.user, chat, *id) else { continue };
            if letter.author != self.user && !may_delete {
                return Err(forbidden("MESSAGE_DELETE_FORBIDDEN"));
            }
            letters.push(letter.id);
        }
        let n_letters = self.state.erase(self.user, chat, &letters, self.except()) as i32;
        let pts = self.state.chats.get(&chat).map_or(1, |chat| chat.mailbox.pts);
        Ok(affected(pts, n_letters))
    }

    fn set_typing(&mut self, q: tl::functions::messages::SetTyping) -> Answered<bool> {
        let chat = self.state.open(self.user, &q.peer)?;
        let (action, from_id) = (q.action, ids::peer(self.user));
        let update = match ids::kind(chat) {
            Kind::User(_) => {
                types::UpdateUserTyping { user_id: self.user, top_msg_id: None, action }.into()
            }
            Kind::Group(chat_id) => types::UpdateChatUserTyping { chat_id, from_id, action }.into(),
            Kind::Channel(channel_id) => {
                types::UpdateChannelUserTyping { channel_id, top_msg_id: None, from_id, action }
                    .into()
            }
        };
        let mut others = self.state.audience(chat, self.user);
        others.retain(|user| *user != self.user && !self.state.is_bot(*user));
        let mentioned = if chat < 0 { vec![self.user, chat] } else { vec![self.user] };
        self.state.announce(&others, &update, &mentioned, None);
        Ok(true)
    }

    fn pin(&mut self, q: tl::functions::messages::UpdatePinnedMessage) -> Answered<enums::Updates> {
        let chat = self.state.open(self.user, &q.peer)?;
        self.state.letter(self.user, chat, q.id).ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        if chat < 0 {
            let place = self.state.administered(self.user, chat, |rights| rights.pin_messages)?;
            place.pinned = (!q.unpin).then_some(q.id);
        }
        Ok(crate::world::post::Bundle::default().seal(self.state, self.user))
    }

    fn message_link(
        &mut self,
        q: tl::functions::channels::ExportMessageLink,
    ) -> Answered<enums::ExportedMessageLink> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        let place = self.state.readable(self.user, chat)?;
        let link = match (&place.username, ids::kind(chat)) {
            (Some(name), _) => format!("https://t.me/{name}/{}", q.id),
            (None, Kind::Channel(id)) => format!("https://t.me/c/{id}/{}", q.id),
            _ => return Err(bad("CHANNEL_INVALID")),
        };
        Ok(types::ExportedMessageLink { html: String::new(), link }.into())
    }
}
