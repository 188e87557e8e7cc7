//! How one viewer sees the world: users, chats and messages as TL objects.

use grammers_tl_types as tl;

use super::account::Sort;
use super::blank;
use super::chat::Chat;
use super::ids::{self, Kind, peer};
use super::letter::{Letter, Media};
use super::population::PlaceKind;
use super::state::State;

mod members;
mod mentioned;

pub(crate) use mentioned::Mentioned;

impl State {
    pub(crate) fn user_for(&self, viewer: i64, id: i64) -> Option<tl::enums::User> {
        let account = self.accounts.get(&id)?;
        let is_self = viewer == id;
        let is_person = !account.is_bot();
        let is_shown = is_self || !self.is_bot(viewer);
        let inline = matches!(account.sort, Sort::Bot { inline: true, .. });
        let is_private = matches!(account.sort, Sort::Bot { is_private: true, .. });
        let is_online = self.now() - account.last_seen < 300;
        let status = if is_online {
            tl::types::UserStatusOnline { expires: self.now() + 300 }.into()
        } else {
            tl::types::UserStatusRecently { by_me: false }.into()
        };
        Some(
            tl::types::User {
                is_self,
                bot: !is_person,
                bot_chat_history: !is_person && !is_private,
                access_hash: Some(self.access_hash(viewer, id)),
                first_name: Some(account.first_name.clone()),
                username: account.username.clone(),
                phone: account
                    .phone
                    .as_ref()
                    .filter(|_| is_shown && is_self)
                    .map(|p| p.trim_start_matches('+').to_owned()),
                status: is_person.then_some(status),
                bot_info_version: (!is_person).then_some(1),
                // Bots are told the language of whoever talks to them.
                lang_code: (is_person && self.is_bot(viewer)).then(|| account.language.clone()),
                bot_inline_placeholder: inline.then(|| "Search…".to_owned()),
                ..blank::user(id)
            }
            .into(),
        )
    }

    pub(crate) fn chat_for(&self, viewer: i64, id: i64) -> Option<tl::enums::Chat> {
        let chat = self.chats.get(&id)?;
        Some(match ids::kind(id) {
            Kind::Channel(channel) => self.channel_for(viewer, chat, channel),
            _ => self.group_for(viewer, chat),
        })
    }

    fn group_for(&self, viewer: i64, chat: &Chat) -> tl::enums::Chat {
        if chat.is_banned(viewer) {
            return tl::types::ChatForbidden { id: -chat.id, title: chat.title.clone() }.into();
        }
        tl::types::Chat {
            creator: chat.creator == viewer,
            left: !chat.is_member(viewer),
            deactivated: chat.migrated_to.is_some(),
            call_active: chat.call.is_some(),
            call_not_empty: chat.call.is_some_and(|call| call.is_not_empty),
            noforwards: false,
            id: -chat.id,
            title: chat.title.clone(),
            photo: tl::enums::ChatPhoto::Empty,
            participants_count: chat.present().len() as i32,
            date: chat.date,
            version: chat.version,
            migrated_to: chat.migrated_to.map(|to| self.input_channel(viewer, to)),
            admin_rights: chat.rights(viewer).map(Into::into),
            default_banned_rights: Some(chat.default_rights.clone().into()),
        }
        .into()
    }

    fn input_channel(&self, viewer: i64, id: i64) -> tl::enums::InputChannel {
        let access_hash = self.access_hash(viewer, id);
        let Kind::Channel(channel_id) = ids::kind(id) else {
            unreachable!("a basic group becomes a supergroup, which is a channel")
        };
        tl::types::InputChannel { channel_id, access_hash }.into()
    }

    fn channel_for(&self, viewer: i64, chat: &Chat, channel: i64) -> tl::enums::Chat {
        let access_hash = self.access_hash(viewer, chat.id);
        let (broadcast, megagroup) = (chat.is_broadcast(), !chat.is_broadcast());
        let is_shut_out =
            chat.is_banned(viewer) || (chat.username.is_none() && !chat.is_member(viewer));
        if is_shut_out {
            return tl::types::ChannelForbidden {
                broadcast,
                megagroup,
                monoforum: false,
                id: channel,
                access_hash,
                title: chat.title.clone(),
                until_date: None,
            }
            .into();
        }
        tl::types::Channel {
            creator: chat.creator == viewer,
            left: !chat.is_member(viewer),
            broadcast,
            megagroup,
            has_link: chat.linked.is_some(),
            slowmode_enabled: chat.slow_mode > 0,
            call_active: chat.call.is_some(),
            call_not_empty: chat.call.is_some_and(|call| call.is_not_empty),
            access_hash: Some(access_hash),
            title: chat.title.clone(),
            username: chat.username.clone(),
            date: chat.members.get(&viewer).map_or(chat.date, |member| member.date),
            admin_rights: chat.rights(viewer).map(Into::into),
            banned_rights: chat.restrictions(viewer).cloned().map(Into::into),
            default_banned_rights: megagroup.then(|| chat.default_rights.clone().into()),
            participants_count: Some(chat.present().len() as i32),
            ..blank::channel(channel)
        }
        .into()
    }

    /// A letter as `viewer` sees it; `messageEmpty` when it is not in the viewer's box.
    pub(crate) fn message_for(&self, viewer: i64, letter: &Letter) -> tl::enums::Message {
        let Some(id) = letter.id_for(viewer).filter(|_| !letter.is_deleted) else {
            return tl::types::MessageEmpty {
                id: letter.id_for(viewer).unwrap_or(0),
                peer_id: None,
            }
            .into();
        };
        let peer_id = peer(letter.dialog_for(viewer));
        let out = letter.author == viewer && !letter.is_post;
        let answered = letter.reply_to.and_then(|to| self.letters.get(&to));
        let reply_to =
            answered.and_then(|to| to.id_for(viewer)).map(|to| blank::reply_header(to).into());
        let mentioned = !out && answered.is_some_and(|to| to.author == viewer);
        let from_id =
            letter.shown_sender().filter(|from| !Self::is_implied(viewer, letter, *from)).map(peer);
        if let Some(action) = &letter.action {
            return tl::types::MessageService {
                out,
                mentioned,
                media_unread: false,
                reactions_are_possible: false,
                silent: letter.silent,
                post: letter.is_post,
                legacy: false,
                id,
                from_id,
                peer_id,
                saved_peer_id: None,
                reply_to,
                date: letter.date,
                action: action.clone(),
                reactions: None,
                ttl_period: None,
            }
            .into();
        }
        tl::types::Message {
            out,
            mentioned,
            silent: letter.silent,
            post: letter.is_post,
            from_id,
            fwd_from: letter.forward.clone().map(Into::into),
            via_bot_id: letter.via_bot,
            reply_to,
            message: letter.text.clone(),
            media: letter.media.as_ref().map(|media| self.media(media)),
            reply_markup: letter.markup.clone(),
            entities: (!letter.entities.is_empty()).then(|| letter.entities.clone()),
            views: letter.is_post.then_some(1),
            forwards: letter.is_post.then_some(0),
            edit_date: letter.edit_date,
            grouped_id: letter.grouped,
            ..blank::message(id, &peer_id, letter.date)
        }
        .into()
    }

    /// Whether the sender goes without saying: Telegram leaves `from_id` out when a private message comes in, and when
    /// a chat speaks in its own name (anonymous administrators).
    fn is_implied(viewer: i64, letter: &Letter, from: i64) -> bool {
        from == letter.chat || (letter.chat > 0 && letter.author != viewer)
    }

    pub(crate) fn media(&self, media: &Media) -> tl::enums::MessageMedia {
        match media {
            Media::Document(id) => tl::types::MessageMediaDocument {
                nopremium: false,
                spoiler: false,
                video: false,
                round: false,
                voice: false,
                document: Some(self.files.document(*id)),
                alt_documents: None,
                video_cover: None,
                video_timestamp: None,
                ttl_seconds: None,
            }
            .into(),
            Media::Photo(id) => tl::types::MessageMediaPhoto {
                spoiler: false,
                live_photo: false,
                photo: Some(self.files.photo(*id)),
                ttl_seconds: None,
                video: None,
            }
            .into(),
            Media::Other(media) => (**media).clone(),
        }
    }

    /// Whether the chat is a broadcast channel.
    pub(crate) fn is_broadcast(&self, chat: i64) -> bool {
        self.chats.get(&chat).is_some_and(|chat| chat.kind == PlaceKind::Channel)
    }
}
