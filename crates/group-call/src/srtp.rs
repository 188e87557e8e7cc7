//! SRTP for packets that go out, in place and without an allocation: the clock thread does it.
//!
//! RFC 3711 with AES in counter mode, RFC 7714 with AES-GCM; keys as DTLS exports them (RFC 5764), no MKI, a key
//! derivation rate of zero. The library's own context makes a new buffer for every packet. What is protected here must
//! be what it protects, byte for byte, and the tests hold it to that. Sender reports, one in five seconds, stay with the
//! library: SRTCP has keys and a counter of its own, so the two never meet.

use rtc::shared::error::{Error, Result};
use rtc::srtp::config::Config;
use rtc::srtp::protection_profile::ProtectionProfile;
use webrtc::peer_connection::crypto::{
    AeadAlgorithm, AeadCipher, BlockCipherAlgorithm, CryptoError, HmacAlgorithm, Mac, RTCCrypto,
    StreamCipher, StreamCipherAlgorithm,
};

/// The longest tag behind a packet.
pub(crate) const TAG_BYTES_MAX: usize = 16;
/// What is sent of an HMAC-SHA1 (RFC 3711 §4.2.1: 80 bits).
const HMAC_TAG_BYTES: usize = 10;
/// Labels of RFC 3711 §4.3.1.
const LABEL_ENCRYPTION: u8 = 0;
const LABEL_AUTHENTICATION: u8 = 1;
const LABEL_SALT: u8 = 2;

/// Protects the packets of one SSRC, in the order of their sequence numbers.
pub(crate) struct Protector {
    cipher: Cipher,
    /// How often the sequence number has begun again, and the last one.
    rollovers: u32,
    last: Option<u16>,
}

enum Cipher {
    Gcm { aead: Box<dyn AeadCipher>, salt: [u8; 12] },
    Counter { stream: Box<dyn StreamCipher>, mac: Box<dyn Mac>, salt: [u8; 14] },
}

// === impl Protector ===

impl Protector {
    pub(crate) fn new(config: &Config, crypto: &dyn RTCCrypto) -> Result<Protector> {
        let derive = |label: u8, out: &mut [u8]| derive(config, crypto, label, out);
        let mut key = vec![0; config.profile.key_len()];
        derive(LABEL_ENCRYPTION, &mut key)?;
        let gcm = |algorithm: AeadAlgorithm, key: &[u8]| -> Result<Cipher> {
            let mut salt = [0; 12];
            derive(LABEL_SALT, &mut salt)?;
            Ok(Cipher::Gcm { aead: crypto.new_aead(algorithm, key).map_err(fault)?, salt })
        };
        let cipher = match config.profile {
            ProtectionProfile::AeadAes128Gcm => gcm(AeadAlgorithm::Aes128Gcm, &key)?,
            ProtectionProfile::AeadAes256Gcm => gcm(AeadAlgorithm::Aes256Gcm, &key)?,
            ProtectionProfile::Aes128CmHmacSha1_80 => {
                let (mut salt, mut authentication) = ([0; 14], [0; 20]);
                derive(LABEL_SALT, &mut salt)?;
                derive(LABEL_AUTHENTICATION, &mut authentication)?;
                let stream = crypto.new_stream_cipher(StreamCipherAlgorithm::Aes128Ctr, &key);
                let mac = crypto.new_hmac(HmacAlgorithm::Sha1, &authentication);
                Cipher::Counter { stream: stream.map_err(fault)?, mac: mac.map_err(fault)?, salt }
            }
            _ => return Err(Error::ErrNoSuchSrtpProfile),
        };
        Ok(Protector { cipher, rollovers: 0, last: None })
    }

    /// Protects the packet of `header` and `payload` bytes at the front of `buffer`; the bytes to be sent. There must be
    /// room for the tag behind it.
    ///
    /// No two packets may have the same sequence number within a rollover, whether they were sent or not: the cipher
    /// would be broken.
    pub(crate) fn protect(
        &mut self,
        buffer: &mut [u8],
        header: usize,
        payload: usize,
    ) -> Result<usize> {
        let length = header + payload;
        if header < 12 || buffer.len() < length + TAG_BYTES_MAX {
            return Err(Error::ErrTooShortRtp);
        }
        let sequence = u16::from_be_bytes([buffer[2], buffer[3]]);
        let ssrc = [buffer[8], buffer[9], buffer[10], buffer[11]];
        if self.last.is_some_and(|last| sequence < last) {
            self.rollovers = self.rollovers.checked_add(1).ok_or(Error::ErrExceededMaxPackets)?;
        }
        self.last = Some(sequence);
        let rollovers = self.rollovers.to_be_bytes();
        let (packet, rest) = buffer.split_at_mut(length);
        match &mut self.cipher {
            Cipher::Gcm { aead, salt } => {
                let mut nonce = [0; 12];
                nonce[2..6].copy_from_slice(&ssrc);
                nonce[6..10].copy_from_slice(&rollovers);
                nonce[10..12].copy_from_slice(&sequence.to_be_bytes());
                mix(&mut nonce, salt);
                let (header, payload) = packet.split_at_mut(header);
                aead.seal_in_place(&nonce, header, payload, &mut rest[..TAG_BYTES_MAX])
                    .map_err(fault)?;
                Ok(length + TAG_BYTES_MAX)
            }
            Cipher::Counter { stream, mac, salt } => {
                let mut counter = [0; 16];
                counter[4..8].copy_from_slice(&ssrc);
                counter[8..12].copy_from_slice(&rollovers);
                counter[12..14].copy_from_slice(&sequence.to_be_bytes());
                mix(&mut counter, salt);
                stream.apply_keystream(&counter, &mut packet[header..]).map_err(fault)?;
                let mut tag = [0; 20];
                mac.sign(&[packet, &rollovers], &mut tag).map_err(fault)?;
                rest[..HMAC_TAG_BYTES].copy_from_slice(&tag[..HMAC_TAG_BYTES]);
                Ok(length + HMAC_TAG_BYTES)
            }
        }
    }
}

/// A session key (RFC 3711 §4.3.1): the key stream of AES in counter mode over the salted label.
fn derive(config: &Config, crypto: &dyn RTCCrypto, label: u8, out: &mut [u8]) -> Result<()> {
    let (key, salt) = (&config.keys.local_master_key, &config.keys.local_master_salt);
    let algorithm = match key.len() {
        16 => BlockCipherAlgorithm::Aes128,
        _ => BlockCipherAlgorithm::Aes256,
    };
    for (number, piece) in (0u16..).zip(out.chunks_mut(16)) {
        let mut block = [0; 16];
        block[7] = label;
        mix(&mut block[..14], salt);
        block[14..].copy_from_slice(&number.to_be_bytes());
        crypto.block_encrypt(algorithm, key, &mut block).map_err(fault)?;
        piece.copy_from_slice(&block[..piece.len()]);
    }
    Ok(())
}

fn mix(into: &mut [u8], salt: &[u8]) {
    into.iter_mut().zip(salt).for_each(|(byte, salt)| *byte ^= salt);
}

fn fault(error: CryptoError) -> Error {
    Error::Crypto(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Buf as _;
    use rtc::rtp::header::Header;
    use rtc::shared::marshal::{MarshalSize as _, Unmarshal as _};
    use rtc::srtp::context::Context;

    fn config(profile: ProtectionProfile) -> Config {
        let mut config = Config { profile, ..Config::default() };
        let material: Vec<u8> =
            (0..config.keying_material_len()).map(|n| (n as u8).wrapping_mul(7)).collect();
        config.set_session_keys_from_keying_material(&material, false).unwrap();
        config
    }

    /// 28 bytes of header with three extensions, then `payload`.
    fn packet(sequence: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x90, 111, 0, 0, 9, 8, 7, 6, 0x0a, 0x1f, 0x21, 0x4d];
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet
            .extend_from_slice(&[0xbe, 0xde, 0, 3, 0x10, 0x94, 0x22, 6, 0, 0, 0x31, 0, 1, 0, 0, 0]);
        packet.extend_from_slice(payload);
        packet
    }

    #[test]
    fn packets_are_protected_as_the_library_does_across_rollovers() {
        let provider = webrtc::peer_connection::crypto::default_provider().unwrap();
        let crypto = provider.crypto();
        for profile in [
            ProtectionProfile::AeadAes128Gcm,
            ProtectionProfile::AeadAes256Gcm,
            ProtectionProfile::Aes128CmHmacSha1_80,
        ] {
            let config = config(profile);
            let keys = &config.keys;
            let (key, salt) = (&keys.local_master_key, &keys.local_master_salt);
            let mut library = Context::new(key, salt, profile, None, None, crypto).unwrap();
            let mut ours = Protector::new(&config, crypto).unwrap();
            // Twice round: the second rollover is where a guess goes wrong.
            for number in 65_000u32..65_536 * 2 + 100 {
                let payload = vec![number as u8; 1 + (number as usize * 13) % 1_300];
                let plain = packet(number as u16, &payload);
                let mut parsed = &plain[..];
                let header = Header::unmarshal(&mut parsed).unwrap();
                assert_eq!((header.marshal_size(), parsed.remaining()), (28, payload.len()));
                let expected = library.encrypt_rtp_with_header(&plain, &header).unwrap();
                let mut buffer = plain.clone();
                buffer.resize(plain.len() + TAG_BYTES_MAX, 0);
                let length = ours.protect(&mut buffer, 28, payload.len()).unwrap();
                assert_eq!(buffer[..length], expected[..], "{profile:?}, packet {number}");
            }
            assert_eq!(ours.rollovers, 2);
        }
    }

    #[test]
    fn a_buffer_without_room_for_the_tag_is_refused() {
        let provider = webrtc::peer_connection::crypto::default_provider().unwrap();
        let config = config(ProtectionProfile::AeadAes128Gcm);
        let mut protector = Protector::new(&config, provider.crypto()).unwrap();
        let mut buffer = packet(1, b"abc");
        let length = buffer.len();
        buffer.resize(length + TAG_BYTES_MAX - 1, 0);
        assert!(protector.protect(&mut buffer, 28, 3).is_err());
        buffer.push(0);
        assert_eq!(protector.protect(&mut buffer, 28, 3).unwrap(), length + TAG_BYTES_MAX);
    }
}
