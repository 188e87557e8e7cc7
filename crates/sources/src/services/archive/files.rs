//! Which files of an item are its tracks.
//!
//! Every track is there several times: as it was uploaded, and in what was made from it. One of each is taken.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::api::fields::Fields;
use crate::direct::stem;

/// One track of an item, in the form in which it is played.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Playable<'a> {
    pub(super) name: &'a str,
    /// The name of what was uploaded.
    original: &'a str,
    pub(super) title: Option<&'a str>,
    pub(super) creator: Option<String>,
    pub(super) length: Option<Duration>,
    rank: u8,
}

// === impl Playable ===

impl Playable<'_> {
    /// By any of its forms: people copy the link of one, and the key may name another.
    pub(super) fn is_called(&self, name: &str) -> bool {
        stem(name) == stem(self.original) || name == self.name
    }

    pub(super) fn stem(&self) -> &str {
        let name = self.original.rsplit('/').next().unwrap_or(self.original);
        stem(name)
    }
}

/// The best form of each track, in the order of the item.
pub(super) fn playable(files: &[Value]) -> Vec<Playable<'_>> {
    let mut tracks: Vec<Playable<'_>> = Vec::new();
    // some items have tens of thousands of files
    let mut places: HashMap<&str, usize> = HashMap::new();
    for file in files.iter().filter_map(form) {
        let place = *places.entry(stem(file.original)).or_insert(tracks.len());
        let Some(known) = tracks.get_mut(place) else {
            tracks.push(file);
            continue;
        };
        if file.rank > known.rank {
            let old = std::mem::replace(known, file);
            known.title = known.title.or(old.title);
            known.creator = known.creator.take().or(old.creator);
            known.length = known.length.or(old.length);
        }
    }
    tracks
}

/// Whether there is sound, but only samples of it are given.
pub(super) fn is_sampled(files: &[Value]) -> bool {
    files.iter().any(|file| is_audio(file) && is_closed(file))
}

fn form(file: &Value) -> Option<Playable<'_>> {
    if !is_audio(file) || is_closed(file) {
        return None;
    }
    let name = file.text("/name")?;
    Some(Playable {
        name,
        original: file.text("/original").unwrap_or(name),
        title: file.text("/title"),
        creator: file.names("/creator").or_else(|| file.names("/artist")),
        length: file.seconds("/length"),
        rank: rank(file, name),
    })
}

/// As it was uploaded, unless that is a heavy one.
fn rank(file: &Value, name: &str) -> u8 {
    let is_original = file.text("/source") == Some("original");
    let format = file.text("/format").unwrap_or_default();
    match extension(name) {
        "wav" | "aiff" | "aif" => 1,
        "flac" if format.starts_with("24bit") => 1,
        _ if is_original => 5,
        "ogg" | "opus" => 4,
        "mp3" if format.starts_with("VBR") => 3,
        _ => 2,
    }
}

fn is_audio(file: &Value) -> bool {
    let known = ["aif", "aiff", "flac", "m4a", "mp3", "ogg", "opus", "wav"];
    let is_video = file.text("/format").is_some_and(|format| format.contains("Video"));
    file.text("/name").is_some_and(|name| known.contains(&extension(name))) && !is_video
}

/// Lent items keep their files and give a sample of 30 s.
fn is_closed(file: &Value) -> bool {
    file.flag("/private") == Some(true)
        || file.text("/format").is_some_and(|format| format.ends_with("Sample"))
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_track_is_taken_once_in_its_best_form() {
        let files = json!([
            {"name": "cover.jpg", "source": "original", "format": "JPEG"},
            {"name": "01 One.flac", "source": "original", "format": "Flac", "title": "One", "length": "61.5"},
            {"name": "01 One.mp3", "source": "derivative", "format": "VBR MP3", "original": "01 One.flac"},
            {"name": "02.wav", "source": "original", "format": "WAVE", "title": "Two", "length": "01:02"},
            {"name": "02.mp3", "source": "derivative", "format": "VBR MP3", "original": "02.wav"},
            {"name": "02.ogg", "source": "derivative", "format": "Ogg Vorbis", "original": "02.wav"},
            {"name": "clip.ogg", "source": "derivative", "format": "Ogg Video"},
        ]);
        let files = files.as_array().unwrap();
        let names: Vec<(&str, Option<&str>, Option<u64>)> = playable(files)
            .iter()
            .map(|file| (file.name, file.title, file.length.map(|it| it.as_secs())))
            .collect();
        assert_eq!(
            names,
            [("01 One.flac", Some("One"), Some(61)), ("02.ogg", Some("Two"), Some(62))]
        );
    }

    #[test]
    fn what_is_lent_has_no_tracks() {
        let files = json!([
            {"name": "a.mp3", "source": "original", "format": "VBR MP3", "private": "true"},
            {"name": "a_sample.mp3", "source": "derivative", "format": "MP3 Sample", "original": "a.mp3"},
        ]);
        assert!(playable(files.as_array().unwrap()).is_empty());
        assert!(is_sampled(files.as_array().unwrap()));
    }
}
