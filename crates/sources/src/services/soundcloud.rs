//! SoundCloud — by the interface of its own web page, whose key is read from the page's scripts and changes now and then.
//!
//! Keys are links. What is offered as a sample of 30 s only is told as such and not opened.

use std::time::Duration;

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Fault, Reason};
use serde_json::Value;
use url::Url;

mod client_id;

use super::{heading, named, position, web_page};
use crate::api::credential::Credential;
use crate::api::fields::Fields;
use crate::api::{Api, Instance, Question};
use crate::secret::Secret;
use crate::service::{Abilities, Answer, Known, Service};

/// How long its links are taken to work when they do not say (a guess; they are signed).
const LIFETIME: Duration = Duration::from_secs(600);

/// How many entries of a set are asked for at once.
const PAGE: usize = 50;

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://api-v2.soundcloud.com`.
    pub base: String,
    /// Where the scripts with the key are: `https://soundcloud.com`.
    pub site: String,
    /// Used until it is refused; read from the scripts where it is not given.
    pub client_id: Option<Secret>,
}

#[derive(Debug)]
pub struct SoundCloud {
    instance: Instance,
    site: Instance,
    client_id: Credential,
}

// === impl SoundCloud ===

impl SoundCloud {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: Settings, api: &Api) -> Result<SoundCloud, Fault> {
        Ok(SoundCloud {
            instance: Instance::new(api, &settings.base)?,
            site: Instance::new(api, &settings.site)?,
            client_id: settings.client_id.map(Credential::given).unwrap_or_default(),
        })
    }

    async fn json(&self, question: Question) -> Result<Value, Fault> {
        let with = |id: &Secret| question.clone().with("client_id", id.expose());
        let known = self.client_id.current(None, client_id::scraped(&self.site)).await?;
        let reply = self.instance.reply(with(&known)).await?;
        if !reply.is_denied() {
            return reply.json();
        }
        let fresh = self.client_id.current(Some(&known), client_id::scraped(&self.site)).await?;
        self.instance.json(with(&fresh)).await
    }

    async fn found(&self, words: &str, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let question = self.instance.at(&["search", "tracks"]).with("q", words);
        let found = self.json(question.with("limit", &limit.to_string())).await?;
        let items =
            found.items("/collection").ok_or_else(|| self.instance.strange("collection"))?;
        Ok(items.iter().filter_map(candidate).take(limit).collect())
    }

    async fn resolved(&self, key: &str) -> Result<Value, Fault> {
        self.json(self.instance.at(&["resolve"]).with("url", key)).await
    }

    async fn track(&self, key: &str) -> Result<(Candidate, Value), Fault> {
        let track = self.resolved(key).await?;
        let found = candidate(&track).ok_or_else(|| self.instance.strange("a track"))?;
        Ok((found, track))
    }

    async fn opened(&self, key: &str) -> Result<(Candidate, Stream), Fault> {
        let (found, track) = self.track(key).await?;
        if found.is_preview {
            return Err(self.instance.refused(Reason::Preview, "30 s of it"));
        }
        if track.text("/policy") == Some("BLOCK") {
            return Err(self.instance.refused(Reason::ServiceRefused, "not in its country"));
        }
        let transcoding = track
            .items("/media/transcodings")
            .into_iter()
            .flatten()
            .filter(|it| it.flag("/snipped") != Some(true))
            .filter_map(|it| Some((rank(it)?, it)))
            .max_by_key(|(rank, _)| *rank)
            .ok_or_else(|| self.instance.refused(Reason::Unsupported, "no format that plays"))?
            .1;
        let door = transcoding.text("/url").and_then(|url| Url::parse(url).ok());
        let door = door.ok_or_else(|| self.instance.strange("an address"))?;
        let question = Question::new(door)
            .with_some("track_authorization", track.text("/track_authorization"));
        let answer = self.json(question).await?;
        let link = answer.text("/url").ok_or_else(|| self.instance.strange("an address"))?;
        let kind = match transcoding.text("/format/protocol") {
            Some("progressive") => StreamKind::File,
            _ => StreamKind::Hls,
        };
        let stream = self.instance.stream(link, kind)?;
        Ok((found, Stream { lifetime: stream.lifetime.or(Some(LIFETIME)), ..stream }))
    }

    /// A set names all its tracks but describes only the first few; the others are asked for by number.
    async fn listed(&self, key: &str, page: Option<&str>) -> Result<Page, Fault> {
        let set = self.resolved(key).await?;
        let tracks = set.items("/tracks").ok_or_else(|| self.instance.strange("tracks"))?;
        let first = position(page).unwrap_or(0).min(tracks.len());
        let end = (first + PAGE).min(tracks.len());
        let part = &tracks[first..end];
        let missing: Vec<String> = part
            .iter()
            .filter(|it| it.text("/title").is_none())
            .filter_map(|it| it.id("/id"))
            .collect();
        let described = match missing.is_empty() {
            true => Value::Null,
            false => {
                let question = self.instance.at(&["tracks"]).with("ids", &missing.join(","));
                self.json(question).await?
            }
        };
        let described = described.items("").unwrap_or_default();
        let whole = |stub: &Value| {
            candidate(stub).or_else(|| {
                let id = stub.id("/id")?;
                described.iter().find(|it| it.id("/id").as_ref() == Some(&id)).and_then(candidate)
            })
        };
        Ok(Page {
            title: heading(set.text("/title")),
            entries: part.iter().filter_map(whole).collect(),
            next: (end < tracks.len()).then(|| end.to_string()),
        })
    }
}

impl Service for SoundCloud {
    fn name(&self) -> &'static str {
        "soundcloud"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { search: true, open: true, list: true, live: false }
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        if !matches!(link.host_str()?, "soundcloud.com" | "www.soundcloud.com" | "m.soundcloud.com")
        {
            return None;
        }
        let parts: Vec<&str> = link.path_segments()?.filter(|part| !part.is_empty()).collect();
        let page = || format!("https://soundcloud.com/{}", parts.join("/"));
        match parts.as_slice() {
            ["discover" | "search" | "charts" | "you" | "stream" | "upload" | "pages", ..] => None,
            [_, "tracks" | "albums" | "sets" | "reposts" | "likes" | "popular-tracks"] => None,
            [_, "sets", _, ..] => Some(Known::List(page())),
            // a third part is the token of a private track
            [_, _] | [_, _, _] => Some(Known::Track(page())),
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
    let page = track.text("/permalink_url")?;
    let transcodings = track.items("/media/transcodings").unwrap_or_default();
    let is_snipped = !transcodings.is_empty()
        && transcodings.iter().all(|transcoding| transcoding.flag("/snipped") == Some(true));
    let artist = ["/publisher_metadata/artist", "/user/username"];
    Some(Candidate {
        duration: track.millis("/full_duration").or_else(|| track.millis("/duration")),
        is_explicit: track.flag("/publisher_metadata/explicit"),
        is_preview: is_snipped || track.text("/policy") == Some("SNIP"),
        key: page.to_owned(),
        link: web_page(Some(page)),
        ..named(track.text("/title")?, artist.iter().find_map(|at| track.text(at)))
    })
}

/// One file before many segments; among segments Opus before AAC before MP3; nothing that is encrypted.
fn rank(transcoding: &Value) -> Option<u8> {
    let media_type = transcoding.text("/format/mime_type").unwrap_or_default();
    match transcoding.text("/format/protocol")? {
        "progressive" => Some(4),
        "hls" if media_type.contains("opus") => Some(3),
        "hls" if media_type.contains("mp4") => Some(2),
        "hls" => Some(1),
        _ => None,
    }
}
