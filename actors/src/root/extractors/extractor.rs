//! Extractor — one place where music is found: the music folder, a link, an attached file.
//!
//! parent   root/extractors (one_for_one), permanent, shutdown 2 s
//! hears    resolver (look-ups, each with the way back for its answer)
//! tells    whoever asked
//! survives nothing; the folder is scanned again · loses: look-ups under way, whose askers time out

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use domain::track::{Request, Track};
use domain::{Fault, Reason};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use sources::cache::Cache;
use sources::files::{self, Library};
use sources::short_links::ShortLinks;
use sources::{attachment, direct};
use supervisor::{ChildSpec, Context, Door, Reply};

use crate::caching;

/// How deep and how wide the music folder is read: enough for any private collection, an end to a mistaken `/`.
const FOLDER_DEPTH_MAX: usize = 12;
const FOLDER_FILES_MAX: usize = 200_000;

pub(crate) enum Msg {
    /// Find the track of this request.
    Look { request: Request, reply: Reply<Outcome> },
    /// Say where a short link leads.
    Follow { link: String, reply: Reply<Result<String, Fault>> },
    /// A look-up of the folder came back; its answer was sent from its thread.
    Done,
}

pub(crate) type Outcome = Result<Vec<Track>, Fault>;

/// Which place this extractor knows.
#[derive(Clone)]
pub(crate) enum Service {
    Files(PathBuf),
    Direct(direct::Direct, ShortLinks, Cache),
    Attachments(attachment::Settings),
}

pub(crate) struct Args {
    context: Context<Msg>,
    service: Service,
}

pub(crate) struct Extractor;

pub(crate) struct State {
    context: Context<Msg>,
    service: Service,
    library: Arc<Mutex<Option<Library>>>,
}

pub(crate) fn child_spec(door: Door<Msg>, service: Service) -> ChildSpec {
    let id = service.name();
    ChildSpec::behind(door, id, move |context| {
        (Extractor, Args { context, service: service.clone() })
    })
}

impl Actor for Extractor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { context, service } = args;
        context.ready();
        Ok(State { context, service, library: Arc::default() })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Look { request, reply } => state.look(request, reply),
            Msg::Follow { link, reply } => state.follow(link, reply),
            Msg::Done => {}
        }
        Ok(())
    }
}

// === impl Service ===

impl Service {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Service::Files(_) => files::NAME,
            Service::Direct(..) => direct::NAME,
            Service::Attachments(_) => attachment::NAME,
        }
    }
}

// === impl State ===

impl State {
    fn look(&self, request: Request, reply: Reply<Outcome>) {
        match (&self.service, request) {
            (Service::Files(root), Request::Query(query)) => {
                self.search(root.clone(), query, reply)
            }
            (Service::Direct(direct, _, cache), Request::Url(url)) => {
                let (direct, cache) = (direct.clone(), cache.clone());
                self.context.tasks().spawn_quiet(async move {
                    let outcome = match caching::track(&cache, &url).await {
                        Some(known) => Ok(known),
                        None => direct.resolve(&url).await,
                    };
                    reply.send(outcome.map(|track| vec![track]));
                });
            }
            (Service::Attachments(settings), Request::Attachment(attachment)) => {
                reply.send(attachment::track(settings, &attachment).map(|track| vec![track]));
            }
            _ => {
                let fault = Fault::refused(
                    Reason::NotFound,
                    format!("{} has none of these", self.service.name()),
                );
                reply.send(Err(fault));
            }
        }
    }

    fn follow(&self, link: String, reply: Reply<Result<String, Fault>>) {
        let Service::Direct(direct, links, _) = self.service.clone() else {
            let fault = Fault::refused(Reason::Internal, "only the way of links follows them");
            reply.send(Err(fault));
            return;
        };
        self.context.tasks().spawn_quiet(async move {
            reply.send(direct.destination(&links, &link).await);
        });
    }

    /// Reads the disk on a thread of its own; searches wait for each other, the folder is one.
    fn search(&self, root: PathBuf, query: String, reply: Reply<Outcome>) {
        let library = self.library.clone();
        self.context.tasks().thread(move |_| {
            let mut library = library.lock().unwrap_or_else(PoisonError::into_inner);
            let outcome = fresh(&mut library, root).and_then(|library| library.best(&query));
            reply.send(outcome.map(|track| vec![track]));
            Msg::Done
        });
    }
}

/// The index of the folder, as the folder is now.
fn fresh(library: &mut Option<Library>, root: PathBuf) -> Result<&Library, Fault> {
    if let Some(library) = library {
        library.refresh()?;
    } else {
        let settings =
            files::Settings { root, depth_max: FOLDER_DEPTH_MAX, files_max: FOLDER_FILES_MAX };
        *library = Some(Library::scan(settings)?);
    }
    library
        .as_ref()
        .ok_or_else(|| Fault::transient(Reason::Internal, "the folder's index vanished"))
}
