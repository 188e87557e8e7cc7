//! Asks outside services and reads what they answer, bounded in time, in bytes and in pace.
//!
//! Everything here assumes that the other side is broken: an answer may be a page instead of JSON, may never end, may
//! come one byte at a time, may be a redirect into the own network. Whatever it is becomes JSON or a typed fault, and no
//! fault repeats what the service said, for services like to repeat the key that they were given.

use std::time::Duration;

use bytes::Bytes;
use domain::{Class, Fault, Reason};
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

pub(crate) mod credential;
pub(crate) mod fields;
mod instance;
mod question;

pub(crate) use instance::Instance;
pub(crate) use question::Question;

use crate::direct::pace::Pace;
use crate::http::fault::{of_body, of_status, place};
use crate::http::{Http, headers};
use crate::service::Answer;

/// The most bytes of one answer. Packed answers are refused, so these are the bytes that are kept.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// What holds for every service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long the whole of an answer may take, all its requests together.
    pub answer_max: Duration,
    /// Bytes per second that the body of an answer must bring, averaged over `rate_window`; low, for drips are meant.
    pub rate_min: u64,
    pub rate_window: Duration,
}

/// The client that all services share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    http: Http,
    settings: Settings,
}

/// What came back, whatever its status.
#[derive(Debug)]
pub(crate) struct Reply {
    url: Url,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

// === impl Settings ===

impl Settings {
    /// What is usual: half a minute.
    pub const STANDARD: Settings = Settings {
        answer_max: Duration::from_secs(30),
        rate_min: 256,
        rate_window: Duration::from_secs(10),
    };
}

// === impl Api ===

impl Api {
    pub fn new(http: Http, settings: Settings) -> Api {
        Api { http, settings }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Sends one question and reads its answer to the end.
    pub(crate) async fn ask(&self, question: Question) -> Result<Reply, Fault> {
        let Question { url, headers, body } = question;
        let response = match body {
            None => self.http.get(&url, &headers).await?,
            Some(body) => self.http.post(&url, &headers, Bytes::from(body)).await?,
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.read(&url, response).await?;
        Ok(Reply { url, status, headers, body })
    }

    async fn read(&self, url: &Url, mut response: Response) -> Result<Vec<u8>, Fault> {
        let too_large = || strange(url, &format!("an answer of more than {BYTES_MAX} bytes"));
        if headers::content_length(response.headers()).is_some_and(|it| it > BYTES_MAX as u64) {
            return Err(too_large());
        }
        let mut pace = Pace::new(self.settings.rate_min, self.settings.rate_window);
        let mut body = Vec::new();
        loop {
            let waiting = pace.wait();
            let chunk = response.chunk().await;
            drop(waiting);
            let Some(bytes) = chunk.map_err(|error| of_body(url, &error))? else {
                return Ok(body);
            };
            if body.len() + bytes.len() > BYTES_MAX {
                return Err(too_large());
            }
            body.extend_from_slice(&bytes);
            if !pace.took(bytes.len()) {
                let detail = format!("{}: a drip", place(url));
                return Err(Fault::transient(Reason::Timeout, detail));
            }
        }
    }

    /// Gives a whole answer, of however many questions it is made, its deadline.
    pub(crate) fn whole<'a, T, F>(&self, place: &'a str, answer: F) -> Answer<'a, T>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'a,
    {
        let answer_max = self.settings.answer_max;
        Box::pin(async move {
            timeout(answer_max, answer).await.unwrap_or_else(|_| {
                let detail = format!("{place}: no whole answer in {} ms", answer_max.as_millis());
                Err(Fault::transient(Reason::Timeout, detail))
            })
        })
    }
}

// === impl Reply ===

impl Reply {
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether it did not like the credential, or whoever asked.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    /// The JSON of it, if that is what it is.
    pub(crate) fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The words of it, for pages and scripts.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// What its status means as a failure. Being denied says something about whoever asked and whom, not about what was
    /// asked for: another instance may answer, and one that denies everybody is to be left alone.
    pub(crate) fn fault(&self) -> Fault {
        let fault = of_status(&self.url, self.status, &self.headers);
        match self.is_denied() {
            true => Fault { class: Class::Transient, ..fault },
            false => fault,
        }
    }

    /// The JSON of a success.
    ///
    /// # Errors
    /// The status as a fault, or transient `ServiceRefused` for what is no JSON.
    pub(crate) fn json(&self) -> Result<Value, Fault> {
        if !self.status.is_success() {
            return Err(self.fault());
        }
        self.value().ok_or_else(|| {
            let is_page = self.body.trim_ascii_start().starts_with(b"<");
            let what = if is_page { "a page" } else { "junk" };
            strange(&self.url, &format!("{what} instead of JSON"))
        })
    }
}

/// An answer that makes no sense: the instance is broken, another one may not be.
pub(crate) fn strange(url: &Url, what: &str) -> Fault {
    Fault::transient(Reason::ServiceRefused, format!("{}: {what}", place(url)))
}

#[cfg(test)]
mod tests;
