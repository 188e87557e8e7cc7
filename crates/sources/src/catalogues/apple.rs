//! Apple Music — tracks and albums by the iTunes lookup (performance-partners.apple.com), without a key. Playlists are
//! not in it.

use std::time::Duration;

use domain::candidate::{Candidate, Page, Stream};
use domain::{Class, Fault, Reason};
use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use crate::api::fields::Fields;
use crate::api::{Api, Instance};
use crate::service::{Abilities, Answer, Known, Limit, Service};
use crate::services::{heading, named, unable, web_page};

/// What it bears.
const LIMIT: Limit = Limit { requests: 20, within: Duration::from_secs(60) };

/// The longest album, in tracks.
const ALBUM_MAX: &str = "200";

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://itunes.apple.com`.
    pub base: String,
    /// The shop that is asked where a link names none, two letters.
    pub country: String,
}

#[derive(Debug)]
pub struct Apple {
    instance: Instance,
    country: String,
}

// === impl Apple ===

impl Apple {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: Settings, api: &Api) -> Result<Apple, Fault> {
        let instance = Instance::new(api, &settings.base)?;
        Ok(Apple { instance, country: settings.country })
    }

    /// A key is `us/1440818839`: what is sold in one country may be unknown in another.
    async fn looked_up(&self, key: &str) -> Result<Value, Fault> {
        let (country, id) = key.split_once('/').unwrap_or((&self.country, key));
        let question = self.instance.at(&["lookup"]).with("id", id).with("entity", "song");
        let question = question.with("country", country).with("limit", ALBUM_MAX);
        let reply = self.instance.reply(question).await?;
        if reply.status() == StatusCode::FORBIDDEN {
            // how it says that it was asked too often
            let class = Class::FloodWait(LIMIT.within);
            return Err(Fault { class, ..reply.fault() });
        }
        let answer = reply.json()?;
        match answer.items("/results") {
            None => Err(self.instance.strange("results")),
            Some([]) => Err(self.instance.refused(Reason::NotFound, "nothing by that number")),
            Some(_) => Ok(answer),
        }
    }

    async fn described(&self, key: &str) -> Result<Candidate, Fault> {
        let answer = self.looked_up(key).await?;
        let songs = answer.items("/results").unwrap_or_default();
        let song = songs.iter().find_map(candidate);
        song.ok_or_else(|| self.instance.refused(Reason::NotFound, "no song by that number"))
    }

    /// The album itself comes first, its songs after it.
    async fn listed(&self, key: &str) -> Result<Page, Fault> {
        let answer = self.looked_up(key).await?;
        let results = answer.items("/results").unwrap_or_default();
        Ok(Page {
            title: heading(results.iter().find_map(|it| it.text("/collectionName"))),
            entries: results.iter().filter_map(candidate).collect(),
            next: None,
        })
    }
}

impl Service for Apple {
    fn name(&self) -> &'static str {
        "apple"
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
        if !matches!(link.host_str()?, "music.apple.com" | "itunes.apple.com") {
            return None;
        }
        let parts: Vec<&str> = link.path_segments()?.filter(|part| !part.is_empty()).collect();
        let (country, parts) = match parts.as_slice() {
            [country, rest @ ..] if country.len() == 2 => (*country, rest),
            all => (self.country.as_str(), all),
        };
        let number = |text: &str| {
            let id = text.strip_prefix("id").unwrap_or(text);
            let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| format!("{country}/{id}"))
        };
        let (kind, last) = (parts.first()?, parts.last()?);
        let song = link.query_pairs().find(|(name, _)| name == "i");
        match (*kind, song) {
            ("album", Some((_, id))) => number(&id).map(Known::Track),
            ("album", None) => number(last).map(Known::List),
            ("song", _) => number(last).map(Known::Track),
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

    fn list<'a>(&'a self, key: &'a str, _: Option<&'a str>) -> Answer<'a, Page> {
        self.instance.answer(self.listed(key))
    }
}

fn candidate(result: &Value) -> Option<Candidate> {
    if result.text("/wrapperType") != Some("track") || result.text("/kind") != Some("song") {
        return None;
    }
    Some(Candidate {
        duration: result.millis("/trackTimeMillis"),
        is_explicit: result.text("/trackExplicitness").map(|it| it == "explicit"),
        link: web_page(result.text("/trackViewUrl")),
        ..named(result.text("/trackName")?, result.text("/artistName"))
    })
}
