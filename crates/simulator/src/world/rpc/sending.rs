//! Sending: text, media, albums, forwards.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::{Desk, methods};
use crate::world::ids;
use crate::world::letter::{Draft, Letter};
use crate::world::mailbox::LetterId;
use crate::world::post::{Bundle, Kin};
use crate::world::refusal::{Answered, bad};

/// core.telegram.org/method/messages.sendMessage, in UTF-16 units (config.message_length_max).
const TEXT_MAX: usize = 4_096;
const CAPTION_MAX: usize = 1_024;

pub(super) fn check_text(text: &str, max: usize, too_long: &str) -> Answered<()> {
    if text.encode_utf16().count() > max { Err(bad(too_long)) } else { Ok(()) }
}

/// Where a message that is forwarded for the first time comes from; afterwards that goes along.
fn origin(letter: &Letter) -> types::MessageFwdHeader {
    let from = letter.shown_sender().unwrap_or(letter.chat);
    types::MessageFwdHeader {
        from_id: Some(ids::peer(from)),
        channel_post: letter.is_post.then(|| letter.id_for(0)).flatten(),
        ..crate::world::blank::forward_header(letter.date)
    }
}

impl Desk<'_> {
    pub(super) fn sending(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            messages::SendMessage => send_message,
            messages::SendMedia => send_media,
            messages::SendMultiMedia => send_album,
            messages::UploadMedia => upload_media,
            messages::ForwardMessages => forward,
            messages::StartBot => start_bot,
        )
    }

    /// The answer to a sender: the id its message got, and the message.
    pub(super) fn sent(&mut self, letters: &[(LetterId, Option<i64>)]) -> enums::Updates {
        let mut all = Bundle::default();
        let mut news = Vec::new();
        for (id, random_id) in letters {
            let given = self.state.letters.get(id).and_then(|letter| letter.id_for(self.user));
            if let (Some(id), Some(random_id)) = (given, *random_id) {
                all.updates.push(types::UpdateMessageId { id, random_id }.into());
            }
            if let Some(bundle) = self.state.news_of(self.user, *id, Kin::New) {
                all.mentioned.merge(bundle.mentioned);
                news.extend(bundle.updates);
            }
        }
        all.updates.extend(news);
        all.seal(self.state, self.user)
    }

    /// The letter that a repeated request has already sent.
    fn repeated(&self, random_id: i64) -> Option<LetterId> {
        self.state.accounts.get(&self.user)?.sent.get(&random_id).copied()
    }

    /// In whose name: the chat's for anonymous administrators, or the one that was asked for.
    fn sender(&self, chat: i64, wanted: Option<&enums::InputPeer>) -> Answered<Option<i64>> {
        let place = self.state.chats.get(&chat);
        if place.is_some_and(|place| place.is_anonymous(self.user)) {
            return Ok(Some(chat));
        }
        let Some(wanted) = wanted else { return Ok(None) };
        let id = self.state.peer_named(self.user, wanted)?;
        let is_own_channel =
            self.state.chats.get(&id).is_some_and(|c| c.is_broadcast() && c.creator == self.user);
        match id {
            id if id == self.user => Ok(None),
            id if is_own_channel => Ok(Some(id)),
            _ => Err(bad("SEND_AS_PEER_INVALID")),
        }
    }

    fn answered(&self, chat: i64, to: Option<&enums::InputReplyTo>) -> Answered<Option<LetterId>> {
        match to {
            Some(enums::InputReplyTo::Message(to)) => {
                let letter = self.state.letter(self.user, chat, to.reply_to_msg_id);
                letter.map(|letter| Some(letter.id)).ok_or_else(|| bad("REPLY_TO_INVALID"))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn text_draft(
        &self,
        text: String,
        entities: Option<Vec<enums::MessageEntity>>,
    ) -> Answered<Draft> {
        let entities = self.entities(&text, entities)?;
        Ok(Draft { text, entities, ..Draft::default() })
    }

    fn send_message(
        &mut self,
        q: tl::functions::messages::SendMessage,
    ) -> Answered<enums::Updates> {
        let chat = self.state.peer_named(self.user, &q.peer)?;
        if let Some(letter) = self.repeated(q.random_id) {
            return Ok(self.sent(&[(letter, Some(q.random_id))]));
        }
        self.state.may_write(self.user, chat)?;
        if q.message.trim().is_empty() {
            return Err(bad("MESSAGE_EMPTY"));
        }
        check_text(&q.message, TEXT_MAX, "MESSAGE_TOO_LONG")?;
        let draft = Draft {
            markup: self.markup(q.reply_markup)?,
            reply_to: self.answered(chat, q.reply_to.as_ref())?,
            sent_as: self.sender(chat, q.send_as.as_ref())?,
            silent: q.silent,
            random_id: Some(q.random_id),
            ..self.text_draft(q.message, q.entities)?
        };
        let letter = self.post(chat, draft);
        Ok(self.sent(&[(letter, Some(q.random_id))]))
    }

    pub(super) fn post(&mut self, chat: i64, draft: Draft) -> LetterId {
        let now = self.state.now();
        if let Some(place) = self.state.chats.get_mut(&chat) {
            place.wrote.insert(self.user, now);
        }
        self.state.post(self.user, chat, draft, self.except())
    }

    fn send_media(&mut self, q: tl::functions::messages::SendMedia) -> Answered<enums::Updates> {
        let chat = self.state.peer_named(self.user, &q.peer)?;
        if let Some(letter) = self.repeated(q.random_id) {
            return Ok(self.sent(&[(letter, Some(q.random_id))]));
        }
        self.state.may_write(self.user, chat)?;
        check_text(&q.message, CAPTION_MAX, "MEDIA_CAPTION_TOO_LONG")?;
        let draft = Draft {
            markup: self.markup(q.reply_markup)?,
            reply_to: self.answered(chat, q.reply_to.as_ref())?,
            sent_as: self.sender(chat, q.send_as.as_ref())?,
            silent: q.silent,
            random_id: Some(q.random_id),
            ..self.text_draft(q.message, q.entities)?
        };
        let media = Some(self.media(q.media)?);
        let letter = self.post(chat, Draft { media, ..draft });
        Ok(self.sent(&[(letter, Some(q.random_id))]))
    }

    fn send_album(
        &mut self,
        q: tl::functions::messages::SendMultiMedia,
    ) -> Answered<enums::Updates> {
        let chat = self.state.peer_named(self.user, &q.peer)?;
        self.state.may_write(self.user, chat)?;
        if q.multi_media.is_empty() || q.multi_media.len() > 10 {
            return Err(bad("MULTI_MEDIA_TOO_LONG"));
        }
        let grouped = Some(self.state.fresh());
        let reply_to = self.answered(chat, q.reply_to.as_ref())?;
        let sent_as = self.sender(chat, q.send_as.as_ref())?;
        let mut sent = Vec::new();
        for single in q.multi_media {
            let enums::InputSingleMedia::Media(single) = single;
            if let Some(letter) = self.repeated(single.random_id) {
                sent.push((letter, Some(single.random_id)));
                continue;
            }
            check_text(&single.message, CAPTION_MAX, "MEDIA_CAPTION_TOO_LONG")?;
            let media = Some(self.media(single.media)?);
            let random_id = Some(single.random_id);
            let text = self.text_draft(single.message, single.entities)?;
            let draft =
                Draft { media, grouped, reply_to, sent_as, random_id, silent: q.silent, ..text };
            sent.push((self.post(chat, draft), random_id));
        }
        Ok(self.sent(&sent))
    }

    fn upload_media(
        &mut self,
        q: tl::functions::messages::UploadMedia,
    ) -> Answered<enums::MessageMedia> {
        self.state.open(self.user, &q.peer)?;
        let media = self.media(q.media)?;
        Ok(self.state.media(&media))
    }

    fn forward(&mut self, q: tl::functions::messages::ForwardMessages) -> Answered<enums::Updates> {
        let from = self.state.open(self.user, &q.from_peer)?;
        let chat = self.state.peer_named(self.user, &q.to_peer)?;
        self.state.may_write(self.user, chat)?;
        if q.id.len() != q.random_id.len() || q.id.is_empty() {
            return Err(bad("RANDOM_ID_INVALID"));
        }
        let sent_as = self.sender(chat, q.send_as.as_ref())?;
        let mut sent = Vec::new();
        for (id, random_id) in q.id.iter().zip(&q.random_id) {
            if let Some(letter) = self.repeated(*random_id) {
                sent.push((letter, Some(*random_id)));
                continue;
            }
            let Some(letter) = self.state.letter(self.user, from, *id) else { continue };
            let header = letter.forward.clone().unwrap_or_else(|| origin(letter));
            let draft = Draft {
                text: letter.text.clone(),
                entities: letter.entities.clone(),
                media: letter.media.clone(),
                forward: (!q.drop_author).then_some(header),
                sent_as,
                silent: q.silent,
                random_id: Some(*random_id),
                ..Draft::default()
            };
            sent.push((self.post(chat, draft), Some(*random_id)));
        }
        if sent.is_empty() { Err(bad("MESSAGE_ID_INVALID")) } else { Ok(self.sent(&sent)) }
    }

    fn start_bot(&mut self, q: tl::functions::messages::StartBot) -> Answered<enums::Updates> {
        let bot = self.state.user_named(self.user, &q.bot)?;
        if !self.state.is_bot(bot) {
            return Err(bad("BOT_INVALID"));
        }
        let text = format!("/start {}", q.start_param);
        let draft = Draft {
            random_id: Some(q.random_id),
            ..self.text_draft(text.trim_end().to_owned(), None)?
        };
        let letter = self.post(bot, draft);
        Ok(self.sent(&[(letter, Some(q.random_id))]))
    }
}
