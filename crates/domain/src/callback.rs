//! What a button carries: an action, bound to its chat, its player and its track by a short keyed hash.
//!
//! Telegram clients may send any data for any message, so nothing here is believed before its hash is checked. The
//! whole fits Telegram's 64 bytes.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::ids::{Attempt, ChatId};

/// What a button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Pause,
    Resume,
    Skip,
    Stop,
    /// A page of the operators' numbers; the attempt is the page.
    Stats,
    /// One of the hits of a search; the generation is the search, the attempt the hit.
    Pick,
}

/// Which life of a chat's player a button belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(pub u32);

/// A button's meaning, once its hash was found good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressed {
    pub action: Action,
    pub generation: Generation,
    pub attempt: Attempt,
}

/// The data was not made by this bot for this chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("callback data is not ours")]
pub struct Forged;

/// Signs and checks buttons. The key lives as long as the installation; a new key makes old buttons void, no more.
#[derive(Clone)]
pub struct Seal {
    mac: Hmac<Sha256>,
}

/// Enough that guessing needs 2⁴⁷ presses on average, short enough for 64 bytes.
const TAG_BYTES: usize = 6;
const VERSION: &str = "1";

const ALL: [Action; 6] =
    [Action::Pause, Action::Resume, Action::Skip, Action::Stop, Action::Stats, Action::Pick];

// === impl Action ===

impl Action {
    fn code(self) -> &'static str {
        match self {
            Action::Pause => "p",
            Action::Resume => "r",
            Action::Skip => "s",
            Action::Stop => "x",
            Action::Stats => "t",
            Action::Pick => "f",
        }
    }

    fn from_code(code: &str) -> Option<Action> {
        ALL.into_iter().find(|action| action.code() == code)
    }
}

// === impl Seal ===

impl Seal {
    pub fn new(key: &[u8; 32]) -> Seal {
        let mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
        Seal { mac }
    }

    /// The data for a button of `chat`.
    pub fn sign(&self, chat: ChatId, pressed: Pressed) -> Vec<u8> {
        let body = body(pressed);
        let tag = self.tag(chat, &body);
        format!("{body}:{tag}").into_bytes()
    }

    /// What a press means, if the data was signed for `chat`.
    pub fn check(&self, chat: ChatId, data: &[u8]) -> Result<Pressed, Forged> {
        let text = std::str::from_utf8(data).map_err(|_| Forged)?;
        let (signed, tag) = text.rsplit_once(':').ok_or(Forged)?;
        if !equal_in_constant_time(self.tag(chat, signed).as_bytes(), tag.as_bytes()) {
            return Err(Forged);
        }
        parse(signed).ok_or(Forged)
    }

    fn tag(&self, chat: ChatId, body: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(&chat.0.to_be_bytes());
        mac.update(body.as_bytes());
        mac.finalize()
            .into_bytes()
            .iter()
            .take(TAG_BYTES)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal([redacted])")
    }
}

fn body(pressed: Pressed) -> String {
    format!(
        "{VERSION}:{}:{:x}:{:x}",
        pressed.action.code(),
        pressed.generation.0,
        pressed.attempt.0
    )
}

fn parse(body: &str) -> Option<Pressed> {
    let mut parts = body.split(':');
    if parts.next()? != VERSION {
        return None;
    }
    let action = Action::from_code(parts.next()?)?;
    let generation = Generation(u32::from_str_radix(parts.next()?, 16).ok()?);
    let attempt = Attempt(u64::from_str_radix(parts.next()?, 16).ok()?);
    parts.next().is_none().then_some(Pressed { action, generation, attempt })
}

fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRESSED: Pressed = Pressed {
        action: Action::Skip,
        generation: Generation(0xdead_beef),
        attempt: Attempt(u64::MAX),
    };

    #[test]
    fn a_signed_button_comes_back_whole_and_fits_telegrams_limit() {
        let seal = Seal::new(&[7; 32]);
        for action in ALL {
            let pressed = Pressed { action, ..PRESSED };
            let data = seal.sign(ChatId(-1001), pressed);
            assert!(data.len() <= 64, "{} bytes", data.len());
            assert_eq!(seal.check(ChatId(-1001), &data), Ok(pressed));
        }
    }

    #[test]
    fn data_of_another_chat_key_or_hand_is_forged() {
        let seal = Seal::new(&[7; 32]);
        let data = seal.sign(ChatId(-1001), PRESSED);
        assert_eq!(seal.check(ChatId(-1002), &data), Err(Forged));
        assert_eq!(Seal::new(&[8; 32]).check(ChatId(-1001), &data), Err(Forged));
        for at in 0..data.len() {
            let mut altered = data.clone();
            altered[at] ^= 1;
            assert_eq!(seal.check(ChatId(-1001), &altered), Err(Forged), "byte {at}");
        }
        for junk in [&b""[..], b":", b"1:s:1:1", b"1:s:1:1:", b"\xff\xfe", &[b':'; 64]] {
            assert_eq!(seal.check(ChatId(-1001), junk), Err(Forged));
        }
    }
}
