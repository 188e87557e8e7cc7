//! How a track of the web is had: from the cache where it is whole, from where it was broken off, or from its start.

use std::path::Path;

use domain::Fault;
use domain::timeline::Timeline;
use domain::track::{Location, Track};
use media::Hint;
use sources::cache::{Begun, Cache, Look, Recorder, Whole};
use sources::direct::{self, Direct, Resume};

use super::download::{Download, Resumed};
use super::extension;
use super::page::Page;
use crate::caching;

pub(super) struct Fetching<'a> {
    pub(super) direct: &'a Direct,
    pub(super) page: &'a Page,
    pub(super) cache: &'a Cache,
}

/// What came of it.
pub(super) enum Here {
    Whole(Box<Whole>),
    Coming(Box<Found>),
}

/// Bytes that can be had now, and what is known of them.
pub(super) struct Found {
    pub(super) download: Download,
    pub(super) hint: Hint,
    pub(super) len: Option<u64>,
    pub(super) is_seekable: bool,
    pub(super) recorder: Option<Recorder>,
}

// === impl Fetching ===

impl Fetching<'_> {
    pub(super) async fn open(&self, track: &Track, timeline: &mut Timeline) -> Result<Here, Fault> {
        let wanted = self.cache.wants(track);
        let look = match wanted {
            Some(wanted) => caching::look(self.cache, wanted).await,
            None => Look::Nothing,
        };
        let (stale, begun) = match look {
            Look::Whole(whole) if whole.is_fresh => return Ok(Here::Whole(whole)),
            Look::Whole(whole) => (Some(whole), None),
            Look::Begun(begun) => (None, Some(*begun)),
            Look::Nothing => (None, None),
        };
        let resume = begun.as_ref().map(|begun| &begun.resume);
        let opened = self.ask(track, timeline, resume).await;
        let opened = match unless_same(stale, opened).await {
            Ok(whole) => return Ok(Here::Whole(whole)),
            Err(opened) => opened?,
        };
        let extension = opened.file_name.as_deref().and_then(|name| extension(Path::new(name)));
        let head = begun.as_ref().map(|begun: &Begun| begun.head.clone());
        let recorder =
            wanted.and_then(|wanted| self.cache.record(wanted, begun, &opened, extension.clone()));
        let hint = Hint { extension, mime: Some(opened.mime().to_owned()) };
        let (len, is_seekable) = (opened.content_length, opened.has_ranges);
        let download = match head.filter(|_| opened.download.offset() > 0) {
            Some(head) => Download::Resumed(Box::new(Resumed::new(head, opened.download))),
            None => Download::Http(Box::new(opened.download)),
        };
        Ok(Here::Coming(Box::new(Found { download, hint, len, is_seekable, recorder })))
    }

    async fn ask(
        &self,
        track: &Track,
        timeline: &mut Timeline,
        resume: Option<&Resume>,
    ) -> Result<direct::Opened, Fault> {
        match &track.location {
            Location::Http(url) => self.direct.open_from(url, resume).await,
            _ => self.page.open(timeline, resume).await,
        }
    }
}

/// What lies on the disk, if its server has the same or cannot say.
async fn unless_same(
    stale: Option<Box<Whole>>,
    opened: Result<direct::Opened, Fault>,
) -> Result<Box<Whole>, Result<direct::Opened, Fault>> {
    let Some(whole) = stale else { return Err(opened) };
    let was_asked = match &opened {
        Ok(opened) if whole.is_same(opened.identity.as_ref()) => true,
        Err(fault) if fault.is_retryable() => {
            tracing::info!(%fault, "plays from the cache, its server does not answer");
            false
        }
        _ => {
            whole.outdated();
            return Err(opened);
        }
    };
    let confirmed = caching::on_disk(move || {
        whole.confirm(was_asked);
        whole
    });
    confirmed.await.ok_or(opened)
}
