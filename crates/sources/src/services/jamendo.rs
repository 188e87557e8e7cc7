//! Jamendo — free music with a key (developer.jamendo.com, v3.0). Its failures are successes with `status: failed`.

use std::time::Duration;

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Class, Fault, Reason};
use serde_json::Value;
use url::Url;

use super::{heading, named, position, web_page};
use crate::api::fields::Fields;
use crate::api::{Api, Instance, Question};
use crate::secret::Secret;
use crate::service::{Abilities, Answer, Known, Service};

/// How many tracks of an album or playlist are asked for at once.
const PAGE: usize = 100;

/// What its code 6 (too many questions) is answered with, for it names no time.
const PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://api.jamendo.com/v3.0`.
    pub base: String,
    pub client_id: Secret,
}

#[derive(Debug)]
pub struct Jamendo {
    instance: Instance,
    client_id: Secret,
}

// === impl Jamendo ===

impl Jamendo {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: Settings, api: &Api) -> Result<Jamendo, Fault> {
        let instance = Instance::new(api, &settings.base)?;
        Ok(Jamendo { instance, client_id: settings.client_id })
    }

    fn at(&self, path: &[&str]) -> Question {
        let question = self.instance.at(path).with("client_id", self.client_id.expose());
        question.with("format", "json").with("audioformat", "mp32")
    }

    async fn results(&self, question: Question) -> Result<Value, Fault> {
        let mut answer = self.instance.json(question).await?;
        match answer.text("/headers/status") {
            Some("failed") => {
                Err(self.meaning(answer.number("/headers/code").unwrap_or_default() as u32))
            }
            // documented as "succeed", sent as "success"
            Some(_) => Ok(answer["results"].take()),
            None => Err(self.instance.strange("a status")),
        }
    }

    /// As developer.jamendo.com/v3.0/response-codes has them: 3, 4 and 8 are about what was asked; 5, 10 and 11 about who
    /// asks; 6 is too many questions.
    fn meaning(&self, code: u32) -> Fault {
        let detail = format!("{}: code {code}", self.instance.label());
        let class = match code {
            3 | 4 | 8 => Class::Refused,
            5 | 10 | 11 => Class::Fatal,
            6 => Class::FloodWait(PAUSE),
            _ => Class::Transient,
        };
        Fault { class, reason: Reason::ServiceRefused, detail }
    }

    async fn found(&self, words: &str, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let question = self.at(&["tracks", ""]).with("search", words);
        let found = self.results(question.with("limit", &limit.to_string())).await?;
        let tracks = found.items("").ok_or_else(|| self.instance.strange("results"))?;
        Ok(tracks.iter().filter_map(candidate).take(limit).collect())
    }

    async fn track(&self, key: &str) -> Result<(Candidate, Value), Fault> {
        let mut tracks = self.results(self.at(&["tracks", ""]).with("id", key)).await?;
        let track = tracks.get_mut(0).map(Value::take);
        let track =
            track.ok_or_else(|| self.instance.refused(Reason::NotFound, "no such track"))?;
        let found = candidate(&track).ok_or_else(|| self.instance.strange("a track"))?;
        Ok((found, track))
    }

    async fn opened(&self, key: &str) -> Result<(Candidate, Stream), Fault> {
        let (found, track) = self.track(key).await?;
        let link = track.text("/audio").ok_or_else(|| self.instance.strange("audio"))?;
        Ok((found, self.instance.stream(link, StreamKind::File)?))
    }

    /// The key of a list is `album/1` or `playlist/1`.
    async fn listed(&self, key: &str, page: Option<&str>) -> Result<Page, Fault> {
        let (kind, id) = key.split_once('/').unwrap_or(("album", key));
        let offset = position(page).unwrap_or(0);
        if kind == "playlist" {
            let lists = self.results(self.at(&["playlists", "tracks", ""]).with("id", id)).await?;
            let tracks = lists.items("/0/tracks");
            let tracks =
                tracks.ok_or_else(|| self.instance.refused(Reason::NotFound, "no such list"))?;
            return Ok(Page {
                title: heading(lists.text("/0/name")),
                entries: tracks.iter().filter_map(candidate).collect(),
                next: None,
            });
        }
        let question = self.at(&["tracks", ""]).with("album_id", id);
        let question = question.with("limit", &PAGE.to_string());
        let tracks = self.results(question.with("offset", &offset.to_string())).await?;
        let items = tracks.items("").ok_or_else(|| self.instance.strange("results"))?;
        Ok(Page {
            title: heading(tracks.text("/0/album_name")),
            entries: items.iter().filter_map(candidate).collect(),
            next: (items.len() == PAGE).then(|| (offset + PAGE).to_string()),
        })
    }
}

impl Service for Jamendo {
    fn name(&self) -> &'static str {
        "jamendo"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { search: true, open: true, list: true, live: false }
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        if !matches!(link.host_str()?, "www.jamendo.com" | "jamendo.com") {
            return None;
        }
        let mut parts = link.path_segments()?.filter(|part| !part.is_empty());
        let (kind, id) = (parts.next()?, parts.next()?);
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
        match kind {
            "track" if is_number => Some(Known::Track(id.to_owned())),
            "album" | "playlist" if is_number => Some(Known::List(format!("{kind}/{id}"))),
            _ => None,
        }
    }

    fn search<'a>(&'a self, words: &'a str, limit: usize) -> Answer<'a, Vec<Candidate>> {
        self.instance.answer(self.found(words, limit))
    }

    fn describe<'a>(&'a self, key: &'a str) -> Answer<'a, Candidate> {
        self.instance.answer(async { self.track(key).await.map(|(found, _)| found) })
    }

    fn open<'a>(&'a self, key: &'a str) -> Answer<'a, (Candidate, Stream)> {
        self.instance.answer(self.opened(key))
    }

    fn list<'a>(&'a self, key: &'a str, page: Option<&'a str>) -> Answer<'a, Page> {
        self.instance.answer(self.listed(key, page))
    }
}

fn candidate(track: &Value) -> Option<Candidate> {
    Some(Candidate {
        duration: track.seconds("/duration"),
        key: track.id("/id")?,
        link: web_page(track.text("/shareurl")),
        ..named(track.text("/name")?, track.text("/artist_name"))
    })
}
