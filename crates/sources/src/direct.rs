//! Direct — a link that leads straight to audio.
//!
//! It looks at the bytes, not at what the server calls them, and hands back a [`Download`] that survives broken
//! connections. It must never read ahead of its reader: whoever takes the bytes decides the pace.

use std::time::Duration;

use domain::track::{Location, Track, clean_title};
use domain::{Fault, Reason};
use reqwest::header::{HeaderMap, HeaderName};
use url::Url;

mod download;
mod identity;
pub(crate) mod pace;

pub use download::Download;

use crate::format::{Format, SNIFF_BYTES, Verdict};
use crate::http::{Http, fault::place, headers};

/// The name of this source in [`Track::source`].
pub const NAME: &str = "direct";

/// The longest title, in characters.
pub(crate) const TITLE_MAX: usize = 200;

/// Limits on what is fetched and how long it may take.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most bytes one download may have, announced or counted.
    pub bytes_max: u64,
    /// The longest silence of a connection, while the reader waits, before it counts as broken.
    pub stall_timeout: Duration,
    /// The least bytes per second that a server must deliver while the reader waits, averaged over `rate_window`.
    pub rate_min: u64,
    /// How much waiting is averaged before `rate_min` is judged.
    pub rate_window: Duration,
    /// The longest a download may stay open, paced or not; ends streams that never end.
    pub open_max: Duration,
    /// How many times in a row a request or connection may fail before the download gives up; at least 1.
    pub attempts_max: u32,
    /// The pause before the second attempt; doubles with each further one, up to 4 s.
    pub backoff: Duration,
}

/// Opens links.
#[derive(Debug, Clone)]
pub struct Direct {
    http: Http,
    settings: Settings,
}

/// What a link turned out to be, with its bytes ready to be taken.
#[derive(Debug)]
pub struct Opened {
    pub download: Download,
    /// As announced by the server, in bytes.
    pub content_length: Option<u64>,
    /// As seen in the first bytes.
    pub format: Format,
    /// What the server calls the file, or the last part of the path. For display only, never for opening a file.
    pub file_name: Option<String>,
    /// The name of the station or of the file, cleaned for display.
    pub title: String,
    /// Radio: it has no end and cannot be sought.
    pub is_live: bool,
    /// Whether [`Download::seek`] works.
    pub has_ranges: bool,
}

// === impl Direct ===

impl Direct {
    pub fn new(http: Http, settings: Settings) -> Direct {
        Direct { http, settings }
    }

    /// Connects, reads the first bytes and says what they are. Takes up to `attempts_max` times the timeouts of the
    /// client; a caller that is in more of a hurry drops the future.
    ///
    /// # Errors
    /// `BadUrl`, `PrivateAddress`, `NotAudio`, `NotFound`, `ServiceRefused`, `Empty`, `TooLarge`, `Unsupported` are
    /// refused; `Unreachable`, `Timeout` and a service's own failures are transient, or a wait when it named one.
    pub async fn open(&self, url: &str) -> Result<Opened, Fault> {
        let url = self.http.guard().check(url)?;
        let (mut download, head) =
            Download::start(self.http.clone(), url.clone(), self.settings.clone()).await?;
        let format = sniff(&url, &mut download).await?;
        let file_name = headers::file_name(&head).or_else(|| path_name(&url));
        let station = icy_name(&head);
        let title = clean_title(
            station.as_deref().or(file_name.as_deref().map(stem)).unwrap_or_default(),
            TITLE_MAX,
            url.host_str().unwrap_or("untitled"),
        );
        Ok(Opened {
            content_length: download.total(),
            is_live: download.is_live(),
            has_ranges: download.has_ranges(),
            download,
            format,
            file_name,
            title,
        })
    }

    /// Opens the link only to see what it is.
    ///
    /// # Errors
    /// As [`Direct::open`].
    pub async fn resolve(&self, url: &str) -> Result<Track, Fault> {
        self.open(url).await.map(|opened| opened.track(url))
    }
}

// === impl Opened ===

impl Opened {
    /// The track that this download is.
    pub fn track(&self, url: &str) -> Track {
        Track {
            title: self.title.clone(),
            artist: None,
            duration: None,
            location: Location::Http(url.trim().to_owned()),
            source: NAME,
            link: Some(url.trim().to_owned()),
            is_live: self.is_live,
        }
    }

    /// The media type that the bytes have, whatever the server calls them.
    pub fn mime(&self) -> &'static str {
        self.format.mime()
    }
}

/// Reads until the first bytes are recognised, and leaves them to be read again.
async fn sniff(url: &Url, download: &mut Download) -> Result<Format, Fault> {
    let mut head = Vec::new();
    let mut is_over = false;
    loop {
        let is_enough = is_over || head.len() >= SNIFF_BYTES;
        match Format::sniff(&head) {
            Verdict::Audio(format) => {
                download.unread(head);
                return Ok(format);
            }
            Verdict::Unsupported(name) => {
                return Err(Fault::refused(Reason::Unsupported, format!("{}: {name}", place(url))));
            }
            _ if head.is_empty() && is_over => {
                return Err(Fault::refused(Reason::Empty, format!("{}: not one byte", place(url))));
            }
            Verdict::Text | Verdict::Unknown if is_enough => {
                return Err(Fault::refused(Reason::NotAudio, format!("{}: not audio", place(url))));
            }
            Verdict::Text | Verdict::Unknown => match download.next().await? {
                Some(bytes) => head.extend_from_slice(&bytes),
                None => is_over = true,
            },
        }
    }
}

/// The name of a radio station, as SHOUTcast and Icecast send it.
fn icy_name(head: &HeaderMap) -> Option<String> {
    let name = head.get(HeaderName::from_static("icy-name"))?;
    let name = String::from_utf8_lossy(name.as_bytes()).trim().to_owned();
    (!name.is_empty()).then_some(name)
}

fn path_name(url: &Url) -> Option<String> {
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

#[cfg(test)]
mod tests;
