//! Text that must never be seen: tokens, session strings, keys of the application.

use std::fmt;

use ring::hmac;

/// A secret. `Debug` and `Display` print `[redacted]`; only [`Secret::expose`] gives the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

// === impl Secret ===

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A key that only whoever knows this text can make; another one for every purpose.
    pub fn key_for(&self, purpose: &str) -> [u8; 32] {
        let own = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        let mut made = [0; 32];
        made.copy_from_slice(hmac::sign(&own, purpose.as_bytes()).as_ref());
        made
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = Secret::new("123456:canary");
        assert_eq!(format!("{secret:?} {secret}"), "[redacted] [redacted]");
        assert_eq!(secret.expose(), "123456:canary");
    }

    #[test]
    fn every_text_and_every_purpose_has_its_own_key() {
        let key = |text: &str, purpose| Secret::new(text).key_for(purpose);
        assert_eq!(key("a", "one"), key("a", "one"));
        assert_ne!(key("a", "one"), key("b", "one"));
        assert_ne!(key("a", "one"), key("a", "two"));
    }
}
