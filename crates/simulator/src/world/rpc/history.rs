//! Reading: history, single messages, search, and what has been read.

use grammers_tl_types as tl;
use tl::{enums, types};

use super::{Desk, methods};
use crate::world::ids::{self, Kind};
use crate::world::letter::{Letter, Media};
use crate::world::mailbox::What;
use crate::world::refusal::Answered;
use crate::world::view::Mentioned;

/// Telegram gives at most this many messages at once.
const PAGE_MAX: i32 = 100;

impl Desk<'_> {
    pub(super) fn history(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            messages::GetHistory => get_history,
            messages::GetMessages => get_messages,
            channels::GetMessages => get_channel_messages,
            messages::Search => search,
            messages::ReadHistory => read_history,
            channels::ReadHistory => read_channel,
            messages::ReadMentions => read_mentions,
            messages::GetMessagesViews => views,
            messages::GetScheduledHistory => scheduled,
        )
    }

    /// Messages of one dialog, latest first, with `offset_id` and its kin applied.
    fn select(
        &self,
        chat: i64,
        window: &Window,
        keep: impl Fn(&Letter) -> bool,
    ) -> (Vec<i32>, usize) {
        let Some(mailbox) = self.state.mailbox(self.user, chat) else { return (Vec::new(), 0) };
        let is_here = |letter: &&Letter| {
            letter.dialog_for(self.user) == chat
                && !letter.is_deleted
                && self.state.may_see(self.user, letter)
                && keep(letter)
        };
        let all: Vec<(i32, i32)> = mailbox
            .letters
            .iter()
            .rev()
            .filter_map(|(id, letter)| {
                Some((*id, self.state.letters.get(letter).filter(is_here)?.date))
            })
            .collect();
        let total = all.len();
        // a client that pages tells the last message's id and date: others of the same second come still
        let is_after = |(id, date): &(i32, i32)| match window.offset_id {
            0 => window.offset_date == 0 || *date < window.offset_date,
            offset_id => *id < offset_id,
        };
        let is_in = |(id, _): &(i32, i32)| {
            (window.max_id == 0 || *id < window.max_id) && *id > window.min_id
        };
        let all: Vec<(i32, i32)> = all.into_iter().filter(is_in).collect();
        let first = all.iter().position(is_after).unwrap_or(all.len()) as i64;
        // a page that begins before the newest message is as much shorter
        let from = first + i64::from(window.add_offset);
        let to = from + i64::from(window.limit.clamp(0, PAGE_MAX));
        let place = |at: i64| at.clamp(0, all.len() as i64) as usize;
        (all[place(from)..place(to)].iter().map(|(id, _)| *id).collect(), total)
    }

    fn found(
        &self,
        chat: Option<i64>,
        messages: &[i32],
        total: usize,
    ) -> enums::messages::Messages {
        let mut mentioned = Mentioned::default();
        chat.iter().for_each(|chat| mentioned.add(*chat));
        let shown: Vec<enums::Message> =
            messages.iter().map(|id| self.one(chat, *id, &mut mentioned)).collect();
        let (chats, users) =
            (mentioned.chats(self.state, self.user), mentioned.users(self.state, self.user));
        let channel = chat.filter(|chat| matches!(ids::kind(*chat), Kind::Channel(_)));
        if let Some(place) = channel.and_then(|chat| self.state.chats.get(&chat)) {
            return types::messages::ChannelMessages {
                inexact: false,
                pts: place.mailbox.pts,
                count: total as i32,
                offset_id_offset: None,
                messages: shown,
                topics: Vec::new(),
                chats,
                users,
            }
            .into();
        }
        if shown.len() < total {
            return types::messages::MessagesSlice {
                inexact: false,
                count: total as i32,
                next_rate: None,
                offset_id_offset: None,
                search_flood: None,
                messages: shown,
                topics: Vec::new(),
                chats,
                users,
            }
            .into();
        }
        types::messages::Messages { messages: shown, topics: Vec::new(), chats, users }.into()
    }

    fn one(&self, chat: Option<i64>, id: i32, mentioned: &mut Mentioned) -> enums::Message {
        let letter = match chat {
            Some(chat) => self.state.letter(self.user, chat, id),
            None => {
                let account = self.state.accounts.get(&self.user);
                let letter = account.and_then(|account| account.mailbox.letters.get(&id));
                letter
                    .and_then(|letter| self.state.letters.get(letter))
                    .filter(|letter| !letter.is_deleted)
            }
        };
        match letter.filter(|letter| self.state.may_see(self.user, letter)) {
            Some(letter) => {
                mentioned.add_letter(letter, self.user);
                self.state.message_for(self.user, letter)
            }
            None => types::MessageEmpty { id, peer_id: None }.into(),
        }
    }

    fn get_history(
        &mut self,
        q: tl::functions::messages::GetHistory,
    ) -> Answered<enums::messages::Messages> {
        let chat = self.state.open(self.user, &q.peer)?;
        let window = Window {
            offset_id: q.offset_id,
            offset_date: q.offset_date,
            add_offset: q.add_offset,
            limit: q.limit,
            max_id: q.max_id,
            min_id: q.min_id,
        };
        let (messages, total) = self.select(chat, &window, |_| true);
        Ok(self.found(Some(chat), &messages, total))
    }

    fn search(
        &mut self,
        q: tl::functions::messages::Search,
    ) -> Answered<enums::messages::Messages> {
        let chat = self.state.open(self.user, &q.peer)?;
        let from =
            q.from_id.as_ref().map(|from| self.state.peer_named(self.user, from)).transpose()?;
        let window = Window {
            offset_id: q.offset_id,
            offset_date: 0,
            add_offset: q.add_offset,
            limit: q.limit,
            max_id: q.max_id,
            min_id: q.min_id,
        };
        let wanted = q.q.to_lowercase();
        let keep = |letter: &Letter| {
            letter.text.to_lowercase().contains(&wanted)
                && from.is_none_or(|from| letter.shown_sender() == Some(from))
                && self.is_kind(letter, &q.filter)
                && (q.min_date <= 0 || letter.date > q.min_date)
                && (q.max_date <= 0 || letter.date < q.max_date)
        };
        let (messages, total) = self.select(chat, &window, keep);
        Ok(self.found(Some(chat), &messages, total))
    }

    /// Whether a message is of the kind that a search asks for.
    fn is_kind(&self, letter: &Letter, filter: &enums::MessagesFilter) -> bool {
        use enums::{DocumentAttribute as Is, MessageEntity, MessagesFilter as Wanted};
        let file = match letter.media {
            Some(Media::Document(file)) => self.state.files.get(file),
            _ => None,
        };
        let has =
            |what: &dyn Fn(&Is) -> bool| file.is_some_and(|file| file.attributes.iter().any(what));
        let is_voice = has(&|is| matches!(is, Is::Audio(audio) if audio.voice));
        let is_music = has(&|is| matches!(is, Is::Audio(audio) if !audio.voice));
        let is_round = has(&|is| matches!(is, Is::Video(video) if video.round_message));
        let is_video = has(&|is| matches!(is, Is::Video(video) if !video.round_message));
        let is_photo = matches!(letter.media, Some(Media::Photo(_)));
        let is_animation = has(&|is| matches!(is, Is::Animated));
        match filter {
            Wanted::InputMessagesFilterEmpty => true,
            Wanted::InputMessagesFilterPhotos => is_photo,
            Wanted::InputMessagesFilterVideo => is_video,
            Wanted::InputMessagesFilterPhotoVideo => is_photo || is_video,
            Wanted::InputMessagesFilterMusic => is_music,
            Wanted::InputMessagesFilterVoice => is_voice,
            Wanted::InputMessagesFilterRoundVideo => is_round,
            Wanted::InputMessagesFilterRoundVoice => is_round || is_voice,
            Wanted::InputMessagesFilterGif => is_animation,
            Wanted::InputMessagesFilterDocument => {
                file.is_some() && !(is_voice || is_music || is_round || is_video || is_animation)
            }
            Wanted::InputMessagesFilterUrl => letter
                .entities
                .iter()
                .any(|entity| matches!(entity, MessageEntity::Url(_) | MessageEntity::TextUrl(_))),
            Wanted::InputMessagesFilterPinned => {
                let pinned = self.state.chats.get(&letter.chat).and_then(|chat| chat.pinned);
                pinned.is_some() && pinned == letter.id_for(self.user)
            }
            // contacts, places, polls, calls, new pictures: the box has none
            _ => false,
        }
    }

    /// The message ids behind input messages; a message that is replied to stands for its answer.
    fn named(&self, chat: Option<i64>, wanted: &[enums::InputMessage]) -> Vec<i32> {
        let of = |id: i32| match chat {
            Some(chat) => self.state.letter(self.user, chat, id),
            None => {
                let account = self.state.accounts.get(&self.user)?;
                self.state.letters.get(account.mailbox.letters.get(&id)?)
            }
        };
        let id_of = |message: &enums::InputMessage| match message {
            enums::InputMessage::Id(m) => m.id,
            enums::InputMessage::ReplyTo(m) => {
                let answered = of(m.id).and_then(|letter| letter.reply_to);
                answered.and_then(|id| self.state.letters.get(&id)?.id_for(self.user)).unwrap_or(0)
            }
            enums::InputMessage::Pinned => {
                chat.and_then(|chat| self.state.chats.get(&chat)?.pinned).unwrap_or(0)
            }
            enums::InputMessage::CallbackQuery(m) => m.id,
        };
        wanted.iter().map(id_of).collect()
    }

    fn get_messages(
        &mut self,
        q: tl::functions::messages::GetMessages,
    ) -> Answered<enums::messages::Messages> {
        let ids = self.named(None, &q.id);
        Ok(self.found(None, &ids, ids.len()))
    }

    fn get_channel_messages(
        &mut self,
        q: tl::functions::channels::GetMessages,
    ) -> Answered<enums::messages::Messages> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        self.state.readable(self.user, chat)?;
        let ids = self.named(Some(chat), &q.id);
        Ok(self.found(Some(chat), &ids, ids.len()))
    }

    fn read_history(
        &mut self,
        q: tl::functions::messages::ReadHistory,
    ) -> Answered<enums::messages::AffectedMessages> {
        let chat = self.state.open(self.user, &q.peer)?;
        let date = self.state.now();
        let Some(account) = self.state.accounts.get_mut(&self.user) else {
            return Ok(affected(1, 0));
        };
        let latest = account.mailbox.letters.keys().next_back().copied().unwrap_or(0);
        let max_id = if q.max_id == 0 { latest } else { q.max_id.min(latest) };
        let before = account.mailbox.read.insert(chat, max_id).unwrap_or(0);
        if before >= max_id {
            return Ok(affected(account.mailbox.pts, 0));
        }
        let pts = account.mailbox.record(What::Read { chat, max_id }, 1, date);
        Ok(affected(pts, 1))
    }

    fn read_channel(&mut self, q: tl::functions::channels::ReadHistory) -> Answered<bool> {
        let chat = self.state.channel_named(self.user, &q.channel)?;
        self.state.readable(self.user, chat)?;
        let Some(place) = self.state.chats.get_mut(&chat) else { return Ok(false) };
        place.mailbox.read.insert(self.user, q.max_id);
        Ok(true)
    }

    fn read_mentions(
        &mut self,
        _: tl::functions::messages::ReadMentions,
    ) -> Answered<enums::messages::AffectedHistory> {
        let pts = self.state.updates_state(self.user).pts;
        Ok(types::messages::AffectedHistory { pts, pts_count: 0, offset: 0 }.into())
    }

    fn views(
        &mut self,
        q: tl::functions::messages::GetMessagesViews,
    ) -> Answered<enums::messages::MessageViews> {
        let one =
            || types::MessageViews { views: Some(1), forwards: Some(0), replies: None }.into();
        let views = q.id.iter().map(|_| one()).collect();
        Ok(types::messages::MessageViews { views, chats: Vec::new(), users: Vec::new() }.into())
    }

    fn scheduled(
        &mut self,
        _: tl::functions::messages::GetScheduledHistory,
    ) -> Answered<enums::messages::Messages> {
        Ok(self.found(None, &[], 0))
    }
}

struct Window {
    offset_id: i32,
    offset_date: i32,
    add_offset: i32,
    limit: i32,
    max_id: i32,
    min_id: i32,
}

pub(super) fn affected(pts: i32, pts_count: i32) -> enums::messages::AffectedMessages {
    types::messages::AffectedMessages { pts, pts_count }.into()
}
