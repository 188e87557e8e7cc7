//! The wrapper around every actor — it opens the door, counts, remembers why the actor ended, and
//! makes sure that nothing of it is left when its end is reported.

use std::{sync::Arc, time::Duration};

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tracing::Instrument;

use crate::{
    catch::caught,
    failure::{Exit, Failure},
    seat::Seat,
};

pub(crate) struct Worker<A: Actor> {
    pub(crate) actor: A,
    pub(crate) seat: Arc<Seat<A::Msg>>,
    /// How long a clean end may wait for tasks that want to finish.
    pub(crate) finish_within: Option<Duration>,
}

/// The state is taken out at a clean end: ractor would send it to the supervisor and so keep it,
/// and whatever it owns, alive after the end was reported.
pub(crate) struct Work<A: Actor> {
    state: Option<A::State>,
    _leaving: Leaving<A::Msg>,
}

/// Closes the door and aborts the tasks, however the actor ends.
struct Leaving<M: ractor::Message>(Arc<Seat<M>>);

impl<M: ractor::Message> Drop for Leaving<M> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl<A: Actor> Worker<A> {
    /// Remembers a failure before ractor turns it into an event without class.
    fn settle<T>(
        &self,
        outcome: Result<Result<T, ActorProcessingErr>, String>,
    ) -> Result<T, ActorProcessingErr> {
        let failure = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Failure::from_error(error.as_ref()),
            Err(panic) => Failure::transient(panic),
        };
        self.seat.record(Exit::Failed(failure.clone()));
        Err(failure.into())
    }
}

impl<A: Actor> Actor for Worker<A> {
    type Msg = A::Msg;
    type State = Work<A>;
    type Arguments = A::Arguments;

    async fn pre_start(
        &self,
        myself: ActorRef<A::Msg>,
        args: A::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        self.seat.take_place(myself.clone());
        let leaving = Leaving(self.seat.clone());
        let start = self.actor.pre_start(myself, args).instrument(self.seat.span.clone());
        let state = self.settle(caught(start).await)?;
        self.seat.open_door();
        Ok(Work { state: Some(state), _leaving: leaving })
    }

    async fn post_start(
        &self,
        myself: ActorRef<A::Msg>,
        work: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(state) = work.state.as_mut() else { return Ok(()) };
        let start = self.actor.post_start(myself, state).instrument(self.seat.span.clone());
        self.settle(caught(start).await)
    }

    async fn handle(
        &self,
        myself: ActorRef<A::Msg>,
        message: A::Msg,
        work: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(state) = work.state.as_mut() else { return Ok(()) };
        self.seat.begin_message();
        let handling = self.actor.handle(myself, message, state).instrument(self.seat.span.clone());
        let outcome = caught(handling).await;
        self.seat.node.mailbox.done();
        self.settle(outcome)
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<A::Msg>,
        event: SupervisionEvent,
        work: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(state) = work.state.as_mut() else { return Ok(()) };
        let handling = self.actor.handle_supervisor_evt(myself, event, state);
        self.settle(caught(handling).await)
    }

    async fn post_stop(
        &self,
        myself: ActorRef<A::Msg>,
        work: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(mut state) = work.state.take() else { return Ok(()) };
        let stop = self.actor.post_stop(myself, &mut state).instrument(self.seat.span.clone());
        let outcome = caught(stop).await;
        self.seat.tasks.finished(self.finish_within).await;
        drop(state);
        self.seat.leave();
        self.settle(outcome)?;
        self.seat.record(Exit::Normal);
        Ok(())
    }
}
