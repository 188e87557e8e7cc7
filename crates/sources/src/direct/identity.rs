//! What tells one version of a file from another, so that two of them are never spliced.

use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::http::headers;

/// What a server says about the version it sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub(crate) total: Option<u64>,
    etag: Option<String>,
    modified: Option<String>,
}

// === impl Identity ===

impl Identity {
    pub(super) fn of(response: &Response) -> Identity {
        let head = response.headers();
        let total = match response.status() {
            StatusCode::PARTIAL_CONTENT => headers::content_range(head).and_then(|part| part.total),
            _ => headers::content_length(head),
        };
        let own = |name: HeaderName| headers::text(head, name).map(str::to_owned);
        Identity { total, etag: own(ETAG), modified: own(LAST_MODIFIED) }
    }

    /// Whether nothing that both know differs, and the length is known to be the same.
    pub(super) fn agrees(&self, other: &Identity) -> bool {
        fn differ(a: &Option<String>, b: &Option<String>) -> bool {
            matches!((a, b), (Some(a), Some(b)) if a != b)
        }
        let is_same_length = match (self.total, other.total) {
            (Some(a), Some(b)) => a == b,
            // `bytes 5-9/*`: the validator has to answer for it
            (Some(_), None) => self.etag.is_some() && self.etag == other.etag,
            (None, _) => true,
        };
        is_same_length
            && !differ(&self.etag, &other.etag)
            && !differ(&self.modified, &other.modified)
    }

    /// Whether it is the same beyond doubt: nothing differs, and both name the same version.
    pub fn is_surely(&self, other: &Identity) -> bool {
        self.total.is_some()
            && self.total == other.total
            && self.agrees(other)
            && (self.strong().is_some() && self.etag == other.etag
                || self.modified.is_some() && self.modified == other.modified)
    }

    /// Whether the rest of this version can be asked for later.
    pub(crate) fn can_resume(&self) -> bool {
        self.strong().is_some() || self.modified.is_some()
    }

    fn strong(&self) -> Option<&str> {
        self.etag.as_deref().filter(|tag| tag.starts_with('"'))
    }

    /// Asks for the rest, provided that it is the rest of the same file (RFC 9110 §13.1.5: only a strong tag or a date
    /// may say so).
    pub(crate) fn range_from(&self, offset: u64) -> HeaderMap {
        let mut wanted = HeaderMap::new();
        let range =
            HeaderValue::from_str(&format!("bytes={offset}-")).expect("digits are a header value");
        wanted.insert(RANGE, range);
        if let Some(Ok(version)) =
            self.strong().or(self.modified.as_deref()).map(HeaderValue::from_str)
        {
            wanted.insert(IF_RANGE, version);
        }
        wanted
    }
}
