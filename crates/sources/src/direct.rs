//! Direct — a link that leads straight to audio, or to a list that does.
//!
//! It looks at the bytes, not at what the server calls them, and hands back a [`Download`] that survives broken
//! connections. Lists of links (`.m3u`, `.pls`) are followed, lists of segments (`.m3u8`) are played. It must never read ahead of its reader: whoever takes the bytes decides the pace.

use std::time::Duration;

use bytes::Bytes;
use domain::candidate::{Stream, StreamKind};
use domain::track::{Location, Track, clean_title};
use domain::{Fault, Reason};
use futures_util::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

mod asking;
mod download;
mod icy;
mod identity;
mod lists;
mod names;
pub(crate) mod pace;
mod tags;

use download::Fetch;
pub use identity::Identity;
pub(crate) use names::stem;
use names::{icy_name, path_name};

use crate::format::{Format, SNIFF_BYTES, Verdict};
use crate::hls::Hls;
use crate::http::{Http, fault::place, headers};
use crate::short_links::ShortLinks;
use crate::tags::Tags;

/// The name of this source in [`Track::source`].
pub const NAME: &str = "direct";

/// Lists that may lead to lists.
const LISTS_MAX: usize = 2;

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
    /// What the station or the file is called, by itself or else by its name, cleaned for display.
    pub title: String,
    /// As the file says.
    pub artist: Option<String>,
    /// Radio: it has no end and cannot be sought.
    pub is_live: bool,
    /// Whether [`Download::seek`] works.
    pub has_ranges: bool,
    /// Where a list says it; files do not before they are decoded.
    pub duration: Option<Duration>,
    /// Which version of the file it is, where it may be kept.
    pub identity: Option<Identity>,
}

/// What is here of a file already: its first bytes. Only the rest is asked for, of the same version.
#[derive(Debug, Clone)]
pub struct Resume {
    pub(crate) identity: Identity,
    pub(crate) offset: u64,
    pub(crate) format: Format,
}

/// A download in progress. Dropping it closes its connections.
#[derive(Debug)]
pub struct Download(Way);

#[derive(Debug)]
enum Way {
    /// One file, or one stream without an end.
    Link(Box<Fetch>),
    /// Segments.
    Programme(Box<Hls>),
}

/// What a link leads to.
enum Found {
    Audio(Format),
    /// The text of a list.
    List(Vec<u8>),
}

// === impl Direct ===

impl Direct {
    pub fn new(http: Http, settings: Settings) -> Direct {
        Direct { http: http.for_streams(), settings }
    }

    /// Where a short link leads.
    ///
    /// # Errors
    /// `NotFound` when it leads nowhere; otherwise as [`Direct::open`].
    pub async fn destination(&self, links: &ShortLinks, link: &str) -> Result<String, Fault> {
        links.destination(&self.http, link).await.map(String::from)
    }

    /// Connects, reads the first bytes and says what they are. Takes up to `attempts_max` times the timeouts of the
    /// client for every list on the way; a caller that is in more of a hurry drops the future.
    ///
    /// # Errors
    /// `BadUrl`, `PrivateAddress`, `NotAudio`, `NotFound`, `ServiceRefused`, `Empty`, `TooLarge`, `Unsupported` are
    /// refused; `Unreachable`, `Timeout` and a service's own failures are transient, or a wait when it named one.
    pub async fn open(&self, url: &str) -> Result<Opened, Fault> {
        self.open_from(url, None).await
    }

    /// The same where the first bytes are here already. When the file is another one by now it begins at its start:
    /// [`Download::offset`] says so.
    ///
    /// # Errors
    /// As [`Direct::open`].
    pub async fn open_from(&self, url: &str, resume: Option<&Resume>) -> Result<Opened, Fault> {
        let url = self.http.guard().check(url)?;
        self.open_at(url, HeaderMap::new(), StreamKind::File, LISTS_MAX, resume).await
    }

    /// Opens what a service named, with the headers that go with it. Its word on how the bytes arrive is believed only
    /// where the bytes do not say it themselves.
    ///
    /// # Errors
    /// As [`Direct::open`].
    pub async fn open_stream(&self, stream: &Stream) -> Result<Opened, Fault> {
        self.open_stream_from(stream, None).await
    }

    /// The same where the first bytes are here already; see [`Direct::open_from`].
    ///
    /// # Errors
    /// As [`Direct::open`].
    pub async fn open_stream_from(
        &self,
        stream: &Stream,
        resume: Option<&Resume>,
    ) -> Result<Opened, Fault> {
        let url = self.http.guard().check(&stream.url)?;
        let mut extra = HeaderMap::new();
        for (name, value) in &stream.headers {
            let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
            let (Ok(name), Ok(mut value)) = pair else { continue };
            // said to the service's host only
            value.set_sensitive(true);
            extra.insert(name, value);
        }
        self.open_at(url, extra, stream.kind, LISTS_MAX, resume).await
    }

    fn open_at<'a>(
        &'a self,
        url: Url,
        extra: HeaderMap,
        kind: StreamKind,
        lists_left: usize,
        resume: Option<&'a Resume>,
    ) -> BoxFuture<'a, Result<Opened, Fault>> {
        Box::pin(async move {
            let is_endless = kind == StreamKind::Endless;
            let (http, settings) = (self.http.clone(), self.settings.clone());
            let started =
                Fetch::start(http, url.clone(), settings, extra.clone(), is_endless, resume);
            let (mut fetch, head, at) = started.await?;
            if let Some(Resume { format, .. }) = resume.filter(|_| fetch.offset() > 0) {
                let download = Download(Way::Link(Box::new(fetch)));
                let tags = Tags::default();
                return Ok(opened(&url, &head, Sniffed { download, format: *format, tags }));
            }
            let media_type = headers::text(&head, CONTENT_TYPE);
            let is_promised = kind == StreamKind::Hls
                || lists::is_promised(&at, media_type)
                || lists::is_promised(&url, None);
            let download = match sniff(&url, &mut fetch, is_promised).await? {
                Found::Audio(format) => {
                    let tags = match fetch.is_live() {
                        true => Tags::default(),
                        false => tags::read(&mut fetch, format).await?,
                    };
                    Sniffed { download: Download(Way::Link(Box::new(fetch))), format, tags }
                }
                Found::List(text) if lists::is_segments(&text) => {
                    self.programme(at.clone(), extra, &text).await?
                }
                Found::List(text) if lists_left > 0 => {
                    return self.follow(&at, &text, extra, lists_left - 1, resume).await;
                }
                Found::List(_) => {
                    let detail = format!("{}: a list of lists of lists", place(&url));
                    return Err(Fault::refused(Reason::Unsupported, detail));
                }
            };
            Ok(opened(&url, &head, download))
        })
    }

    /// The first link of a list that can be opened.
    async fn follow(
        &self,
        at: &Url,
        text: &[u8],
        extra: HeaderMap,
        lists_left: usize,
        resume: Option<&Resume>,
    ) -> Result<Opened, Fault> {
        let mut last = None;
        for link in lists::links(at, text) {
            // what one host was told is not said to another
            let own = if link.origin() == at.origin() { extra.clone() } else { HeaderMap::new() };
            match self.open_at(link, own, StreamKind::File, lists_left, resume).await {
                Ok(opened) => return Ok(opened),
                Err(fault) => last = Some(fault),
            }
        }
        let none = || Fault::refused(Reason::Empty, format!("{}: an empty list", place(at)));
        Err(last.unwrap_or_else(none))
    }

    async fn programme(&self, at: Url, extra: HeaderMap, text: &[u8]) -> Result<Sniffed, Fault> {
        let (http, settings) = (self.http.clone(), self.settings.clone());
        let mut hls = Hls::open(http, settings, extra, at.clone(), text).await?;
        let mut head = Vec::new();
        let format = loop {
            match Format::sniff(&head) {
                Verdict::Audio(format) => break format,
                _ if head.len() >= SNIFF_BYTES => {
                    let detail = format!("{}: segments of an unknown kind", place(&at));
                    return Err(Fault::refused(Reason::NotAudio, detail));
                }
                _ => match hls.next().await? {
                    Some(bytes) => head.extend_from_slice(&bytes),
                    None => {
                        let detail = format!("{}: nothing in its segments", place(&at));
                        return Err(Fault::refused(Reason::Empty, detail));
                    }
                },
            }
        };
        hls.unread(head);
        let tags = Tags::default();
        Ok(Sniffed { download: Download(Way::Programme(Box::new(hls))), format, tags })
    }

    /// Opens the link only to see what it is.
    ///
    /// # Errors
    /// As [`Direct::open`].
    pub async fn resolve(&self, url: &str) -> Result<Track, Fault> {
        self.open(url).await.map(|opened| opened.track(url))
    }
}

/// What was opened, and what its first bytes are.
struct Sniffed {
    download: Download,
    format: Format,
    tags: Tags,
}

fn opened(url: &Url, head: &HeaderMap, Sniffed { download, format, tags }: Sniffed) -> Opened {
    let file_name = headers::file_name(head).or_else(|| path_name(url));
    let own_name = icy_name(head).or(tags.title);
    let title = clean_title(
        own_name.as_deref().or(file_name.as_deref().map(stem)).unwrap_or_default(),
        TITLE_MAX,
        url.host_str().unwrap_or("untitled"),
    );
    // of a programme the name belongs to its list, and says nothing of the bytes
    let file_name = file_name.filter(|_| matches!(download.0, Way::Link(_)));
    Opened {
        content_length: download.total(),
        is_live: download.is_live(),
        has_ranges: download.has_ranges(),
        duration: download.duration(),
        identity: download.identity().filter(|_| headers::may_be_kept(head)).cloned(),
        download,
        format,
        file_name,
        title,
        artist: tags.artist,
    }
}

// === impl Download ===

impl Download {
    /// The next bytes in order, or `None` at the end. Cancel safe: a dropped call loses nothing.
    ///
    /// # Errors
    /// Transient when the connection broke more often than allowed or is too slow; refused when the file changed or
    /// grew too large.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        match &mut self.0 {
            Way::Link(fetch) => fetch.next().await,
            Way::Programme(hls) => hls.next().await,
        }
    }

    /// Continues at another offset, in bytes from the start. The connection is opened by the following `next`.
    ///
    /// # Errors
    /// `Unsupported` when the server has no ranges; `Corrupt` past the end.
    pub fn seek(&mut self, offset: u64) -> Result<(), Fault> {
        match &mut self.0 {
            Way::Link(fetch) => fetch.seek(offset),
            Way::Programme(_) => {
                Err(Fault::refused(Reason::Unsupported, "segments are played one after the other"))
            }
        }
    }

    /// Where the next byte comes from, in bytes from the start.
    pub fn offset(&self) -> u64 {
        match &self.0 {
            Way::Link(fetch) => fetch.offset(),
            Way::Programme(hls) => hls.offset(),
        }
    }

    /// The whole length in bytes, if the server said it.
    pub fn total(&self) -> Option<u64> {
        match &self.0 {
            Way::Link(fetch) => fetch.total(),
            Way::Programme(_) => None,
        }
    }

    /// Which version of a file this is, where it has a length.
    fn identity(&self) -> Option<&Identity> {
        match &self.0 {
            Way::Link(fetch) => Some(fetch.identity()).filter(|it| it.total.is_some()),
            Way::Programme(_) => None,
        }
    }

    /// Whether [`Download::seek`] works.
    pub fn has_ranges(&self) -> bool {
        matches!(&self.0, Way::Link(fetch) if fetch.has_ranges())
    }

    /// Whether it has no end.
    pub fn is_live(&self) -> bool {
        match &self.0 {
            Way::Link(fetch) => fetch.is_live(),
            Way::Programme(hls) => hls.is_live(),
        }
    }

    /// What a station calls the song that is on, once for each that it names: asked after every `next`.
    pub fn take_title(&mut self) -> Option<String> {
        match &mut self.0 {
            Way::Link(fetch) => fetch.take_title(),
            Way::Programme(_) => None,
        }
    }

    fn duration(&self) -> Option<Duration> {
        match &self.0 {
            Way::Link(_) => None,
            Way::Programme(hls) => hls.duration(),
        }
    }
}

// === impl Opened ===

impl Opened {
    /// The track that this download is.
    pub fn track(&self, url: &str) -> Track {
        let (duration, is_live) = (self.duration, self.is_live);
        let artist = self.artist.clone();
        Track { artist, duration, is_live, ..track(url, self.title.clone()) }
    }

    /// The media type that the bytes have, whatever the server calls them.
    pub fn mime(&self) -> &'static str {
        self.format.mime()
    }
}

/// A file behind a link.
pub(crate) fn track(url: &str, title: String) -> Track {
    Track {
        title,
        artist: None,
        duration: None,
        location: Location::Http(url.trim().to_owned()),
        source: NAME,
        link: Some(url.trim().to_owned()),
        is_live: false,
    }
}

/// Reads until the first bytes are recognised, and leaves them to be read again; of a list, all. Words are a list only
/// where one was promised.
async fn sniff(url: &Url, fetch: &mut Fetch, is_promised: bool) -> Result<Found, Fault> {
    let mut head = Vec::new();
    let mut is_over = false;
    loop {
        let is_enough = is_over || head.len() >= SNIFF_BYTES;
        match Format::sniff(&head) {
            Verdict::Audio(format) => {
                fetch.unread(head);
                return Ok(Found::Audio(format));
            }
            Verdict::Playlist => return rest(url, fetch, head).await.map(Found::List),
            Verdict::Text if is_promised && is_enough => {
                return rest(url, fetch, head).await.map(Found::List);
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
            Verdict::Text | Verdict::Unknown => match fetch.next().await? {
                Some(bytes) => head.extend_from_slice(&bytes),
                None => is_over = true,
            },
        }
    }
}

/// The whole of a list.
async fn rest(url: &Url, fetch: &mut Fetch, mut text: Vec<u8>) -> Result<Vec<u8>, Fault> {
    while let Some(bytes) = fetch.next().await? {
        text.extend_from_slice(&bytes);
        if text.len() > lists::LIST_BYTES_MAX {
            let detail = format!("{}: a list without an end", place(url));
            return Err(Fault::refused(Reason::TooLarge, detail));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod icecast;
#[cfg(test)]
mod tests;
