//! Resolver — query to track: chooses who is asked, and answers within its deadline whatever they do.
//!
//! parent   root/extractors (one_for_one), permanent, shutdown 5 s
//! hears    players (numbered look-ups), nobody else
//! tells    the player that asked, under the number it asked with
//! survives nothing · loses: look-ups under way; their players are told by their own time limit

use std::time::Duration;

use domain::track::Request;
use domain::{Attempt, Class, Fault, Reason};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use supervisor::{ChildSpec, Context, Door, Handle, Unanswered};

use super::extractor::{self, Outcome};
use crate::root::chats::player;

pub(crate) enum Msg {
    Resolve { attempt: Attempt, request: Request, player: Handle<player::Msg> },
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
        Ok(State { context, routes, deadline })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Resolve { attempt, request, player } => state.resolve(attempt, request, player),
        }
        Ok(())
    }
}

// === impl State ===

impl State {
    fn resolve(&self, attempt: Attempt, request: Request, player: Handle<player::Msg>) {
        let route = self.routes.of(&request);
        let deadline = self.deadline;
        self.context.tasks().spawn_quiet(async move {
            let outcome = match route {
                Ok(extractor) => {
                    let answer = extractor
                        .ask(|reply| extractor::Msg::Look { request, reply }, deadline)
                        .await;
                    answer.unwrap_or_else(|unanswered| Err(unavailable(unanswered)))
                }
                Err(fault) => Err(fault),
            };
            if let Err(fault) = &outcome
                && fault.class == Class::Transient
            {
                tracing::warn!(%fault, "a place where music is did not answer as it should");
            }
            tell(&player, attempt, outcome);
        });
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

/// A player that is gone asked for nothing any more.
fn tell(player: &Handle<player::Msg>, attempt: Attempt, outcome: Outcome) {
    if player.send(player::Msg::Resolved { attempt, outcome }).is_err() {
        tracing::debug!(%attempt, "nobody waits for this look-up any more");
    }
}
