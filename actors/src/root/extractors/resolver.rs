//! Resolver — query to track: chooses who is asked, and answers within its deadline whatever they do.
//!
//! parent   root/extractors (one_for_one), permanent, shutdown 5 s
//! hears    players (numbered look-ups), nobody else
//! tells    whoever asked
//! survives nothing · loses: look-ups under way, which are asked again, and what it knew of who fails

use std::time::Duration;

use domain::breaker::Status;
use domain::track::Request;
use domain::{Class, Fault, Reason};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use supervisor::{ChildSpec, Context, Door, Handle, Reply, Unanswered};
use tokio::time::Instant;

use super::extractor::{self, Outcome};
use crate::breakers::{Breakers, Place};
use crate::patience;

pub(crate) enum Msg {
    Resolve {
        request: Request,
        reply: Reply<Outcome>,
    },
    /// An extractor answered, or did not.
    Came {
        place: Place,
        fault: Option<Fault>,
    },
}

/// Who is asked for what.
#[derive(Clone)]
pub(crate) struct Routes {
    pub(crate) files: Option<Handle<extractor::Msg>>,
    pub(crate) direct: Handle<extractor::Msg>,
    pub(crate) attachments: Handle<extractor::Msg>,
}

pub(crate) struct Args {
    context: Context<Msg>,
    routes: Routes,
    deadline: Duration,
}

pub(crate) struct Resolver;

pub(crate) struct State {
    context: Context<Msg>,
    routes: Routes,
    deadline: Duration,
    breakers: Breakers,
    started: Instant,
}

pub(crate) fn child_spec(door: Door<Msg>, routes: Routes, deadline: Duration) -> ChildSpec {
    ChildSpec::behind(door, "resolver", move |context| {
        (Resolver, Args { context, routes: routes.clone(), deadline })
    })
}

impl Actor for Resolver {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { context, routes, deadline } = args;
        context.ready();
        let (breakers, started) = (Breakers::default(), Instant::now());
        Ok(State { context, routes, deadline, breakers, started })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Resolve { request, reply } => state.resolve(request, reply),
            Msg::Came { place, fault } => state.came(&place, fault.as_ref()),
        }
        Ok(())
    }
}

// === impl State ===

impl State {
    fn resolve(&mut self, request: Request, reply: Reply<Outcome>) {
        if let Request::Found(track) = request {
            reply.send(Ok(vec![*track]));
            return;
        }
        let place = Place::of(&request);
        let admitted = self.breakers.admit(&place, self.started.elapsed());
        let extractor = match admitted.and_then(|()| self.routes.of(&request)) {
            Ok(extractor) => extractor,
            Err(fault) => {
                reply.send(Err(fault));
                return;
            }
        };
        let deadline = self.deadline;
        self.context.tasks().spawn(async move {
            let look = |reply| extractor::Msg::Look { request: request.clone(), reply };
            let answer = patience::ask(&extractor, look, deadline).await;
            let outcome = answer.unwrap_or_else(|unanswered| Err(unavailable(unanswered)));
            let fault = outcome.as_ref().err().cloned();
            reply.send(outcome);
            Msg::Came { place, fault }
        });
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

// === impl Routes ===

impl Routes {
    fn of(&self, request: &Request) -> Result<Handle<extractor::Msg>, Fault> {
        match request {
            Request::Url(_) => Ok(self.direct.clone()),
            Request::Attachment(_) => Ok(self.attachments.clone()),
            Request::Query(_) => self.files.clone().ok_or_else(|| {
                Fault::refused(Reason::NotFound, "there is no music folder to search")
            }),
            Request::Found(_) => Err(Fault::refused(Reason::NotFound, "it was found already")),
        }
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
