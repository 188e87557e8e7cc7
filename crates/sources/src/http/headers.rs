//! Readers for the few response headers that matter (RFC 9110, RFC 6266), strict where a mistake would splice files.

use std::time::Duration;

use reqwest::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap,
    HeaderName, RETRY_AFTER,
};

/// The longest wait that a service can ask for; more is cut.
const RETRY_MAX: Duration = Duration::from_secs(3600);

/// The part of a file that a 206 carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) total: Option<u64>,
}

pub(crate) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok()).map(str::trim)
}

/// How long a service asks to wait, in seconds; some say it as `RateLimit-Reset` only (draft-ietf-httpapi-ratelimit-headers
/// up to 06). The date form is not understood and counts as absent: it would need a clock that agrees with theirs.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let reset = || text(headers, HeaderName::from_static("ratelimit-reset"));
    let seconds = text(headers, RETRY_AFTER).or_else(reset)?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_MAX))
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_LENGTH)?.parse().ok()
}

pub(crate) fn accepts_ranges(headers: &HeaderMap) -> bool {
    text(headers, ACCEPT_RANGES).is_some_and(|value| value.eq_ignore_ascii_case("bytes"))
}

/// Whether the server lets its answer be stored (RFC 9111, section 5.2.2.5).
pub(crate) fn may_be_kept(headers: &HeaderMap) -> bool {
    let mut wishes = text(headers, CACHE_CONTROL).unwrap_or_default().split(',');
    !wishes.any(|wish| wish.trim().eq_ignore_ascii_case("no-store"))
}

/// `bytes 100-199/200` or `bytes 100-199/*`.
pub(crate) fn content_range(headers: &HeaderMap) -> Option<Part> {
    let (range, total) = text(headers, CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    (first <= last && total.is_none_or(|total| last < total)).then_some(Part { first, last, total })
}

/// The file name that a server suggests. The extended form wins; only the part after the last slash counts.
pub(crate) fn file_name(headers: &HeaderMap) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(CONTENT_DISPOSITION)?.as_bytes()).into_owned();
    let parameters = parameters(&value);
    let find = |name: &str| {
        parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, it)| it)
    };
    let extended = find("filename*").and_then(|value| {
        let mut parts = value.splitn(3, '\'');
        let (charset, _language, name) = (parts.next()?, parts.next()?, parts.next()?);
        charset.eq_ignore_ascii_case("utf-8").then(|| percent_decoded(name))
    });
    extended.or_else(|| find("filename").cloned()).and_then(|name| base_name(&name))
}

/// The last part of a path or name, without what would make it a path; `None` when nothing is left.
pub(crate) fn base_name(name: &str) -> Option<String> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default().trim().trim_matches('.');
    let clean: String = base.chars().filter(|c| !c.is_control()).take(200).collect();
    (!clean.is_empty()).then_some(clean)
}

/// Bytes written as `%41`; what is no UTF-8 becomes the replacement character.
pub(crate) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (*byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// `attachment; filename="a;b.mp3"; size=3` as pairs; quotes may hide semicolons, backslashes quote one character.
fn parameters(value: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let (mut key, mut text, mut in_value, mut in_quotes) =
        (String::new(), String::new(), false, false);
    let mut chars = value.chars();
    loop {
        let c = chars.next();
        match c {
            Some('\\') if in_quotes => text.extend(chars.next()),
            Some('"') if in_value => in_quotes = !in_quotes,
            Some('=') if !in_value => in_value = true,
            Some(c) if c != ';' || in_quotes => if in_value { &mut text } else { &mut key }.push(c),
            _ => {
                pairs.push((key.trim().to_owned(), text.trim().to_owned()));
                (key, text, in_value, in_quotes) = (String::new(), String::new(), false, false);
                if c.is_none() {
                    return pairs;
                }
            }
        }
    }
}
