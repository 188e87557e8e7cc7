//! One request to a service: where to, with what.

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::secret::Secret;

#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

// === impl Question ===

impl Question {
    pub(crate) fn new(url: Url) -> Question {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Question { url, headers, body: None }
    }

    /// Adds a pair to the query.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Question {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Adds a pair to the query if there is a value.
    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Question {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a header that is not shown and does not follow redirects to other hosts. What cannot be a header's value
    /// is left out; the service will say that it misses it.
    pub(crate) fn secretly(mut self, name: HeaderName, value: &Secret) -> Question {
        if let Ok(mut value) = HeaderValue::from_str(value.expose()) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn into_url(self) -> Url {
        self.url
    }

    /// Makes it a POST.
    pub(crate) fn sending(mut self, media_type: &'static str, body: String) -> Question {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        self.body = Some(body.into_bytes());
        self
    }
}
