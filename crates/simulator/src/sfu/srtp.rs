//! SRTP and SRTCP (RFC 3711, RFC 7714), one direction of one connection.
//!
//! Apart from the block ciphers this is written here, so that a client's SRTP is never checked against itself.

use std::collections::HashMap;

use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockEncrypt, KeyInit};
use str0m::crypto::dtls::SrtpProfile;
use str0m::crypto::{
    AeadAes128Gcm, AeadAes128GcmCipher, AeadAes256Gcm, AeadAes256GcmCipher, Aes128CmSha1_80,
    Aes128CmSha1_80Cipher, CryptoProvider, Sha1HmacProvider,
};

use super::dtls::Keys;
use super::rtp::Header;
use super::stats::Reason;

const GCM_TAG: usize = 16;
const CM_TAG: usize = 10;
/// aws-lc's counter mode wants this much room behind its output.
const CTR_ROOM: usize = 15;
const WINDOW: u64 = 64;

/// The context of one direction.
pub(crate) struct Srtp {
    rtp: Cipher,
    rtcp: Cipher,
    rtcp_index: u32,
    streams: HashMap<u32, Index>,
    hmac: &'static dyn Sha1HmacProvider,
}

#[derive(Default)]
struct Index {
    highest: u64,
    /// Bit n is set when `highest - n` was seen.
    seen: u64,
}

enum Cipher {
    Cm { cipher: Box<dyn Aes128CmSha1_80Cipher>, auth: Vec<u8>, salt: [u8; 14] },
    Gcm128 { cipher: Box<dyn AeadAes128GcmCipher>, salt: [u8; 12] },
    Gcm256 { cipher: Box<dyn AeadAes256GcmCipher>, salt: [u8; 12] },
}

impl Srtp {
    /// The context for what is received from the other end.
    pub(crate) fn incoming(crypto: &CryptoProvider, keys: &Keys) -> Srtp {
        Srtp::new(crypto, keys, !keys.is_client, false)
    }

    /// The context for what is sent to the other end.
    pub(crate) fn outgoing(crypto: &CryptoProvider, keys: &Keys) -> Srtp {
        Srtp::new(crypto, keys, keys.is_client, true)
    }

    fn new(crypto: &CryptoProvider, keys: &Keys, of_client: bool, encrypts: bool) -> Srtp {
        let (key_len, salt_len) = match keys.profile {
            SrtpProfile::AEAD_AES_256_GCM => (32, 12),
            SrtpProfile::AEAD_AES_128_GCM => (16, 12),
            _ => (16, 14),
        };
        // RFC 5764 4.2: client key, server key, client salt, server salt.
        let side = usize::from(!of_client);
        let key = &keys.material[side * key_len..][..key_len];
        let salt = &keys.material[2 * key_len + side * salt_len..][..salt_len];
        let cipher = |first_label: u8| {
            let session_key = derive(key, salt, first_label, key_len);
            let session_salt = derive(key, salt, first_label + 2, salt_len);
            let srtp = crypto.srtp_provider;
            match keys.profile {
                SrtpProfile::AEAD_AES_256_GCM => Cipher::Gcm256 {
                    cipher: srtp.aead_aes_256_gcm().create_cipher(array(&session_key), encrypts),
                    salt: array(&session_salt),
                },
                SrtpProfile::AEAD_AES_128_GCM => Cipher::Gcm128 {
                    cipher: srtp.aead_aes_128_gcm().create_cipher(array(&session_key), encrypts),
                    salt: array(&session_salt),
                },
                _ => Cipher::Cm {
                    cipher: srtp.aes_128_cm_sha1_80().create_cipher(array(&session_key), encrypts),
                    auth: derive(key, salt, first_label + 1, 20),
                    salt: array(&session_salt),
                },
            }
        };
        Srtp {
            rtp: cipher(0),
            rtcp: cipher(3),
            rtcp_index: 0,
            streams: HashMap::new(),
            hmac: crypto.sha1_hmac_provider,
        }
    }

    /// The plain packet inside `packet`.
    pub(crate) fn open_rtp(&mut self, packet: &[u8], header: &Header) -> Result<Vec<u8>, Reason> {
        let index =
            self.streams.get(&header.ssrc).map_or(u64::from(header.seq), |s| s.guess(header.seq));
        if self.streams.get(&header.ssrc).is_some_and(|stream| stream.was_seen(index)) {
            return Err(Reason::Replayed);
        }
        let (head, body) = packet.split_at(header.length);
        let mut plain = head.to_vec();
        match &mut self.rtp {
            Cipher::Cm { cipher, auth, salt } => {
                let end = body.len().checked_sub(CM_TAG).ok_or(Reason::Malformed)?;
                let hmac = |key: &[u8], parts: &[&[u8]]| self.hmac.sha1_hmac(key, parts);
                let signed = &packet[..header.length + end];
                if !Aes128CmSha1_80::rtp_verify(hmac, auth, signed, index, &body[end..]) {
                    return Err(Reason::NotAuthentic);
                }
                let iv = Aes128CmSha1_80::rtp_iv(*salt, header.ssrc, index);
                plain.resize(header.length + end + CTR_ROOM, 0);
                cipher
                    .decrypt(&iv, &body[..end], &mut plain[header.length..])
                    .map_err(|_| Reason::NotAuthentic)?;
                plain.truncate(header.length + end);
            }
            gcm => {
                let end = body.len().checked_sub(GCM_TAG).ok_or(Reason::Malformed)?;
                plain.resize(header.length + end, 0);
                let iv = gcm.rtp_iv(header.ssrc, index);
                gcm.decrypt(&iv, head, body, &mut plain[header.length..])?;
            }
        }
        self.streams.entry(header.ssrc).or_default().mark(index);
        Ok(plain)
    }

    /// `plain` protected for the other end.
    pub(crate) fn seal_rtp(&mut self, plain: &[u8], header: &Header) -> Vec<u8> {
        let stream = self.streams.entry(header.ssrc).or_default();
        let index = if stream.seen == 0 { u64::from(header.seq) } else { stream.guess(header.seq) };
        stream.mark(index);
        let (head, body) = plain.split_at(header.length);
        let mut sealed = head.to_vec();
        match &mut self.rtp {
            Cipher::Cm { cipher, auth, salt } => {
                let iv = Aes128CmSha1_80::rtp_iv(*salt, header.ssrc, index);
                sealed.resize(plain.len() + CTR_ROOM + CM_TAG, 0);
                cipher
                    .encrypt(&iv, body, &mut sealed[header.length..])
                    .expect("the output is longer than the input, all that counter mode asks for");
                let hmac = |key: &[u8], parts: &[&[u8]]| self.hmac.sha1_hmac(key, parts);
                Aes128CmSha1_80::rtp_hmac(hmac, auth, &mut sealed, index, plain.len());
                sealed.truncate(plain.len() + CM_TAG);
            }
            gcm => {
                sealed.resize(plain.len() + GCM_TAG, 0);
                let iv = gcm.rtp_iv(header.ssrc, index);
                gcm.encrypt(&iv, head, body, &mut sealed[header.length..]);
            }
        }
        sealed
    }

    /// The plain compound inside an SRTCP packet; `None` when it is not authentic.
    pub(crate) fn open_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let ssrc = u32::from_be_bytes(packet.get(4..8)?.try_into().ok()?);
        let (head, rest) = packet.split_at(8);
        let mut plain = head.to_vec();
        match &mut self.rtcp {
            Cipher::Cm { cipher, auth, salt } => {
                let signed = packet.len().checked_sub(CM_TAG)?;
                let hmac = |key: &[u8], parts: &[&[u8]]| self.hmac.sha1_hmac(key, parts);
                if !Aes128CmSha1_80::rtcp_verify(hmac, auth, &packet[..signed], &packet[signed..]) {
                    return None;
                }
                let end = rest.len().checked_sub(CM_TAG + 4)?;
                let index = u32::from_be_bytes(rest[end..end + 4].try_into().ok()?);
                let iv = Aes128CmSha1_80::rtp_iv(*salt, ssrc, u64::from(index & 0x7fff_ffff));
                plain.resize(8 + end + CTR_ROOM, 0);
                cipher.decrypt(&iv, &rest[..end], &mut plain[8..]).ok()?;
                plain.truncate(8 + end);
            }
            gcm => {
                let end = rest.len().checked_sub(4)?;
                let index = &rest[end..];
                let aad = [head, index].concat();
                plain.resize(8 + end.checked_sub(GCM_TAG)?, 0);
                let number = u32::from_be_bytes(index.try_into().ok()?) & 0x7fff_ffff;
                let iv = gcm.rtcp_iv(ssrc, number);
                gcm.decrypt(&iv, &aad, &rest[..end], &mut plain[8..]).ok()?;
            }
        }
        Some(plain)
    }

    /// An SRTCP packet with this compound in it. `plain` has at least 8 bytes.
    pub(crate) fn seal_rtcp(&mut self, plain: &[u8]) -> Vec<u8> {
        let (head, body) = plain.split_at(8);
        let ssrc = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let number = self.rtcp_index;
        self.rtcp_index = (self.rtcp_index + 1) & 0x7fff_ffff;
        let index = (0x8000_0000 | number).to_be_bytes();
        let mut sealed = head.to_vec();
        match &mut self.rtcp {
            Cipher::Cm { cipher, auth, salt } => {
                let iv = Aes128CmSha1_80::rtp_iv(*salt, ssrc, u64::from(number));
                sealed.resize(plain.len() + CTR_ROOM + CM_TAG, 0);
                cipher
                    .encrypt(&iv, body, &mut sealed[8..])
                    .expect("the output is longer than the input, all that counter mode asks for");
                sealed[plain.len()..plain.len() + 4].copy_from_slice(&index);
                let hmac = |key: &[u8], parts: &[&[u8]]| self.hmac.sha1_hmac(key, parts);
                Aes128CmSha1_80::rtcp_hmac(hmac, auth, &mut sealed, plain.len() + 4);
                sealed.truncate(plain.len() + 4 + CM_TAG);
            }
            gcm => {
                let aad = [head, index.as_slice()].concat();
                sealed.resize(plain.len() + GCM_TAG, 0);
                let iv = gcm.rtcp_iv(ssrc, number);
                gcm.encrypt(&iv, &aad, body, &mut sealed[8..]);
                sealed.extend_from_slice(&index);
            }
        }
        sealed
    }
}

impl Cipher {
    fn rtp_iv(&self, ssrc: u32, index: u64) -> [u8; 12] {
        AeadAes128Gcm::rtp_iv(self.gcm_salt(), ssrc, (index >> 16) as u32, index as u16)
    }

    fn rtcp_iv(&self, ssrc: u32, index: u32) -> [u8; 12] {
        AeadAes256Gcm::rtcp_iv(self.gcm_salt(), ssrc, index)
    }

    fn gcm_salt(&self) -> [u8; 12] {
        match self {
            Cipher::Gcm128 { salt, .. } | Cipher::Gcm256 { salt, .. } => *salt,
            Cipher::Cm { salt, .. } => array(&salt[..12]),
        }
    }

    fn encrypt(&mut self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) {
        let done = match self {
            Cipher::Gcm128 { cipher, .. } => cipher.encrypt(iv, aad, input, output),
            Cipher::Gcm256 { cipher, .. } => cipher.encrypt(iv, aad, input, output),
            Cipher::Cm { .. } => Ok(()),
        };
        done.expect("the output has room for the tag, all that GCM asks for");
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), Reason> {
        let done = match self {
            Cipher::Gcm128 { cipher, .. } => cipher.decrypt(iv, &[aad], input, output),
            Cipher::Gcm256 { cipher, .. } => cipher.decrypt(iv, &[aad], input, output),
            Cipher::Cm { .. } => Ok(0),
        };
        done.map(|_| ()).map_err(|_| Reason::NotAuthentic)
    }
}

impl Index {
    /// The 48-bit index that this sequence number most likely stands for (RFC 3711 3.3.1).
    fn guess(&self, seq: u16) -> u64 {
        let step = i64::from(seq.wrapping_sub(self.highest as u16) as i16);
        self.highest.checked_add_signed(step).unwrap_or(u64::from(seq))
    }

    fn was_seen(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => false,
            Some(behind) => behind >= WINDOW || self.seen & (1 << behind) != 0,
        }
    }

    fn mark(&mut self, index: u64) {
        if self.seen == 0 || index > self.highest {
            let ahead = index.saturating_sub(self.highest);
            self.seen =
                if self.seen == 0 || ahead >= WINDOW { 1 } else { (self.seen << ahead) | 1 };
            self.highest = index;
        } else if self.highest - index < WINDOW {
            self.seen |= 1 << (self.highest - index);
        }
    }
}

/// The key derivation of RFC 3711 4.3 with a key derivation rate of zero.
fn derive(key: &[u8], salt: &[u8], label: u8, length: usize) -> Vec<u8> {
    let mut block = [0_u8; 16];
    block[..salt.len()].copy_from_slice(salt);
    block[7] ^= label;
    let mut derived = Vec::with_capacity(length + 16);
    for counter in 0_u16.. {
        if derived.len() >= length {
            break;
        }
        block[14..].copy_from_slice(&counter.to_be_bytes());
        let mut out = GenericArray::from(block);
        if key.len() == 32 {
            aes::Aes256::new(GenericArray::from_slice(key)).encrypt_block(&mut out);
        } else {
            aes::Aes128::new(GenericArray::from_slice(key)).encrypt_block(&mut out);
        }
        derived.extend_from_slice(&out);
    }
    derived.truncate(length);
    derived
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the profile fixes the lengths of its keys and salts")
}
