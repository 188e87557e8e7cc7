//! Telegram's updates, turned into what an account hears.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use domain::{CallId, ChatId, MessageId, UserId};
use grammers_client::tl;

use super::people::{bare_chat, chat_id_of, chat_of, stranger, user_of};
use super::{
    CallChanged, CallParticipants, CallState, Callback, Chat, Incoming, MemberChange, MemberStatus,
    Message, Sender, User,
};
use crate::account::chat_id;
use crate::attachment::attachment_of;
use crate::calls::{call_id, details_of, row_of};

/// People and chats that are remembered; beyond it all are forgotten, and the next updates bring them again.
const KNOWN_MAX: usize = 20_000;

/// Whoever came along with a batch of updates, and the names of those who came with earlier ones: an update that had
/// to wait for its turn arrives without the people it came with.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub(crate) own: Option<UserId>,
    users: HashMap<i64, User>,
    /// Of this batch only: they tell how things are now.
    chats: HashMap<ChatId, tl::enums::Chat>,
    known_chats: HashMap<ChatId, Chat>,
}

// === impl People ===

impl People {
    /// The next batch begins, with these people.
    pub(crate) fn turn(
        &mut self,
        own: Option<UserId>,
        users: &[tl::enums::User],
        chats: Vec<tl::enums::Chat>,
    ) {
        if self.users.len() + self.known_chats.len() > KNOWN_MAX {
            self.users.clear();
            self.known_chats.clear();
        }
        self.own = own;
        for user in users {
            if let tl::enums::User::User(user) = user {
                self.users.insert(user.id, user_of(user));
            }
        }
        self.known_chats.extend(chats.iter().filter_map(chat_of).map(|chat| (chat.id, chat)));
        let chats = chats.into_iter().filter_map(|chat| Some((chat_id_of(&chat)?, chat)));
        self.chats = chats.collect();
    }

    fn user(&self, id: i64) -> User {
        self.users.get(&id).cloned().unwrap_or_else(|| stranger(id))
    }

    fn chat(&self, id: ChatId) -> Chat {
        self.known_chats.get(&id).cloned().unwrap_or_else(|| bare_chat(id))
    }

    /// Whether it tells that we were removed from a chat that, by the same batch, we are in: a difference tells what was,
    /// and somebody let us in again since.
    fn is_history(&self, event: &Incoming) -> bool {
        let Incoming::Member(change) = event else { return false };
        let is_gone = matches!(change.status, MemberStatus::Left | MemberStatus::Banned);
        let now = (is_gone && change.is_self).then(|| status_now(change.chat.id, self));
        matches!(now, Some(MemberStatus::Member | MemberStatus::Administrator))
    }

    fn member(&self, chat: ChatId, user: i64, status: MemberStatus) -> Incoming {
        let user = UserId(user);
        Incoming::Member(MemberChange {
            chat: self.chat(chat),
            user,
            is_self: self.own == Some(user),
            status,
        })
    }
}

/// What an update says, if it says anything that anybody here wants to know.
pub(crate) fn convert(update: tl::enums::Update, people: &People) -> Vec<Incoming> {
    let mut events = converted(update, people);
    events.retain(|event| !people.is_history(event));
    events
}

fn converted(update: tl::enums::Update, people: &People) -> Vec<Incoming> {
    use tl::enums::Update;
    let one = match update {
        Update::NewMessage(new) => return from_message(new.message, people),
        Update::NewChannelMessage(new) => return from_message(new.message, people),
        Update::BotCallbackQuery(query) => Some(Incoming::Callback(Callback {
            id: query.query_id,
            chat: chat_id(&query.peer),
            message: MessageId(query.msg_id),
            from: people.user(query.user_id),
            data: query.data.unwrap_or_default(),
        })),
        // A live story's call belongs to no chat.
        Update::GroupCall(update) if !update.live_story => {
            Some(Incoming::Call(call_changed(update.peer.as_ref().map(chat_id), &update.call)))
        }
        Update::GroupCallParticipants(update) => call_id(&update.call).map(|call| {
            let rows = update.participants.iter().map(row_of).collect();
            Incoming::Participants(CallParticipants { call, rows, version: update.version })
        }),
        Update::ChannelParticipant(update) => {
            let status = match &update.new_participant {
                Some(row) => channel_status(row),
                None => gone(update.actor_id, update.user_id),
            };
            Some(people.member(ChatId::channel(update.channel_id), update.user_id, status))
        }
        Update::ChatParticipant(update) => {
            let status = match &update.new_participant {
                Some(tl::enums::ChatParticipant::Participant(_)) => MemberStatus::Member,
                Some(_) => MemberStatus::Administrator,
                None => gone(update.actor_id, update.user_id),
            };
            Some(people.member(ChatId::group(update.chat_id), update.user_id, status))
        }
        Update::ChatParticipantAdd(update) => {
            Some(people.member(ChatId::group(update.chat_id), update.user_id, MemberStatus::Member))
        }
        Update::ChatParticipantDelete(update) => {
            Some(people.member(ChatId::group(update.chat_id), update.user_id, MemberStatus::Left))
        }
        Update::ChatParticipantAdmin(update) => {
            let status =
                if update.is_admin { MemberStatus::Administrator } else { MemberStatus::Member };
            Some(people.member(ChatId::group(update.chat_id), update.user_id, status))
        }
        Update::Channel(update) => own_status(ChatId::channel(update.channel_id), people),
        Update::Chat(update) => own_status(ChatId::group(update.chat_id), people),
        _ => None,
    };
    one.into_iter().collect()
}

fn call_changed(chat: Option<ChatId>, call: &tl::enums::GroupCall) -> CallChanged {
    match call {
        tl::enums::GroupCall::Call(call) => {
            let details = details_of(call);
            CallChanged { chat, call: details.id, state: CallState::Active(details) }
        }
        tl::enums::GroupCall::Discarded(call) => CallChanged {
            chat,
            call: CallId { id: call.id, access_hash: call.access_hash },
            state: CallState::Discarded { lasted: seconds(call.duration) },
        },
    }
}

fn channel_status(row: &tl::enums::ChannelParticipant) -> MemberStatus {
    use tl::enums::ChannelParticipant as Row;
    match row {
        Row::Creator(_) | Row::Admin(_) => MemberStatus::Administrator,
        Row::Participant(_) | Row::ParticipantSelf(_) => MemberStatus::Member,
        Row::Left(_) => MemberStatus::Left,
        Row::Banned(row) => {
            let tl::enums::ChatBannedRights::Rights(rights) = &row.banned_rights;
            match (rights.view_messages, row.left) {
                (true, _) => MemberStatus::Banned,
                (false, true) => MemberStatus::Left,
                (false, false) => MemberStatus::Member,
            }
        }
    }
}

/// Somebody is not in the list any more: by own will, or by somebody else's.
fn gone(actor: i64, user: i64) -> MemberStatus {
    if actor == user { MemberStatus::Left } else { MemberStatus::Banned }
}

/// "Something about this chat and you changed": the chat that comes along tells what.
fn own_status(chat: ChatId, people: &People) -> Option<Incoming> {
    people.own.map(|own| people.member(chat, own.0, status_now(chat, people)))
}

/// What we are in a chat, as it came with the batch.
fn status_now(chat: ChatId, people: &People) -> MemberStatus {
    match people.chats.get(&chat) {
        Some(tl::enums::Chat::ChannelForbidden(_) | tl::enums::Chat::Forbidden(_)) => {
            MemberStatus::Banned
        }
        Some(tl::enums::Chat::Channel(channel)) if channel.left => MemberStatus::Left,
        Some(tl::enums::Chat::Channel(channel))
            if channel.creator || channel.admin_rights.is_some() =>
        {
            MemberStatus::Administrator
        }
        Some(tl::enums::Chat::Channel(_)) => MemberStatus::Member,
        Some(tl::enums::Chat::Chat(group)) if group.left || group.deactivated => MemberStatus::Left,
        Some(tl::enums::Chat::Chat(group)) if group.creator || group.admin_rights.is_some() => {
            MemberStatus::Administrator
        }
        Some(tl::enums::Chat::Chat(_)) => MemberStatus::Member,
        _ => MemberStatus::Unknown,
    }
}

fn from_message(message: tl::enums::Message, people: &People) -> Vec<Incoming> {
    match message {
        tl::enums::Message::Message(message) => {
            vec![Incoming::Message(Box::new(plain_message(message, people)))]
        }
        tl::enums::Message::Service(message) => service_message(&message, people),
        tl::enums::Message::Empty(_) => Vec::new(),
    }
}

fn plain_message(message: tl::types::Message, people: &People) -> Message {
    let id = chat_id(&message.peer_id);
    let chat = people.chat(id);
    Message {
        from: sender(&message, &chat, people),
        chat,
        id: MessageId(message.id),
        reply_to: replied(message.reply_to.as_ref(), id),
        attachment: attachment_of(id, &message),
        date: seconds(message.date),
        is_out: message.out,
        text: message.message,
    }
}

fn sender(message: &tl::types::Message, chat: &Chat, people: &People) -> Sender {
    let own = || people.own.map_or(0, |own| own.0);
    let from = message.from_id.as_ref().map(chat_id);
    match (from, chat.id.is_private()) {
        // Private messages name their sender only by the dialog they are in.
        (None, true) if message.out => Sender::User(people.user(own())),
        (None, true) => Sender::User(people.user(chat.id.0)),
        (None, false) if message.out && !chat.is_broadcast => Sender::User(people.user(own())),
        (None, false) if chat.is_broadcast => {
            Sender::Channel { id: chat.id, title: chat.title.clone() }
        }
        (None, false) => Sender::AnonymousAdmin,
        (Some(from), _) if from.is_private() => Sender::User(people.user(from.0)),
        (Some(from), _) if from == chat.id && !chat.is_broadcast => Sender::AnonymousAdmin,
        (Some(from), _) => Sender::Channel { id: from, title: people.chat(from).title },
    }
}

/// The message replied to in the same chat. In a forum every message "replies" to its topic; that is no reply.
fn replied(header: Option<&tl::enums::MessageReplyHeader>, chat: ChatId) -> Option<MessageId> {
    let tl::enums::MessageReplyHeader::Header(header) = header? else { return None };
    let is_topic_only = header.forum_topic && header.reply_to_top_id.is_none();
    let is_elsewhere = header.reply_to_peer_id.as_ref().is_some_and(|peer| chat_id(peer) != chat);
    header.reply_to_msg_id.filter(|_| !is_topic_only && !is_elsewhere).map(MessageId)
}

fn service_message(message: &tl::types::MessageService, people: &People) -> Vec<Incoming> {
    use tl::enums::MessageAction as Action;
    let chat = chat_id(&message.peer_id);
    let from =
        message.from_id.as_ref().map(chat_id).filter(|from| from.is_private()).map(|from| from.0);
    match &message.action {
        Action::ChatAddUser(action) => action
            .users
            .iter()
            .map(|user| people.member(chat, *user, MemberStatus::Member))
            .collect(),
        Action::ChatJoinedByLink(_) | Action::ChatJoinedByRequest => {
            from.map(|user| people.member(chat, user, MemberStatus::Member)).into_iter().collect()
        }
        Action::ChatDeleteUser(action) => {
            vec![people.member(chat, action.user_id, gone(from.unwrap_or(0), action.user_id))]
        }
        Action::ChatMigrateTo(action) => {
            vec![Incoming::Migrated { from: chat, to: ChatId::channel(action.channel_id) }]
        }
        // An ended call is told here to bots, which hear of calls in no other way.
        Action::GroupCall(action) => match (call_id(&action.call), action.duration) {
            (Some(call), Some(duration)) => {
                let state = CallState::Discarded { lasted: seconds(duration) };
                vec![Incoming::Call(CallChanged { chat: Some(chat), call, state })]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Where a call is, when a message tells.
pub(crate) fn call_in(update: &tl::enums::Update) -> Option<(ChatId, CallId)> {
    let message = match update {
        tl::enums::Update::NewMessage(new) => &new.message,
        tl::enums::Update::NewChannelMessage(new) => &new.message,
        _ => return None,
    };
    let tl::enums::Message::Service(message) = message else { return None };
    let tl::enums::MessageAction::GroupCall(action) = &message.action else { return None };
    if action.duration.is_some() {
        return None;
    }
    Some((chat_id(&message.peer_id), call_id(&action.call)?))
}

fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
