//! From a service's name for a track to where its bytes are, as late as possible: such addresses end.

use domain::cache::Lifetimes;
use domain::candidate::{Stream, StreamKind};
use domain::matching::{self, Wanted};
use domain::timeline::{Came, Step, Then};
use domain::track::{Location, Track};
use domain::{Fault, Reason};
use sources::service::Known;
use url::Url;

use super::asking::Chair;
use super::{Guide, Hit, Outside, Told, Trail};
use crate::root::extractors::service::{Answer, Question};

/// What a page is remembered by.
pub(crate) type PageName = (&'static str, String);

// === impl Guide ===

impl Guide {
    /// Where the bytes of a track are now. What was opened before is used as long as it lives, unless `is_stale`.
    pub(crate) async fn open(&self, track: &Track, is_stale: bool) -> Told<Stream> {
        let mut trail = Trail::new(self.settings.open_max);
        let outcome = self.opened(track, is_stale, &mut trail).await;
        Told { outcome, timeline: trail.into_timeline() }
    }

    async fn opened(
        &self,
        track: &Track,
        is_stale: bool,
        trail: &mut Trail,
    ) -> Result<Stream, Fault> {
        let Location::Page { service, key } = &track.location else {
            return Err(Fault::refused(Reason::Internal, "the track needs no opening"));
        };
        let name = name_of_page(track);
        if let Some(stream) = self.kept(&name, is_stale) {
            trail.note("memory", Step::Open, trail.now(), Came::Answer, Then::Taken);
            return Ok(stream);
        }
        let stream = match self.open_at(self.openers(track), trail).await {
            Ok(stream) => stream,
            // a station is itself alone
            Err(fault) if track.is_live => return Err(fault),
            Err(fault) => match self.elsewhere(track, service, key, trail).await {
                Ok(stream) => stream,
                Err(other) => return Err(if key.is_empty() { other } else { fault }),
            },
        };
        self.keep(name, &stream);
        Ok(stream)
    }

    /// The service's own instances first, then whoever else knows the same page.
    fn openers(&self, track: &Track) -> Vec<Chair> {
        let Location::Page { service, key } = &track.location else { return Vec::new() };
        let own = |one: &Outside| {
            let is_own = one.name == *service && one.abilities.open && !key.is_empty();
            is_own.then(|| key.clone())
        };
        let link = track.link.as_deref().and_then(|link| Url::parse(link).ok());
        let sibling = |one: &Outside| match one.knows(link.as_ref()?) {
            Some(Known::Track(key)) if one.name != *service && one.abilities.open => Some(key),
            _ => None,
        };
        let mut chairs = self.chairs(own);
        chairs.extend(self.chairs(sibling));
        chairs
    }

    async fn open_at(&self, chairs: Vec<Chair>, trail: &mut Trail) -> Result<Stream, Fault> {
        let rules = self.settings.rules;
        let question = |chair: &Chair| Question::Open { key: chair.key.clone() };
        let judge = move |answer| {
            let Answer::Opened(candidate, stream) = answer else { return Err(None) };
            if let Some(fault) = matching::hindrance(&candidate, rules) {
                return Err(Some(fault));
            }
            if stream.kind == StreamKind::Hls || !stream.headers.is_empty() {
                let fault = Fault::refused(Reason::Unsupported, "a stream that cannot be read yet");
                return Err(Some(fault));
            }
            Ok(stream)
        };
        self.put(Step::Open, chairs, question, judge, trail).await.map(|(_, stream)| stream)
    }

    /// The same track at somebody else.
    async fn elsewhere(
        &self,
        track: &Track,
        service: &str,
        key: &str,
        trail: &mut Trail,
    ) -> Result<Stream, Fault> {
        let Track { title, artist, duration, .. } = track.clone();
        let except = Some(service).filter(|_| !key.is_empty());
        let Hit { service, candidate } =
            self.search(&Wanted::Track { title, artist, duration }, except, trail).await?;
        let found = self.track(Hit { service, candidate });
        self.open_at(self.openers(&found), trail).await
    }

    fn kept(&self, name: &PageName, is_stale: bool) -> Option<Stream> {
        let mut memory = self.memory();
        if is_stale {
            memory.streams.forget(name);
        }
        let now = memory.began.elapsed();
        memory.streams.get(name, now)
    }

    fn keep(&self, name: PageName, stream: &Stream) {
        let Some(lifetime) = Lifetimes::STANDARD.of_stream(stream.lifetime) else { return };
        let mut memory = self.memory();
        let now = memory.began.elapsed();
        memory.streams.put(name, stream.clone(), now, lifetime);
    }
}

/// Tracks of the same name have the same bytes: their page, or what they are called where they have none.
pub(crate) fn name_of_page(track: &Track) -> PageName {
    let called = || domain::words::words(&track.display()).join(" ");
    match &track.location {
        Location::Page { service, key } if !key.is_empty() => (service, key.clone()),
        Location::Page { service, .. } => (service, called()),
        _ => (track.source, called()),
    }
}
