//! Cobalt — links of many sites turned into files, by an instance of version 10 or later (its docs/api.md, 11.7.1).
//!
//! It cannot search. The link itself is the key, and what it gives works for 90 s.

use std::time::Duration;

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Class, Fault, Reason};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use url::Url;

use super::{named, unable, youtube};
use crate::api::fields::Fields;
use crate::api::{Api, Instance};
use crate::direct::stem;
use crate::secret::Secret;
use crate::service::{Abilities, Answer, Known, Limit, Service};

/// The most bytes of a question that it reads.
const BODY_MAX: usize = 1024;

/// How long its own links work.
const TUNNEL_LIFETIME: Duration = Duration::from_secs(90);

/// How many characters of an error's code are shown.
const CODE_MAX: usize = 64;

/// The sites whose posts have sound. Subdomains count.
const SITES: [&str; 20] = [
    "bilibili.com",
    "bsky.app",
    "dailymotion.com",
    "facebook.com",
    "instagram.com",
    "loom.com",
    "newgrounds.com",
    "ok.ru",
    "pinterest.com",
    "reddit.com",
    "rutube.ru",
    "snapchat.com",
    "soundcloud.com",
    "streamable.com",
    "tiktok.com",
    "tumblr.com",
    "twitch.tv",
    "twitter.com",
    "vimeo.com",
    "x.com",
];

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://cobalt.example`. The public one is not for third parties.
    pub base: String,
    pub key: Option<Secret>,
}

#[derive(Debug)]
pub struct Cobalt {
    instance: Instance,
    key: Option<Secret>,
}

// === impl Cobalt ===

impl Cobalt {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: Settings, api: &Api) -> Result<Cobalt, Fault> {
        Ok(Cobalt { instance: Instance::new(api, &settings.base)?, key: settings.key })
    }

    async fn opened(&self, key: &str) -> Result<(Candidate, Stream), Fault> {
        let wish = json!({
            "url": key,
            "downloadMode": "audio",
            "audioFormat": "best",
            "filenameStyle": "basic",
            "localProcessing": "disabled",
        });
        let wish = wish.to_string();
        if wish.len() > BODY_MAX {
            return Err(self.instance.refused(Reason::BadUrl, "the link is too long for it"));
        }
        let mut question = self.instance.at(&[]).sending("application/json", wish);
        if let Some(key) = &self.key {
            let key = Secret::new(format!("Api-Key {}", key.expose()));
            question = question.secretly(AUTHORIZATION, &key);
        }
        let reply = self.instance.reply(question).await?;
        let said = reply.value();
        if let Some(code) = said.as_ref().and_then(|value| value.text("/error/code")) {
            return Err(self.meaning(code, reply.fault()));
        }
        let answer = reply.json()?;
        let stream = self.stream(&answer)?;
        let names = ["/filename", "/output/filename", "/audioFilename"];
        let name = names.iter().find_map(|at| answer.text(at)).map(stem);
        // files are called by title and author
        let (title, author) = name.and_then(|name| name.rsplit_once(" - ")).unzip();
        let title = answer.text("/output/metadata/title").or(title).or(name).unwrap_or_default();
        let author = answer.text("/output/metadata/artist").or(author);
        let found =
            Candidate { key: key.to_owned(), link: Some(key.to_owned()), ..named(title, author) };
        Ok((found, stream))
    }

    fn stream(&self, answer: &Value) -> Result<Stream, Fault> {
        let missing = || self.instance.strange("an address");
        let at = |pointer: &str| answer.text(pointer).ok_or_else(missing);
        let tunnel = |link: &str| {
            let stream = self.instance.stream(link, StreamKind::File)?;
            let lifetime = stream.lifetime.map_or(TUNNEL_LIFETIME, |it| it.min(TUNNEL_LIFETIME));
            Ok(Stream { lifetime: Some(lifetime), ..stream })
        };
        match answer.text("/status") {
            Some("tunnel") => tunnel(at("/url")?),
            Some("redirect") => self.instance.stream(at("/url")?, StreamKind::File),
            Some("picker") => match answer.text("/audio") {
                Some(link) => tunnel(link),
                None => Err(self.instance.refused(Reason::NotAudio, "pictures without sound")),
            },
            // asked not to, but an instance may insist; one piece needs no work
            Some("local-processing") => match answer.items("/tunnel") {
                Some([_]) => tunnel(at("/tunnel/0")?),
                _ => Err(self.instance.refused(Reason::Unsupported, "pieces to be joined")),
            },
            _ => Err(self.instance.strange("a status")),
        }
    }

    /// Its own codes say more than the status; `by_status` carries the wait, if one was named.
    fn meaning(&self, code: &str, by_status: Fault) -> Fault {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
        let shown: String = code.chars().filter(|c| is_plain(*c)).take(CODE_MAX).collect();
        let detail = format!("{}: {shown}", self.instance.label());
        let code = code.strip_prefix("error.api.").unwrap_or(code);
        let refused = |reason| Fault::refused(reason, detail.clone());
        match code {
            "rate_exceeded" | "fetch.rate" => match by_status.class {
                Class::FloodWait(_) => Fault { detail, ..by_status },
                _ => Fault::transient(Reason::ServiceRefused, detail),
            },
            "content.too_long" => refused(Reason::TooLong),
            "content.video.unavailable"
            | "content.video.private"
            | "content.post.unavailable"
            | "content.post.private"
            | "fetch.empty" => refused(Reason::NotFound),
            "link.missing" | "link.invalid" | "link.unsupported" | "invalid_body" => {
                refused(Reason::BadUrl)
            }
            "service.unsupported"
            | "service.audio_not_supported"
            | "content.video.live"
            | "youtube.no_matching_format"
            | "youtube.no_hls_streams"
            | "youtube.drm" => refused(Reason::Unsupported),
            _ if code.starts_with("auth.") || code.starts_with("header.") => {
                Fault::fatal(Reason::ServiceRefused, detail)
            }
            _ if code.starts_with("content.") => refused(Reason::ServiceRefused),
            _ => Fault::transient(Reason::ServiceRefused, detail),
        }
    }
}

impl Service for Cobalt {
    fn name(&self) -> &'static str {
        "cobalt"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities { open: true, ..Abilities::default() }
    }

    fn limit(&self) -> Option<Limit> {
        Some(Limit { requests: 20, within: Duration::from_secs(60) })
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        if let Some(known) = youtube::known(link) {
            return match known {
                Known::Track(id) => Some(Known::Track(youtube::page(&id))),
                Known::List(_) => None,
            };
        }
        let host = link.host_str()?;
        let is_of = |site: &&str| {
            host.strip_suffix(*site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let is_post = link.path().len() > 1;
        (is_post && SITES.iter().any(is_of)).then(|| Known::Track(link.to_string()))
    }

    fn search<'a>(&'a self, _: &'a str, _: usize) -> Answer<'a, Vec<Candidate>> {
        unable(self.name(), "search")
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
