//! Radio-Browser — stations all over the world (docs.radio-browser.info). Free; it asks for counted clicks and for a
//! user agent that says who asks.

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Fault, Reason};
use serde_json::Value;
use url::Url;

use super::{named, unable, web_page};
use crate::api::fields::Fields;
use crate::api::{Api, Instance};
use crate::service::{Abilities, Answer, Known, Service};

/// How many times the wanted number of stations is asked for, since not all may be opened.
const SPARE: usize = 4;

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://all.api.radio-browser.info`, or one of the servers behind that name.
    pub base: String,
    /// Stations of this country only, two letters.
    pub country: Option<String>,
}

#[derive(Debug)]
pub struct Radio {
    instance: Instance,
    country: Option<String>,
}

// === impl Radio ===

impl Radio {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: Settings, api: &Api) -> Result<Radio, Fault> {
        let instance = Instance::new(api, &settings.base)?;
        Ok(Radio { instance, country: settings.country })
    }

    async fn found(&self, words: &str, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let question = self
            .instance
            .at(&["json", "stations", "search"])
            .with("name", words)
            .with_some("countrycode", self.country.as_deref())
            .with("order", "votes")
            .with("reverse", "true")
            .with("hidebroken", "true")
            .with("limit", &limit.saturating_mul(SPARE).to_string());
        let found = self.instance.json(question).await?;
        let stations = found.items("").ok_or_else(|| self.instance.strange("a list"))?;
        // some stations are on ports that nobody may be sent to
        let is_open = |station: &&Value| {
            let link = station.text("/url_resolved");
            link.is_some_and(|link| self.instance.stream(link, StreamKind::Endless).is_ok())
        };
        Ok(stations.iter().filter(is_open).filter_map(candidate).take(limit).collect())
    }

    async fn station(&self, key: &str) -> Result<(Candidate, Value), Fault> {
        let question = self.instance.at(&["json", "stations", "byuuid"]).with("uuids", key);
        let mut stations = self.instance.json(question).await?;
        if stations.items("").is_none() {
            return Err(self.instance.strange("a list"));
        }
        let station = stations.get_mut(0).map(Value::take);
        let station =
            station.ok_or_else(|| self.instance.refused(Reason::NotFound, "no such station"))?;
        let found = candidate(&station).ok_or_else(|| self.instance.strange("a name"))?;
        Ok((found, station))
    }

    /// The click is counted by asking for the address; stations live of being counted.
    async fn opened(&self, key: &str) -> Result<(Candidate, Stream), Fault> {
        let (found, station) = self.station(key).await?;
        let click = self.instance.json(self.instance.at(&["json", "url", key])).await?;
        if click.flag("/ok") != Some(true) {
            return Err(self.instance.refused(Reason::NotFound, "no such station"));
        }
        let link = station.text("/url_resolved").or_else(|| click.text("/url"));
        let link = link.ok_or_else(|| self.instance.strange("an address"))?;
        let kind = match station.flag("/hls") {
            Some(true) => StreamKind::Hls,
            _ => StreamKind::Endless,
        };
        Ok((found, self.instance.stream(link, kind)?))
    }
}

impl Service for Radio {
    fn name(&self) -> &'static str {
        "radio"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { search: true, open: true, list: false, live: true }
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        if !matches!(link.host_str()?, "www.radio-browser.info" | "radio-browser.info") {
            return None;
        }
        let mut parts = link.path_segments()?;
        let id = parts.find(|part| *part == "history").and(parts.next())?;
        let is_uuid = id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        is_uuid.then(|| Known::Track(id.to_owned()))
    }

    fn search<'a>(&'a self, words: &'a str, limit: usize) -> Answer<'a, Vec<Candidate>> {
        self.instance.answer(self.found(words, limit))
    }

    fn describe<'a>(&'a self, key: &'a str) -> Answer<'a, Candidate> {
        self.instance.answer(async { self.station(key).await.map(|(found, _)| found) })
    }

    fn open<'a>(&'a self, key: &'a str) -> Answer<'a, (Candidate, Stream)> {
        self.instance.answer(self.opened(key))
    }

    fn list<'a>(&'a self, _: &'a str, _: Option<&'a str>) -> Answer<'a, Page> {
        unable(self.name(), "list")
    }
}

fn candidate(station: &Value) -> Option<Candidate> {
    Some(Candidate {
        is_live: true,
        key: station.id("/stationuuid")?,
        link: web_page(station.text("/homepage")),
        ..named(station.text("/name")?, None)
    })
}
