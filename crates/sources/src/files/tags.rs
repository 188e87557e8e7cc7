//! What a file says about itself.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use domain::track::clean_title;
use lofty::config::ParseOptions;
use lofty::file::{AudioFile, TaggedFileExt};
use lofty::probe::Probe;
use lofty::tag::Accessor;

use crate::direct::stem;
use crate::format::{Format, SNIFF_BYTES, Verdict};

/// The longest title or name, in characters.
const TEXT_MAX: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tags {
    pub(super) title: String,
    pub(super) artist: Option<String>,
    pub(super) album: Option<String>,
    pub(super) duration: Option<Duration>,
}

/// Reads the tags of a file; `None` when its content is no audio or broken. Untagged files are called by their name.
pub(super) fn read(path: &Path) -> Option<Tags> {
    let mut file = File::open(path).ok()?;
    let mut head = Vec::with_capacity(SNIFF_BYTES);
    file.by_ref().take(SNIFF_BYTES as u64).read_to_end(&mut head).ok()?;
    let Verdict::Audio(format) = Format::sniff(&head) else {
        return None;
    };
    let named = by_name(path);
    if matches!(format, Format::WebM | Format::Matroska | Format::MpegTs) {
        // nothing reads the tags of these here
        return Some(named);
    }
    file.rewind().ok()?;
    // a parser that stumbles over a hostile file must not take the scan with it
    let parsed = catch_unwind(AssertUnwindSafe(|| parse(file)));
    let tagged = parsed.ok().flatten()?;
    Some(Tags {
        title: tagged.0.unwrap_or(named.title),
        artist: tagged.1.or(named.artist),
        album: tagged.2,
        duration: tagged.3,
    })
}

type Parsed = (Option<String>, Option<String>, Option<String>, Option<Duration>);

fn parse(file: File) -> Option<Parsed> {
    let mut options = ParseOptions::new();
    options.read_cover_art(false);
    let probe = Probe::new(BufReader::new(file)).options(options).guess_file_type().ok()?;
    let tagged = probe.read().ok()?;
    let clean = |text: Option<std::borrow::Cow<'_, str>>| {
        text.map(|text| clean_title(&text, TEXT_MAX, "")).filter(|text| !text.is_empty())
    };
    let duration = Some(tagged.properties().duration()).filter(|duration| !duration.is_zero());
    // the first tag that knows; a file may have several
    let tags = || [tagged.primary_tag()].into_iter().flatten().chain(tagged.tags());
    let title = tags().find_map(|tag| clean(tag.title()));
    let artist = tags().find_map(|tag| clean(tag.artist()));
    let album = tags().find_map(|tag| clean(tag.album()));
    Some((title, artist, album, duration))
}

/// "01 - Artist - Title.mp3" and "Artist - Title.mp3"; anything else is a title.
fn by_name(path: &Path) -> Tags {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut parts: Vec<&str> =
        stem(&name).split(" - ").map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 && parts[0].chars().all(|c| c.is_ascii_digit() || c == '.') {
        parts.remove(0);
    }
    let (artist, title) = match parts.split_first() {
        Some((artist, rest)) if !rest.is_empty() => {
            (Some(clean_title(artist, TEXT_MAX, "untitled")), rest.join(" - "))
        }
        Some((title, _)) => (None, (*title).to_owned()),
        None => (None, name.clone()),
    };
    Tags { title: clean_title(&title, TEXT_MAX, "untitled"), artist, album: None, duration: None }
}
