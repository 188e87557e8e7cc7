//! What the media server answers (`updateGroupCallConnection.params`), read with every quirk that was ever seen.
//!
//! Numbers arrive as strings or numbers, unknown keys at every level, `audio` and `video` may be missing, video clock
//! rates are wrong, `parameters` is an object, an array or text, and `setup` cannot be trusted (the answer is the
//! opposite of what was declared, whatever it says). So the text is walked as a tree and only what is needed is taken.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use crate::connection::AnswerFault;

const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const SEND_TIME_URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const TRANSPORT_CC_URI: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Longer answers are not read: real ones have about 4 KiB.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// More candidates than this are ignored: real servers give two.
const CANDIDATES_MAX: usize = 16;

/// The useful part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
    /// SHA-256 of the server's certificate, upper-case hex with colons.
    pub(crate) fingerprint: String,
    /// `setup` as the answer has it, only to log a surprise.
    pub(crate) setup: Option<String>,
    /// UDP addresses of the server, in the order given.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) opus_payload_type: u8,
    pub(crate) extensions: Extensions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) address: SocketAddr,
    pub(crate) priority: u32,
}

/// Ids of the RTP header extensions that we send (one-byte form, 1..=14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub(crate) audio_level: u8,
    pub(crate) send_time: u8,
    pub(crate) transport_cc: u8,
}

// === impl Extensions ===

impl Extensions {
    /// The ids that Telegram's clients use when the answer names none.
    pub(crate) const USUAL: Extensions =
        Extensions { audio_level: 1, send_time: 2, transport_cc: 3 };

    /// Id and URI, in the order of the ids.
    pub(crate) fn list(self) -> [(u8, &'static str); 3] {
        let mut list = [
            (self.audio_level, AUDIO_LEVEL_URI),
            (self.send_time, SEND_TIME_URI),
            (self.transport_cc, TRANSPORT_CC_URI),
        ];
        list.sort_unstable();
        list
    }

    fn are_distinct(self) -> bool {
        self.audio_level != self.send_time
            && self.send_time != self.transport_cc
            && self.audio_level != self.transport_cc
    }
}

/// Reads an answer.
pub(crate) fn parse(text: &str) -> Result<Answer, AnswerFault> {
    if text.len() > ANSWER_BYTES_MAX {
        return Err(malformed("longer than any answer"));
    }
    let root: Value =
        serde_json::from_str(text).map_err(|fault| malformed(format!("not JSON: {fault}")))?;
    let root = root.as_object().ok_or_else(|| malformed("not an object"))?;
    if root.get("rtmp").is_some_and(is_set) {
        return Err(AnswerFault::Rtmp);
    }
    if root.get("stream").is_some_and(is_set) {
        return Err(AnswerFault::Broadcast);
    }
    let transport = root
        .get("transport")
        .filter(|transport| transport.is_object())
        .ok_or_else(|| malformed("no transport"))?;
    let ufrag = credential(transport, "ufrag")?;
    let pwd = credential(transport, "pwd")?;
    let (fingerprint, setup) = fingerprint(transport)?;
    let audio = root.get("audio").unwrap_or(&Value::Null);
    Ok(Answer {
        ufrag,
        pwd,
        fingerprint,
        setup,
        candidates: candidates(transport)?,
        opus_payload_type: opus_payload_type(audio),
        extensions: extensions(audio),
    })
}

fn malformed(detail: impl Into<String>) -> AnswerFault {
    AnswerFault::Malformed(detail.into())
}

/// Whether a mode flag is on: anything but null, false, 0 and "".
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && text != "false" && text != "0",
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Text that goes into a session description: anything that could break out of its line is refused.
fn credential(transport: &Value, key: &str) -> Result<String, AnswerFault> {
    let text =
        transport.get(key).and_then(Value::as_str).ok_or_else(|| malformed(format!("no {key}")))?;
    let is_sound =
        (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_sound { Ok(text.to_owned()) } else { Err(malformed(format!("unusable {key}"))) }
}

/// The first usable sha-256 fingerprint, and the `setup` beside it.
fn fingerprint(transport: &Value) -> Result<(String, Option<String>), AnswerFault> {
    let list = transport
        .get("fingerprints")
        .and_then(Value::as_array)
        .ok_or_else(|| malformed("no fingerprints"))?;
    for entry in list {
        let hash = entry.get("hash").and_then(Value::as_str).unwrap_or_default();
        let Some(value) = entry.get("fingerprint").and_then(Value::as_str) else { continue };
        let value = value.to_ascii_uppercase();
        let octets: Vec<&str> = value.split(':').collect();
        let is_sha256 = octets.len() == 32
            && octets.iter().all(|octet| {
                octet.len() == 2 && octet.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
        if hash.eq_ignore_ascii_case("sha-256") && is_sha256 {
            return Ok((value, entry.get("setup").and_then(Value::as_str).map(str::to_owned)));
        }
    }
    Err(malformed("no sha-256 fingerprint"))
}

/// A number that may be written as text.
fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn candidates(transport: &Value) -> Result<Vec<Candidate>, AnswerFault> {
    let list = transport
        .get("candidates")
        .and_then(Value::as_array)
        .ok_or_else(|| malformed("no candidates"))?;
    let usable: Vec<Candidate> = list.iter().filter_map(candidate).take(CANDIDATES_MAX).collect();
    if usable.is_empty() {
        return Err(AnswerFault::NoCandidate(format!("none of {} is a UDP address", list.len())));
    }
    Ok(usable)
}

fn candidate(entry: &Value) -> Option<Candidate> {
    let protocol = entry.get("protocol").and_then(Value::as_str).unwrap_or("udp");
    if !protocol.eq_ignore_ascii_case("udp")
        || number(entry.get("component")).is_some_and(|component| component != 1)
    {
        return None;
    }
    let ip: IpAddr = entry.get("ip").and_then(Value::as_str)?.trim().parse().ok()?;
    let port = u16::try_from(number(entry.get("port"))?).ok().filter(|port| *port != 0)?;
    if ip.is_unspecified() || ip.is_multicast() {
        return None;
    }
    let priority = number(entry.get("priority")).and_then(|priority| u32::try_from(priority).ok());
    Some(Candidate {
        address: SocketAddr::new(ip, port),
        priority: priority.unwrap_or(2_130_706_431),
    })
}

fn opus_payload_type(audio: &Value) -> u8 {
    let types =
        audio.get("payload-types").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_opus = |entry: &&Value| {
        entry
            .get("name")
            .and_then(Value::as_str)
            .is_some_and(|name| name.eq_ignore_ascii_case("opus"))
    };
    let named = types.iter().find(is_opus).and_then(|entry| number(entry.get("id")));
    // 64..=95 would look like RTCP (RFC 5761).
    named
        .and_then(|id| u8::try_from(id).ok())
        .filter(|id| *id < 128 && !(64..96).contains(id))
        .unwrap_or(111)
}

fn extensions(audio: &Value) -> Extensions {
    let list =
        audio.get("rtp-hdrexts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let id_of = |uri: &str| {
        let entry =
            list.iter().find(|entry| entry.get("uri").and_then(Value::as_str) == Some(uri))?;
        number(entry.get("id"))
            .and_then(|id| u8::try_from(id).ok())
            .filter(|id| (1..=14).contains(id))
    };
    let usual = Extensions::USUAL;
    let named = Extensions {
        audio_level: id_of(AUDIO_LEVEL_URI).unwrap_or(usual.audio_level),
        send_time: id_of(SEND_TIME_URI).unwrap_or(usual.send_time),
        transport_cc: id_of(TRANSPORT_CC_URI).unwrap_or(usual.transport_cc),
    };
    // A half-named list can collide with the usual ids; then the named one for the level wins and the others move.
    if named.are_distinct() { named } else { spread(named.audio_level) }
}

/// Three distinct ids of which the first is given.
fn spread(audio_level: u8) -> Extensions {
    let mut free = (1..=14).filter(|id| *id != audio_level);
    let mut next = || free.next().expect("thirteen ids are left");
    Extensions { audio_level, send_time: next(), transport_cc: next() }
}

#[cfg(test)]
#[path = "answer/tests.rs"]
mod tests;
