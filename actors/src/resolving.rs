//! How a request becomes a track, and a track a stream: the resolver's way through folder, services and catalogues.
//!
//! Everything here runs in tasks of the resolver, within one deadline, and writes down what it went through. Who is
//! asked in which order is `domain::inquiry`'s affair, which hit is meant `domain::matching`'s.

mod asking;
mod links;
mod opening;
mod searching;
mod trail;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::cache::Cache;
use domain::candidate::{Candidate, Stream};
use domain::matching::Wanted;
use domain::timeline::{Came, Step, Then, Timeline};
use domain::track::{Request, Track};
use domain::{Fault, Reason};
use sources::service::{Abilities, Known, Service as Port};
use sources::short_links::ShortLinks;
use supervisor::{Handle, Unanswered};
use tokio::time::Instant;
use url::Url;

use crate::ledger::Ledger;
use crate::patience;
use crate::root::extractors::extractor;
use crate::root::extractors::service;
use crate::settings::Lookups;

pub(crate) use opening::{PageName, name_of_page};
pub(crate) use trail::Trail;

/// Answers that are remembered.
const MEMORY_MAX: usize = 2_000;

/// Who is asked for what is no service's.
#[derive(Clone)]
pub(crate) struct Routes {
    pub(crate) files: Option<Handle<extractor::Msg>>,
    pub(crate) direct: Handle<extractor::Msg>,
    pub(crate) attachments: Handle<extractor::Msg>,
    pub(crate) short_links: ShortLinks,
}

/// One outside service, as whoever asks it sees it.
pub(crate) struct Outside {
    pub(crate) name: &'static str,
    pub(crate) abilities: Abilities,
    pub(crate) handle: Handle<service::Msg>,
    /// Each with its row in the ledger.
    pub(crate) instances: Vec<(usize, Arc<dyn Port>)>,
}

/// What the resolver knows. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Guide {
    pub(crate) routes: Routes,
    pub(crate) services: Arc<[Outside]>,
    pub(crate) ledger: Ledger,
    pub(crate) settings: Lookups,
    memory: Arc<Mutex<Memory>>,
}

struct Memory {
    searches: Cache<String, Result<Hit, Fault>>,
    streams: Cache<PageName, Stream>,
    began: Instant,
}

/// A candidate, and whose it is.
#[derive(Debug, Clone)]
struct Hit {
    service: usize,
    candidate: Candidate,
}

/// What was found, and where more of it is.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) tracks: Vec<Track>,
    pub(crate) rest: Option<Rest>,
}

/// The rest of a list.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    service: usize,
    key: String,
    page: String,
    n_left: usize,
}

/// An outcome and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct Told<T> {
    pub(crate) outcome: Result<T, Fault>,
    pub(crate) timeline: Timeline,
}

// === impl Guide ===

impl Guide {
    pub(crate) fn new(
        routes: Routes,
        services: Arc<[Outside]>,
        ledger: Ledger,
        settings: Lookups,
    ) -> Guide {
        let memory = Memory {
            searches: Cache::new(MEMORY_MAX),
            streams: Cache::new(MEMORY_MAX),
            began: Instant::now(),
        };
        Guide { routes, services, ledger, settings, memory: Arc::new(Mutex::new(memory)) }
    }

    /// Whether a link belongs to one of the services.
    pub(crate) fn is_known(&self, link: &str) -> bool {
        let Ok(link) = Url::parse(link.trim()) else { return false };
        self.services.iter().any(|service| service.knows(&link).is_some())
    }

    /// Finds what was asked for. `may_look` says whether the place that is no service's may be asked.
    pub(crate) async fn resolve(
        &self,
        request: Request,
        may_look: Result<(), Fault>,
    ) -> (Told<Finding>, Option<Result<(), Fault>>) {
        let mut trail = Trail::new(self.settings.inquiry.deadline);
        let mut looked = None;
        let request = match self.led(request, &mut trail).await {
            Ok(request) => request,
            Err(fault) => {
                return (Told { outcome: Err(fault), timeline: trail.into_timeline() }, None);
            }
        };
        let outcome = match &request {
            Request::Found(track) => Ok(Finding::of((**track).clone())),
            Request::Url(url) if self.is_known(url) => self.link(url, &mut trail).await,
            Request::Query(words) => {
                let own = self.look(&request, may_look, &mut trail, &mut looked).await;
                match own {
                    Ok(finding) => Ok(finding),
                    Err(fault) if !self.can_search() => Err(fault),
                    Err(_) => self.find(&Wanted::Words(words.clone()), &mut trail).await,
                }
            }
            Request::Url(url) => {
                match self.look(&request, may_look, &mut trail, &mut looked).await {
                    Err(fault) if fault.reason == Reason::NotAudio => {
                        self.page(url, fault, &mut trail).await
                    }
                    told => told,
                }
            }
            Request::Attachment(_) => self.look(&request, may_look, &mut trail, &mut looked).await,
        };
        (Told { outcome, timeline: trail.into_timeline() }, looked)
    }

    /// A short link is what it leads to.
    async fn led(&self, request: Request, trail: &mut Trail) -> Result<Request, Fault> {
        let link = match request {
            Request::Url(link) if self.routes.short_links.is_one(&link) => link,
            other => return Ok(other),
        };
        let at = trail.now();
        let follow = |reply| extractor::Msg::Follow { link: link.clone(), reply };
        let answer = patience::ask(&self.routes.direct, follow, trail.left()).await;
        let led = answer.unwrap_or_else(|unanswered| Err(unavailable(unanswered)));
        let came = led.as_ref().err().map_or(Came::Answer, Came::of);
        trail.note("short link", Step::Describe, at, came, Then::Taken);
        led.map(Request::Url)
    }

    /// The folder, a plain link, an attached file.
    async fn look(
        &self,
        request: &Request,
        may_look: Result<(), Fault>,
        trail: &mut Trail,
        looked: &mut Option<Result<(), Fault>>,
    ) -> Result<Finding, Fault> {
        let (name, handle) = match request {
            Request::Url(_) => ("direct", Some(&self.routes.direct)),
            Request::Attachment(_) => ("telegram", Some(&self.routes.attachments)),
            Request::Query(_) | Request::Found(_) => ("files", self.routes.files.as_ref()),
        };
        let nowhere = || Fault::refused(Reason::NotFound, "there is no music folder to search");
        let handle = handle.ok_or_else(nowhere)?;
        may_look?;
        let at = trail.now();
        let look = |reply| extractor::Msg::Look { request: request.clone(), reply };
        let answer = patience::ask(handle, look, trail.left()).await;
        let outcome = answer.unwrap_or_else(|unanswered| Err(unavailable(unanswered)));
        *looked = Some(outcome.as_ref().map(|_| ()).map_err(Clone::clone));
        let outcome = outcome.and_then(|tracks| self.permitted(tracks));
        match &outcome {
            Ok(_) => trail.note(name, Step::Search, at, Came::Answer, Then::Taken),
            Err(fault) => {
                trail.note(name, Step::Search, at, Came::of(fault), Then::NextAsked);
            }
        }
        outcome.map(|tracks| Finding { tracks, rest: None })
    }

    fn permitted(&self, tracks: Vec<Track>) -> Result<Vec<Track>, Fault> {
        if !self.settings.rules.is_live_allowed && tracks.iter().any(|track| track.is_live) {
            return Err(Fault::refused(Reason::LiveOff, "live streams are not allowed here"));
        }
        Ok(tracks)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Outside ===

impl Outside {
    fn knows(&self, link: &Url) -> Option<Known> {
        self.instances.iter().find_map(|(_, port)| port.knows(link))
    }
}

// === impl Finding ===

impl Finding {
    fn of(track: Track) -> Finding {
        Finding { tracks: vec![track], rest: None }
    }
}

fn unavailable(unanswered: Unanswered) -> Fault {
    match unanswered {
        Unanswered::Timeout => {
            Fault::transient(Reason::Timeout, "the extractor did not answer in time")
        }
        Unanswered::Full | Unanswered::Down | Unanswered::Dropped => Fault::transient(
            Reason::Internal,
            format!("the extractor did not answer: {unanswered}"),
        ),
    }
}
