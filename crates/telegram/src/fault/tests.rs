use domain::Class;
use grammers_client::sender::InvocationError;

use super::*;

fn rpc(code: i32, text: &str) -> CallError {
    let error = tl::types::RpcError { error_code: code, error_message: text.to_owned() };
    CallError::from_library(InvocationError::Rpc(error.into()))
}

#[test]
fn every_refusal_has_its_meaning() {
    let check = |code: i32, text: &str, class: Class, reason: Reason| {
        let error = rpc(code, text);
        assert_eq!((error.fault.class, error.fault.reason), (class, reason), "{code} {text}");
        let name = error.rpc.as_ref().unwrap().name.clone();
        assert!(error.is(&name) && text.starts_with(name.split('_').next().unwrap()), "{name}");
    };
    let wait = |seconds| Class::FloodWait(Duration::from_secs(seconds));
    use Class::{Fatal, Refused, Transient};
    check(420, "FLOOD_WAIT_31", wait(31), Reason::Flood);
    check(420, "SLOWMODE_WAIT_10", wait(10), Reason::Flood);
    check(420, "FLOOD_PREMIUM_WAIT_3", wait(3), Reason::Flood);
    check(420, "FROZEN_METHOD_INVALID", Refused, Reason::Flood);
    check(400, "PEER_FLOOD", Refused, Reason::Flood);
    check(401, "AUTH_KEY_UNREGISTERED", Fatal, Reason::AccountLost);
    check(401, "AUTH_KEY_INVALID", Fatal, Reason::AccountLost);
    check(401, "AUTH_KEY_PERM_EMPTY", Fatal, Reason::AccountLost);
    check(406, "AUTH_KEY_DUPLICATED", Fatal, Reason::AccountLost);
    check(401, "SESSION_REVOKED", Fatal, Reason::AccountLost);
    check(401, "SESSION_EXPIRED", Fatal, Reason::AccountLost);
    check(401, "SESSION_PASSWORD_NEEDED", Fatal, Reason::AccountLost);
    check(401, "USER_DEACTIVATED", Fatal, Reason::AccountLost);
    check(401, "USER_DEACTIVATED_BAN", Fatal, Reason::AccountLost);
    check(400, "ACCESS_TOKEN_INVALID", Fatal, Reason::AccountLost);
    check(400, "ACCESS_TOKEN_EXPIRED", Fatal, Reason::AccountLost);
    check(400, "API_ID_INVALID", Fatal, Reason::AccountLost);
    check(403, "CHAT_WRITE_FORBIDDEN", Refused, Reason::NotAllowed);
    check(403, "CHAT_SEND_PLAIN_FORBIDDEN", Refused, Reason::NotAllowed);
    check(403, "SOMETHING_NEW_FORBIDDEN", Refused, Reason::NotAllowed);
    check(400, "CHAT_ADMIN_REQUIRED", Refused, Reason::NotAllowed);
    check(403, "CHAT_ADMIN_REQUIRED", Refused, Reason::NotAllowed);
    check(400, "JOIN_AS_PEER_INVALID", Refused, Reason::NotAllowed);
    check(403, "MESSAGE_DELETE_FORBIDDEN", Refused, Reason::NotAllowed);
    check(403, "USER_IS_BLOCKED", Refused, Reason::NotAllowed);
    check(400, "USER_BANNED_IN_CHANNEL", Refused, Reason::AssistantBanned);
    check(400, "CHANNEL_PRIVATE", Refused, Reason::AssistantNotIn);
    check(406, "CHANNEL_PRIVATE", Refused, Reason::AssistantNotIn);
    check(400, "CHANNEL_INVALID", Refused, Reason::AssistantNotIn);
    check(400, "PEER_ID_INVALID", Refused, Reason::AssistantNotIn);
    check(400, "CHAT_ID_INVALID", Refused, Reason::AssistantNotIn);
    check(400, "USER_NOT_PARTICIPANT", Refused, Reason::AssistantNotIn);
    check(400, "INVITE_HASH_EXPIRED", Refused, Reason::AssistantNotIn);
    check(406, "INVITE_HASH_EXPIRED", Refused, Reason::AssistantNotIn);
    check(400, "INVITE_HASH_INVALID", Refused, Reason::AssistantNotIn);
    check(400, "INVITE_REQUEST_SENT", Refused, Reason::AssistantAwaitsApproval);
    check(400, "CHANNELS_TOO_MUCH", Refused, Reason::TooManyChannels);
    check(400, "USER_CHANNELS_TOO_MUCH", Refused, Reason::TooManyChannels);
    check(400, "GROUPCALL_SSRC_DUPLICATE_MUCH", Transient, Reason::CallUnreachable);
    check(500, "GROUPCALL_ADD_PARTICIPANTS_FAILED", Transient, Reason::CallUnreachable);
    check(400, "GROUPCALL_JOIN_MISSING", Transient, Reason::CallUnreachable);
    check(403, "PARTICIPANT_JOIN_MISSING", Transient, Reason::CallUnreachable);
    check(400, "CREATE_CALL_FAILED", Transient, Reason::CallUnreachable);
    check(403, "GROUPCALL_FORBIDDEN", Refused, Reason::CallEnded);
    check(400, "GROUPCALL_INVALID", Refused, Reason::CallEnded);
    check(403, "GROUPCALL_ALREADY_DISCARDED", Refused, Reason::CallEnded);
    check(400, "CONF_WRITE_CHAIN_INVALID", Refused, Reason::Conference);
    check(400, "DATA_JSON_INVALID", Refused, Reason::Internal);
    check(400, "QUERY_ID_INVALID", Refused, Reason::Timeout);
    check(400, "MESSAGE_ID_INVALID", Refused, Reason::NotFound);
    check(400, "USERNAME_NOT_OCCUPIED", Refused, Reason::NotFound);
    check(400, "FILE_REFERENCE_EXPIRED", Transient, Reason::Unreachable);
    check(400, "MESSAGE_NOT_MODIFIED", Refused, Reason::Internal);
    check(400, "USER_ALREADY_PARTICIPANT", Refused, Reason::Internal);
    check(500, "RPC_CALL_FAIL", Transient, Reason::TelegramUnreachable);
    check(500, "INTERDC_2_CALL_ERROR", Transient, Reason::TelegramUnreachable);
    check(-503, "Timeout", Transient, Reason::TelegramUnreachable);
    check(400, "MSG_WAIT_TIMEOUT", Transient, Reason::TelegramUnreachable);
    check(303, "USER_MIGRATE_4", Refused, Reason::Internal);
}

#[test]
fn a_failed_connection_is_told_from_a_refusal() {
    let check = |error: InvocationError, class: Class, reason: Reason| {
        let text = format!("{error:?}");
        let error = CallError::from_library(error);
        assert_eq!((error.fault.class, error.fault.reason), (class, reason), "{text}");
        assert_eq!(error.rpc, None);
    };
    let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    check(InvocationError::Io(refused()), Class::Transient, Reason::TelegramUnreachable);
    check(InvocationError::Dropped("gone"), Class::Transient, Reason::TelegramUnreachable);
    check(InvocationError::InvalidDc, Class::Refused, Reason::Internal);
    let unknown = tl::deserialize::Error::UnexpectedConstructor { id: 0x52d6_806b };
    check(unknown.into(), Class::Refused, Reason::Unreadable);
    assert_eq!(transport("bad status (negative length -404)").class, Class::Fatal);
    assert_eq!(transport("bad status (negative length -429)").class, Class::Transient);
}

#[test]
fn the_table_is_read_from_one_place_only() {
    let mut names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), NAMES.len(), "a name stands there once");
}

#[test]
fn what_is_so_already_is_success() {
    let check = |result: Result<u8, CallError>, expected: Option<u8>| {
        assert_eq!(forgive(result, &["MESSAGE_NOT_MODIFIED"]).unwrap(), expected);
    };
    check(Ok(1), Some(1));
    check(Err(rpc(400, "MESSAGE_NOT_MODIFIED")), None);
    assert!(forgive::<u8>(Err(rpc(400, "MESSAGE_ID_INVALID")), &["MESSAGE_NOT_MODIFIED"]).is_err());
}
