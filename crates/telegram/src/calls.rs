//! Group calls: finding, starting, joining, keeping and leaving them. Only user accounts may.

use std::time::Duration;

use domain::{CallId, ChatId, UserId};

use crate::account::Account;
use crate::fault::CallError;

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
    /// The chat's group call, if one is on or announced. Survives an answer that this build cannot read.
    pub async fn find_call(&self, _chat: ChatId) -> Result<Option<CallId>, CallError> {
        Err(crate::account::unfinished())
    }

    /// What Telegram says about the call. `GROUPCALL_INVALID` when it is over.
    pub async fn get_call(&self, _call: CallId) -> Result<CallDetails, CallError> {
        Err(crate::account::unfinished())
    }

    /// Starts a group call in the chat; needs the right to manage calls.
    pub async fn create_call(&self, _chat: ChatId) -> Result<CallId, CallError> {
        Err(crate::account::unfinished())
    }

    /// Joins as this account. `params` is the transport's JSON.
    pub async fn join_call(
        &self,
        _call: CallId,
        _params: &str,
        _muted: bool,
    ) -> Result<JoinOutcome, CallError> {
        Err(crate::account::unfinished())
    }

    /// Which of these SSRCs the server still counts as joined; an empty answer means join again.
    pub async fn check_call(&self, _call: CallId, _ssrcs: &[u32]) -> Result<Vec<u32>, CallError> {
        Err(crate::account::unfinished())
    }

    /// Leaves. Succeeds too when the call is already over or was left.
    pub async fn leave_call(&self, _call: CallId, _ssrc: u32) -> Result<(), CallError> {
        Err(crate::account::unfinished())
    }

    /// Mutes or unmutes this account in the call.
    pub async fn edit_self(&self, _call: CallId, _muted: bool) -> Result<(), CallError> {
        Err(crate::account::unfinished())
    }

    /// The chat in which this call was last seen.
    pub fn chat_of_call(&self, _call: CallId) -> Option<ChatId> {
        None
    }
}
