//! Scores how well words fit a file.

use std::path::Path;

use super::tags::Tags;
use domain::words::words;

/// More words than anybody types.
const QUERY_WORDS_MAX: usize = 16;

/// The words of one file, by where they stand.
#[derive(Debug, Clone)]
pub(super) struct Words {
    title: Vec<String>,
    artist: Vec<String>,
    album: Vec<String>,
    name: Vec<String>,
}

pub(super) struct Query {
    words: Vec<String>,
}

// === impl Words ===

impl Words {
    pub(super) fn new(tags: &Tags, path: &Path) -> Words {
        // with its extension: people copy names as they see them
        let name =
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Words {
            title: words(&tags.title),
            artist: words(tags.artist.as_deref().unwrap_or_default()),
            album: words(tags.album.as_deref().unwrap_or_default()),
            name: words(&name),
        }
    }

    /// The fields with what a match in each is worth.
    fn fields(&self) -> [(&[String], u32); 4] {
        [(&self.title, 8), (&self.artist, 6), (&self.name, 4), (&self.album, 3)]
    }
}

// === impl Query ===

impl Query {
    pub(super) fn new(text: &str) -> Query {
        let mut words = words(text);
        words.truncate(QUERY_WORDS_MAX);
        Query { words }
    }

    /// How well a file fits; `None` when a word of the query is nowhere in it.
    pub(super) fn score(&self, words: &Words) -> Option<u32> {
        if self.words.is_empty() {
            return None;
        }
        let mut score = 0;
        for word in &self.words {
            score += words
                .fields()
                .into_iter()
                .filter_map(|(field, worth)| best(word, field, worth))
                .max()?;
        }
        if self.words == words.title {
            score += 50;
        } else if follows(&words.title, &self.words) || follows(&words.name, &self.words) {
            score += 20;
        }
        // of two that fit, the one with less besides
        Some(score * 16 + 15u32.saturating_sub(words.title.len() as u32))
    }
}

/// What a word is worth in a field: whole words count twice.
fn best(word: &str, field: &[String], worth: u32) -> Option<u32> {
    field
        .iter()
        .filter(|it| it.starts_with(word))
        .map(|it| if it == word { worth * 2 } else { worth })
        .max()
}

/// Whether words stand in a field one after the other, the last perhaps cut short.
fn follows(field: &[String], words: &[String]) -> bool {
    let Some((last, before)) = words.split_last() else {
        return false;
    };
    field.windows(words.len()).any(|window| {
        window
            .split_last()
            .is_some_and(|(it, others)| others == before && it.starts_with(last.as_str()))
    })
}
