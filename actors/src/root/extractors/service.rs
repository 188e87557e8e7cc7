//! Service — one outside service with all its instances, each with its own breaker, limit and health.
//!
//! parent   root/extractors (one_for_one), permanent, shutdown 2 s
//! hears    resolver (questions to one of its instances, each with the way back for its answer)
//! tells    whoever asked, and the ledger how it went
//! survives health, in the ledger · loses: questions under way, whose asker asks the next; the program that a service
//!          runs ends with it, and is started by the next life

use std::sync::Arc;
use std::time::Duration;

use domain::candidate::{Candidate, Page, Stream};
use domain::timeline::Hindrance;
use domain::{Fault, Reason};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use sources::service::Service as Port;
use supervisor::{ChildSpec, Context, Door, Reply};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::ledger::Ledger;
use crate::wire::failure;

/// Questions that one service may be asked at the same time, by all chats together.
const ASKED_MAX: usize = 64;

pub(crate) enum Msg {
    Ask { instance: usize, question: Question, reply: Reply<Said> },
}

#[derive(Debug, Clone)]
pub(crate) enum Question {
    Search { words: String, limit: usize },
    Describe { key: String },
    Open { key: String },
    List { key: String, page: Option<String> },
}

#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Hits(Vec<Candidate>),
    Described(Candidate),
    Opened(Candidate, Stream),
    Listed(Page),
}

#[derive(Debug)]
pub(crate) enum Said {
    Answer(Answer),
    Fault(Fault),
    /// It was not asked.
    Hindered(Hindrance),
}

/// One service as its actor holds it: the instances with their rows in the ledger.
#[derive(Clone)]
pub(crate) struct Instances {
    pub(crate) name: &'static str,
    pub(crate) instances: Vec<(usize, Arc<dyn Port>)>,
    pub(crate) ledger: Ledger,
    /// For one answer.
    pub(crate) answer_max: Duration,
}

pub(crate) struct Args {
    context: Context<Msg>,
    service: Instances,
}

pub(crate) struct Service;

pub(crate) struct State {
    context: Context<Msg>,
    service: Instances,
    /// Questions that may be under way.
    room: Arc<Semaphore>,
}

pub(crate) fn child_spec(door: Door<Msg>, service: Instances) -> ChildSpec {
    ChildSpec::behind(door, service.name, move |context| {
        (Service, Args { context, service: service.clone() })
    })
}

impl Actor for Service {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    /// Ready at once, whether or not anybody answers out there.
    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { context, service } = args;
        for (_, port) in &service.instances {
            drive(port.clone(), &context);
        }
        context.ready();
        Ok(State { context, service, room: Arc::new(Semaphore::new(ASKED_MAX)) })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Msg::Ask { instance, question, reply } = message;
        state.ask(instance, question, reply);
        Ok(())
    }
}

// === impl State ===

impl State {
    fn ask(&self, instance: usize, question: Question, mut reply: Reply<Said>) {
        let Some((row, port)) = self.service.instances.get(instance).cloned() else {
            reply.send(Said::Hindered(Hindrance::Busy));
            return;
        };
        let Ok(permit) = self.room.clone().try_acquire_owned() else {
            reply.send(Said::Hindered(Hindrance::Busy));
            return;
        };
        if let Err(hindrance) = self.service.ledger.admit(row) {
            reply.send(Said::Hindered(hindrance));
            return;
        }
        let (ledger, answer_max) = (self.service.ledger.clone(), self.service.answer_max);
        self.context.tasks().spawn_quiet(async move {
            let _permit = permit;
            let began = Instant::now();
            let outcome = tokio::select! {
                biased;
                // whoever called it off writes down what that means
                () = reply.abandoned() => return,
                outcome = tokio::time::timeout(answer_max, put(&*port, question)) => outcome,
            };
            let outcome = outcome.unwrap_or_else(|_| {
                Err(Fault::transient(Reason::Timeout, "no whole answer in time"))
            });
            ledger.came(row, outcome.as_ref().err(), began.elapsed());
            reply.send(match outcome {
                Ok(answer) => Said::Answer(answer),
                Err(fault) => Said::Fault(fault),
            });
        });
    }
}

/// Keeps the program of a service going, if it has one, as a task of this actor: whatever ends the actor ends the program,
/// and a program that cannot be kept going ends the actor.
fn drive(port: Arc<dyn Port>, context: &Context<Msg>) {
    if port.run().is_none() {
        return;
    }
    let actor = context.clone();
    context.tasks().spawn_quiet(async move {
        let Some(running) = port.run() else { return };
        if let Err(fault) = running.await {
            actor.fail(failure(fault));
        }
    });
}

async fn put(port: &dyn Port, question: Question) -> Result<Answer, Fault> {
    match question {
        Question::Search { words, limit } => port.search(&words, limit).await.map(Answer::Hits),
        Question::Describe { key } => port.describe(&key).await.map(Answer::Described),
        Question::Open { key } => {
            let (candidate, stream) = port.open(&key).await?;
            Ok(Answer::Opened(candidate, stream))
        }
        Question::List { key, page } => port.list(&key, page.as_deref()).await.map(Answer::Listed),
    }
}
