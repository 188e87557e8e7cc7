//! Choosing the path for a server that never does: the missing half of ICE in native style.
//!
//! In native style we are the controlled agent, and a controlled agent of RFC 8445 waits for the other side to nominate.
//! Telegram's servers are lite and never nominate; native clients simply use a pair once their own check succeeded.
//! webrtc's agent cannot be told to, so it is told by a request with USE-CANDIDATE that looks like the server's. It is
//! made from our own credentials, never touches the network, and its reply is swallowed.

use rtc::ice::attributes::control::AttrControlling;
use rtc::ice::attributes::priority::PriorityAttr;
use rtc::ice::attributes::use_candidate::UseCandidateAttr;
use rtc::stun::attributes::ATTR_USERNAME;
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, Message, TransactionId};
use rtc::stun::textattrs::Username;
use webrtc::peer_connection::crypto::RTCCrypto;

/// The request, and the transaction id by which its reply is recognised.
pub(crate) struct Nomination {
    pub(crate) datagram: Vec<u8>,
    pub(crate) transaction: [u8; 12],
}

/// A nominating request as the server would send it.
pub(crate) fn nominate(
    local_ufrag: &str,
    local_pwd: &str,
    remote_ufrag: &str,
    crypto: &dyn RTCCrypto,
) -> Result<Nomination, rtc::shared::error::Error> {
    let transaction = TransactionId::new();
    let username = format!("{local_ufrag}:{remote_ufrag}");
    let mut message = Message::new();
    message.build(&[
        Box::new(BINDING_REQUEST),
        Box::new(transaction),
        Box::new(Username::new(ATTR_USERNAME, username)),
        Box::<UseCandidateAttr>::default(),
        Box::new(AttrControlling(u64::MAX)),
        Box::new(PriorityAttr(1)),
        Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
            local_pwd.to_owned(),
            crypto,
        )),
        Box::new(FINGERPRINT),
    ])?;
    Ok(Nomination { datagram: message.raw, transaction: transaction.0 })
}
