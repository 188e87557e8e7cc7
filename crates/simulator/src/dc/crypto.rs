//! Crypto — the ciphers and key derivations of MTProto 2.0, server side (core.telegram.org/mtproto/description).

use aes::Aes256;
use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use rand::RngCore;
use sha1::{Digest, Sha1};
use sha2::Sha256;

pub(super) type AuthKey = [u8; 256];

/// Offset into the auth key for messages from the client, and from the server.
pub(super) const FROM_CLIENT: usize = 0;
pub(super) const FROM_SERVER: usize = 8;

pub(super) fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    parts.iter().fold(Sha1::new(), |hash, part| hash.chain_update(part)).finalize().into()
}

pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize().into()
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

fn xor(block: &mut [u8], with: &[u8]) {
    block.iter_mut().zip(with).for_each(|(byte, with)| *byte ^= with);
}

/// AES-256-IGE in place: c\[i\] = E(p\[i\] ^ c\[i-1\]) ^ p\[i-1\]. An unfinished last block is left as it is.
pub(super) fn ige_encrypt(key: &[u8; 32], iv: &[u8; 32], data: &mut [u8]) {
    let cipher = Aes256::new(key.into());
    let (mut last_c, mut last_p) = (iv[..16].to_vec(), iv[16..].to_vec());
    for block in data.chunks_exact_mut(16) {
        let plain = block.to_vec();
        xor(block, &last_c);
        cipher.encrypt_block(block.into());
        xor(block, &last_p);
        last_c.copy_from_slice(block);
        last_p = plain;
    }
}

pub(super) fn ige_decrypt(key: &[u8; 32], iv: &[u8; 32], data: &mut [u8]) {
    let cipher = Aes256::new(key.into());
    let (mut last_c, mut last_p) = (iv[..16].to_vec(), iv[16..].to_vec());
    for block in data.chunks_exact_mut(16) {
        let sealed = block.to_vec();
        xor(block, &last_p);
        cipher.decrypt_block(block.into());
        xor(block, &last_c);
        last_p.copy_from_slice(block);
        last_c = sealed;
    }
}

/// AES-256-CTR with a 128-bit big-endian counter, as the obfuscated transport uses it.
pub(super) struct Ctr {
    cipher: Aes256,
    counter: u128,
    pad: [u8; 16],
    used: usize,
}

impl Ctr {
    pub(super) fn new(key: &[u8; 32], iv: &[u8; 16]) -> Self {
        Self {
            cipher: Aes256::new(key.into()),
            counter: u128::from_be_bytes(*iv),
            pad: [0; 16],
            used: 16,
        }
    }

    pub(super) fn apply(&mut self, data: &mut [u8]) {
        for byte in data {
            if self.used == 16 {
                self.pad = self.counter.to_be_bytes();
                self.cipher.encrypt_block((&mut self.pad).into());
                self.counter = self.counter.wrapping_add(1);
                self.used = 0;
            }
            *byte ^= self.pad[self.used];
            self.used += 1;
        }
    }
}

pub(super) fn key_id(auth_key: &AuthKey) -> u64 {
    let hash = sha1(&[auth_key]);
    u64::from_le_bytes(hash[12..].try_into().expect("the last eight of twenty bytes"))
}

fn msg_key(auth_key: &AuthKey, side: usize, plain: &[u8]) -> [u8; 16] {
    let large = sha256(&[&auth_key[88 + side..120 + side], plain]);
    large[8..24].try_into().expect("sixteen bytes")
}

fn message_keys(auth_key: &AuthKey, side: usize, msg_key: &[u8; 16]) -> ([u8; 32], [u8; 32]) {
    let a = sha256(&[msg_key, &auth_key[side..36 + side]]);
    let b = sha256(&[&auth_key[40 + side..76 + side], msg_key]);
    let key = [&a[..8], &b[8..24], &a[24..]].concat();
    let iv = [&b[..8], &a[8..24], &b[24..]].concat();
    (key.try_into().expect("8 + 16 + 8"), iv.try_into().expect("8 + 16 + 8"))
}

/// MTProto 1.0 derivation, still used inside `auth.bindTempAuthKey`.
pub(super) fn message_keys_v1(auth_key: &AuthKey, msg_key: &[u8]) -> ([u8; 32], [u8; 32]) {
    let a = sha1(&[msg_key, &auth_key[..32]]);
    let b = sha1(&[&auth_key[32..48], msg_key, &auth_key[48..64]]);
    let c = sha1(&[&auth_key[64..96], msg_key]);
    let d = sha1(&[msg_key, &auth_key[96..128]]);
    let key = [&a[..8], &b[8..], &c[4..16]].concat();
    let iv = [&a[8..], &b[..8], &c[16..], &d[..8]].concat();
    (key.try_into().expect("8 + 12 + 12"), iv.try_into().expect("12 + 8 + 4 + 8"))
}

/// Pads and encrypts one message (salt, session, id, seqno, length, body) into the content of a frame.
pub(super) fn seal(auth_key: &AuthKey, side: usize, mut plain: Vec<u8>) -> Vec<u8> {
    let padding = 12 + (16 - (plain.len() + 12) % 16) % 16;
    plain.extend_from_slice(&random::<32>()[..padding]);
    let msg_key = msg_key(auth_key, side, &plain);
    let (key, iv) = message_keys(auth_key, side, &msg_key);
    ige_encrypt(&key, &iv, &mut plain);
    [&key_id(auth_key).to_le_bytes()[..], &msg_key, &plain].concat()
}

/// Decrypts what follows the key id; `None` when the message key does not fit.
pub(super) fn open(auth_key: &AuthKey, side: usize, sealed: &[u8]) -> Option<Vec<u8>> {
    let (msg_key_given, data) = sealed.split_first_chunk::<16>()?;
    if data.len() < 32 || !data.len().is_multiple_of(16) {
        return None;
    }
    let (key, iv) = message_keys(auth_key, side, msg_key_given);
    let mut plain = data.to_vec();
    ige_decrypt(&key, &iv, &mut plain);
    (msg_key(auth_key, side, &plain) == *msg_key_given).then_some(plain)
}
