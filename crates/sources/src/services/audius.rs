//! Audius — artists' own uploads, without a key (docs.audius.org). What is behind a gate stays there.

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Fault, Reason};
use serde_json::Value;
use url::Url;

use super::{heading, named, web_page};
use crate::api::fields::Fields;
use crate::api::{Api, Instance, Question};
use crate::service::{Abilities, Answer, Known, Service};

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://api.audius.co/v1`.
    pub base: String,
    /// By which name this bot is known there.
    pub app_name: String,
}

#[derive(Debug)]
pub struct Audius {
    instance: Instance,
    app_name: String,
}

// === impl Audius ===

impl Audius {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: Settings, api: &Api) -> Result<Audius, Fault> {
        let instance = Instance::new(api, &settings.base)?;
        Ok(Audius { instance, app_name: settings.app_name })
    }

    fn at(&self, path: &[&str]) -> Question {
        self.instance.at(path).with("app_name", &self.app_name)
    }

    async fn data(&self, question: Question) -> Result<Value, Fault> {
        let mut answer = self.instance.json(question).await?;
        match answer.get_mut("data").map(Value::take) {
            None => Err(self.instance.strange("data")),
            Some(Value::Null) => Err(self.instance.refused(Reason::NotFound, "no such thing")),
            Some(data) => Ok(data),
        }
    }

    async fn found(&self, words: &str, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let question = self.at(&["tracks", "search"]).with("query", words);
        let found = self.data(question.with("limit", &limit.to_string())).await?;
        let tracks = found.items("").ok_or_else(|| self.instance.strange("a list"))?;
        let open = tracks.iter().filter(|track| gate(track).is_none());
        Ok(open.filter_map(candidate).take(limit).collect())
    }

    /// A key is an identifier, or the link to a track's page.
    async fn track(&self, key: &str) -> Result<(Candidate, Value), Fault> {
        let question = match key.starts_with("https://") {
            true => self.at(&["resolve"]).with("url", key),
            false => self.at(&["tracks", key]),
        };
        let track = self.data(question).await?;
        let found = candidate(&track).ok_or_else(|| self.instance.strange("a track"))?;
        Ok((found, track))
    }

    async fn opened(&self, key: &str) -> Result<(Candidate, Stream), Fault> {
        let (found, track) = self.track(key).await?;
        if let Some(why) = gate(&track) {
            return Err(self.instance.refused(Reason::ServiceRefused, why));
        }
        let link = self.at(&["tracks", &found.key, "stream"]).into_url();
        let stream = self.instance.stream(link.as_str(), StreamKind::File)?;
        Ok((found, stream))
    }

    async fn listed(&self, key: &str) -> Result<Page, Fault> {
        let list = self.data(self.at(&["resolve"]).with("url", key)).await?;
        let list = list.get(0).unwrap_or(&list);
        let id = list.id("/id").ok_or_else(|| self.instance.strange("a playlist"))?;
        let tracks = self.data(self.at(&["playlists", &id, "tracks"])).await?;
        let tracks = tracks.items("").ok_or_else(|| self.instance.strange("a list"))?;
        Ok(Page {
            title: heading(list.text("/playlist_name")),
            entries: tracks.iter().filter_map(candidate).collect(),
            next: None,
        })
    }
}

impl Service for Audius {
    fn name(&self) -> &'static str {
        "audius"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { search: true, open: true, list: true, live: false }
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        if !matches!(link.host_str()?, "audius.co" | "www.audius.co") {
            return None;
        }
        let parts: Vec<&str> = link.path_segments()?.filter(|part| !part.is_empty()).collect();
        let page = || format!("https://audius.co/{}", parts.join("/"));
        match parts.as_slice() {
            [_, "playlist" | "album", _] => Some(Known::List(page())),
            ["explore" | "search" | "trending" | "legal", _] => None,
            [_, _] => Some(Known::Track(page())),
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

    fn list<'a>(&'a self, key: &'a str, _: Option<&'a str>) -> Answer<'a, Page> {
        self.instance.answer(self.listed(key))
    }
}

fn candidate(track: &Value) -> Option<Candidate> {
    let page = track.text("/permalink").map(|path| match path.starts_with('/') {
        true => format!("https://audius.co{path}"),
        false => path.to_owned(),
    });
    Some(Candidate {
        duration: track.seconds("/duration"),
        key: track.id("/id")?,
        link: web_page(page.as_deref()),
        ..named(track.text("/title")?, track.text("/user/name"))
    })
}

/// Why it cannot be heard without paying or following, if so.
fn gate(track: &Value) -> Option<&'static str> {
    if track.flag("/is_stream_gated") == Some(true) {
        Some("gated")
    } else if track.flag("/is_streamable") == Some(false) {
        Some("not streamable")
    } else {
        None
    }
}
