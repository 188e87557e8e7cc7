//! The bytes behind a service's page: its address is asked for first, and asked for anew when it ended.

use std::time::Duration;

use domain::candidate::Stream;
use domain::timeline::{Came, Row, Step, Then, Timeline};
use domain::track::Track;
use domain::{Fault, Reason};
use sources::direct::{Direct, Opened, Resume};
use supervisor::Handle;
use tokio::time::Instant;

use crate::patience;
use crate::root::chats::chat::Parts;
use crate::root::extractors::resolver;

/// How often one track may change its address while it plays.
const REOPENINGS_MAX: u32 = 10;

pub(super) struct Page {
    direct: Direct,
    resolver: Handle<resolver::Msg>,
    within: Duration,
    track: Track,
}

/// What is needed to go on elsewhere in the middle of a track.
pub(super) struct Reopening {
    page: Page,
    /// Another length would be another recording.
    len: Option<u64>,
    n_times: u32,
    /// No byte came since the last time.
    is_in_vain: bool,
}

// === impl Page ===

impl Page {
    pub(super) fn of(parts: &Parts, track: &Track) -> Page {
        Page {
            direct: parts.direct.clone(),
            resolver: parts.shared.resolver.clone(),
            within: parts.shared.sources.lookups.inquiry.deadline,
            track: track.clone(),
        }
    }

    /// An address that does not work any more is asked for anew, once.
    pub(super) async fn open(
        &self,
        timeline: &mut Timeline,
        resume: Option<&Resume>,
    ) -> Result<Opened, Fault> {
        let began = Instant::now();
        let mut is_stale = false;
        loop {
            let at = began.elapsed();
            let stream = self.address(is_stale, |told| timeline.append(told, at)).await?;
            let at = began.elapsed();
            let fault = match self.direct.open_stream_from(&stream, resume).await {
                Ok(opened) => return Ok(opened),
                Err(fault) => fault,
            };
            tracing::debug!(%fault, is_stale, "a stream's address does not work");
            timeline.0.push(Row {
                who: format!("stream of {}", self.track.source),
                step: Step::Open,
                at_ms: at.as_millis() as u64,
                took_ms: (began.elapsed() - at).as_millis() as u64,
                came: Came::of(&fault),
                is_slow: false,
                then: if is_stale { Then::GivenUp } else { Then::AskedAgain },
            });
            if is_stale {
                return Err(fault);
            }
            is_stale = true;
        }
    }

    async fn address(&self, is_stale: bool, told: impl FnOnce(Timeline)) -> Result<Stream, Fault> {
        let ask = |reply| {
            let track = Box::new(self.track.clone());
            resolver::Msg::Open { track, is_stale, reply }
        };
        let answer = patience::ask(&self.resolver, ask, self.within).await.map_err(|error| {
            let detail = format!("the resolver did not answer: {error}");
            Fault::transient(Reason::Internal, detail)
        })?;
        told(answer.timeline);
        answer.outcome
    }
}

// === impl Reopening ===

impl Reopening {
    pub(super) fn new(page: Page, len: Option<u64>) -> Reopening {
        Reopening { page, len, n_times: 0, is_in_vain: false }
    }

    pub(super) fn went_on(&mut self) {
        self.is_in_vain = false;
    }

    /// The same bytes from `offset` on, at a fresh address, if there is one.
    pub(super) async fn at(&mut self, offset: u64, why: &Fault) -> Option<Opened> {
        // without a length nobody can say that it is the same, and live has no offset
        if self.is_in_vain || self.n_times >= REOPENINGS_MAX || self.len.is_none() {
            return None;
        }
        self.is_in_vain = true;
        self.n_times += 1;
        match self.reopened(offset).await {
            Ok(opened) => {
                tracing::info!(source = self.page.track.source, %why, "goes on at a fresh address");
                Some(opened)
            }
            Err(fault) => {
                tracing::debug!(%fault, %why, "there is no fresh address to go on at");
                None
            }
        }
    }

    async fn reopened(&self, offset: u64) -> Result<Opened, Fault> {
        let stream = self.page.address(true, |_| {}).await?;
        let mut opened = self.page.direct.open_stream(&stream).await?;
        if opened.content_length != self.len {
            return Err(Fault::refused(Reason::Corrupt, "another length, another recording"));
        }
        opened.download.seek(offset)?;
        Ok(opened)
    }
}
