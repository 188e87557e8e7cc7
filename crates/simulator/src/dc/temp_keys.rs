//! Temporary keys — `auth.bindTempAuthKey` (core.telegram.org/api/pfs): a short-lived key speaks for a permanent one.

use super::KeyId;
use super::crypto::{ige_decrypt, message_keys_v1, sha1};
use super::state::{At, State};
use super::tl::{Malformed, Reader};

pub(super) const BIND_TEMP_AUTH_KEY: u32 = 0xcdd4_2a05;
const BIND_AUTH_KEY_INNER: u32 = 0x75a3_f765;

/// Binds the key of the session which asks. An error is the name of the RPC error.
pub(super) fn bind(
    state: &mut State,
    at: At,
    message: i64,
    request: &[u8],
) -> Result<(), &'static str> {
    let (permanent, nonce, expires_at, sealed) = read(request).map_err(|_| "INPUT_FETCH_ERROR")?;
    let auth_key =
        state.key(permanent).map(|key| key.auth_key.clone()).ok_or("ENCRYPTED_MESSAGE_INVALID")?;
    let is_temporary = state.key(at.key).is_some_and(|key| key.expires_at.is_some());
    let inner = open(&auth_key, permanent, message, sealed).ok_or("ENCRYPTED_MESSAGE_INVALID")?;
    let wanted = (nonce, at.key, permanent, at.session, expires_at);
    if !is_temporary || inner != wanted {
        return Err("ENCRYPTED_MESSAGE_INVALID");
    }
    if let Some(key) = state.keys.get_mut(&at.key) {
        key.permanent = Some(permanent);
        key.expires_at = Some(i64::from(expires_at));
    }
    Ok(())
}

fn read(request: &[u8]) -> Result<(KeyId, i64, i32, &[u8]), Malformed> {
    let mut reader = Reader::new(request.get(4..).ok_or(Malformed)?);
    Ok((KeyId(reader.i64()? as u64), reader.i64()?, reader.i32()?, reader.bytes()?))
}

/// The inner message is encrypted with the permanent key in the manner of MTProto 1.0.
fn open(
    auth_key: &[u8; 256],
    permanent: KeyId,
    message: i64,
    sealed: &[u8],
) -> Option<(i64, KeyId, KeyId, i64, i32)> {
    let mut reader = Reader::new(sealed);
    let key_id = KeyId(reader.i64().ok()? as u64);
    let msg_key = reader.raw(16).ok()?;
    let (key, iv) = message_keys_v1(auth_key, msg_key);
    let mut plain = reader.left().to_vec();
    ige_decrypt(&key, &iv, &mut plain);
    let mut reader = Reader::new(&plain);
    let _random = reader.raw(16).ok()?;
    let (id, _seq, length) = (reader.i64().ok()?, reader.i32().ok()?, reader.u32().ok()? as usize);
    let body = reader.raw(length).ok()?;
    let is_whole = sha1(&[&plain[..32 + length]])[4..] == *msg_key;
    let mut reader = Reader::new(body);
    let is_inner = reader.u32().ok()? == BIND_AUTH_KEY_INNER;
    let nonce = reader.i64().ok()?;
    let (temporary, named) = (KeyId(reader.i64().ok()? as u64), KeyId(reader.i64().ok()? as u64));
    let (session, expires_at) = (reader.i64().ok()?, reader.i32().ok()?);
    let is_right = is_whole && is_inner && key_id == permanent && id == message;
    is_right.then_some((nonce, temporary, named, session, expires_at))
}
