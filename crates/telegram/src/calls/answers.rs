//! Reading group calls out of answers and updates, also out of those that this build cannot read whole.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use domain::{CallId, ChatId, UserId};
use grammers_client::tl::{self, Deserializable as _, Identifiable as _};

use super::{CallDetails, JoinOutcome, Row, ssrc_from_wire};
use crate::account::chat_id;

/// Which call was last seen where. A second way to a chat's call, and the only one from a call to its chat when an
/// update does not name it.
#[derive(Debug, Default)]
pub(crate) struct SeenCalls {
    by_chat: HashMap<ChatId, CallId>,
    by_call: HashMap<i64, ChatId>,
}

// === impl SeenCalls ===

impl SeenCalls {
    /// A chat has one call at a time.
    pub(crate) fn note(&mut self, chat: ChatId, call: CallId) {
        if let Some(before) = self.by_chat.insert(chat, call)
            && before.id != call.id
        {
            self.by_call.remove(&before.id);
        }
        self.by_call.insert(call.id, chat);
    }

    pub(crate) fn forget(&mut self, call: CallId) {
        if let Some(chat) = self.by_call.remove(&call.id) {
            self.by_chat.remove(&chat);
        }
    }

    pub(crate) fn forget_chat(&mut self, chat: ChatId) {
        if let Some(call) = self.by_chat.remove(&chat) {
            self.by_call.remove(&call.id);
        }
    }

    pub(crate) fn call_of(&self, chat: ChatId) -> Option<CallId> {
        self.by_chat.get(&chat).copied()
    }

    pub(crate) fn chat_of(&self, call: CallId) -> Option<ChatId> {
        self.by_call.get(&call.id).copied()
    }
}

pub(crate) fn call_id(call: &tl::enums::InputGroupCall) -> Option<CallId> {
    match call {
        tl::enums::InputGroupCall::Call(call) => {
            Some(CallId { id: call.id, access_hash: call.access_hash })
        }
        // Invitations to conferences.
        tl::enums::InputGroupCall::Slug(_) | tl::enums::InputGroupCall::InviteMessage(_) => None,
    }
}

pub(crate) fn details_of(call: &tl::types::GroupCall) -> CallDetails {
    CallDetails {
        id: CallId { id: call.id, access_hash: call.access_hash },
        title: call.title.clone(),
        participants: call.participants_count,
        is_join_muted: call.join_muted,
        scheduled: call
            .schedule_date
            .and_then(|at| u64::try_from(at).ok())
            .map(Duration::from_secs),
        is_rtmp: call.rtmp_stream,
        is_conference: call.conference,
        is_creator: call.creator,
        is_min: call.min,
        version: call.version,
    }
}

pub(crate) fn row_of(participant: &tl::enums::GroupCallParticipant) -> Row {
    let tl::enums::GroupCallParticipant::Participant(row) = participant;
    let peer = chat_id(&row.peer);
    Row {
        is_self: row.is_self,
        user: Some(UserId(peer.0)).filter(|_| peer.is_private()),
        chat: Some(peer).filter(|_| !peer.is_private()),
        ssrc: ssrc_from_wire(row.source),
        is_muted: row.muted,
        can_self_unmute: row.can_self_unmute,
        has_left: row.left,
        just_joined: row.just_joined,
        is_versioned: row.versioned,
        is_min: row.min,
    }
}

pub(crate) fn call_of_chat(full: &tl::enums::ChatFull) -> Option<CallId> {
    let call = match full {
        tl::enums::ChatFull::Full(full) => full.call.as_ref(),
        tl::enums::ChatFull::ChannelFull(full) => full.call.as_ref(),
        tl::enums::ChatFull::CommunityFull(_) => None,
    };
    call.and_then(call_id)
}

/// The call that an update tells about, unless it is over.
pub(crate) fn active_call(update: &tl::enums::Update) -> Option<CallDetails> {
    match update {
        tl::enums::Update::GroupCall(update) if !update.live_story => match &update.call {
            tl::enums::GroupCall::Call(call) => Some(details_of(call)),
            tl::enums::GroupCall::Discarded(_) => None,
        },
        _ => None,
    }
}

/// What joining brought: the parts come in any order, and a presentation's parameters are somebody else's
/// (core.telegram.org, phone.joinGroupCall).
pub(crate) fn join_outcome(updates: &[tl::enums::Update]) -> Option<JoinOutcome> {
    let params = updates.iter().find_map(|update| match update {
        tl::enums::Update::GroupCallConnection(update) if !update.presentation => {
            let tl::enums::DataJson::Json(params) = &update.params;
            Some(params.data.clone())
        }
        _ => None,
    })?;
    let mut outcome = JoinOutcome {
        params,
        own: None,
        version: None,
        details: updates.iter().find_map(active_call),
    };
    for update in updates {
        if let tl::enums::Update::GroupCallParticipants(update) = update {
            outcome.version = outcome.version.max(Some(update.version));
            let own = update.participants.iter().map(row_of).filter(|row| row.is_self);
            // A row of an earlier join may come along as left; the living one is meant, the newest of several.
            outcome.own = own.chain(outcome.own).max_by_key(|row| !row.has_left);
        }
    }
    Some(outcome)
}

/// Whatever looks like an `inputGroupCall` in an answer whose outer shape is unknown, such as a `channelFull` of another
/// layer; in the order of the answer.
pub(crate) fn scan_for_calls(answer: &[u8]) -> Vec<CallId> {
    let found = scan(answer, tl::types::InputGroupCall::CONSTRUCTOR_ID, |bytes| {
        let call = tl::types::InputGroupCall::from_bytes(bytes).ok()?;
        Some(CallId { id: call.id, access_hash: call.access_hash }).filter(|call| call.id != 0)
    });
    let mut calls = Vec::new();
    for call in found {
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    calls
}

/// The connection parameters in an answer of which some other part is unknown.
pub(crate) fn scan_for_connection(answer: &[u8]) -> Option<JoinOutcome> {
    let found = scan(answer, tl::types::UpdateGroupCallConnection::CONSTRUCTOR_ID, |bytes| {
        let update = tl::types::UpdateGroupCallConnection::from_bytes(bytes).ok()?;
        let tl::enums::DataJson::Json(params) = update.params;
        (!update.presentation).then_some(params.data)
    });
    let params = found.into_iter().next()?;
    Some(JoinOutcome { params, own: None, version: None, details: None })
}

/// TL values lie on four-byte boundaries, and a constructor's number is practically unique among them.
fn scan<T>(answer: &[u8], constructor: u32, read: impl Fn(&[u8]) -> Option<T>) -> Vec<T> {
    let constructor = constructor.to_le_bytes();
    let rests = (0..answer.len()).step_by(4).filter_map(|at| answer.get(at..));
    rests.filter_map(|rest| rest.strip_prefix(&constructor)).filter_map(read).collect()
}
