//! What we tell Telegram about ourselves: credentials, and the join payload (`params` of `phone.joinGroupCall`).
//!
//! Shapes: core.telegram.org (phone.joinGroupCall), and what native clients are seen to send.

use rand::Rng;
use serde::Serialize;

use crate::transport::Style;

/// Everything secret or random of one join; never reused.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) ssrc: u32,
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
}

#[derive(Serialize)]
struct Payload<'a> {
    ufrag: &'a str,
    pwd: &'a str,
    fingerprints: [Fingerprint<'a>; 1],
    ssrc: u32,
    #[serde(rename = "ssrc-groups")]
    ssrc_groups: [(); 0],
}

#[derive(Serialize)]
struct Fingerprint<'a> {
    hash: &'a str,
    setup: &'a str,
    fingerprint: &'a str,
}

// === impl Credentials ===

impl Credentials {
    /// Fresh ones, as long as those of native clients (4 and 24 characters; RFC 8445 demands 24 and 128 random bits).
    pub(crate) fn random() -> Credentials {
        let mut rng = rand::rng();
        Credentials {
            // The field is a signed int32 in Telegram's schema, and 0 means "none".
            ssrc: rng.random_range(1..=i32::MAX as u32),
            ufrag: ice_chars(&mut rng, 4),
            pwd: ice_chars(&mut rng, 24),
        }
    }
}

/// `ice-char` of RFC 8839.
fn ice_chars(rng: &mut impl Rng, length: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..length).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
}

/// The JSON text; `fingerprint` is the SHA-256 of our certificate in hex with colons, either case.
pub(crate) fn payload(credentials: &Credentials, fingerprint: &str, style: Style) -> String {
    let fingerprint = fingerprint.to_uppercase();
    let setup = match style {
        Style::Native => "passive",
        Style::Web => "active",
    };
    let payload = Payload {
        ufrag: &credentials.ufrag,
        pwd: &credentials.pwd,
        fingerprints: [Fingerprint { hash: "sha-256", setup, fingerprint: &fingerprint }],
        ssrc: credentials.ssrc,
        ssrc_groups: [],
    };
    serde_json::to_string(&payload).expect("strings and numbers always make JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_payload_has_the_shape_that_telegram_expects() {
        let credentials =
            Credentials { ssrc: 1_975_372_447, ufrag: "bW7T".into(), pwd: "x".repeat(24) };
        let text = payload(&credentials, "8f:c4:0a", Style::Native);
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "ufrag": "bW7T",
                "pwd": "x".repeat(24),
                "fingerprints": [{"hash": "sha-256", "setup": "passive", "fingerprint": "8F:C4:0A"}],
                "ssrc": 1_975_372_447u32,
                "ssrc-groups": [],
            })
        );
    }

    #[test]
    fn the_web_style_declares_itself_active() {
        let text = payload(&Credentials::random(), "00", Style::Web);
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["fingerprints"][0]["setup"], "active");
    }

    #[test]
    fn every_ssrc_is_a_positive_int32_and_credentials_differ() {
        let many: Vec<Credentials> = (0..500).map(|_| Credentials::random()).collect();
        for one in &many {
            assert!(one.ssrc > 0 && one.ssrc <= i32::MAX as u32);
            assert_eq!((one.ufrag.len(), one.pwd.len()), (4, 24));
            assert!(one.pwd.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '/'));
        }
        assert_ne!(many[0].pwd, many[1].pwd);
    }
}
