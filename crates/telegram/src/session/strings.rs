//! Session strings of other libraries: a login in one line of text.
//!
//! Telethon: `1`, then base64 of `dc u8, IPv4 4 or IPv6 16 bytes, port u16, key 256` (Telethon's string session).
//! Pyrogram and its forks, Kurigram among them: base64 without padding of `dc u8, api_id u32, test u8, key 256, user
//! u64, bot u8`; before 2.0 without `api_id`, and before that with a 32-bit user. All numbers are big-endian.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::secret::Secret;

/// A permanent key, as Telegram's servers share it with one login.
pub(crate) type Key = [u8; 256];

/// What a string says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) dc: i32,
    /// Pyrogram's strings carry no address.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) key: Key,
    /// Telethon's strings carry no user.
    pub(crate) user: Option<(i64, bool)>,
}

/// Why a session string cannot be used. Never holds any of the string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StringError {
    /// Empty, or only white space.
    #[error("the session string is empty")]
    Empty,
    /// Neither Telethon's nor Pyrogram's alphabet.
    #[error("the session string is not base64; it may have been cut or wrapped when it was copied")]
    NotBase64,
    /// It decodes, but to a length that no known format has.
    #[error(
        "the session string has an unknown format ({length} bytes); Telethon's and Pyrogram's are known"
    )]
    UnknownFormat { length: usize },
    /// The data centre in it does not exist.
    #[error("the session string names data centre {0}, which does not exist")]
    UnknownDatacenter(i32),
    /// It has no key in it.
    #[error("the session string holds no key; its account was never logged in")]
    NoKey,
    /// It belongs to Telegram's test servers.
    #[error("the session string belongs to Telegram's test servers")]
    TestServers,
}

const TELETHON_V4: usize = 1 + 4 + 2 + 256;
const TELETHON_V6: usize = 1 + 16 + 2 + 256;
const PYROGRAM: usize = 1 + 4 + 1 + 256 + 8 + 1;
const PYROGRAM_64: usize = 1 + 1 + 256 + 8 + 1;
const PYROGRAM_32: usize = 1 + 1 + 256 + 4 + 1;

/// Base64 with `-` and `_`, padded or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Reads a string of any known kind.
pub(crate) fn parse(string: &Secret) -> Result<Login, StringError> {
    let text: String = string.expose().trim().trim_matches('"').replace('+', "-").replace('/', "_");
    if text.is_empty() {
        return Err(StringError::Empty);
    }
    // A Pyrogram string begins with the number of a data centre, so with `A`; Telethon's version digit cannot be it.
    let login = match text.strip_prefix('1') {
        Some(rest) => parse_telethon(&decode(rest)?)?,
        None => parse_pyrogram(&decode(&text)?)?,
    };
    if !(1..=5).contains(&login.dc) {
        return Err(StringError::UnknownDatacenter(login.dc));
    }
    if login.key.iter().all(|byte| *byte == 0) {
        return Err(StringError::NoKey);
    }
    Ok(login)
}

/// Writes a Telethon string.
pub(crate) fn telethon(dc: i32, address: SocketAddr, key: &Key) -> Secret {
    let mut bytes = Vec::with_capacity(TELETHON_V6);
    bytes.push(u8::try_from(dc).unwrap_or_default());
    match address.ip() {
        IpAddr::V4(ip) => bytes.extend(ip.octets()),
        IpAddr::V6(ip) => bytes.extend(ip.octets()),
    }
    bytes.extend(address.port().to_be_bytes());
    bytes.extend(key);
    Secret::new(format!("1{}", base64::engine::general_purpose::URL_SAFE.encode(bytes)))
}

fn decode(text: &str) -> Result<Vec<u8>, StringError> {
    LENIENT.decode(text).map_err(|_| StringError::NotBase64)
}

fn parse_telethon(bytes: &[u8]) -> Result<Login, StringError> {
    let mut rest = Reader(bytes);
    let dc = i32::from(rest.byte());
    let ip = match bytes.len() {
        TELETHON_V4 => IpAddr::V4(Ipv4Addr::from(rest.take::<4>())),
        TELETHON_V6 => IpAddr::V6(Ipv6Addr::from(rest.take::<16>())),
        length => return Err(StringError::UnknownFormat { length }),
    };
    let port = u16::from_be_bytes(rest.take());
    Ok(Login { dc, address: Some(SocketAddr::new(ip, port)), key: rest.take(), user: None })
}

fn parse_pyrogram(bytes: &[u8]) -> Result<Login, StringError> {
    let length = bytes.len();
    if ![PYROGRAM, PYROGRAM_64, PYROGRAM_32].contains(&length) {
        return Err(StringError::UnknownFormat { length });
    }
    let mut rest = Reader(bytes);
    let dc = i32::from(rest.byte());
    if length == PYROGRAM {
        // The application that made the string; ours is in the settings.
        rest.take::<4>();
    }
    let is_test = rest.byte() != 0;
    let key = rest.take();
    let user = if length == PYROGRAM_32 {
        i64::from(u32::from_be_bytes(rest.take()))
    } else {
        i64::from_be_bytes(rest.take())
    };
    let is_bot = rest.byte() != 0;
    if is_test {
        return Err(StringError::TestServers);
    }
    Ok(Login { dc, address: None, key, user: Some((user, is_bot)).filter(|_| user > 0) })
}

/// Takes fixed pieces off the front; beyond the end it gives zeros, and the lengths are checked by the callers.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut piece = [0; N];
        if let Some((head, tail)) = self.0.split_at_checked(N) {
            piece.copy_from_slice(head);
            self.0 = tail;
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    fn key() -> Key {
        std::array::from_fn(|i| (i * 7 + 3) as u8)
    }

    fn pyrogram(parts: &[&[u8]]) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(parts.concat()))
    }

    #[test]
    fn a_telethon_string_survives_the_round_trip() {
        for address in ["149.154.167.51:443", "127.0.0.1:40123", "[2001:67c:4e8:f002::a]:443"] {
            let address: SocketAddr = address.parse().unwrap();
            let string = telethon(2, address, &key());
            let login = parse(&string).unwrap();
            assert!(login == Login { dc: 2, address: Some(address), key: key(), user: None });
        }
        let v4 = telethon(2, "1.2.3.4:443".parse().unwrap(), &key());
        assert_eq!(v4.expose().len(), 353, "the length that Telethon writes");
    }

    #[test]
    fn every_pyrogram_format_is_read() {
        let (user, api) = (5_000_000_017_i64.to_be_bytes(), 12_345_u32.to_be_bytes());
        let current = pyrogram(&[&[4], &api, &[0], &key(), &user, &[0]]);
        let older = pyrogram(&[&[4], &[0], &key(), &user, &[1]]);
        let oldest = pyrogram(&[&[4], &[0], &key(), &77_u32.to_be_bytes(), &[0]]);
        assert_eq!(
            [&current, &older, &oldest].map(|s| s.expose().len()),
            [362, 356, 351],
            "as Pyrogram writes them"
        );
        let check = |string: &Secret, user| {
            assert!(
                parse(string).unwrap()
                    == Login { dc: 4, address: None, key: key(), user: Some(user) }
            );
        };
        check(&current, (5_000_000_017, false));
        check(&older, (5_000_000_017, true));
        check(&oldest, (77, false));
    }

    #[test]
    fn sloppy_copies_are_read_too() {
        let bytes = telethon(2, "1.2.3.4:443".parse().unwrap(), &key());
        let unpadded = bytes.expose().trim_end_matches('=').to_owned();
        let standard = bytes.expose().replace('-', "+").replace('_', "/");
        for text in [
            format!("  {}\n", bytes.expose()),
            unpadded,
            standard,
            format!("\"{}\"", bytes.expose()),
        ] {
            assert!(parse(&Secret::new(text)).unwrap().key == key());
        }
    }

    #[test]
    fn a_bad_string_is_explained_without_being_shown() {
        let test = pyrogram(&[&[2], &[0; 4], &[1], &key(), &[0; 8], &[0]]);
        let zero = pyrogram(&[&[2], &[0; 4], &[0], &[0; 256], &[0; 8], &[0]]);
        let far = telethon(9, "1.2.3.4:443".parse().unwrap(), &key());
        let cut = Secret::new(&far.expose()[..301]);
        let check = |string: &Secret, expected: StringError| {
            let error = parse(string).err().unwrap();
            assert_eq!(error, expected);
            if string.expose().len() > 8 {
                assert!(!format!("{error} {error:?}").contains(&string.expose()[1..9]));
            }
        };
        check(&Secret::new(" \n"), StringError::Empty);
        check(&Secret::new("hello, world, this is no session"), StringError::NotBase64);
        check(&Secret::new("BQAAAA"), StringError::UnknownFormat { length: 4 });
        check(&cut, StringError::UnknownFormat { length: 225 });
        check(
            &Secret::new(STANDARD.encode([2_u8; 100])),
            StringError::UnknownFormat { length: 100 },
        );
        check(&far, StringError::UnknownDatacenter(9));
        check(&zero, StringError::NoKey);
        check(&test, StringError::TestServers);
    }
}
