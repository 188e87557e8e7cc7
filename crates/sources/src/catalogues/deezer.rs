//! Deezer — tracks, albums and playlists by name (developers.deezer.com). Its failures come with status 200.

use std::time::Duration;

use domain::candidate::{Candidate, Page, Stream};
use domain::{Class, Fault, Reason};
use serde_json::Value;
use url::Url;

use crate::api::fields::Fields;
use crate::api::{Api, Instance, Question};
use crate::service::{Abilities, Answer, Known, Limit, Service};
use crate::services::{heading, named, position, unable, web_page};

/// How many tracks of a list are asked for at once.
const PAGE: usize = 100;

/// What it bears (observed by others, not documented).
const LIMIT: Limit = Limit { requests: 50, within: Duration::from_secs(5) };

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://api.deezer.com`.
    pub base: String,
}

#[derive(Debug)]
pub struct Deezer {
    instance: Instance,
}

// === impl Deezer ===

impl Deezer {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: &Settings, api: &Api) -> Result<Deezer, Fault> {
        Ok(Deezer { instance: Instance::new(api, &settings.base)? })
    }

    async fn json(&self, question: Question) -> Result<Value, Fault> {
        let answer = self.instance.json(question).await?;
        if answer.get("error").is_none() {
            return Ok(answer);
        }
        let code = answer.number("/error/code").unwrap_or_default() as u32;
        let detail = format!("{}: code {code}", self.instance.label());
        Err(match code {
            800 => Fault::refused(Reason::NotFound, detail),
            4 => {
                let class = Class::FloodWait(LIMIT.within);
                Fault { class, reason: Reason::ServiceRefused, detail }
            }
            700 => Fault::transient(Reason::ServiceRefused, detail),
            _ => Fault::refused(Reason::ServiceRefused, detail),
        })
    }

    async fn described(&self, key: &str) -> Result<Candidate, Fault> {
        let track = self.json(self.instance.at(&["track", key])).await?;
        candidate(&track).ok_or_else(|| self.instance.strange("a track"))
    }

    /// The key of a list is `album/1` or `playlist/1`; the first page brings its title along.
    async fn listed(&self, key: &str, page: Option<&str>) -> Result<Page, Fault> {
        let (kind, id) = key.split_once('/').unwrap_or(("album", key));
        let offset = position(page).unwrap_or(0);
        let question = match page {
            None => self.instance.at(&[kind, id]),
            Some(_) => {
                let question = self.instance.at(&[kind, id, "tracks"]);
                question.with("index", &offset.to_string()).with("limit", &PAGE.to_string())
            }
        };
        let list = self.json(question).await?;
        let tracks = list.items("/tracks/data").or_else(|| list.items("/data"));
        let tracks = tracks.ok_or_else(|| self.instance.strange("tracks"))?;
        let total = list.number("/nb_tracks").or_else(|| list.number("/total"));
        let taken = offset + tracks.len();
        let is_more = !tracks.is_empty() && total.is_some_and(|total| (taken as f64) < total);
        Ok(Page {
            title: heading(list.text("/title")),
            entries: tracks.iter().filter_map(candidate).collect(),
            next: is_more.then(|| taken.to_string()),
        })
    }
}

impl Service for Deezer {
    fn name(&self) -> &'static str {
        "deezer"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { list: true, ..Abilities::default() }
    }

    fn limit(&self) -> Option<Limit> {
        Some(LIMIT)
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        if !matches!(link.host_str()?, "www.deezer.com" | "deezer.com") {
            return None;
        }
        // perhaps behind a language
        let mut parts = link.path_segments()?.skip_while(|part| part.len() == 2);
        let (kind, id) = (parts.next()?, parts.next()?);
        let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        match kind {
            "track" if is_number => Some(Known::Track(id.to_owned())),
            "album" | "playlist" if is_number => Some(Known::List(format!("{kind}/{id}"))),
            _ => None,
        }
    }

    fn search<'a>(&'a self, _: &'a str, _: usize) -> Answer<'a, Vec<Candidate>> {
        unable(self.name(), "search")
    }

    fn describe<'a>(&'a self, key: &'a str) -> Answer<'a, Candidate> {
        self.instance.answer(self.described(key))
    }

    fn open<'a>(&'a self, _: &'a str) -> Answer<'a, (Candidate, Stream)> {
        unable(self.name(), "open")
    }

    fn list<'a>(&'a self, key: &'a str, page: Option<&'a str>) -> Answer<'a, Page> {
        self.instance.answer(self.listed(key, page))
    }
}

fn candidate(track: &Value) -> Option<Candidate> {
    Some(Candidate {
        duration: track.seconds("/duration"),
        is_explicit: track.flag("/explicit_lyrics"),
        link: web_page(track.text("/link")),
        ..named(track.text("/title")?, track.text("/artist/name"))
    })
}
