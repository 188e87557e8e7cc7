//! Group calls: finding, starting, joining, keeping and leaving them. Only user accounts may.

mod answers;

use std::time::Duration;

use domain::{CallId, ChatId, ChatKind, Class, Fault, Reason, UserId};
use grammers_client::tl::{self, Serializable as _};

use crate::account::peers::contents;
use crate::account::{Account, constructor};
use crate::fault::{CallError, forgive};

pub(crate) use answers::{SeenCalls, call_id, details_of, row_of};

/// What Telegram says about a group call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallDetails {
    pub id: CallId,
    pub title: Option<String>,
    pub participants: i32,
    /// Newcomers are muted by the administrators.
    pub is_join_muted: bool,
    /// Announced for this moment (since the Unix epoch) and not begun yet; nobody can join it.
    pub scheduled: Option<Duration>,
    /// Fed by RTMP; nobody can speak.
    pub is_rtmp: bool,
    /// End-to-end encrypted; not for us.
    pub is_conference: bool,
    /// Started by this account.
    pub is_creator: bool,
    /// Part of the picture only: the other flags may be missing.
    pub is_min: bool,
    /// Grows with every change; an older number is old news.
    pub version: i32,
}

/// Somebody in a group call, as far as an update told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// This account's own row.
    pub is_self: bool,
    /// The user, when the participant is one (a channel otherwise).
    pub user: Option<UserId>,
    /// The chat or channel in whose name the participant speaks.
    pub chat: Option<ChatId>,
    /// Which audio is theirs.
    pub ssrc: u32,
    pub is_muted: bool,
    /// With `is_muted`: muted by self. Without this and muted: by an administrator.
    pub can_self_unmute: bool,
    pub has_left: bool,
    pub just_joined: bool,
    /// The batch with this row moves the list's version by one.
    pub is_versioned: bool,
    /// Part of the picture only: must not overwrite what is known.
    pub is_min: bool,
}

/// What joining brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinOutcome {
    /// The media server's answer (JSON), for the transport.
    pub params: String,
    /// The own row, when it came along.
    pub own: Option<Row>,
    /// The version of the list of people, when it came along.
    pub version: Option<i32>,
    /// The call as it is now, when it came along.
    pub details: Option<CallDetails>,
}

/// How Telegram says that this account is not in the call, or that there is none.
const NOT_IN_CALL: &[&str] = &[
    "GROUPCALL_INVALID",
    "GROUPCALL_FORBIDDEN",
    "GROUPCALL_JOIN_MISSING",
    "GROUPCALL_ALREADY_DISCARDED",
    "PARTICIPANT_JOIN_MISSING",
];

/// How much in an unreadable answer is taken for a call and asked about.
const CANDIDATES_MAX: usize = 4;

/// The SSRC as RTP writes it, from Telegram's signed number.
pub fn ssrc_from_wire(signed: i32) -> u32 {
    signed.cast_unsigned()
}

/// Telegram's signed number, from the SSRC as RTP writes it.
pub fn ssrc_to_wire(ssrc: u32) -> i32 {
    ssrc.cast_signed()
}

// === impl Account (group calls) ===

impl Account {
    /// The chat's group call, if one is on or announced ([`get_call`](Account::get_call) tells which). Survives an
    /// answer that this build cannot read.
    pub async fn find_call(&self, chat: ChatId) -> Result<Option<CallId>, CallError> {
        let body = match chat.kind() {
            ChatKind::Private(_) => return Ok(None),
            ChatKind::Group(chat_id) => tl::functions::messages::GetFullChat { chat_id }.to_bytes(),
            ChatKind::Channel(id) => {
                let channel = self.input_channel(id)?;
                tl::functions::channels::GetFullChannel { channel }.to_bytes()
            }
        };
        let asked = constructor(&body);
        let answer = self.call_raw(body).await?;
        let call = match self.read(asked, &answer) {
            Ok(tl::enums::messages::ChatFull::Full(full)) => {
                self.learn(&full.users, &full.chats);
                answers::call_of_chat(&full.full_chat)
            }
            Err(_) => self.call_in_bytes(chat, &answer).await?,
        };
        self.seen(|seen| match call {
            Some(call) => seen.note(chat, call),
            None => seen.forget_chat(chat),
        });
        Ok(call)
    }

    /// The call in an answer that cannot be read: whatever in it looks like one and Telegram confirms, else the one
    /// that updates told about.
    async fn call_in_bytes(
        &self,
        chat: ChatId,
        answer: &[u8],
    ) -> Result<Option<CallId>, CallError> {
        let mut candidates = answers::scan_for_calls(answer);
        candidates.truncate(CANDIDATES_MAX);
        candidates.extend(self.seen(|seen| seen.call_of(chat)));
        for call in candidates {
            match self.get_call(call).await {
                Ok(_) => return Ok(Some(call)),
                // it is one, only its description is of the other layer too
                Err(error) if error.fault.reason == Reason::Unreadable => return Ok(Some(call)),
                // not a call, or one that is over: the next may be
                Err(error) if error.fault.class == Class::Refused => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// What Telegram says about the call. Refused with `CallEnded` when it is over.
    pub async fn get_call(&self, call: CallId) -> Result<CallDetails, CallError> {
        let request = tl::functions::phone::GetGroupCall { call: input(call), limit: 1 };
        let tl::enums::phone::GroupCall::Call(answer) = self.call(&request).await?;
        self.learn(&answer.users, &answer.chats);
        match answer.call {
            tl::enums::GroupCall::Call(call) => Ok(details_of(&call)),
            tl::enums::GroupCall::Discarded(_) => {
                Err(CallError::refused(Reason::CallEnded, "the group call is discarded"))
            }
        }
    }

    /// Starts a group call in the chat; needs the right to manage calls.
    pub async fn create_call(&self, chat: ChatId) -> Result<CallId, CallError> {
        let request = tl::functions::phone::CreateGroupCall {
            rtmp_stream: false,
            peer: self.input_peer(chat)?,
            random_id: rand::random(),
            title: None,
            schedule_date: None,
        };
        let updates = self.call(&request).await?;
        let (updates, users, chats) = contents(&updates);
        self.learn(users, chats);
        let call = updates.iter().find_map(answers::active_call).map(|details| details.id);
        let call = call.ok_or_else(|| {
            CallError::refused(Reason::Unreadable, "telegram did not say which call it started")
        })?;
        self.seen(|seen| seen.note(chat, call));
        Ok(call)
    }

    /// Joins as this account. `params` is the transport's JSON.
    pub async fn join_call(
        &self,
        call: CallId,
        params: &str,
        muted: bool,
    ) -> Result<JoinOutcome, CallError> {
        let request = tl::functions::phone::JoinGroupCall {
            muted,
            video_stopped: true,
            call: input(call),
            join_as: tl::enums::InputPeer::PeerSelf,
            invite_hash: None,
            public_key: None,
            block: None,
            params: tl::types::DataJson { data: params.to_owned() }.into(),
        };
        let body = request.to_bytes();
        let asked = constructor(&body);
        let answer = self.call_raw(body).await?;
        let outcome = match self.read(asked, &answer) {
            Ok(updates) => {
                let updates: tl::enums::Updates = updates;
                let (updates, users, chats) = contents(&updates);
                self.learn(users, chats);
                answers::join_outcome(updates)
            }
            Err(_) => answers::scan_for_connection(&answer),
        };
        outcome.ok_or_else(|| {
            // nobody else's fault and seldom the same twice: another join is another answer
            Fault::transient(Reason::Unreadable, "joining brought no connection parameters").into()
        })
    }

    /// Which of these SSRCs the server still counts as joined; an empty answer means join again.
    pub async fn check_call(&self, call: CallId, ssrcs: &[u32]) -> Result<Vec<u32>, CallError> {
        let sources = ssrcs.iter().copied().map(ssrc_to_wire).collect();
        let request = tl::functions::phone::CheckGroupCall { call: input(call), sources };
        Ok(self.call(&request).await?.into_iter().map(ssrc_from_wire).collect())
    }

    /// Leaves. Succeeds too when the call is already over or was left.
    pub async fn leave_call(&self, call: CallId, ssrc: u32) -> Result<(), CallError> {
        let request =
            tl::functions::phone::LeaveGroupCall { call: input(call), source: ssrc_to_wire(ssrc) };
        forgive(self.call(&request).await, NOT_IN_CALL).map(drop)
    }

    /// Mutes or unmutes this account in the call.
    pub async fn edit_self(&self, call: CallId, muted: bool) -> Result<(), CallError> {
        let request = tl::functions::phone::EditGroupCallParticipant {
            call: input(call),
            participant: tl::enums::InputPeer::PeerSelf,
            muted: Some(muted),
            volume: None,
            raise_hand: None,
            video_stopped: None,
            video_paused: None,
            presentation_paused: None,
        };
        self.call(&request).await.map(drop)
    }

    /// The chat in which this call was last seen.
    pub fn chat_of_call(&self, call: CallId) -> Option<ChatId> {
        self.seen(|seen| seen.chat_of(call))
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&mut SeenCalls) -> T) -> T {
        look(&mut self.seen_calls().lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

fn input(call: CallId) -> tl::enums::InputGroupCall {
    tl::types::InputGroupCall { id: call.id, access_hash: call.access_hash }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ssrc_keeps_its_bits_through_telegrams_sign() {
        for (ssrc, signed) in
            [(0, 0), (1, 1), (0x7FFF_FFFF, i32::MAX), (0x8000_0000, i32::MIN), (u32::MAX, -1)]
        {
            assert_eq!((ssrc_to_wire(ssrc), ssrc_from_wire(signed)), (signed, ssrc));
        }
    }
}
