//! JioSaavn — by a self-hosted wrapper (sumitkolhe/jiosaavn-api). Its names come with HTML entities in them.

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Fault, Reason};
use serde_json::Value;
use url::Url;

use super::choice::{Offer, best};
use super::{heading, named, position, web_page};
use crate::api::fields::Fields;
use crate::api::{Api, Instance, Question};
use crate::service::{Abilities, Answer, Known, Service};

/// How many songs of a playlist are asked for at once.
const PAGE: usize = 50;

#[derive(Debug, Clone)]
pub struct Settings {
    /// Of the wrapper: `https://saavn.example`.
    pub base: String,
}

#[derive(Debug)]
pub struct JioSaavn {
    instance: Instance,
}

// === impl JioSaavn ===

impl JioSaavn {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: &Settings, api: &Api) -> Result<JioSaavn, Fault> {
        Ok(JioSaavn { instance: Instance::new(api, &settings.base)? })
    }

    async fn data(&self, question: Question) -> Result<Value, Fault> {
        let mut answer = self.instance.json(question).await?;
        match answer.flag("/success") {
            Some(true) => Ok(answer["data"].take()),
            Some(false) => Err(self.instance.refused(Reason::NotFound, "without success")),
            None => Err(self.instance.strange("success")),
        }
    }

    async fn found(&self, words: &str, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let question = self.instance.at(&["api", "search", "songs"]).with("query", words);
        let found = self.data(question.with("limit", &limit.to_string())).await?;
        let songs = found.items("/results").ok_or_else(|| self.instance.strange("results"))?;
        Ok(songs.iter().filter_map(candidate).take(limit).collect())
    }

    /// A key is an identifier, or the link to a song's page.
    async fn song(&self, key: &str) -> Result<(Candidate, Value), Fault> {
        let question = match key.starts_with("https://") {
            true => self.instance.at(&["api", "songs"]).with("link", key),
            false => self.instance.at(&["api", "songs", key]),
        };
        let mut songs = self.data(question).await?;
        let song = songs.get_mut(0).map(Value::take);
        let song = song.ok_or_else(|| self.instance.refused(Reason::NotFound, "no such song"))?;
        let found = candidate(&song).ok_or_else(|| self.instance.strange("a song"))?;
        Ok((found, song))
    }

    async fn opened(&self, key: &str) -> Result<(Candidate, Stream), Fault> {
        let (found, song) = self.song(key).await?;
        let taken = best(song.items("/downloadUrl").into_iter().flatten().filter_map(offer))
            .ok_or_else(|| self.instance.refused(Reason::ServiceRefused, "nothing to load"))?;
        let stream = self.instance.stream(taken.url, StreamKind::File)?;
        Ok((found, stream))
    }

    /// Albums come whole, playlists in pages.
    async fn listed(&self, key: &str, page: Option<&str>) -> Result<Page, Fault> {
        let number = position(page).unwrap_or(0);
        let kind = if key.contains("/album/") { "albums" } else { "playlists" };
        let question = self.instance.at(&["api", kind]).with("link", key);
        let question = match kind {
            "playlists" => {
                question.with("page", &number.to_string()).with("limit", &PAGE.to_string())
            }
            _ => question,
        };
        let list = self.data(question).await?;
        let songs = list.items("/songs").ok_or_else(|| self.instance.strange("songs"))?;
        let total = list.number("/songCount").unwrap_or_default();
        let taken = number * PAGE + songs.len();
        let is_more = kind == "playlists" && songs.len() == PAGE && (taken as f64) < total;
        Ok(Page {
            title: heading(list.text("/name").map(unescaped).as_deref()),
            entries: songs.iter().filter_map(candidate).collect(),
            next: is_more.then(|| (number + 1).to_string()),
        })
    }
}

impl Service for JioSaavn {
    fn name(&self) -> &'static str {
        "jiosaavn"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { search: true, open: true, list: true, live: false }
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        if !matches!(link.host_str()?, "www.jiosaavn.com" | "jiosaavn.com") {
            return None;
        }
        let parts: Vec<&str> = link.path_segments()?.filter(|part| !part.is_empty()).collect();
        let page = || format!("https://www.jiosaavn.com/{}", parts.join("/"));
        match parts.as_slice() {
            ["song", _, _] => Some(Known::Track(page())),
            ["album", _, _] | ["featured", _, _] => Some(Known::List(page())),
            _ => None,
        }
    }

    fn search<'a>(&'a self, words: &'a str, limit: usize) -> Answer<'a, Vec<Candidate>> {
        self.instance.answer(self.found(words, limit))
    }

    fn describe<'a>(&'a self, key: &'a str) -> Answer<'a, Candidate> {
        self.instance.answer(async { self.song(key).await.map(|(found, _)| found) })
    }

    fn open<'a>(&'a self, key: &'a str) -> Answer<'a, (Candidate, Stream)> {
        self.instance.answer(self.opened(key))
    }

    fn list<'a>(&'a self, key: &'a str, page: Option<&'a str>) -> Answer<'a, Page> {
        self.instance.answer(self.listed(key, page))
    }
}

fn candidate(song: &Value) -> Option<Candidate> {
    let artist = song.names("/artists/primary").map(|names| unescaped(&names));
    Some(Candidate {
        duration: song.seconds("/duration"),
        is_explicit: song.flag("/explicitContent"),
        key: song.id("/id")?,
        link: web_page(song.text("/url")),
        ..named(&unescaped(song.text("/name")?), artist.as_deref())
    })
}

/// All of them are AAC in MP4; only the rate differs.
fn offer(download: &Value) -> Option<Offer<'_>> {
    Some(Offer {
        url: download.text("/url")?,
        media_type: "audio/mp4",
        bits_per_second: download.number("/quality").unwrap_or_default() * 1000.0,
        is_dubbed: false,
    })
}

/// The ampersand last, or what was escaped twice would be unescaped twice.
fn unescaped(text: &str) -> String {
    let marks = [
        ("&quot;", "\""),
        ("&#039;", "'"),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    marks.iter().fold(text.to_owned(), |text, (mark, sign)| text.replace(mark, sign))
}
