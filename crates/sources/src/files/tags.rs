//! What a file of the folder says about itself, in its tags or else by its name.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use std::time::Duration;

use domain::track::clean_title;

use crate::direct::stem;
use crate::format::{Format, SNIFF_BYTES, Verdict};
use crate::tags::{self, Part, TEXT_MAX};

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
    let said = tags::read(BufReader::new(file), Part::Whole)?;
    Some(Tags {
        title: said.title.unwrap_or(named.title),
        artist: said.artist.or(named.artist),
        album: said.album,
        duration: said.duration,
    })
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
