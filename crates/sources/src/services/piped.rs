//! Piped — YouTube through somebody's back end (docs.piped.video, 2026-02). It fails with 500 and a stack trace.

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Fault, Reason};
use serde_json::Value;
use url::Url;

use super::choice::{Offer, best};
use super::{heading, named, youtube};
use crate::api::fields::Fields;
use crate::api::{Api, Instance, Question};
use crate::service::{Abilities, Answer, Known, Service};

/// What a picture with sound is, said as others say it.
const WITH_SOUND: &str = "video/mp4; codecs=mp4a";

#[derive(Debug, Clone)]
pub struct Settings {
    /// Of the back end: `https://pipedapi.example`.
    pub base: String,
}

#[derive(Debug)]
pub struct Piped {
    instance: Instance,
}

// === impl Piped ===

impl Piped {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: &Settings, api: &Api) -> Result<Piped, Fault> {
        Ok(Piped { instance: Instance::new(api, &settings.base)? })
    }

    /// JSON, or what YouTube's words in the error mean.
    async fn json(&self, question: Question) -> Result<Value, Fault> {
        let reply = self.instance.reply(question).await?;
        let said = reply.value();
        let words = ["/message", "/error"].map(|at| said.as_ref().and_then(|it| it.text(at)));
        let mut words = words.into_iter().flatten();
        match words.find_map(|words| youtube::meaning(self.instance.label(), words)) {
            Some(fault) => Err(fault),
            None => reply.json(),
        }
    }

    async fn found(&self, words: &str, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let question = self.instance.at(&["search"]).with("q", words).with("filter", "videos");
        let found = self.json(question).await?;
        let items = found.items("/items").ok_or_else(|| self.instance.strange("items"))?;
        Ok(items.iter().filter_map(entry).take(limit).collect())
    }

    async fn video(&self, key: &str) -> Result<(Candidate, Value), Fault> {
        let video = self.json(self.instance.at(&["streams", key])).await?;
        let title = video.text("/title").ok_or_else(|| self.instance.strange("a title"))?;
        let is_live = video.flag("/livestream") == Some(true);
        let found = Candidate {
            duration: video.seconds("/duration").filter(|_| !is_live),
            is_live,
            key: key.to_owned(),
            link: Some(youtube::page(key)),
            ..named(title, video.text("/uploader"))
        };
        Ok((found, video))
    }

    async fn opened(&self, key: &str) -> Result<(Candidate, Stream), Fault> {
        let (found, video) = self.video(key).await?;
        if found.is_live {
            let list = video.text("/hls").ok_or_else(|| self.instance.strange("hls"))?;
            let stream = self.instance.stream(list, StreamKind::Hls)?;
            return Ok((found, stream));
        }
        let lists = ["/audioStreams", "/videoStreams"];
        let formats = lists.iter().filter_map(|list| video.items(list)).flatten();
        let taken = best(formats.filter_map(offer))
            .ok_or_else(|| self.instance.refused(Reason::NotAudio, "no format with sound"))?;
        let stream = self.instance.stream(taken.url, StreamKind::File)?;
        Ok((found, stream))
    }

    /// The page after this one has a name that only Piped understands; it is handed back as it came.
    async fn listed(&self, key: &str, page: Option<&str>) -> Result<Page, Fault> {
        let question = match page {
            None => self.instance.at(&["playlists", key]),
            Some(page) => self.instance.at(&["nextpage", "playlists", key]).with("nextpage", page),
        };
        let list = self.json(question).await?;
        let entries = list.items("/relatedStreams");
        let entries = entries.ok_or_else(|| self.instance.strange("relatedStreams"))?;
        Ok(Page {
            title: heading(list.text("/name")),
            entries: entries.iter().filter_map(entry).collect(),
            next: list.text("/nextpage").filter(|next| *next != "null").map(str::to_owned),
        })
    }
}

impl Service for Piped {
    fn name(&self) -> &'static str {
        "piped"
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

/// An item of a search or a playlist; what is live has a length of -1.
fn entry(item: &Value) -> Option<Candidate> {
    let key = item.text("/url")?.strip_prefix("/watch?v=")?.split('&').next()?;
    Some(Candidate {
        duration: item.seconds("/duration"),
        is_live: item.number("/duration").is_some_and(|length| length < 0.0),
        key: key.to_owned(),
        link: Some(youtube::page(key)),
        ..named(item.text("/title")?, item.text("/uploaderName"))
    })
}

fn offer(format: &Value) -> Option<Offer<'_>> {
    if format.flag("/videoOnly") == Some(true) {
        return None;
    }
    let media_type = format.text("/mimeType")?;
    // what is not video only has sound, though its codec names the picture
    let media_type = if media_type.starts_with("video/") { WITH_SOUND } else { media_type };
    Some(Offer {
        url: format.text("/url")?,
        media_type,
        bits_per_second: format.number("/bitrate").unwrap_or_default(),
        is_dubbed: format.text("/audioTrackType") == Some("DUBBED"),
    })
}
