//! The STUN that the server answers by itself (RFC 8489, RFC 8445), so that no library decides who may come in.

use std::net::SocketAddr;

use str0m::crypto::CryptoProvider;
use str0m::ice::{IceCreds, StunMessage, TransId};

/// A binding request that this end must answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    pub(crate) id: TransId,
    /// The other end says that it is controlling.
    pub(crate) is_controlling: bool,
}

/// The part of USERNAME that names this end, if the datagram is a binding request at all.
pub(crate) fn addressee(datagram: &[u8]) -> Option<String> {
    let message = StunMessage::parse(datagram).ok()?;
    let name = message.is_binding_request().then(|| message.username()).flatten()?;
    name.split_once(':').map(|(to, _)| to.to_owned())
}

/// The check in a datagram from the peer `theirs`, if user name, integrity and fingerprint are right.
pub(crate) fn check(
    crypto: &CryptoProvider,
    ours: &IceCreds,
    theirs: &str,
    datagram: &[u8],
) -> Option<Check> {
    const FINGERPRINT: [u8; 4] = [0x80, 0x28, 0, 4];
    let message = StunMessage::parse(datagram).ok()?;
    let expected = format!("{}:{theirs}", ours.ufrag);
    let is_right = message.is_binding_request()
        && message.username() == Some(expected.as_str())
        && datagram.len().checked_sub(8).is_some_and(|at| datagram[at..at + 4] == FINGERPRINT)
        && message.verify(ours.pass.as_bytes(), |key, parts| {
            crypto.sha1_hmac_provider.sha1_hmac(key, parts)
        });
    is_right.then(|| Check {
        id: message.trans_id(),
        is_controlling: message.ice_controlling().is_some(),
    })
}

/// The success response to a check from `source`.
pub(crate) fn success(
    crypto: &CryptoProvider,
    ours: &IceCreds,
    check: Check,
    source: SocketAddr,
) -> Vec<u8> {
    write(crypto, StunMessage::binding_reply(check.id, source), &ours.pass)
}

/// A nominating check as a controlling peer would send it to the end with the credentials `ours`.
///
/// An end whose peer is lite has to nominate for itself; str0m has no such state, so it is shown this instead.
pub(crate) fn nomination(crypto: &CryptoProvider, ours: &IceCreds, theirs: &str) -> Vec<u8> {
    const PRIORITY: u32 = 0x6e7f_ffff;
    let name = format!("{}:{theirs}", ours.ufrag);
    let message =
        StunMessage::binding_request(&name, TransId::new(), true, u64::MAX, PRIORITY, true);
    write(crypto, message, &ours.pass)
}

fn write(crypto: &CryptoProvider, message: StunMessage<'_>, password: &str) -> Vec<u8> {
    let mut buffer = vec![0; 300];
    let hmac = |key: &[u8], parts: &[&[u8]]| crypto.sha1_hmac_provider.sha1_hmac(key, parts);
    let length = message
        .to_bytes(Some(password.as_bytes()), &mut buffer, hmac)
        .expect("a binding message with a short user name fits 300 bytes");
    buffer.truncate(length);
    buffer
}
