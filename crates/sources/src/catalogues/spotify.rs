//! Spotify — tracks, albums and playlists by name (developer.spotify.com). With the credentials of an application it
//! tells everything; without them only the title of a track, by oEmbed.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::candidate::{Candidate, Page, Stream};
use domain::{Fault, Reason};
use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;
use serde_json::Value;
use url::Url;

use crate::api::credential::{Credential, Held};
use crate::api::fields::Fields;
use crate::api::{Api, Instance, Question};
use crate::secret::Secret;
use crate::service::{Abilities, Answer, Known, Service};
use crate::services::{heading, named, position, unable, web_page};

/// How many tracks of a list are asked for at once; more are refused.
const PAGE: usize = 50;

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://api.spotify.com/v1`.
    pub base: String,
    /// Where tokens are given: `https://accounts.spotify.com`.
    pub accounts: String,
    /// Where oEmbed is: `https://open.spotify.com`.
    pub site: String,
    pub credentials: Option<Credentials>,
}

/// Of an application whose owner pays (since 2026-02).
#[derive(Debug, Clone)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: Secret,
}

#[derive(Debug)]
pub struct Spotify {
    instance: Instance,
    accounts: Instance,
    site: Instance,
    credentials: Option<Credentials>,
    token: Credential,
}

// === impl Spotify ===

impl Spotify {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: Settings, api: &Api) -> Result<Spotify, Fault> {
        Ok(Spotify {
            instance: Instance::new(api, &settings.base)?,
            accounts: Instance::new(api, &settings.accounts)?,
            site: Instance::new(api, &settings.site)?,
            credentials: settings.credentials,
            token: Credential::default(),
        })
    }

    async fn fresh(&self, credentials: &Credentials) -> Result<Held, Fault> {
        let Credentials { client_id, client_secret } = credentials;
        let pair = STANDARD.encode(format!("{client_id}:{}", client_secret.expose()));
        let question = self
            .accounts
            .at(&["api", "token"])
            .secretly(AUTHORIZATION, &Secret::new(format!("Basic {pair}")))
            .sending("application/x-www-form-urlencoded", "grant_type=client_credentials".into());
        let reply = self.accounts.reply(question).await?;
        if matches!(reply.status(), StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
            let detail = format!("{}: the credentials are not taken", self.accounts.label());
            return Err(Fault::fatal(Reason::ServiceRefused, detail));
        }
        let answer = reply.json()?;
        let token = answer.text("/access_token");
        let token = token.ok_or_else(|| self.accounts.strange("a token"))?;
        let lifetime = answer.seconds("/expires_in").unwrap_or(Duration::from_secs(3600));
        Ok(Held::lasting(Secret::new(token), lifetime))
    }

    async fn json(&self, credentials: &Credentials, question: Question) -> Result<Value, Fault> {
        let with = |token: &Secret| {
            let bearer = Secret::new(format!("Bearer {}", token.expose()));
            question.clone().secretly(AUTHORIZATION, &bearer)
        };
        let known = self.token.current(None, self.fresh(credentials)).await?;
        let reply = self.instance.reply(with(&known)).await?;
        if !reply.is_denied() {
            return reply.json();
        }
        let fresh = self.token.current(Some(&known), self.fresh(credentials)).await?;
        self.instance.json(with(&fresh)).await
    }

    async fn described(&self, key: &str) -> Result<Candidate, Fault> {
        let link = format!("https://open.spotify.com/track/{key}");
        let Some(credentials) = &self.credentials else {
            let page = self.site.json(self.site.at(&["oembed"]).with("url", &link)).await?;
            let title = page.text("/title").ok_or_else(|| self.site.strange("a title"))?;
            return Ok(Candidate { link: Some(link), ..named(title, None) });
        };
        let track = self.json(credentials, self.instance.at(&["tracks", key])).await?;
        candidate(&track).ok_or_else(|| self.instance.strange("a track"))
    }

    /// The key of a list is `album/…` or `playlist/…`.
    async fn listed(&self, key: &str, page: Option<&str>) -> Result<Page, Fault> {
        let Some(credentials) = &self.credentials else {
            return Err(self.instance.refused(Reason::ServiceRefused, "lists need credentials"));
        };
        let (kind, id) = key.split_once('/').unwrap_or(("album", key));
        let offset = position(page).unwrap_or(0);
        let tracks = match kind {
            "playlist" => self.playlist(credentials, id, offset).await?,
            _ => self.part(credentials, &["albums", id, "tracks"], offset).await?,
        };
        let items = tracks.items("/items").ok_or_else(|| self.instance.strange("items"))?;
        let title = match page {
            None => {
                let list = self
                    .instance
                    .at(&[if kind == "playlist" { "playlists" } else { "albums" }, id]);
                heading(self.json(credentials, list).await?.text("/name"))
            }
            Some(_) => None,
        };
        let is_more = tracks.text("/next").is_some() && !items.is_empty();
        Ok(Page {
            title,
            entries: items.iter().filter_map(entry).collect(),
            next: is_more.then(|| (offset + items.len()).to_string()),
        })
    }

    /// Since 2026-02 new applications find the entries under another name; older ones under the old one.
    async fn playlist(
        &self,
        credentials: &Credentials,
        id: &str,
        offset: usize,
    ) -> Result<Value, Fault> {
        match self.part(credentials, &["playlists", id, "items"], offset).await {
            Err(fault) if fault.reason == Reason::NotFound => {
                self.part(credentials, &["playlists", id, "tracks"], offset).await
            }
            other => other,
        }
    }

    async fn part(
        &self,
        credentials: &Credentials,
        path: &[&str],
        offset: usize,
    ) -> Result<Value, Fault> {
        let question = self.instance.at(path).with("limit", &PAGE.to_string());
        self.json(credentials, question.with("offset", &offset.to_string())).await
    }
}

impl Service for Spotify {
    fn name(&self) -> &'static str {
        "spotify"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { list: self.credentials.is_some(), ..Abilities::default() }
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        if link.host_str()? != "open.spotify.com" {
            return None;
        }
        let mut parts = link.path_segments()?.skip_while(|part| part.starts_with("intl-"));
        let (kind, id) = (parts.next()?, parts.next()?);
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match kind {
            "track" if is_id => Some(Known::Track(id.to_owned())),
            "album" | "playlist" if is_id => Some(Known::List(format!("{kind}/{id}"))),
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

/// An entry of an album is the track; of a playlist it holds it, and what was removed is null.
fn entry(item: &Value) -> Option<Candidate> {
    let inner = item.get("item").or_else(|| item.get("track")).filter(|it| it.is_object());
    candidate(inner.unwrap_or(item))
}

fn candidate(track: &Value) -> Option<Candidate> {
    let page = web_page(track.text("/external_urls/spotify"));
    let id = || track.text("/id").map(|id| format!("https://open.spotify.com/track/{id}"));
    Some(Candidate {
        duration: track.millis("/duration_ms"),
        is_explicit: track.flag("/explicit"),
        link: page.or_else(id),
        ..named(track.text("/name")?, track.names("/artists").as_deref())
    })
}
