//! From the text of a playlist (RFC 8216) to what is fetched: absolute addresses, whole ranges, only what can be played.

use std::time::Duration;

use domain::{Fault, Reason};
use m3u8_rs::{ByteRange, KeyMethod, MasterPlaylist, MediaPlaylist, Playlist};
use url::Url;

use crate::http::fault::place;

/// Segments that one list may name.
const SEGMENTS_MAX: usize = 50_000;

/// What a playlist turned out to be.
#[derive(Debug)]
pub(super) enum Parsed {
    Master(MasterPlaylist),
    Media(List),
}

/// A media playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    /// The number of its first segment.
    pub(super) first: u64,
    pub(super) segments: Vec<Segment>,
    /// How long a segment may be; the pace of asking again.
    pub(super) target: Duration,
    /// Whether nothing will be added.
    pub(super) is_over: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) part: Part,
    /// What has to come before it (`EXT-X-MAP`).
    pub(super) init: Option<Part>,
    pub(super) duration: Duration,
    /// It is known to be missing.
    pub(super) is_gap: bool,
}

/// A file or a range of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) url: Url,
    /// First byte and how many.
    pub(super) range: Option<(u64, u64)>,
}

/// # Errors
/// `Unsupported` for what is encrypted; `Corrupt` for what is no playlist.
pub(super) fn parse(base: &Url, text: &[u8]) -> Result<Parsed, Fault> {
    let corrupt = |what: &str| Fault::refused(Reason::Corrupt, format!("{}: {what}", place(base)));
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    // the parser is not meant for what is no text
    let text = std::str::from_utf8(text).map_err(|_| corrupt("a playlist that is no text"))?;
    match m3u8_rs::parse_playlist_res(text.as_bytes()) {
        Ok(Playlist::MasterPlaylist(master)) => Ok(Parsed::Master(master)),
        Ok(Playlist::MediaPlaylist(media)) => list(base, media).map(Parsed::Media),
        Err(_) => Err(corrupt("a playlist that makes no sense")),
    }
}

fn list(base: &Url, media: MediaPlaylist) -> Result<List, Fault> {
    let refused = |reason, what: &str| Fault::refused(reason, format!("{}: {what}", place(base)));
    if media.segments.len() > SEGMENTS_MAX {
        return Err(refused(Reason::TooLarge, "too many segments"));
    }
    let mut segments: Vec<Segment> = Vec::with_capacity(media.segments.len());
    // where a range without an offset begins
    let mut behind: Option<(Url, u64)> = None;
    for segment in media.segments {
        if segment.key.as_ref().is_some_and(|key| key.method != KeyMethod::None) {
            return Err(refused(Reason::Unsupported, "the segments are encrypted"));
        }
        let join = |uri: &str| {
            base.join(uri).map_err(|_| refused(Reason::Corrupt, "a segment without an address"))
        };
        let url = join(&segment.uri)?;
        let continues = behind.take().filter(|(before, _)| *before == url).map(|(_, end)| end);
        let range = segment.byte_range.as_ref().map(|range| span(range, continues));
        behind = range.map(|(start, length)| (url.clone(), start.saturating_add(length)));
        let init = match &segment.map {
            Some(map) => Some(Part {
                url: join(&map.uri)?,
                range: map.byte_range.as_ref().map(|range| span(range, None)),
            }),
            None => None,
        };
        segments.push(Segment {
            part: Part { url, range },
            init,
            duration: seconds(segment.duration),
            is_gap: segment.unknown_tags.iter().any(|tag| tag.tag == "X-GAP"),
        });
    }
    Ok(List {
        first: media.media_sequence,
        segments,
        target: Duration::from_secs(media.target_duration.clamp(1, 60)),
        is_over: media.end_list,
    })
}

fn span(range: &ByteRange, continues: Option<u64>) -> (u64, u64) {
    (range.offset.or(continues).unwrap_or(0), range.length)
}

fn seconds(seconds: f32) -> Duration {
    Duration::try_from_secs_f32(seconds).unwrap_or_default().min(Duration::from_secs(3600))
}

// === impl List ===

impl List {
    /// The number of the segment that will come next.
    pub(super) fn end(&self) -> u64 {
        self.first.saturating_add(self.segments.len() as u64)
    }

    pub(super) fn duration(&self) -> Duration {
        self.segments.iter().map(|segment| segment.duration).sum()
    }
}
