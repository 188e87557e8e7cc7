//! Direct — a link that leads straight to audio.
//!
//! It looks at the bytes, not at what the server calls them, and hands back a [`Download`] that survives broken
//! connections. It must never read ahead of its reader: whoever takes the bytes decides the pace.

use std::time::Duration;

use domain::{Fault, Reason, track::Track};

mod download;
mod format;

pub use download::Download;
pub use format::Format;

use crate::http::Http;

/// The name of this source in [`Track::source`].
pub const NAME: &str = "direct";

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
    /// How many times in a row a request or connection may fail before the download gives up.
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
    /// The last part of the path, or what the server calls the file. For display only, never for opening a file.
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

    /// Connects, reads the first bytes and says what they are.
    ///
    /// # Errors
    /// `BadUrl`, `PrivateAddress`, `NotAudio`, `NotFound`, `ServiceRefused`, `Empty`, `TooLarge`, `Unsupported` are
    /// refused; `Unreachable`, `Timeout` and a service's own failures are transient, or a wait when it named one.
    pub async fn open(&self, url: &str) -> Result<Opened, Fault> {
        Err(Fault::refused(
            Reason::Unsupported,
            format!("not yet: {} {:?} {}", url.len(), self.http, self.settings.bytes_max),
        ))
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
            location: domain::track::Location::Http(url.to_owned()),
            source: NAME,
            link: Some(url.to_owned()),
        }
    }

    /// The media type that the bytes have, whatever the server calls them.
    pub fn mime(&self) -> &'static str {
        self.format.mime()
    }
}
