//! HLS — programmes that come as a list of short files (RFC 8216), recorded or live.
//!
//! What comes out is their sound in one piece, as if it had been one file: packed AAC or MP3 without the tags between
//! segments, MPEG-TS packet after packet, fragments of MP4 behind their head. Every address on the way goes through the
//! guarded client. A segment that cannot be had is left out; encrypted ones are refused.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use domain::{Class, Fault, Reason};
use reqwest::header::{HeaderMap, HeaderValue, RANGE};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use url::Url;

mod choice;
mod list;
mod plan;

use crate::direct::Settings;
use crate::http::fault::{of_body, of_silence, of_status, place};
use crate::http::{Http, headers};
use list::{List, Parsed, Part};
use plan::{Next, Plan};

/// The most bytes of one playlist and of one segment.
const LIST_BYTES_MAX: usize = 4 * 1024 * 1024;
const SEGMENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How often the list that was opened is asked for before there is anything to play.
const OPEN_TRIES: u32 = 3;

/// A programme. Dropping it ends it.
#[derive(Debug)]
pub struct Hls {
    http: Http,
    settings: Settings,
    headers: HeaderMap,
    url: Url,
    plan: Plan,
    began: Instant,
    /// The head of the segments that were sent.
    init: Option<Part>,
    ready: VecDeque<Bytes>,
    duration: Option<Duration>,
    bytes: u64,
}

// === impl Hls ===

impl Hls {
    /// Goes on from the text of a playlist at `url`.
    ///
    /// # Errors
    /// `Unsupported` for encrypted programmes, `Corrupt` for lists that make no sense, and whatever loading the list of
    /// the chosen variant fails of.
    pub(crate) async fn open(
        http: Http,
        settings: Settings,
        headers: HeaderMap,
        url: Url,
        text: &[u8],
    ) -> Result<Hls, Fault> {
        let (mut url, mut parsed) = (url.clone(), list::parse(&url, text)?);
        if let Parsed::Master(master) = &parsed {
            let none = || Fault::refused(Reason::Empty, format!("{}: no variants", place(&url)));
            let best = choice::best(master).ok_or_else(none)?;
            let variant = url.join(best).map_err(|_| none())?;
            let mut tries = 0;
            (url, parsed) = loop {
                match load(&http, &settings, &headers, &variant).await {
                    Ok(loaded) => break loaded,
                    Err(fault) if fault.class == Class::Transient && tries + 1 < OPEN_TRIES => {
                        tries += 1;
                        sleep(settings.backoff).await;
                    }
                    Err(fault) => return Err(fault),
                }
            };
        }
        let Parsed::Media(list) = parsed else {
            let detail = format!("{}: a list of lists of lists", place(&url));
            return Err(Fault::refused(Reason::Unsupported, detail));
        };
        let duration = list.is_over.then(|| list.duration()).filter(|it| !it.is_zero());
        let (plan, began) = (Plan::new(list, Duration::ZERO), Instant::now());
        let (init, ready) = (None, VecDeque::new());
        Ok(Hls { http, settings, headers, url, plan, began, init, ready, duration, bytes: 0 })
    }

    /// The next bytes in order, or `None` at the end of a recording. Cancel safe: a dropped call asks again.
    ///
    /// # Errors
    /// Transient when the programme does not go on; refused when its list turned into something else.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some(bytes));
            }
            match self.plan.next() {
                Next::End => return Ok(None),
                Next::Lost => {
                    let detail = format!("{}: the programme does not go on", place(&self.url));
                    return Err(Fault::transient(Reason::Unreachable, detail));
                }
                Next::Reload(at) => {
                    sleep_until(self.began + at).await;
                    self.reload().await?;
                }
                Next::Fetch(segment) => {
                    let fetched = self.fetch(&segment.part, segment.init.as_ref()).await;
                    self.fetched(fetched).await?;
                }
            }
        }
    }

    /// Whether more is added to it.
    pub fn is_live(&self) -> bool {
        self.plan.is_live()
    }

    /// How long a recording is.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// How many bytes came.
    pub fn offset(&self) -> u64 {
        self.bytes - self.ready.iter().map(|it| it.len() as u64).sum::<u64>()
    }

    /// Puts back what was read from the start.
    pub(crate) fn unread(&mut self, head: Vec<u8>) {
        self.ready.push_front(Bytes::from(head));
    }

    async fn reload(&mut self) -> Result<(), Fault> {
        let loaded = load(&self.http, &self.settings, &self.headers, &self.url).await;
        let now = self.began.elapsed();
        match loaded {
            Ok((_, Parsed::Media(list))) => self.reloaded(list, now),
            Ok((_, Parsed::Master(_))) => {
                let detail = format!("{}: became a list of variants", place(&self.url));
                return Err(Fault::refused(Reason::Corrupt, detail));
            }
            // while a station restarts its list may be missing or half written
            Err(fault) if matches!(fault.reason, Reason::PrivateAddress | Reason::BadUrl) => {
                return Err(fault);
            }
            Err(fault) => {
                tracing::debug!(place = %place(&self.url), %fault, "the list of a programme was not had");
                self.plan.reload_failed(now);
            }
        }
        Ok(())
    }

    fn reloaded(&mut self, list: List, now: Duration) {
        let missed = self.plan.reloaded(list, now);
        if missed > 0 {
            tracing::debug!(place = %place(&self.url), missed, "segments of a programme were missed");
        }
    }

    /// The segment, and its head where that is another one than before.
    async fn fetch(
        &self,
        part: &Part,
        init: Option<&Part>,
    ) -> Result<(Option<Part>, Vec<Bytes>), Fault> {
        let mut bytes = Vec::new();
        let fresh = init.filter(|init| self.init.as_ref() != Some(init));
        if let Some(init) = fresh {
            bytes.push(self.part(init).await?);
        }
        bytes.push(untagged(self.part(part).await?));
        Ok((fresh.cloned(), bytes))
    }

    async fn fetched(
        &mut self,
        fetched: Result<(Option<Part>, Vec<Bytes>), Fault>,
    ) -> Result<(), Fault> {
        match fetched {
            Ok((init, bytes)) => {
                self.plan.fetched();
                self.init = init.or(self.init.take());
                self.bytes += bytes.iter().map(|it| it.len() as u64).sum::<u64>();
                if !self.is_live() && self.bytes > self.settings.bytes_max {
                    let detail = format!(
                        "{}: more than {} bytes",
                        place(&self.url),
                        self.settings.bytes_max
                    );
                    return Err(Fault::refused(Reason::TooLarge, detail));
                }
                self.ready.extend(bytes.into_iter().filter(|it| !it.is_empty()));
            }
            Err(fault) if matches!(fault.reason, Reason::PrivateAddress | Reason::BadUrl) => {
                return Err(fault);
            }
            Err(fault) => {
                let is_left_out = self.plan.failed(!fault.is_retryable());
                tracing::debug!(place = %place(&self.url), %fault, is_left_out, "a segment was not had");
                sleep(self.settings.backoff).await;
            }
        }
        Ok(())
    }

    async fn part(&self, part: &Part) -> Result<Bytes, Fault> {
        let mut wanted = self.headers.clone();
        if let Some((start, length)) = part.range {
            let end = start.saturating_add(length).saturating_sub(1);
            let range = HeaderValue::from_str(&format!("bytes={start}-{end}"));
            wanted.insert(RANGE, range.expect("digits are a header value"));
        }
        let response = self.http.get(&part.url, &wanted).await?;
        let status = response.status();
        let first = headers::content_range(response.headers()).map(|it| it.first);
        match (status, part.range) {
            (StatusCode::OK, _) => {}
            (StatusCode::PARTIAL_CONTENT, Some((start, _))) if first == Some(start) => {}
            (status, _) if status.is_success() => {
                let detail = format!("{}: sent another part", place(&part.url));
                return Err(Fault::refused(Reason::Corrupt, detail));
            }
            (status, _) => return Err(of_status(&part.url, status, response.headers())),
        }
        let is_whole = status == StatusCode::OK;
        let bytes = body(&self.settings, &part.url, response, SEGMENT_BYTES_MAX).await?;
        match part.range {
            // a server without ranges sends all of it
            Some((start, length)) if is_whole => {
                let end = start.saturating_add(length).min(bytes.len() as u64);
                let start = start.min(end);
                Ok(bytes.slice(start as usize..end as usize))
            }
            _ => Ok(bytes),
        }
    }
}

/// A playlist, and where it was in the end: what it names is relative to that.
async fn load(
    http: &Http,
    settings: &Settings,
    headers: &HeaderMap,
    url: &Url,
) -> Result<(Url, Parsed), Fault> {
    let response = http.get(url, headers).await?;
    if !response.status().is_success() {
        return Err(of_status(url, response.status(), response.headers()));
    }
    let at = response.url().clone();
    let text = body(settings, url, response, LIST_BYTES_MAX).await?;
    let parsed = list::parse(&at, &text)?;
    Ok((at, parsed))
}

/// All of an answer, which must be as long as it says.
async fn body(
    settings: &Settings,
    url: &Url,
    mut response: Response,
    max: usize,
) -> Result<Bytes, Fault> {
    let announced = headers::content_length(response.headers());
    let too_large =
        || Fault::refused(Reason::TooLarge, format!("{}: more than {max} bytes", place(url)));
    let mut all = Vec::new();
    let whole = async {
        while let Some(bytes) = timeout(settings.stall_timeout, response.chunk())
            .await
            .map_err(|_| of_silence(url, settings.stall_timeout))?
            .map_err(|error| of_body(url, &error))?
        {
            if all.len() + bytes.len() > max {
                return Err(too_large());
            }
            all.extend_from_slice(&bytes);
        }
        Ok(())
    };
    // nobody hears a segment that takes longer than many of them last
    let total = settings.stall_timeout.saturating_mul(4);
    timeout(total, whole).await.map_err(|_| of_silence(url, total))??;
    if announced.is_some_and(|announced| announced != all.len() as u64) {
        let detail = format!("{}: ended early", place(url));
        return Err(Fault::transient(Reason::Unreachable, detail));
    }
    Ok(Bytes::from(all))
}

/// Packed sound begins with a tag that tells its time (RFC 8216, section 3.4); decoders would stumble over it.
fn untagged(bytes: Bytes) -> Bytes {
    let Some([b'I', b'D', b'3', _, _, _, a, b, c, d]) = bytes.get(..10) else { return bytes };
    let size =
        [a, b, c, d].iter().fold(0usize, |size, byte| size << 7 | usize::from(**byte & 0x7f));
    bytes.slice((10 + size).min(bytes.len())..)
}

#[cfg(test)]
mod tests;
