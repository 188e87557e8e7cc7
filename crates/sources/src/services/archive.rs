//! Internet Archive — items with many files each, free to play (archive.org/developers).
//!
//! The key of an item is its name, the key of one file is `item/file`. What is not there is `{}` or `[]` with 200.

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Fault, Reason};
use serde_json::Value;
use url::Url;

mod files;

use super::{heading, named};
use crate::api::fields::Fields;
use crate::api::{Api, Instance};
use crate::http::headers::percent_decoded;
use crate::service::{Abilities, Answer, Known, Service};
use files::{Playable, playable};

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://archive.org`.
    pub base: String,
}

#[derive(Debug)]
pub struct Archive {
    instance: Instance,
}

// === impl Archive ===

impl Archive {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: &Settings, api: &Api) -> Result<Archive, Fault> {
        Ok(Archive { instance: Instance::new(api, &settings.base)? })
    }

    async fn found(&self, words: &str, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let words = query(words);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let question = self
            .instance
            .at(&["advancedsearch.php"])
            .with("q", &format!("mediatype:audio AND ({words})"))
            .with("fl[]", "identifier")
            .with("fl[]", "title")
            .with("fl[]", "creator")
            .with("rows", &limit.to_string())
            .with("page", "1")
            .with("output", "json");
        let found = self.instance.json(question).await?;
        let items = found.items("/response/docs").ok_or_else(|| self.instance.strange("docs"))?;
        Ok(items.iter().filter_map(item).take(limit).collect())
    }

    async fn item(&self, id: &str) -> Result<Value, Fault> {
        let item = self.instance.json(self.instance.at(&["metadata", id])).await?;
        let is_nothing = item.as_object().is_some_and(|it| it.is_empty())
            || item.as_array().is_some_and(Vec::is_empty);
        if is_nothing || item.flag("/is_dark") == Some(true) {
            return Err(self.instance.refused(Reason::NotFound, "no such item"));
        }
        if item.items("/files").is_none() {
            return Err(self.instance.strange("files"));
        }
        Ok(item)
    }

    /// The file that the key names, or the first of the item.
    async fn opened(&self, key: &str) -> Result<(Candidate, Stream), Fault> {
        let (id, name) = match key.split_once('/') {
            Some((id, name)) => (id, Some(name)),
            None => (key, None),
        };
        let item = self.item(id).await?;
        let files = self.playable(&item)?;
        let only = files.len() == 1;
        let file = match name {
            None => files.into_iter().next(),
            Some(name) => files.into_iter().find(|file| file.is_called(name)),
        };
        let file = file.ok_or_else(|| self.instance.refused(Reason::NotFound, "no such file"))?;
        let path: Vec<&str> = ["download", id].into_iter().chain(file.name.split('/')).collect();
        let stream =
            self.instance.stream(self.instance.at(&path).into_url().as_str(), StreamKind::File)?;
        let mut found = track(&item, id, &file);
        if let Some(title) = item.text("/metadata/title").filter(|_| only && file.title.is_none()) {
            found.title = named(title, None).title;
        }
        Ok((found, stream))
    }

    async fn listed(&self, id: &str) -> Result<Page, Fault> {
        let item = self.item(id).await?;
        let files = self.playable(&item)?;
        Ok(Page {
            title: heading(item.text("/metadata/title")),
            entries: files.iter().map(|file| track(&item, id, file)).collect(),
            next: None,
        })
    }

    fn playable<'a>(&self, item: &'a Value) -> Result<Vec<Playable<'a>>, Fault> {
        let all = item.items("/files").unwrap_or_default();
        let files = playable(all);
        if !files.is_empty() {
            return Ok(files);
        }
        Err(match files::is_sampled(all) {
            true => self.instance.refused(Reason::Preview, "30 s of it"),
            false => self.instance.refused(Reason::NotAudio, "no file with sound"),
        })
    }
}

impl Service for Archive {
    fn name(&self) -> &'static str {
        "archive"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { search: true, open: true, list: true, live: false }
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        if !matches!(link.host_str()?, "archive.org" | "www.archive.org") {
            return None;
        }
        let mut parts = link.path_segments()?.filter(|part| !part.is_empty());
        let (kind, id) = (parts.next()?, parts.next()?);
        let file = parts.map(percent_decoded).collect::<Vec<_>>().join("/");
        match (kind, file.is_empty()) {
            ("details" | "download", false) => Some(Known::Track(format!("{id}/{file}"))),
            ("details", true) => Some(Known::List(id.to_owned())),
            _ => None,
        }
    }

    fn search<'a>(&'a self, words: &'a str, limit: usize) -> Answer<'a, Vec<Candidate>> {
        self.instance.answer(self.found(words, limit))
    }

    fn describe<'a>(&'a self, key: &'a str) -> Answer<'a, Candidate> {
        self.instance.answer(async { self.opened(key).await.map(|(found, _)| found) })
    }

    fn open<'a>(&'a self, key: &'a str) -> Answer<'a, (Candidate, Stream)> {
        self.instance.answer(self.opened(key))
    }

    fn list<'a>(&'a self, key: &'a str, _: Option<&'a str>) -> Answer<'a, Page> {
        self.instance.answer(self.listed(key))
    }
}

fn page(id: &str) -> String {
    format!("https://archive.org/details/{id}")
}

/// A hit of a search: an item, of which nobody knows how long it is.
fn item(hit: &Value) -> Option<Candidate> {
    let id = hit.text("/identifier")?;
    let title = hit.names("/title").unwrap_or_else(|| id.to_owned());
    Some(Candidate {
        key: id.to_owned(),
        link: Some(page(id)),
        ..named(&title, hit.names("/creator").as_deref())
    })
}

fn track(item: &Value, id: &str, file: &Playable<'_>) -> Candidate {
    let artist = file.creator.clone().or_else(|| item.names("/metadata/creator"));
    Candidate {
        duration: file.length,
        key: format!("{id}/{}", file.name),
        link: Some(page(id)),
        ..named(file.title.unwrap_or(file.stem()), artist.as_deref())
    }
}

/// Words as the search engine reads them: each one has to be there, and none is an operator.
fn query(words: &str) -> String {
    let word = |word: &str| -> String {
        word.chars().filter(|c| c.is_alphanumeric() || *c == '\'').collect()
    };
    let words = words.split(|c: char| c.is_whitespace() || c == '-').map(word);
    let words = words.filter(|it| !it.is_empty() && !matches!(it.as_str(), "AND" | "OR" | "NOT"));
    words.collect::<Vec<_>>().join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_never_operators() {
        let check = |words: &str, expected: &str| assert_eq!(query(words), expected, "{words}");
        check("grateful dead", "grateful AND dead");
        check("a) OR (mediatype:movies", "a AND mediatypemovies");
        check("don't stop — now", "don't AND stop AND now");
        check("NOT \"", "");
    }
}
