//! Which chats the account knows.

use std::collections::HashSet;

use domain::{ChatId, ChatKind, Reason};
use grammers_client::tl;

use super::Account;
use super::peers::chat_id;
use crate::fault::{CallError, forgive};
use crate::incoming::people::chat_id_of;

/// Dialogs per request, and how many requests at most.
const PAGE: i32 = 100;
const PAGES_MAX: usize = 20;

// === impl Account (chats) ===

impl Account {
    /// Reads the account's dialogs (users only), so that their access hashes are known; how many there are.
    pub async fn load_dialogs(&self) -> Result<usize, CallError> {
        let mut seen = HashSet::new();
        let mut request = tl::functions::messages::GetDialogs {
            exclude_pinned: false,
            folder_id: None,
            offset_date: 0,
            offset_id: 0,
            offset_peer: tl::enums::InputPeer::Empty,
            limit: PAGE,
            hash: 0,
        };
        for _ in 0..PAGES_MAX {
            let (dialogs, messages, is_whole) = match self.call(&request).await? {
                tl::enums::messages::Dialogs::Dialogs(all) => {
                    self.learn(&all.users, &all.chats);
                    (all.dialogs, all.messages, true)
                }
                tl::enums::messages::Dialogs::Slice(all) => {
                    self.learn(&all.users, &all.chats);
                    (all.dialogs, all.messages, false)
                }
                tl::enums::messages::Dialogs::NotModified(_) => break,
            };
            let before = seen.len();
            seen.extend(dialogs.iter().filter_map(peer_of));
            let last = dialogs.iter().rev().find_map(|dialog| match dialog {
                tl::enums::Dialog::Dialog(dialog) => Some(dialog),
                _ => None,
            });
            let Some(last) = last.filter(|_| !is_whole && seen.len() > before) else { break };
            request.offset_id = last.top_message;
            request.offset_date = messages.iter().rev().find_map(date_of).unwrap_or(0);
            request.offset_peer = match self.input_peer(chat_id(&last.peer)) {
                Ok(peer) => peer,
                Err(_) => break,
            };
        }
        Ok(seen.len())
    }

    /// What a public name (with or without `@`) leads to.
    pub async fn resolve_username(&self, username: &str) -> Result<ChatId, CallError> {
        let username = username.trim().trim_start_matches('@').to_owned();
        let request = tl::functions::contacts::ResolveUsername { username, referer: None };
        let tl::enums::contacts::ResolvedPeer::Peer(answer) = self.call(&request).await?;
        self.learn(&answer.users, &answer.chats);
        Ok(chat_id(&answer.peer))
    }

    /// The group that discusses a channel.
    pub async fn discussion(&self, channel: ChatId) -> Result<Option<ChatId>, CallError> {
        let ChatKind::Channel(id) = channel.kind() else { return Ok(None) };
        let request = tl::functions::channels::GetFullChannel { channel: self.input_channel(id)? };
        let tl::enums::messages::ChatFull::Full(answer) = self.call(&request).await?;
        self.learn(&answer.users, &answer.chats);
        Ok(match answer.full_chat {
            tl::enums::ChatFull::ChannelFull(full) => full.linked_chat_id.map(ChatId::channel),
            _ => None,
        })
    }

    /// Leaves the chat. Succeeds too when it is not in.
    pub async fn leave_chat(&self, chat: ChatId) -> Result<(), CallError> {
        let answer = match chat.kind() {
            ChatKind::Private(_) => {
                return Err(CallError::refused(Reason::Internal, "nobody leaves a private chat"));
            }
            ChatKind::Group(chat_id) => {
                let user_id = tl::enums::InputUser::UserSelf;
                let request = tl::functions::messages::DeleteChatUser {
                    revoke_history: false,
                    chat_id,
                    user_id,
                };
                self.call(&request).await.map(drop)
            }
            ChatKind::Channel(id) => {
                let channel = self.input_channel(id)?;
                self.call(&tl::functions::channels::LeaveChannel { channel }).await.map(drop)
            }
        };
        forgive(answer, &["USER_NOT_PARTICIPANT", "CHANNEL_PRIVATE"]).map(drop)
    }

    /// The id under which a known chat of this update's or answer's chats runs.
    pub(crate) fn first_chat(chats: &[tl::enums::Chat]) -> Option<crate::incoming::Chat> {
        chats
            .iter()
            .find(|chat| chat_id_of(chat).is_some())
            .and_then(crate::incoming::people::chat_of)
    }
}

fn peer_of(dialog: &tl::enums::Dialog) -> Option<ChatId> {
    match dialog {
        tl::enums::Dialog::Dialog(dialog) => Some(chat_id(&dialog.peer)),
        _ => None,
    }
}

fn date_of(message: &tl::enums::Message) -> Option<i32> {
    match message {
        tl::enums::Message::Message(message) => Some(message.date),
        tl::enums::Message::Service(message) => Some(message.date),
        tl::enums::Message::Empty(_) => None,
    }
}
