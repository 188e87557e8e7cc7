//! Handles — they address a place in the tree, not one life of an actor.
//!
//! A [`Door`] is the receiving side: it is made by the owner, moves into a child spec, and opens
//! for every incarnation anew. A [`Handle`] is the sending side and may be cloned and kept for
//! ever. The door counts what is inside and refuses what exceeds its bound.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ractor::{ActorRef, Message, MessagingErr};
use tokio::sync::oneshot;

use crate::mailbox::Mailbox;

/// Makes a door for at most `bound` waiting messages, and the handle to it.
pub fn door<M: Message>(bound: usize) -> (Door<M>, Handle<M>) {
    let inner = Arc::new(Inner {
        mailbox: Arc::new(Mailbox::new(bound)),
        gate: Mutex::new(Gate::Unborn(VecDeque::new())),
    });
    (Door { inner: inner.clone() }, Handle { inner })
}

/// The receiving side of a [`Handle`]; belongs into exactly one child spec.
#[must_use = "a door that is in no child spec never opens"]
pub struct Door<M> {
    inner: Arc<Inner<M>>,
}

/// Addresses a child through all its incarnations.
pub struct Handle<M> {
    inner: Arc<Inner<M>>,
}

struct Inner<M> {
    mailbox: Arc<Mailbox>,
    gate: Mutex<Gate<M>>,
}

enum Gate<M> {
    /// The child was never up; what is sent waits for its first incarnation.
    Unborn(VecDeque<M>),
    Open(ActorRef<M>),
    /// Between two incarnations, or after the last.
    Closed,
}

/// A message that was not delivered comes back to its sender.
#[derive(thiserror::Error)]
pub enum Undelivered<M> {
    #[error("the mailbox is full")]
    Full(M),
    #[error("the receiver is not running")]
    Down(M),
}

impl<M> Undelivered<M> {
    pub fn into_message(self) -> M {
        match self {
            Self::Full(message) | Self::Down(message) => message,
        }
    }
}

impl<M> fmt::Debug for Undelivered<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Undelivered::Full",
            Self::Down(_) => "Undelivered::Down",
        })
    }
}

/// Why a question got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    #[error("the mailbox is full")]
    Full,
    #[error("the receiver is not running")]
    Down,
    #[error("the receiver dropped the question or ended before it answered")]
    Dropped,
    #[error("no answer in time")]
    Timeout,
}

/// The way back for one answer; sending to somebody who no longer waits is not an error.
#[derive(Debug)]
pub struct Reply<T>(oneshot::Sender<T>);

impl<T> Reply<T> {
    /// True when the asker was still waiting.
    pub fn send(self, answer: T) -> bool {
        self.0.send(answer).is_ok()
    }

    /// Whether the asker has stopped waiting.
    pub fn is_abandoned(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits until the asker has stopped waiting, so that work for it can be dropped.
    pub async fn abandoned(&mut self) {
        self.0.closed().await;
    }
}

impl<M: Message> Handle<M> {
    /// Puts `message` into the mailbox of the present incarnation. Never waits. A child that was
    /// never up gets it at its first start.
    ///
    /// # Errors
    /// The message comes back when the mailbox is full (counted) or the child is not running.
    pub fn send(&self, message: M) -> Result<(), Undelivered<M>> {
        let mailbox = &self.inner.mailbox;
        let mut gate = self.inner.gate();
        if matches!(*gate, Gate::Closed) {
            return Err(Undelivered::Down(message));
        }
        if mailbox.is_full() {
            mailbox.was_refused();
            return Err(Undelivered::Full(message));
        }
        mailbox.entered();
        match &mut *gate {
            Gate::Unborn(held) => held.push_back(message),
            Gate::Open(actor) => {
                if let Err(message) = hand_over(actor, message) {
                    mailbox.left();
                    return Err(Undelivered::Down(message));
                }
            }
            Gate::Closed => unreachable!("checked above, under the same lock"),
        }
        Ok(())
    }

    /// Sends a message that carries a [`Reply`] and waits for the answer, at most `within`.
    ///
    /// # Errors
    /// Says which part of the way failed; after a timeout the question may still be handled.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(Reply<T>) -> M,
        within: Duration,
    ) -> Result<T, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.send(question(Reply(reply))).map_err(|undelivered| match undelivered {
            Undelivered::Full(_) => Unanswered::Full,
            Undelivered::Down(_) => Unanswered::Down,
        })?;
        match tokio::time::timeout(within, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Unanswered::Dropped),
            Err(_) => Err(Unanswered::Timeout),
        }
    }

    /// Messages that wait in the mailbox.
    pub fn depth(&self) -> usize {
        self.inner.mailbox.depth()
    }

    /// Whether an incarnation is there to receive.
    pub fn is_open(&self) -> bool {
        matches!(*self.inner.gate(), Gate::Open(_))
    }
}

impl<M: Message> Door<M> {
    pub(crate) fn mailbox(&self) -> Arc<Mailbox> {
        self.inner.mailbox.clone()
    }

    pub(crate) fn handle(&self) -> Handle<M> {
        Handle { inner: self.inner.clone() }
    }

    /// A new incarnation receives from now on; it gets what waited for the first one.
    pub(crate) fn open(&self, actor: ActorRef<M>) {
        let mut gate = self.inner.gate();
        if let Gate::Unborn(held) = &mut *gate {
            for message in held.drain(..) {
                if hand_over(&actor, message).is_err() {
                    self.inner.mailbox.left();
                }
            }
        }
        *gate = Gate::Open(actor);
    }

    /// The incarnation has ended. One that never came up leaves alone what waits for the first.
    pub(crate) fn close(&self) {
        let mut gate = self.inner.gate();
        if matches!(*gate, Gate::Open(_)) {
            *gate = Gate::Closed;
            self.inner.mailbox.emptied();
        }
    }
}

/// A door whose message type is forgotten.
pub(crate) trait Seal: Send + Sync {
    /// Nobody will come to this door, at least not soon: messages are turned away from now on,
    /// and those that waited for a first incarnation are lost.
    fn seal(&self);
}

impl<M: Message> Seal for Door<M> {
    fn seal(&self) {
        // what waited is dropped only after the lock is gone: it may own this very handle
        let before = std::mem::replace(&mut *self.inner.gate(), Gate::Closed);
        self.inner.mailbox.emptied();
        drop(before);
    }
}

impl<M> Inner<M> {
    fn gate(&self) -> MutexGuard<'_, Gate<M>> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a message to ractor; it comes back when the actor takes no more.
pub(crate) fn hand_over<M: Message>(actor: &ActorRef<M>, message: M) -> Result<(), M> {
    actor.send_message(message).map_err(|error| match error {
        MessagingErr::SendErr(message) => message,
        // only remote actors and wrongly typed references lose a message, and we have neither
        other => unreachable!("ractor lost a local message: {other:?}"),
    })
}

impl<M> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<M> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("depth", &self.inner.mailbox.depth()).finish()
    }
}

impl<M> fmt::Debug for Door<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}
