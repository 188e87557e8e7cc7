//! The JSON that answers a join, in the shape production was seen to send, with all its quirks.
//!
//! Scalars of candidates are strings; an IPv6 candidate that leads nowhere comes first; the clock rate of video codecs
//! is 9000; `parameters` is sometimes an empty array; there are keys that no client knows.

use std::net::SocketAddr;

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use str0m::ice::IceCreds;

/// What differs from answer to answer.
pub(crate) struct Transport<'a> {
    pub(crate) credentials: &'a IceCreds,
    /// Upper-case hexadecimal with colons.
    pub(crate) fingerprint: &'a str,
    /// The client declared `active`.
    pub(crate) is_client_active: bool,
    pub(crate) address: SocketAddr,
}

pub(crate) fn json(transport: &Transport<'_>, rng: &mut StdRng) -> Value {
    let port = transport.address.port().to_string();
    let candidate = |ip: &str, foundation: &str, id: u64| {
        json!({
            "generation": "0", "component": "1", "protocol": "udp", "port": port, "ip": ip, "foundation": foundation,
            "id": format!("{id:024x}"), "priority": "2130706431", "type": "host", "network": "0",
        })
    };
    // RFC 3849 reserves these addresses for documentation: nobody answers there.
    let nowhere = format!("2001:db8::{:x}:{:x}", rng.random::<u16>(), rng.random::<u16>());
    let endpoint = format!("{:016x}", rng.random::<u64>());
    json!({
        "transport": {
            "candidates": [
                candidate(&nowhere, "1", rng.random()),
                candidate(&transport.address.ip().to_string(), "2", rng.random()),
            ],
            "xmlns": "urn:xmpp:jingle:transports:ice-udp:1",
            "ufrag": transport.credentials.ufrag,
            "rtcp-mux": true,
            "pwd": transport.credentials.pass,
            "fingerprints": [{
                "fingerprint": transport.fingerprint,
                "setup": if transport.is_client_active { "passive" } else { "active" },
                "hash": "sha-256",
            }],
        },
        "audio": audio(),
        "video": video(&endpoint, rng.random_range(1..i32::MAX)),
    })
}

const LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

fn audio() -> Value {
    json!({
        "payload-types": [
            {
                "id": 111, "name": "opus", "clockrate": 48000, "channels": 2,
                "parameters": {"minptime": 10, "useinbandfec": 1}, "rtcp-fbs": [{"type": "transport-cc"}],
            },
            {"id": 126, "name": "telephone-event", "clockrate": 8000, "channels": 1},
        ],
        "rtp-hdrexts": [
            {"id": 1, "uri": LEVEL},
            {"id": 2, "uri": SEND_TIME},
            {"id": 3, "uri": TRANSPORT_CC},
        ],
    })
}

/// Never empty: ntgcalls 3.0.5 aborts its whole process when there is no video codec.
fn video(endpoint: &str, server_source: i32) -> Value {
    let feedback = json!([
        {"type": "goog-remb"}, {"type": "transport-cc"}, {"type": "ccm", "subtype": "fir"},
        {"type": "nack"}, {"type": "nack", "subtype": "pli"},
    ]);
    let codec = |id: u8, name: &str, parameters: Value| {
        json!({
            "id": id, "name": name, "clockrate": 9000, "channels": 1, "parameters": parameters, "rtcp-fbs": feedback,
        })
    };
    let rtx = |id: u8, of: &str| json!({"id": id, "name": "rtx", "clockrate": 90000, "parameters": {"apt": of}});
    json!({
        "endpoint": endpoint,
        "payload-types": [
            codec(100, "VP8", json!({"fmtp": "x-google-start-bitrate=800"})), rtx(101, "100"),
            codec(102, "VP9", json!([])), rtx(103, "102"),
            codec(104, "H264", json!([])), rtx(105, "104"),
        ],
        "rtp-hdrexts": [
            {"id": 2, "uri": SEND_TIME},
            {"id": 3, "uri": TRANSPORT_CC},
            {"id": 13, "uri": "urn:3gpp:video-orientation"},
        ],
        "server_sources": [server_source],
    })
}

/// Credentials as long as production's: 14 and 26 characters of base 32.
pub(crate) fn credentials(rng: &mut StdRng) -> IceCreds {
    let mut text = |length: usize| -> String {
        (0..length)
            .map(|_| char::from(b"abcdefghijklmnopqrstuv0123456789"[rng.random_range(0..32)]))
            .collect()
    };
    IceCreds { ufrag: text(14), pass: text(26) }
}
