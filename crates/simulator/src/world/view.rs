//! How one viewer sees the world: users, chats and messages as TL objects.

use std::collections::BTreeSet;

use grammers_tl_types as tl;

use super::account::{Account, Sort};
use super::blank;
use super::chat::{Chat, Role};
use super::ids::{self, Kind, peer};
use super::letter::{Letter, Media};
use super::population::PlaceKind;
use super::state::{DC, State};

/// The peers that some objects mention, to be sent along with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mentioned(BTreeSet<i64>);

impl Mentioned {
    pub(crate) fn add(&mut self, id: i64) {
        self.0.insert(id);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn add_peer(&mut self, peer: &tl::enums::Peer) {
        self.add(ids::chat_of(peer));
    }

    /// Whoever this letter names, as `viewer` sees it.
    pub(crate) fn add_letter(&mut self, letter: &Letter, viewer: i64) {
        self.add(letter.dialog_for(viewer));
        self.0.extend(letter.shown_sender());
        self.0.extend(letter.via_bot);
        if let Some(forward) = letter.forward.as_ref().and_then(|f| f.from_id.as_ref()) {
            self.add_peer(forward);
        }
        for entity in &letter.entities {
            if let tl::enums::MessageEntity::MentionName(mention) = entity {
                self.add(mention.user_id);
            }
        }
        match &letter.action {
            Some(tl::enums::MessageAction::ChatAddUser(action)) => self.0.extend(&action.users),
            Some(tl::enums::MessageAction::ChatDeleteUser(action)) => self.add(action.user_id),
            Some(tl::enums::MessageAction::InviteToGroupCall(action)) => {
                self.0.extend(&action.users)
            }
            Some(tl::enums::MessageAction::ChatJoinedByLink(action)) => self.add(action.inviter_id),
            _ => {}
        }
    }

    pub(crate) fn users(&self, state: &State, viewer: i64) -> Vec<tl::enums::User> {
        self.0.iter().filter_map(|id| state.user_for(viewer, *id)).collect()
    }

    pub(crate) fn chats(&self, state: &State, viewer: i64) -> Vec<tl::enums::Chat> {
        self.0.iter().filter_map(|id| state.chat_for(viewer, *id)).collect()
    }
}

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
            deactivated: false,
            call_active: chat.call.is_some(),
            call_not_empty: chat.call.is_some_and(|call| call.is_not_empty),
            noforwards: false,
            id: -chat.id,
            title: chat.title.clone(),
            photo: tl::enums::ChatPhoto::Empty,
            participants_count: chat.present().len() as i32,
            date: chat.date,
            version: chat.version,
            migrated_to: None,
            admin_rights: chat.rights(viewer).map(Into::into),
            default_banned_rights: Some(chat.default_rights.clone().into()),
        }
        .into()
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
                document: Some(self.files.document(*id, DC)),
                alt_documents: None,
                video_cover: None,
                video_timestamp: None,
                ttl_seconds: None,
            }
            .into(),
            Media::Photo(id) => tl::types::MessageMediaPhoto {
                spoiler: false,
                live_photo: false,
                photo: Some(self.files.photo(*id, DC)),
                ttl_seconds: None,
                video: None,
            }
            .into(),
            Media::Other(media) => (**media).clone(),
        }
    }

    /// A member of a channel or supergroup as `viewer` is told.
    pub(crate) fn participant_for(
        &self,
        viewer: i64,
        chat: &Chat,
        user: i64,
    ) -> tl::enums::ChannelParticipant {
        let Some(member) = chat.members.get(&user) else {
            return tl::types::ChannelParticipantLeft { peer: peer(user) }.into();
        };
        let (user_id, date, rank) = (user, member.date, member.rank.clone());
        match &member.role {
            Role::Creator => tl::types::ChannelParticipantCreator {
                user_id,
                admin_rights: chat.rights(user).unwrap_or_else(super::chat::all_rights).into(),
                rank,
            }
            .into(),
            Role::Admin { rights, by } => tl::types::ChannelParticipantAdmin {
                can_edit: *by == viewer || chat.creator == viewer,
                is_self: user == viewer,
                user_id,
                inviter_id: (user == viewer).then_some(member.inviter),
                promoted_by: *by,
                date,
                admin_rights: rights.clone().into(),
                rank,
            }
            .into(),
            Role::Member if user == viewer => tl::types::ChannelParticipantSelf {
                via_request: false,
                user_id,
                inviter_id: member.inviter,
                date,
                subscription_until_date: None,
                rank,
            }
            .into(),
            Role::Member => {
                tl::types::ChannelParticipant { user_id, date, subscription_until_date: None, rank }
                    .into()
            }
            Role::Restricted { rights, by } | Role::Banned { rights, by } => {
                tl::types::ChannelParticipantBanned {
                    left: matches!(member.role, Role::Banned { .. }),
                    peer: peer(user),
                    kicked_by: *by,
                    date,
                    banned_rights: rights.clone().into(),
                    rank,
                }
                .into()
            }
            Role::Left => tl::types::ChannelParticipantLeft { peer: peer(user) }.into(),
        }
    }

    pub(crate) fn group_participants(
        &self,
        viewer: i64,
        chat: &Chat,
    ) -> tl::enums::ChatParticipants {
        if !chat.is_member(viewer) {
            let forbidden =
                tl::types::ChatParticipantsForbidden { chat_id: -chat.id, self_participant: None };
            return forbidden.into();
        }
        let participants = chat.present().into_iter().map(|user_id| {
            let member = &chat.members[&user_id];
            let (inviter_id, date, rank) = (member.inviter, member.date, None);
            match member.role {
                Role::Creator => tl::types::ChatParticipantCreator { user_id, rank }.into(),
                Role::Admin { .. } => {
                    tl::types::ChatParticipantAdmin { user_id, inviter_id, date, rank }.into()
                }
                _ => tl::types::ChatParticipant { user_id, inviter_id, date, rank }.into(),
            }
        });
        tl::types::ChatParticipants {
            chat_id: -chat.id,
            participants: participants.collect(),
            version: chat.version,
        }
        .into()
    }

    pub(crate) fn bot_info(&self, bot: &Account) -> tl::types::BotInfo {
        let commands = bot.commands.values().next().cloned();
        tl::types::BotInfo { user_id: Some(bot.id), commands, ..blank::bot_info() }
    }

    /// Whether the chat is a broadcast channel.
    pub(crate) fn is_broadcast(&self, chat: i64) -> bool {
        self.chats.get(&chat).is_some_and(|chat| chat.kind == PlaceKind::Channel)
    }
}
