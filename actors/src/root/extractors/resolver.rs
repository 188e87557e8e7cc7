//! Resolver — query to track, and track to stream: chooses who is asked, and answers within its deadline whatever they
//! do. The way is `resolving`'s; this keeps what must outlive one look-up.
//!
//! parent   root/extractors (one_for_one), permanent, shutdown 2 s
//! hears    players (numbered look-ups, openings), bot (searches)
//! tells    whoever asked
//! survives nothing · loses: look-ups under way, which are asked again, and what it remembered of answers

use std::collections::HashMap;

use domain::breaker::Status;
use domain::candidate::Stream;
use domain::track::{Request, Track};
use domain::{Class, Fault};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use supervisor::{ChildSpec, Context, Door, Reply};
use tokio::time::Instant;

use crate::breakers::{Breakers, Place};
use crate::ledger::Ledger;
use crate::resolving::{self, Finding, Guide, Outside, PageName, Rest, Routes, Told};
use crate::settings::Lookups;

/// What is opened, and whether anew.
type Name = (PageName, bool);

pub(crate) enum Msg {
    Resolve {
        request: Request,
        reply: Reply<Told<Finding>>,
    },
    /// Where the bytes of a track are; stale when what was said last did not work any more.
    Open {
        track: Box<Track>,
        is_stale: bool,
        reply: Reply<Told<Stream>>,
    },
    /// The track is next: its opening may be remembered.
    Prepare(Box<Track>),
    /// The next page of a list.
    More {
        rest: Rest,
        reply: Reply<Told<Finding>>,
    },
    /// Something to choose from.
    Search {
        words: String,
        n_max: usize,
        reply: Reply<Told<Vec<Track>>>,
    },
    /// An opening came to its end.
    Opened {
        name: Name,
        told: Box<Told<Stream>>,
    },
    /// An extractor answered, or did not.
    Came {
        place: Place,
        fault: Option<Fault>,
    },
}

/// What every life of the resolver begins with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) routes: Routes,
    pub(crate) services: std::sync::Arc<[Outside]>,
    pub(crate) ledger: Ledger,
    pub(crate) settings: Lookups,
}

pub(crate) struct Args {
    context: Context<Msg>,
    parts: Parts,
}

pub(crate) struct Resolver;

pub(crate) struct State {
    context: Context<Msg>,
    guide: Guide,
    breakers: Breakers,
    /// Openings under way, with all who wait for them: whoever asks for the same gets the same.
    openings: HashMap<Name, Vec<Reply<Told<Stream>>>>,
    started: Instant,
}

pub(crate) fn child_spec(door: Door<Msg>, parts: Parts) -> ChildSpec {
    ChildSpec::behind(door, "resolver", move |context| {
        (Resolver, Args { context, parts: parts.clone() })
    })
}

impl Actor for Resolver {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { context, parts } = args;
        let Parts { routes, services, ledger, settings } = parts;
        let guide = Guide::new(routes, services, ledger, settings);
        context.ready();
        let (breakers, openings) = (Breakers::default(), HashMap::new());
        Ok(State { context, guide, breakers, openings, started: Instant::now() })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let guide = state.guide.clone();
        match message {
            Msg::Resolve { request, reply } => state.resolve(request, reply),
            Msg::Open { track, is_stale, reply } => state.open(track, is_stale, Some(reply)),
            Msg::Prepare(track) => state.open(track, false, None),
            Msg::Opened { name, told } => state.opened(&name, &told),
            Msg::More { rest, reply } => {
                state.context.tasks().spawn_quiet(async move {
                    reply.send(guide.more(rest).await);
                });
            }
            Msg::Search { words, n_max, reply } => {
                state.context.tasks().spawn_quiet(async move {
                    reply.send(guide.choices(&words, n_max).await);
                });
            }
            Msg::Came { place, fault } => state.came(&place, fault.as_ref()),
        }
        Ok(())
    }
}

// === impl State ===

impl State {
    fn resolve(&mut self, request: Request, mut reply: Reply<Told<Finding>>) {
        let place = Place::of(&request);
        let is_ours = matches!(&request, Request::Url(url) if self.guide.is_known(url));
        let may_look = match is_ours {
            true => Ok(()),
            false => self.breakers.admit(&place, self.started.elapsed()),
        };
        let guide = self.guide.clone();
        let tasks = self.context.tasks();
        let heard = self.context.handle();
        tasks.spawn_quiet(async move {
            let (told, looked) = tokio::select! {
                biased;
                // the chat ended meanwhile; whoever was asked for it is called off
                () = reply.abandoned() => return,
                resolved = guide.resolve(request, may_look) => resolved,
            };
            reply.send(told);
            if let Some(looked) = looked {
                // a resolver that is ending forgets it anyway
                let _ending = heard.send(Msg::Came { place, fault: looked.err() }).is_err();
            }
        });
    }

    fn open(&mut self, track: Box<Track>, is_stale: bool, reply: Option<Reply<Told<Stream>>>) {
        let name = (resolving::name_of_page(&track), is_stale);
        if let Some(waiting) = self.openings.get_mut(&name) {
            waiting.extend(reply);
            return;
        }
        self.openings.insert(name.clone(), reply.into_iter().collect());
        let guide = self.guide.clone();
        self.context.tasks().spawn(async move {
            let told = Box::new(guide.open(&track, is_stale).await);
            Msg::Opened { name, told }
        });
    }

    fn opened(&mut self, name: &Name, told: &Told<Stream>) {
        if let Err(fault) = &told.outcome {
            tracing::debug!(%fault, "a track could not be opened");
        }
        for reply in self.openings.remove(name).into_iter().flatten() {
            reply.send(told.clone());
        }
    }

    fn came(&mut self, place: &Place, fault: Option<&Fault>) {
        if let Some(fault) = fault.filter(|fault| fault.class == Class::Transient) {
            tracing::warn!(%fault, "a place where music is did not answer as it should");
        }
        match self.breakers.came(place, fault, self.started.elapsed()) {
            Some(Status::Open { .. }) => {
                tracing::warn!(
                    ?place,
                    fault = fault.map(tracing::field::display),
                    "left alone for a while, it keeps failing"
                );
            }
            Some(Status::Closed) => tracing::info!(?place, "answers again"),
            _ => {}
        }
    }
}
