//! What a file says about itself.

use std::borrow::Cow;
use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use domain::track::clean_title;
use lofty::config::ParseOptions;
use lofty::file::{AudioFile, FileType, TaggedFileExt};
use lofty::probe::Probe;
use lofty::tag::Accessor;

/// The longest title or name, in characters.
pub(crate) const TEXT_MAX: usize = 200;

/// Cleaned for display.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    pub(crate) title: Option<String>,
    pub(crate) artist: Option<String>,
    pub(crate) album: Option<String>,
    /// Only of a whole file.
    pub(crate) duration: Option<Duration>,
}

/// How much of a file there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// Its first bytes.
    Head,
    /// Its first bytes, which are an ID3v2 tag.
    Id3,
}

/// `None` for what is broken.
pub(crate) fn read(from: impl Read + Seek, part: Part) -> Option<Tags> {
    // a parser that stumbles over a hostile file must not take others with it
    catch_unwind(AssertUnwindSafe(|| parse(from, part))).ok().flatten()
}

fn parse(from: impl Read + Seek, part: Part) -> Option<Tags> {
    let options = ParseOptions::new().read_cover_art(false).read_properties(part == Part::Whole);
    let probe = match part {
        // what is behind it may be missing
        Part::Id3 => Probe::with_file_type(from, FileType::Mpeg).options(options),
        Part::Whole | Part::Head => Probe::new(from).options(options).guess_file_type().ok()?,
    };
    let tagged = probe.read().ok()?;
    let clean = |text: Option<Cow<'_, str>>| {
        text.map(|text| clean_title(&text, TEXT_MAX, "")).filter(|text| !text.is_empty())
    };
    // the first tag that knows; a file may have several
    let tags = || [tagged.primary_tag()].into_iter().flatten().chain(tagged.tags());
    Some(Tags {
        title: tags().find_map(|tag| clean(tag.title())),
        artist: tags().find_map(|tag| clean(tag.artist())),
        album: tags().find_map(|tag| clean(tag.album())),
        duration: Some(tagged.properties().duration()).filter(|duration| !duration.is_zero()),
    })
}
