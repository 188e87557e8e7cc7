//! The bytes of one link, through broken connections. A station has no end, no length and no way back; what it calls
//! the song that is on comes between its bytes.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use domain::{Fault, Reason};
use futures_util::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::asking::{BACKOFF_MAX, ask, first, pause};
use super::icy::Icy;
use super::identity::Identity;
use super::pace::Pace;
use super::{Resume, Settings};
use crate::http::fault::{of_body, of_silence, place};
use crate::http::{Http, headers};

/// After this many good bytes a connection counts as working again.
const PROGRESS: u64 = 256 * 1024;

/// A server without ranges is asked for at most this many known bytes again.
const AGAIN_MAX: u64 = 64 * 1024 * 1024;

/// A station is given longer to come back than a file: it may be restarting.
const LIVE_ATTEMPTS_MIN: u32 = 12;
const LIVE_BACKOFF_MIN: Duration = Duration::from_millis(200);

/// A seek this far ahead reads on instead of connecting anew.
const SKIP_MAX: u64 = 64 * 1024;

/// A download in progress. Dropping it closes the connection.
pub(super) struct Fetch {
    http: Http,
    url: Url,
    settings: Settings,
    identity: Identity,
    kind: Kind,
    /// Where the next byte for the reader comes from.
    offset: u64,
    /// Bytes that were read to look at them.
    head: Bytes,
    body: Option<Response>,
    /// The connection that is being opened; kept here, so that a dropped call does not begin it again.
    connecting: Option<BoxFuture<'static, Result<Response, Fault>>>,
    /// How many bytes of the open body come before `offset`.
    discard: u64,
    failures: u32,
    since_failure: u64,
    /// Before the next connection.
    pause: Duration,
    opened: Instant,
    pace: Pace,
    is_over: bool,
    /// What has to be sent with every request.
    extra: HeaderMap,
    icy: Option<Icy>,
    title: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Any part can be asked for.
    Ranges,
    /// Only the whole.
    Whole,
    /// Whatever is on now.
    Live,
}

/// How a step failed.
enum Trouble {
    /// Try again, up to the limit.
    Again(Fault),
    /// Nothing can be done.
    Over(Fault),
}

// === impl Fetch ===

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = place(&self.url);
        f.debug_struct("Fetch")
            .field("place", &place)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

impl Fetch {
    /// Asks for the whole file; also returns the headers of the answer and where it came from. `is_endless` when that
    /// is known already. With `resume` only the rest is asked for; [`Fetch::offset`] says whether that is what came.
    pub(super) async fn start(
        http: Http,
        url: Url,
        settings: Settings,
        mut extra: HeaderMap,
        is_endless: bool,
        resume: Option<&Resume>,
    ) -> Result<(Fetch, HeaderMap, Url), Fault> {
        extra.insert(HeaderName::from_static("icy-metadata"), HeaderValue::from_static("1"));
        let opened = Instant::now();
        let (response, is_rest) = first(&http, &url, &settings, &extra, resume).await?;
        let head = response.headers().clone();
        let identity = Identity::of(&response);
        let at = response.url().clone();
        let is_radio = is_endless || head.keys().any(|name| name.as_str().starts_with("icy-"));
        let kind = match identity.total {
            None if is_radio => Kind::Live,
            Some(_) if is_rest || headers::accepts_ranges(&head) => Kind::Ranges,
            _ => Kind::Whole,
        };
        if identity.total.is_some_and(|total| total > settings.bytes_max) {
            return Err(too_large(&url, &settings));
        }
        let pace = Pace::new(settings.rate_min, settings.rate_window);
        let download = Fetch {
            http,
            url,
            settings,
            identity,
            kind,
            offset: resume.filter(|_| is_rest).map_or(0, |resume| resume.offset),
            head: Bytes::new(),
            body: Some(response),
            connecting: None,
            discard: 0,
            failures: 0,
            since_failure: 0,
            pause: Duration::ZERO,
            opened,
            pace,
            is_over: false,
            extra,
            icy: icy(&head),
            title: None,
        };
        Ok((download, head, at))
    }

    /// The next bytes in order, or `None` at the end. Cancel safe: a dropped call loses nothing.
    ///
    /// # Errors
    /// Transient when the connection broke more often than allowed or is too slow; refused when the file changed or
    /// grew too large.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if !self.head.is_empty() {
            let bytes = std::mem::take(&mut self.head);
            self.offset += bytes.len() as u64;
            return Ok(Some(bytes));
        }
        while !self.is_over && self.identity.total != Some(self.offset) {
            match self.step().await {
                Ok(Some(bytes)) => return Ok(Some(bytes)),
                Ok(None) => {}
                Err(Trouble::Over(fault)) => {
                    self.body = None;
                    return Err(fault);
                }
                Err(Trouble::Again(fault)) => {
                    self.body = None;
                    self.failures += 1;
                    self.since_failure = 0;
                    if self.failures >= self.attempts_max() {
                        self.failures = 0;
                        return Err(fault);
                    }
                    self.pause =
                        pause(&self.settings, self.failures, &fault)?.max(self.pause_min());
                    tracing::debug!(place = %place(&self.url), attempt = self.failures, %fault, "connecting again");
                }
            }
        }
        self.body = None;
        Ok(None)
    }

    /// Continues at another offset, in bytes from the start. The connection is opened by the following `next`.
    ///
    /// # Errors
    /// `Unsupported` when the server has no ranges; `Corrupt` past the end.
    pub(super) fn seek(&mut self, offset: u64) -> Result<(), Fault> {
        if self.kind != Kind::Ranges {
            return Err(Fault::refused(
                Reason::Unsupported,
                format!("{}: no ranges", place(&self.url)),
            ));
        }
        if self.identity.total.is_some_and(|total| offset > total) {
            return Err(Fault::refused(
                Reason::Corrupt,
                format!("{}: seek past the end", place(&self.url)),
            ));
        }
        let ahead = offset.checked_sub(self.offset);
        match ahead {
            Some(ahead) if ahead <= self.head.len() as u64 => {
                self.head = self.head.slice(ahead as usize..);
            }
            Some(ahead) if ahead <= SKIP_MAX && self.body.is_some() => {
                self.discard += ahead - self.head.len() as u64;
                self.head = Bytes::new();
            }
            _ => {
                self.head = Bytes::new();
                self.body = None;
                self.connecting = None;
                self.discard = 0;
            }
        }
        self.offset = offset;
        self.is_over = false;
        Ok(())
    }

    /// Where the next byte comes from, in bytes from the start.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The whole length in bytes, if the server said it.
    pub(super) fn total(&self) -> Option<u64> {
        self.identity.total
    }

    /// Which version of the file this is.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether [`Fetch::seek`] works.
    pub(super) fn has_ranges(&self) -> bool {
        self.kind == Kind::Ranges
    }

    /// Whether this is a station, which has no end.
    pub(super) fn is_live(&self) -> bool {
        self.kind == Kind::Live
    }

    /// What a station calls the song that is on, once for each that it names.
    pub(super) fn take_title(&mut self) -> Option<String> {
        self.title.take()
    }

    fn attempts_max(&self) -> u32 {
        match self.kind {
            Kind::Live => self.settings.attempts_max.max(LIVE_ATTEMPTS_MIN),
            Kind::Ranges | Kind::Whole => self.settings.attempts_max,
        }
    }

    /// A station that restarts is not hurried; half a minute in all.
    fn pause_min(&self) -> Duration {
        match self.kind {
            Kind::Live => {
                LIVE_BACKOFF_MIN.saturating_mul(1 << self.failures.min(5)).min(BACKOFF_MAX)
            }
            Kind::Ranges | Kind::Whole => Duration::ZERO,
        }
    }

    /// Puts back what was read from the start.
    pub(super) fn unread(&mut self, head: Vec<u8>) {
        self.offset -= head.len() as u64;
        self.head = Bytes::from(head);
    }

    /// Takes one piece from the connection; `None` when there was nothing for the reader in it.
    async fn step(&mut self) -> Result<Option<Bytes>, Trouble> {
        let left = match self.kind {
            // it plays for as long as somebody listens
            Kind::Live => self.settings.open_max,
            Kind::Ranges | Kind::Whole => {
                self.settings.open_max.saturating_sub(self.opened.elapsed())
            }
        };
        if left.is_zero() {
            let detail = format!("{}: open for too long", place(&self.url));
            return Err(Trouble::Over(Fault::refused(Reason::TooLong, detail)));
        }
        if self.body.is_none() && !self.reconnect().await? {
            self.is_over = true;
            return Ok(None);
        }
        let Some(body) = self.body.as_mut() else {
            return Ok(None);
        };
        let silence = self.settings.stall_timeout.saturating_sub(self.pace.silence()).min(left);
        let waiting = self.pace.wait();
        let taken = timeout(silence, body.chunk()).await;
        drop(waiting);
        match taken {
            Ok(Ok(Some(bytes))) => self.took(bytes),
            Ok(Ok(None)) => self.ended(),
            Ok(Err(error)) => Err(self.broke(of_body(&self.url, &error))),
            Err(_) => {
                self.pace.forgive();
                Err(self.broke(of_silence(&self.url, self.settings.stall_timeout)))
            }
        }
    }

    fn took(&mut self, mut bytes: Bytes) -> Result<Option<Bytes>, Trouble> {
        if !self.pace.took(bytes.len()) {
            let detail = format!(
                "{}: slower than {} bytes a second",
                place(&self.url),
                self.settings.rate_min
            );
            return Err(Trouble::Over(Fault::transient(Reason::Timeout, detail)));
        }
        self.since_failure += bytes.len() as u64;
        if self.since_failure >= PROGRESS {
            self.failures = 0;
        }
        let known = self.discard.min(bytes.len() as u64);
        self.discard -= known;
        bytes = bytes.slice(known as usize..);
        if bytes.is_empty() {
            return Ok(None);
        }
        if let Some(icy) = &mut self.icy {
            let (sound, title) = icy.strip(bytes);
            bytes = sound;
            self.title = title.or(self.title.take());
            if bytes.is_empty() {
                return Ok(None);
            }
        }
        let end = self.offset + bytes.len() as u64;
        if end > self.settings.bytes_max && self.kind != Kind::Live {
            return Err(Trouble::Over(too_large(&self.url, &self.settings)));
        }
        if self.identity.total.is_some_and(|total| end > total) {
            return Err(Trouble::Over(self.changed("is longer than announced")));
        }
        self.offset = end;
        Ok(Some(bytes))
    }

    /// The body is over; that is the end only if nothing is missing.
    fn ended(&mut self) -> Result<Option<Bytes>, Trouble> {
        let is_short = match self.identity.total {
            Some(total) => self.offset < total,
            None => self.discard > 0,
        };
        if is_short || self.kind == Kind::Live {
            let detail = format!("{}: ended early at byte {}", place(&self.url), self.offset);
            return Err(self.broke(Fault::transient(Reason::Unreachable, detail)));
        }
        self.is_over = true;
        Ok(None)
    }

    /// A connection that broke can be replaced only if the rest can be found again.
    fn broke(&self, fault: Fault) -> Trouble {
        let can_resume = match self.kind {
            Kind::Ranges | Kind::Live => true,
            Kind::Whole => {
                self.offset == 0 || (self.identity.total.is_some() && self.offset <= AGAIN_MAX)
            }
        };
        if can_resume { Trouble::Again(fault) } else { Trouble::Over(fault) }
    }

    /// Opens a connection for the bytes from `offset` on; false when there are none.
    async fn reconnect(&mut self) -> Result<bool, Trouble> {
        let connecting = match &mut self.connecting {
            Some(connecting) => connecting,
            None => {
                let mut wanted = self.extra.clone();
                if self.kind == Kind::Ranges && self.offset > 0 {
                    wanted.extend(self.identity.range_from(self.offset));
                }
                let (http, url, pause) = (self.http.clone(), self.url.clone(), self.pause);
                self.connecting.insert(Box::pin(async move {
                    sleep(pause).await;
                    ask(&http, &url, &wanted).await
                }))
            }
        };
        let answer = connecting.await;
        self.connecting = None;
        self.pause = Duration::ZERO;
        let response = match answer {
            Ok(response) => response,
            // while a station restarts nobody knows its name
            Err(fault)
                if fault.is_retryable()
                    || self.kind == Kind::Live && fault.reason == Reason::NotFound =>
            {
                return Err(Trouble::Again(fault));
            }
            Err(fault) => return Err(Trouble::Over(fault)),
        };
        self.discard = self.splice(&response)?;
        self.icy = icy(response.headers());
        tracing::debug!(place = %place(&self.url), offset = self.offset, attempt = self.failures, "connected again");
        self.body = Some(response);
        Ok(true)
    }

    /// Makes sure that an answer continues the same file; returns how many known bytes come first.
    fn splice(&self, response: &Response) -> Result<u64, Trouble> {
        if self.kind == Kind::Live {
            return Ok(0);
        }
        let found = Identity::of(response);
        if !self.identity.agrees(&found) {
            return Err(Trouble::Over(self.changed("is another version now")));
        }
        if response.status() == StatusCode::PARTIAL_CONTENT {
            return match headers::content_range(response.headers()) {
                Some(part) if part.first == self.offset => Ok(0),
                _ => Err(Trouble::Over(self.changed("sent another part"))),
            };
        }
        if self.offset > AGAIN_MAX {
            return Err(Trouble::Over(self.changed("lost its ranges")));
        }
        Ok(self.offset)
    }

    fn changed(&self, how: &str) -> Fault {
        Fault::refused(Reason::Corrupt, format!("{}: {how}", place(&self.url)))
    }
}

/// How an answer weaves its titles in.
fn icy(head: &HeaderMap) -> Option<Icy> {
    headers::text(head, HeaderName::from_static("icy-metaint"))?.parse().ok().and_then(Icy::new)
}

fn too_large(url: &Url, settings: &Settings) -> Fault {
    Fault::refused(
        Reason::TooLarge,
        format!("{}: more than {} bytes", place(url), settings.bytes_max),
    )
}
