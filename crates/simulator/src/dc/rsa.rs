//! RSA — the server's key, and opening what clients encrypt with it during the key exchange.
//!
//! The key is fixed: making 2048-bit primes in a debug build takes longer than a test may. It is a public test key,
//! made for this file, and must never guard anything.

use std::sync::LazyLock;

use num_bigint::BigUint;

use super::RsaInfo;
use super::crypto::{ige_decrypt, sha1, sha256};
use super::tl::Put;

const E: u32 = 65537;
const N_HEX: &str = "\
     a9c9e4f24987e86d47a5486adc27520d276c168a8061a40c19d4233a7270e252748a3b5972f79c4f30fd29e3888ca7c6e201\
     15fabfeb3777b6aaa52fd89abebb923c911bc4ba1b89d6f71a55476434200e1291ed99ed2bf2bb782c6bca6492b4976880ea\
     d69c8cb28acd2adbb0fabbccaed45b202186ebd6abbfcc30d5473617d1c560dda36a9f10ab748884545f03a47e819d022572\
     2b85d3a268bbc1114dd502349acefdfed5f93cd2b9cf634650b197136709b9d27bfae3dc917067b8ce2a96061359e2a9cbd3\
     28371d338efb4d6be678002526702081d403fe46ec13cf96df3251bb23dcc8a81575d4f9ff31585a2d6fdafe741f6eba6a91\
     9f373a380d27";
const D_HEX: &str = "\
     34de2336583403e8e71aad926c8ba7ce65bc8fc63f9467a6c6f219a80cd35e7d6b41519a9824469d17f574721f6620a5da60\
     992df34d73ff8836d969ad09fe22dcb5943f6fc1bd6a6daf9299043a4ccac06702de5784149fa7c5131bdb30f6c759afd618\
     898bc479a1a3a1d93761d351380cf274ee4b9b2ac45edbdf46c1be33293b9e0c7f0fe03869d44b0b91027ff2101a055e7157\
     ec3a8c3c3e604b5117a122c3bef839c9142b2d3121d01dc54de802ab45fb0961c8668864089bb90be46d24e4914fb06356e6\
     ee0217b2be4d000b8e17dc635774a87deb029d50a4e65b91204f67a8f14e4b7e4745f78ae4de62505aaea5d1d90f5c530ed5\
     f7628ea0c805";
const PEM: &str = "\
-----BEGIN RSA PUBLIC KEY-----\n\
MIIBCgKCAQEAqcnk8kmH6G1HpUhq3CdSDSdsFoqAYaQMGdQjOnJw4lJ0ijtZcvec\n\
TzD9KeOIjKfG4gEV+r/rN3e2qqUv2Jq+u5I8kRvEuhuJ1vcaVUdkNCAOEpHtme0r\n\
8rt4LGvKZJK0l2iA6tacjLKKzSrbsPq7zK7UWyAhhuvWq7/MMNVHNhfRxWDdo2qf\n\
EKt0iIRUXwOkfoGdAiVyK4XTomi7wRFN1QI0ms79/tX5PNK5z2NGULGXE2cJudJ7\n\
+uPckXBnuM4qlgYTWeKpy9MoNx0zjvtNa+Z4ACUmcCCB1AP+RuwTz5bfMlG7I9zI\n\
qBV11Pn/MVhaLW/a/nQfbrpqkZ83OjgNJwIDAQAB\n\
-----END RSA PUBLIC KEY-----\n";

static N: LazyLock<BigUint> = LazyLock::new(|| hex(N_HEX));
static D: LazyLock<BigUint> = LazyLock::new(|| hex(D_HEX));

pub(super) fn hex(digits: &str) -> BigUint {
    BigUint::parse_bytes(digits.as_bytes(), 16).expect("the constants of this crate are hex")
}

/// The public half.
pub(super) fn info() -> RsaInfo {
    RsaInfo {
        pem: PEM.to_owned(),
        fingerprint: fingerprint(),
        n_hex: N_HEX.to_owned(),
        e_hex: format!("{E:x}"),
    }
}

/// The lower 64 bits of the SHA-1 of `rsa_public_key n:string e:string`, bare.
pub(super) fn fingerprint() -> i64 {
    let bare = Vec::new().put_bytes(&N.to_bytes_be()).put_bytes(&E.to_be_bytes()[1..]);
    let hash = sha1(&[&bare]);
    i64::from_le_bytes(hash[12..].try_into().expect("the last eight of twenty bytes"))
}

/// Opens the `encrypted_data` of `req_DH_params` under both schemes. What comes back begins with the inner data;
/// padding may follow. `length_of` measures the inner data, which the old scheme needs to check its hash.
pub(super) fn open(
    encrypted: &[u8],
    length_of: impl Fn(&[u8]) -> Option<usize>,
) -> Option<Vec<u8>> {
    let number = BigUint::from_bytes_be(encrypted);
    if encrypted.len() > 256 || number >= *N {
        return None;
    }
    let plain = padded(&number.modpow(&D, &N));
    open_padded(&plain).or_else(|| open_hashed(&plain, length_of))
}

/// Big-endian, left-padded to 256 bytes.
pub(super) fn padded(number: &BigUint) -> [u8; 256] {
    let bytes = number.to_bytes_be();
    let mut out = [0; 256];
    out[256 - bytes.len()..].copy_from_slice(&bytes);
    out
}

/// RSA_PAD (core.telegram.org/mtproto/auth_key, step 4.1).
fn open_padded(plain: &[u8; 256]) -> Option<Vec<u8>> {
    let (key_xor, encrypted) = plain.split_at(32);
    let mask = sha256(&[encrypted]);
    let mut temp_key = [0; 32];
    temp_key.iter_mut().zip(key_xor.iter().zip(mask)).for_each(|(key, (a, b))| *key = a ^ b);
    let mut data = encrypted.to_vec();
    ige_decrypt(&temp_key, &[0; 32], &mut data);
    let hash = data.split_off(192);
    data.reverse();
    (sha256(&[&temp_key, &data]) == hash[..]).then_some(data)
}

/// The older scheme, which Telethon and Kurigram still use: SHA-1, data and random bytes, 255 in all.
fn open_hashed(plain: &[u8; 256], length_of: impl Fn(&[u8]) -> Option<usize>) -> Option<Vec<u8>> {
    let (hash, data) = plain[1..].split_at(20);
    let length = length_of(data)?;
    (plain[0] == 0 && sha1(&[data.get(..length)?]) == hash).then(|| data.to_vec())
}
