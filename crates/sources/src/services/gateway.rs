//! Gateway — any service that answers links or words with JSON, described by the operator: templates of addresses, and
//! RFC 6901 pointers to what matters in the answers.

use std::time::Duration;

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Fault, Reason};
use reqwest::header::HeaderName;
use serde_json::Value;
use url::Url;

mod template;

use super::{named, unable, web_page, youtube};
use crate::api::fields::Fields;
use crate::api::{Api, Instance, Question};
use crate::direct::stem;
use crate::http::headers::base_name;
use crate::secret::Secret;
use crate::service::{Abilities, Answer, Known, Service};
use template::Template;

#[derive(Debug, Clone)]
pub struct Settings {
    pub search: Option<Search>,
    pub open: Open,
    pub keys: Keys,
    /// Stands for `{secret}` in templates (behind the question mark only), and is the value of `secret_header`.
    pub secret: Option<Secret>,
    /// `X-API-Key`.
    pub secret_header: Option<String>,
}

/// How words become candidates.
#[derive(Debug, Clone)]
pub struct Search {
    /// `https://gateway.example/api/search?query={query}&limit={limit}`.
    pub url: String,
    /// The list of hits: `/results`, or empty when it is the whole answer.
    pub items: String,
    /// Within a hit.
    pub key: String,
    pub title: String,
    pub artist: Option<String>,
    /// Seconds, or `mm:ss`.
    pub duration: Option<String>,
}

/// How a key becomes a stream.
#[derive(Debug, Clone)]
pub struct Open {
    /// `https://gateway.example/api/track?url={key}&api_key={secret}`.
    pub url: String,
    /// The address of the bytes: `/cdnurl`.
    pub stream: String,
    pub title: Option<String>,
    pub artist: Option<String>,
    pub duration: Option<String>,
    /// How long that address works, if it ends.
    pub lifetime: Option<Duration>,
}

/// What a key is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// A whole link, to one of these hosts.
    Links(Vec<String>),
    /// The identifier of a video on YouTube.
    YouTube,
}

#[derive(Debug)]
pub struct Gateway {
    instance: Instance,
    settings: Settings,
    secret_header: Option<HeaderName>,
    open: Template,
    search: Option<Template>,
}

// === impl Gateway ===

impl Gateway {
    /// # Errors
    /// `Fatal` for a template or a header that cannot be used; the detail says which.
    pub fn new(settings: Settings, api: &Api) -> Result<Gateway, Fault> {
        let open = Template::new(&settings.open.url, &["key", "secret"])?;
        let search = settings
            .search
            .as_ref()
            .map(|search| Template::new(&search.url, &["query", "limit", "secret"]));
        let header = settings.secret_header.as_deref().map(str::parse::<HeaderName>).transpose();
        Ok(Gateway {
            instance: Instance::new(api, open.origin())?,
            secret_header: header
                .map_err(|_| Fault::fatal(Reason::BadUrl, "gateway: secret_header is no name"))?,
            open,
            search: search.transpose()?,
            settings,
        })
    }

    fn question(&self, template: &Template, pairs: &[(&str, &str)]) -> Result<Question, Fault> {
        let secret = self.settings.secret.as_ref();
        let url = template.filled(pairs, secret.map(Secret::expose).unwrap_or_default());
        let url = url.ok_or_else(|| self.instance.refused(Reason::BadUrl, "no address"))?;
        let question = Question::new(url);
        Ok(match (&self.secret_header, secret) {
            (Some(name), Some(secret)) => question.secretly(name.clone(), secret),
            _ => question,
        })
    }

    async fn found(&self, words: &str, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let (Some(search), Some(template)) = (&self.settings.search, &self.search) else {
            return unable(self.name(), "search").await;
        };
        let limit_text = limit.to_string();
        let pairs = [("query", words), ("limit", limit_text.as_str())];
        let found = self.instance.json(self.question(template, &pairs)?).await?;
        let hits = found.items(&search.items).ok_or_else(|| self.instance.strange("hits"))?;
        let candidate = |hit: &Value| {
            let key = hit.id(&search.key)?;
            let found = described(hit, &search.title, &search.artist, &search.duration)?;
            Some(Candidate { link: self.page(&key), key, ..found })
        };
        Ok(hits.iter().filter_map(candidate).take(limit).collect())
    }

    async fn opened(&self, key: &str) -> Result<(Candidate, Stream), Fault> {
        let open = &self.settings.open;
        let answer = self.instance.json(self.question(&self.open, &[("key", key)])?).await?;
        let link = answer.text(&open.stream).ok_or_else(|| self.instance.strange("a stream"))?;
        let stream = self.instance.stream(link, StreamKind::File)?;
        let title = open.title.as_deref();
        let found = title.and_then(|at| described(&answer, at, &open.artist, &open.duration));
        let found = found.unwrap_or_else(|| named(&file_title(&stream.url), None));
        let found = Candidate { key: key.to_owned(), link: self.page(key), ..found };
        Ok((found, Stream { lifetime: stream.lifetime.or(open.lifetime), ..stream }))
    }

    fn page(&self, key: &str) -> Option<String> {
        match self.settings.keys {
            Keys::YouTube => Some(youtube::page(key)),
            Keys::Links(_) => web_page(Some(key)),
        }
    }
}

impl Service for Gateway {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { search: self.search.is_some(), open: true, ..Abilities::default() }
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        match &self.settings.keys {
            Keys::YouTube => youtube::known(link).filter(|it| matches!(it, Known::Track(_))),
            Keys::Links(hosts) => {
                let host = link.host_str()?;
                let is_theirs = hosts.iter().any(|it| it == host);
                is_theirs.then(|| Known::Track(link.to_string()))
            }
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

    fn list<'a>(&'a self, _: &'a str, _: Option<&'a str>) -> Answer<'a, Page> {
        unable(self.name(), "list")
    }
}

fn described(
    value: &Value,
    title: &str,
    artist: &Option<String>,
    duration: &Option<String>,
) -> Option<Candidate> {
    let artist = artist.as_deref().and_then(|at| value.names(at));
    Some(Candidate {
        duration: duration.as_deref().and_then(|at| value.seconds(at)),
        ..named(value.text(title)?, artist.as_deref())
    })
}

/// The last resort: what the file is called.
fn file_title(link: &str) -> String {
    let name = Url::parse(link).ok().and_then(|url| base_name(url.path()));
    name.map(|name| stem(&name).to_owned()).unwrap_or_default()
}
