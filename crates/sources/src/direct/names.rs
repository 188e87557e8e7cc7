//! What a file or a station is called by those who send it.

use reqwest::header::{HeaderMap, HeaderName};
use url::Url;

use crate::http::headers;

/// The name of a radio station, as SHOUTcast and Icecast send it.
pub(super) fn icy_name(head: &HeaderMap) -> Option<String> {
    let name = head.get(HeaderName::from_static("icy-name"))?;
    let name = String::from_utf8_lossy(name.as_bytes()).trim().to_owned();
    (!name.is_empty()).then_some(name)
}

pub(super) fn path_name(url: &Url) -> Option<String> {
    headers::base_name(&headers::percent_decoded(url.path().rsplit('/').next().unwrap_or_default()))
}

/// A file name without its extension, if it has one that looks like one.
pub(crate) fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty()
                && extension.len() <= 5
                && extension.chars().all(|c| c.is_ascii_alphanumeric()) =>
        {
            stem
        }
        _ => name,
    }
}
