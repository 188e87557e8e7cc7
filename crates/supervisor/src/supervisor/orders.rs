//! Orders — Erlang's start_child, terminate_child, restart_child and delete_child.

use std::sync::Arc;

use ractor::ActorRef;

use crate::{
    Reply, Unanswered,
    child_spec::ChildSpec,
    failure::{Exit, Failure},
    machine::{Input, Standing},
    node::Key,
    supervisor::{Msg, State},
};

pub(crate) enum Order {
    Start(Box<ChildSpec>),
    Terminate(Arc<str>),
    Restart(Arc<str>),
    Delete(Arc<str>),
}

pub(crate) type Answer = Result<(), Denied>;

/// Why an order came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("there is no such child")]
    NotFound,
    #[error("a child with this id is running")]
    AlreadyStarted,
    #[error("a child with this id is there, but does not run")]
    AlreadyPresent,
    #[error("the child is running")]
    Running,
    #[error("the child will be started again by itself")]
    Restarting,
    #[error("the children of a dynamic supervisor are only started and terminated")]
    Dynamic,
    #[error("the child did not come up: {0}")]
    Failed(Failure),
    #[error("the supervisor did not answer: {0}")]
    Unanswered(#[from] Unanswered),
}

/// Somebody who waits until a child is up, or down.
pub(super) struct Waiter {
    key: Key,
    wants: Wants,
    reply: Reply<Answer>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Up,
    Down,
}

/// What an order leads to.
enum Next {
    Now(Answer),
    When(Key, Wants),
}

impl State {
    pub(super) fn obey(&mut self, order: Order, reply: Reply<Answer>, myself: &ActorRef<Msg>) {
        let next = match order {
            Order::Start(spec) => self.start_child(*spec, myself),
            Order::Terminate(id) => self.terminate_child(&id, myself),
            Order::Restart(_) | Order::Delete(_) if self.spec.dynamic.is_some() => {
                Next::Now(Err(Denied::Dynamic))
            }
            Order::Restart(id) => self.restart_child(&id, myself),
            Order::Delete(id) => self.delete_child(&id, myself),
        };
        match next {
            Next::Now(answer) => {
                reply.send(answer);
            }
            Next::When(key, wants) => self.waiters.push(Waiter { key, wants, reply }),
        }
    }

    /// A child came up, or ended: whoever waited for either is told.
    pub(super) fn answer(&mut self, key: Key, outcome: &Result<(), Exit>) {
        let is_told = |waiter: &mut Waiter| {
            waiter.key == key && (waiter.wants == Wants::Up || outcome.is_err())
        };
        for waiter in self.waiters.extract_if(.., is_told) {
            let answer = match (waiter.wants, outcome) {
                (Wants::Down, _) | (Wants::Up, Ok(())) => Ok(()),
                (Wants::Up, Err(exit)) => {
                    let ended = || Failure::transient("it ended at once");
                    Err(Denied::Failed(exit.failure().unwrap_or_else(ended)))
                }
            };
            waiter.reply.send(answer);
        }
    }

    fn start_child(&mut self, spec: ChildSpec, myself: &ActorRef<Msg>) -> Next {
        if let Some((key, standing)) = self.standing(&spec.id) {
            match standing {
                Standing::Running => return Next::Now(Err(Denied::AlreadyStarted)),
                Standing::Pending | Standing::Down => {
                    return Next::Now(Err(Denied::AlreadyPresent));
                }
                Standing::Spent => self.feed(Input::End { key }, myself),
            }
        }
        let taken = match &self.spec.dynamic {
            None => None,
            Some(dynamic) => match dynamic.take(&spec.id) {
                None => return Next::Now(Err(Denied::AlreadyStarted)),
                taken => taken,
            },
        };
        let key = self.add(spec, taken, myself);
        Next::When(key, Wants::Up)
    }

    fn terminate_child(&mut self, id: &str, myself: &ActorRef<Msg>) -> Next {
        let Some((key, standing)) = self.standing(id) else {
            return Next::Now(Err(Denied::NotFound));
        };
        let input =
            if self.spec.dynamic.is_some() { Input::End { key } } else { Input::Terminate { key } };
        self.feed(input, myself);
        match standing {
            Standing::Running => Next::When(key, Wants::Down),
            Standing::Pending | Standing::Down => Next::Now(Ok(())),
            Standing::Spent => Next::Now(Err(Denied::NotFound)),
        }
    }

    fn restart_child(&mut self, id: &str, myself: &ActorRef<Msg>) -> Next {
        match self.standing(id) {
            None | Some((_, Standing::Spent)) => Next::Now(Err(Denied::NotFound)),
            Some((_, Standing::Running)) => Next::Now(Err(Denied::Running)),
            Some((_, Standing::Pending)) => Next::Now(Err(Denied::Restarting)),
            Some((key, Standing::Down)) => {
                self.feed(Input::Revive { key }, myself);
                Next::When(key, Wants::Up)
            }
        }
    }

    fn delete_child(&mut self, id: &str, myself: &ActorRef<Msg>) -> Next {
        match self.standing(id) {
            None | Some((_, Standing::Spent)) => Next::Now(Err(Denied::NotFound)),
            Some((_, Standing::Running)) => Next::Now(Err(Denied::Running)),
            Some((_, Standing::Pending)) => Next::Now(Err(Denied::Restarting)),
            Some((key, Standing::Down)) => {
                self.feed(Input::End { key }, myself);
                Next::Now(Ok(()))
            }
        }
    }

    fn standing(&self, id: &str) -> Option<(Key, Standing)> {
        let key = self.key(id)?;
        Some((key, self.machine.standing(key)?))
    }
}
