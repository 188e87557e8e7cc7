//! YouTube — the title and the channel of a video, by oEmbed, without a key.

use domain::candidate::{Candidate, Page, Stream};
use domain::{Fault, Reason};
use reqwest::StatusCode;
use url::Url;

use crate::api::fields::Fields;
use crate::api::{Api, Instance};
use crate::service::{Abilities, Answer, Known, Service};
use crate::services::youtube::{known, page};
use crate::services::{named, unable};

#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://www.youtube.com`.
    pub base: String,
}

#[derive(Debug)]
pub struct YouTube {
    instance: Instance,
}

// === impl YouTube ===

impl YouTube {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub fn new(settings: &Settings, api: &Api) -> Result<YouTube, Fault> {
        Ok(YouTube { instance: Instance::new(api, &settings.base)? })
    }

    async fn described(&self, key: &str) -> Result<Candidate, Fault> {
        let link = page(key);
        let question = self.instance.at(&["oembed"]).with("url", &link).with("format", "json");
        let reply = self.instance.reply(question).await?;
        // it says 400 for what never was, 401 for what may not be embedded, 404 for what is gone
        if matches!(reply.status(), StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
            return Err(self.instance.refused(Reason::NotFound, "no such video"));
        }
        let video = reply.json()?;
        let title = video.text("/title").ok_or_else(|| self.instance.strange("a title"))?;
        Ok(Candidate { link: Some(link), ..named(title, video.text("/author_name")) })
    }
}

impl Service for YouTube {
    fn name(&self) -> &'static str {
        "youtube"
    }

    fn instance(&self) -> &str {
        self.instance.label()
    }

    fn abilities(&self) -> Abilities {
        Abilities::default()
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        known(link).filter(|it| matches!(it, Known::Track(_)))
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

    fn list<'a>(&'a self, _: &'a str, _: Option<&'a str>) -> Answer<'a, Page> {
        unable(self.name(), "list")
    }
}
