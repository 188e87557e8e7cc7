//! A take of a track: what everybody in the box finds when somebody looks for its name.

use std::time::Duration;

use crate::music::{self, File, Track};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Take {
    track: Track,
    /// 0 for the one without a number.
    number: u32,
}

// === impl Take ===

impl Take {
    /// What words ask for: the name of a track, and the first number beside it.
    pub(super) fn of_words(words: &str) -> Option<Take> {
        let words = words.to_lowercase();
        let mut parts = words.split(|c: char| !c.is_alphanumeric());
        let is_named = |track: &Track| words.contains(&track.title().to_lowercase());
        let track = Track::ALL.into_iter().find(is_named)?;
        let number = parts.find_map(|part| part.parse().ok()).unwrap_or(0);
        Some(Take { track, number })
    }

    /// Eleven digits: YouTube's keys have eleven characters, Jamendo's are numbers.
    pub(super) fn key(self) -> String {
        let at = Track::ALL.iter().position(|track| *track == self.track).unwrap_or(0);
        format!("{}{:010}", at + 1, self.number)
    }

    pub(super) fn of_key(key: &str) -> Option<Take> {
        let (at, number) = key.split_at_checked(1).filter(|_| key.len() == 11)?;
        let track = *Track::ALL.get(at.parse::<usize>().ok()?.checked_sub(1)?)?;
        Some(Take { track, number: number.parse().ok()? })
    }

    pub(super) fn title(self) -> String {
        match self.number {
            0 => self.track.title().to_owned(),
            number => format!("{} {number}", self.track.title()),
        }
    }

    pub(super) fn artist(self) -> &'static str {
        self.track.artist()
    }

    pub(super) fn duration(self) -> Duration {
        self.track.duration()
    }

    pub(super) fn file(self) -> &'static File {
        let files = music::files();
        files.iter().find(|file| file.track == self.track).unwrap_or(&files[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_take_is_found_by_its_words_and_by_its_key() {
        let take = Take::of_words("Armed Ensemble - orchard, take 12").unwrap();
        assert_eq!((take.title(), take.file().name), ("Orchard 12".to_owned(), "orchard.webm"));
        assert_eq!(take.key().len(), 11);
        assert_eq!(Take::of_key(&take.key()), Some(take));
        assert_eq!(Take::of_words("harbour").unwrap().title(), "Harbour");
        assert_eq!(Take::of_words("some song"), None);
        for key in ["", "60000000000", "1", "1000000000x", "ärgerlich1"] {
            assert_eq!(Take::of_key(key), None, "{key}");
        }
    }
}
