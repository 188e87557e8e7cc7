//! What Telegram's refusals and the connection's failures mean.
//!
//! One table: Telegram's error name on the left, what to do about it on the right. Names are from core.telegram.org
//! (each method's list, and the error database). Digits are not part of a name: `FLOOD_WAIT_31` is `FLOOD_WAIT`, 31.

#[cfg(test)]
mod tests;

use std::time::Duration;

use domain::{Fault, Reason};
use grammers_client::sender::{InvocationError, RpcError};
use grammers_client::tl;

/// A failed call: what to do about it, and Telegram's own word for it when there was one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct CallError {
    pub fault: Fault,
    /// Present when Telegram answered with an error; absent when it did not answer.
    pub rpc: Option<Rpc>,
}

/// An error as Telegram names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rpc {
    /// Like an HTTP status: 303, 400, 401, 403, 406, 420, 500.
    pub code: i32,
    /// The name without its number, such as `FLOOD_WAIT` or `GROUPCALL_SSRC_DUPLICATE_MUCH`.
    pub name: String,
    /// The number in the name, such as the seconds of a flood wait.
    pub value: Option<u32>,
}

/// What one error name calls for.
#[derive(Clone, Copy)]
enum Verdict {
    Again(Reason),
    Refuse(Reason),
    GiveUp,
}

use Verdict::{Again, GiveUp, Refuse};

/// Names whose meaning does not follow from their code.
const NAMES: &[(&str, Verdict)] = &[
    // the login or the application is unusable
    ("ACCESS_TOKEN_EXPIRED", GiveUp),
    ("ACCESS_TOKEN_INVALID", GiveUp),
    ("API_ID_INVALID", GiveUp),
    ("API_ID_PUBLISHED_FLOOD", GiveUp),
    ("AUTH_KEY_DUPLICATED", GiveUp),
    ("AUTH_KEY_INVALID", GiveUp),
    ("AUTH_KEY_UNREGISTERED", GiveUp),
    ("SESSION_EXPIRED", GiveUp),
    ("SESSION_PASSWORD_NEEDED", GiveUp),
    ("SESSION_REVOKED", GiveUp),
    ("USER_DEACTIVATED", GiveUp),
    ("USER_DEACTIVATED_BAN", GiveUp),
    // not in the chat, or not any more
    ("CHANNEL_INVALID", Refuse(Reason::AssistantNotIn)),
    ("CHANNEL_PRIVATE", Refuse(Reason::AssistantNotIn)),
    ("CHANNEL_PUBLIC_GROUP_NA", Refuse(Reason::AssistantNotIn)),
    ("CHAT_FORBIDDEN", Refuse(Reason::AssistantNotIn)),
    ("CHAT_ID_INVALID", Refuse(Reason::AssistantNotIn)),
    ("INVITE_HASH_EMPTY", Refuse(Reason::AssistantNotIn)),
    ("INVITE_HASH_EXPIRED", Refuse(Reason::AssistantNotIn)),
    ("INVITE_HASH_INVALID", Refuse(Reason::AssistantNotIn)),
    ("PEER_ID_INVALID", Refuse(Reason::AssistantNotIn)),
    ("USERS_TOO_MUCH", Refuse(Reason::AssistantNotIn)),
    ("USER_NOT_PARTICIPANT", Refuse(Reason::AssistantNotIn)),
    ("INVITE_REQUEST_SENT", Refuse(Reason::AssistantAwaitsApproval)),
    ("USER_BANNED_IN_CHANNEL", Refuse(Reason::AssistantBanned)),
    ("USER_KICKED", Refuse(Reason::AssistantBanned)),
    ("CHANNELS_TOO_MUCH", Refuse(Reason::TooManyChannels)),
    ("USER_CHANNELS_TOO_MUCH", Refuse(Reason::TooManyChannels)),
    // without the right
    ("CHAT_ADMIN_REQUIRED", Refuse(Reason::NotAllowed)),
    ("CHAT_GUEST_SEND_FORBIDDEN", Refuse(Reason::NotAllowed)),
    ("CHAT_RESTRICTED", Refuse(Reason::NotAllowed)),
    ("CHAT_SEND_PLAIN_FORBIDDEN", Refuse(Reason::NotAllowed)),
    ("CHAT_WRITE_FORBIDDEN", Refuse(Reason::NotAllowed)),
    ("INPUT_USER_DEACTIVATED", Refuse(Reason::NotAllowed)),
    ("JOIN_AS_PEER_INVALID", Refuse(Reason::NotAllowed)),
    ("MESSAGE_AUTHOR_REQUIRED", Refuse(Reason::NotAllowed)),
    ("MESSAGE_DELETE_FORBIDDEN", Refuse(Reason::NotAllowed)),
    ("RIGHT_FORBIDDEN", Refuse(Reason::NotAllowed)),
    ("TOPIC_CLOSED", Refuse(Reason::NotAllowed)),
    ("USER_IS_BLOCKED", Refuse(Reason::NotAllowed)),
    ("PEER_FLOOD", Refuse(Reason::Flood)),
    // group calls
    ("CREATE_CALL_FAILED", Again(Reason::CallUnreachable)),
    ("GROUPCALL_ADD_PARTICIPANTS_FAILED", Again(Reason::CallUnreachable)),
    ("GROUPCALL_JOIN_MISSING", Again(Reason::CallUnreachable)),
    ("GROUPCALL_SSRC_DUPLICATE_MUCH", Again(Reason::CallUnreachable)),
    ("PARTICIPANT_JOIN_MISSING", Again(Reason::CallUnreachable)),
    ("GROUPCALL_ALREADY_DISCARDED", Refuse(Reason::CallEnded)),
    ("GROUPCALL_FORBIDDEN", Refuse(Reason::CallEnded)),
    ("GROUPCALL_INVALID", Refuse(Reason::CallEnded)),
    ("CONF_WRITE_CHAIN_INVALID", Refuse(Reason::Conference)),
    // the answer was lost, the message was not
    ("RANDOM_ID_DUPLICATE", Refuse(Reason::Internal)),
    // what the request was about is gone
    ("FILE_REFERENCE_EMPTY", Again(Reason::Unreachable)),
    ("FILE_REFERENCE_EXPIRED", Again(Reason::Unreachable)),
    ("FILE_REFERENCE_INVALID", Again(Reason::Unreachable)),
    ("FILE_ID_INVALID", Refuse(Reason::NotFound)),
    ("LOCATION_INVALID", Refuse(Reason::NotFound)),
    ("MESSAGE_ID_INVALID", Refuse(Reason::NotFound)),
    ("MSG_ID_INVALID", Refuse(Reason::NotFound)),
    ("USERNAME_INVALID", Refuse(Reason::NotFound)),
    ("USERNAME_NOT_OCCUPIED", Refuse(Reason::NotFound)),
    ("QUERY_ID_INVALID", Refuse(Reason::Timeout)),
    // the servers' own trouble that comes under the wrong code
    ("CONNECTION_NOT_INITED", Again(Reason::TelegramUnreachable)),
    ("HISTORY_GET_FAILED", Again(Reason::TelegramUnreachable)),
    ("MSG_WAIT_FAILED", Again(Reason::TelegramUnreachable)),
    ("MSG_WAIT_TIMEOUT", Again(Reason::TelegramUnreachable)),
    ("PERSISTENT_TIMESTAMP_OUTDATED", Again(Reason::TelegramUnreachable)),
];

// === impl CallError ===

impl CallError {
    /// Whether Telegram answered with this error name.
    pub fn is(&self, name: &str) -> bool {
        self.rpc.as_ref().is_some_and(|rpc| rpc.name == name)
    }

    /// No answer within the time.
    pub(crate) fn timeout(request: u32, after: Duration) -> CallError {
        let detail =
            format!("no answer to {} within {} s", tl::name_for_id(request), after.as_secs_f32());
        Fault::transient(Reason::TelegramUnreachable, detail).into()
    }

    pub(crate) fn refused(reason: Reason, detail: impl Into<String>) -> CallError {
        Fault::refused(reason, detail).into()
    }

    /// What a failed request means.
    pub(crate) fn from_library(error: InvocationError) -> CallError {
        let fault = match error {
            InvocationError::Rpc(rpc) => return CallError::from_rpc(rpc),
            InvocationError::Io(error) => {
                Fault::transient(Reason::TelegramUnreachable, format!("connection failed: {error}"))
            }
            // A newer layer than ours. The same request would be answered the same way.
            InvocationError::Deserialize(error) => {
                Fault::refused(Reason::Unreadable, format!("unreadable answer: {error}"))
            }
            InvocationError::Transport(error) => transport(&error.to_string()),
            // The connection or the pool went away with the request; a rebuilt one will take it.
            InvocationError::Dropped(why) => {
                Fault::transient(Reason::TelegramUnreachable, format!("request dropped: {why}"))
            }
            InvocationError::InvalidDc => Fault::refused(Reason::Internal, "unknown data centre"),
            InvocationError::Authentication(error) => {
                Fault::fatal(Reason::AccountLost, format!("no common key with the server: {error}"))
            }
            InvocationError::Session(error) => {
                Fault::refused(Reason::Internal, format!("session: {error}"))
            }
        };
        fault.into()
    }

    fn from_rpc(error: RpcError) -> CallError {
        let fault = classify(&error);
        CallError {
            fault,
            rpc: Some(Rpc { code: error.code, name: error.name, value: error.value }),
        }
    }
}

/// The transport answers with a bare status: 404 for an unknown key, 429 for too many connections.
fn transport(text: &str) -> Fault {
    if text.ends_with("-404)") {
        Fault::fatal(Reason::AccountLost, "the server does not know this key (404)")
    } else {
        Fault::transient(Reason::TelegramUnreachable, format!("transport: {text}"))
    }
}

fn classify(error: &RpcError) -> Fault {
    let mut detail = format!("{} {}", error.code, error.name);
    if let Some(value) = error.value {
        detail.push_str(&format!(" {value}"));
    }
    if let Some(request) = error.caused_by {
        detail.push_str(&format!(" to {}", tl::name_for_id(request)));
    }
    if let Some((_, verdict)) = NAMES.iter().find(|(name, _)| *name == error.name) {
        return match *verdict {
            Again(reason) => Fault::transient(reason, detail),
            Refuse(reason) => Fault::refused(reason, detail),
            GiveUp => Fault::fatal(Reason::AccountLost, detail),
        };
    }
    match (error.code, error.value) {
        // FLOOD_WAIT, SLOWMODE_WAIT, FLOOD_PREMIUM_WAIT: all carry the seconds.
        (420, Some(seconds)) => Fault::flood_wait(Duration::from_secs(seconds.into()), detail),
        (420, None) => Fault::refused(Reason::Flood, detail),
        (401, _) => Fault::fatal(Reason::AccountLost, detail),
        (403, _) => Fault::refused(Reason::NotAllowed, detail),
        (500.., _) | (..0, _) => Fault::transient(Reason::TelegramUnreachable, detail),
        _ => Fault::refused(Reason::Internal, detail),
    }
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> CallError {
        CallError { fault, rpc: None }
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Fault {
        error.fault
    }
}

/// Turns one refusal that means "it is so already" into success.
pub(crate) fn forgive<T>(
    result: Result<T, CallError>,
    names: &[&str],
) -> Result<Option<T>, CallError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if names.iter().any(|name| error.is(name)) => Ok(None),
        Err(error) => Err(error),
    }
}
