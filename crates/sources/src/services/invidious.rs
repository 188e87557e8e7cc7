//! Invidious — YouTube through somebody's instance (docs.invidious.io, 2026-05). Numbers in its formats are strings.

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Fault, Reason};
use serde_json::Value;
use url::Url;

use super::choice::{Offer, best};
use super::{heading, named, position, youtube};
use crate::api::fields::Fields;
use crate::api::{Api, Instance, Question};
use crate::service::{Abilities, Answer, Known, Service};

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://invidious.example`.
    pub base: String,
    /// For which country results are made, two letters.
    pub region: Option<String>,
    /// Whether the bytes go through the instance too; without, the links may be tied to the instance's address.
    pub is_proxied: bool,
}

#[derive(Debug)]
pub struct Invidious {
    instance: Instance,
    settings: Settings,
}

// === impl Invidious ===

impl Invidious {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: Settings, api: &Api) -> Result<Invidious, Fault> {
        Ok(Invidious { instance: Instance::new(api, &settings.base)?, settings })
    }

    /// JSON, or what YouTube's words in the error mean.
    async fn json(&self, question: Question) -> Result<Value, Fault> {
        let reply = self.instance.reply(question).await?;
        let said = reply.value();
        let words = said.as_ref().and_then(|value| value.text("/error"));
        match words.and_then(|words| youtube::meaning(self.instance.label(), words)) {
            Some(fault) => Err(fault),
            None => reply.json(),
        }
    }

    fn at(&self, path: &[&str]) -> Question {
        let question =
            self.instance.at(&["api", "v1"].iter().chain(path).copied().collect::<Vec<_>>());
        question.with_some("region", self.settings.region.as_deref())
    }

    async fn found(&self, words: &str, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let question = self.at(&["search"]).with("q", words).with("type", "video");
        let found = self.json(question).await?;
        let items = found.items("").ok_or_else(|| self.instance.strange("a list"))?;
        let videos = items.iter().filter(|item| item.text("/type") == Some("video"));
        Ok(videos.filter_map(candidate).take(limit).collect())
    }

    async fn video(&self, key: &str) -> Result<(Candidate, Value), Fault> {
        let proxied = self.settings.is_proxied.then_some("true");
        let video = self.json(self.at(&["videos", key]).with_some("local", proxied)).await?;
        let found = candidate(&video).ok_or_else(|| self.instance.strange("a title"))?;
        Ok((found, video))
    }

    async fn opened(&self, key: &str) -> Result<(Candidate, Stream), Fault> {
        let (found, video) = self.video(key).await?;
        if video.flag("/isUpcoming") == Some(true) {
            return Err(self.instance.refused(Reason::NotFound, "it has not begun"));
        }
        if found.is_live {
            let list = video.text("/hlsUrl").ok_or_else(|| self.instance.strange("hlsUrl"))?;
            let stream = self.instance.stream(list, StreamKind::Hls)?;
            return Ok((found, stream));
        }
        let lists = ["/adaptiveFormats", "/formatStreams"];
        let formats = lists.iter().filter_map(|list| video.items(list)).flatten();
        let taken = best(formats.filter_map(offer))
            .ok_or_else(|| self.instance.refused(Reason::NotAudio, "no format with sound"))?;
        let stream = self.instance.stream(taken.url, StreamKind::File)?;
        Ok((found, stream))
    }

    async fn listed(&self, key: &str, page: Option<&str>) -> Result<Page, Fault> {
        let question = self.at(&["playlists", key]).with_some("page", page);
        let list = self.json(question).await?;
        let videos = list.items("/videos").ok_or_else(|| self.instance.strange("videos"))?;
        let number = position(page).unwrap_or(1);
        let last = videos.last().and_then(|video| video.number("/index"));
        let total = list.number("/videoCount");
        let is_more = last.zip(total).is_some_and(|(last, total)| last + 1.0 < total);
        Ok(Page {
            title: heading(list.text("/title")),
            entries: videos.iter().filter_map(candidate).collect(),
            next: is_more.then(|| (number + 1).to_string()),
        })
    }
}

impl Service for Invidious {
    fn name(&self) -> &'static str {
        "invidious"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { search: true, open: true, list: true, live: true }
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        youtube::known(link)
    }

    fn search<'a>(&'a self, words: &'a str, limit: usize) -> Answer<'a, Vec<Candidate>> {
        self.instance.answer(self.found(words, limit))
    }

    fn describe<'a>(&'a self, key: &'a str) -> Answer<'a, Candidate> {
        self.instance.answer(async { self.video(key).await.map(|(found, _)| found) })
    }

    fn open<'a>(&'a self, key: &'a str) -> Answer<'a, (Candidate, Stream)> {
        self.instance.answer(self.opened(key))
    }

    fn list<'a>(&'a self, key: &'a str, page: Option<&'a str>) -> Answer<'a, Page> {
        self.instance.answer(self.listed(key, page))
    }
}

fn candidate(video: &Value) -> Option<Candidate> {
    let key = video.text("/videoId")?;
    let is_live = video.flag("/liveNow") == Some(true);
    Some(Candidate {
        duration: video.seconds("/lengthSeconds").filter(|_| !is_live),
        is_live,
        key: key.to_owned(),
        link: Some(youtube::page(key)),
        ..named(video.text("/title")?, video.text("/author"))
    })
}

fn offer(format: &Value) -> Option<Offer<'_>> {
    Some(Offer {
        url: format.text("/url")?,
        media_type: format.text("/type")?,
        bits_per_second: format.number("/bitrate").unwrap_or_default(),
        is_dubbed: false,
    })
}
