//! The vault: what lies on the disk of a login, sealed with a key that does not lie beside it.
//!
//! ChaCha20-Poly1305 (RFC 8439) with a fresh nonce for every writing; the head of the file is sealed with it, so that a
//! sealed file is told from an open one and neither can be made into the other.

use std::fmt;
use std::sync::Arc;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest;

use crate::secret::Secret;

/// What a sealed file begins with; the number is that of the format.
const HEAD: &[u8] = b"armedmusic sealed 1\n";
/// So that two purposes of one text never share a key.
const PURPOSE: &[u8] = b"armedmusic session key 1\n";
/// Shorter texts can be guessed.
const TEXT_MIN: usize = 32;

/// The key of the sessions on disk. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<LessSafeKey>);

/// The text is too short to be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have {TEXT_MIN} characters at least; `openssl rand -base64 32` makes one")]
pub struct WeakKey;

/// Why a sealed file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealError {
    #[error("it is sealed; set STATE_KEY to the key it was sealed with")]
    NoKey,
    #[error(
        "it does not open with this STATE_KEY, or it was damaged; set the key it was sealed with"
    )]
    WrongKey,
}

// === impl Vault ===

impl Vault {
    pub fn new(text: &Secret) -> Result<Vault, WeakKey> {
        let text = text.expose().trim();
        if text.chars().count() < TEXT_MIN {
            return Err(WeakKey);
        }
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(PURPOSE);
        hash.update(text.as_bytes());
        let key = UnboundKey::new(&CHACHA20_POLY1305, hash.finish().as_ref())
            .expect("SHA-256 is as long as the cipher's key");
        Ok(Vault(Arc::new(LessSafeKey::new(key))))
    }

    pub(crate) fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut body = plain.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(HEAD),
                &mut body,
            )
            .expect("a session is far shorter than the cipher's limit");
        [HEAD, &nonce, &body].concat()
    }

    fn unseal(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.0.open_in_place(nonce, Aad::from(HEAD), &mut body).ok()?;
        Some(plain.to_vec())
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault([redacted])")
    }
}

/// What a file says, sealed or open, and whether it was sealed.
pub(crate) fn open(bytes: Vec<u8>, vault: Option<&Vault>) -> Result<(Vec<u8>, bool), SealError> {
    match (bytes.strip_prefix(HEAD), vault) {
        (None, _) => Ok((bytes, false)),
        (Some(_), None) => Err(SealError::NoKey),
        (Some(sealed), Some(vault)) => {
            vault.unseal(sealed).map(|plain| (plain, true)).ok_or(SealError::WrongKey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(text: &str) -> Vault {
        Vault::new(&Secret::new(text.repeat(8))).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_its_key_alone() {
        let sealed = vault("abcd").seal(b"the key of a login");
        assert!(!sealed.windows(5).any(|five| five == b"login"), "nothing of it is to be seen");
        let opened = open(sealed.clone(), Some(&vault("abcd")));
        assert_eq!(opened, Ok((b"the key of a login".to_vec(), true)));
        assert_eq!(open(sealed.clone(), Some(&vault("abce"))), Err(SealError::WrongKey));
        assert_eq!(open(sealed, None), Err(SealError::NoKey));
    }

    #[test]
    fn a_changed_or_cut_file_does_not_open() {
        let sealed = vault("abcd").seal(b"x");
        for at in HEAD.len()..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(open(altered, Some(&vault("abcd"))), Err(SealError::WrongKey), "byte {at}");
            let cut = sealed[..at].to_vec();
            assert_eq!(open(cut, Some(&vault("abcd"))), Err(SealError::WrongKey), "cut at {at}");
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_the_same() {
        let vault = vault("abcd");
        assert_ne!(vault.seal(b"x"), vault.seal(b"x"));
    }

    #[test]
    fn an_open_file_is_read_with_and_without_a_key() {
        assert_eq!(open(b"{}".to_vec(), None), Ok((b"{}".to_vec(), false)));
        assert_eq!(open(b"{}".to_vec(), Some(&vault("abcd"))), Ok((b"{}".to_vec(), false)));
    }

    #[test]
    fn a_key_that_could_be_guessed_is_refused() {
        assert_eq!(Vault::new(&Secret::new("hunter2")).unwrap_err(), WeakKey);
    }
}
