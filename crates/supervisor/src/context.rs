//! Context — what an actor knows about its place, and how it reports from there.

use std::sync::Arc;

use ractor::Message;
use tokio::time::Instant;

use crate::{Handle, failure::Failure, seat::Seat, task::Tasks, tree::Tree};

/// Given to the start closure for every incarnation; the actor keeps it in its state. It belongs
/// to one incarnation: clones that outlive it report and deliver nothing.
pub struct Context<M> {
    seat: Arc<Seat<M>>,
}

impl<M: Message> Context<M> {
    pub(crate) fn new(seat: Arc<Seat<M>>) -> Self {
        Self { seat }
    }

    pub(crate) fn seat(&self) -> &Arc<Seat<M>> {
        &self.seat
    }

    /// Like `root/chats/-100123/player`.
    pub fn path(&self) -> &str {
        &self.seat.node.path
    }

    /// The last part of the path.
    pub fn id(&self) -> &str {
        &self.seat.node.id
    }

    /// Counts the lives of this child from 1.
    pub fn incarnation(&self) -> u64 {
        self.seat.incarnation
    }

    /// The actor does its work from now on. Its failures are forgiven only after it has been
    /// ready for `Backoff::reset_after` without a break. Saying it again changes nothing.
    pub fn ready(&self) {
        if self.is_current() && self.seat.node.set_ready(Instant::now()) {
            tracing::debug!(path = self.path(), "ready");
        }
    }

    /// The actor works, but with less than it should have; `ready` ends this.
    pub fn degraded(&self, text: impl Into<String>) {
        let text = self.seat.tree.redact(&text.into());
        if self.is_current() && self.seat.node.set_degraded(text.clone()) {
            tracing::warn!(path = self.path(), why = text, "degraded");
        }
    }

    /// A long handler makes progress: the busy time of the present message starts anew.
    pub fn touch(&self) {
        if self.is_current() {
            self.seat.node.mailbox.touch(Instant::now());
        }
    }

    /// Tasks that live and die with this incarnation.
    pub fn tasks(&self) -> Tasks<M> {
        Tasks::new(self.seat.clone())
    }

    /// A handle to this very place, for others.
    pub fn handle(&self) -> Handle<M> {
        self.seat.handle()
    }

    /// Sends to oneself, counted like every other message. False when the actor is ending.
    pub fn tell_self(&self, message: M) -> bool {
        self.seat.deliver(message)
    }

    /// Ends the actor after its present message, as a failure: for code that cannot return an
    /// error from a handler.
    pub fn fail(&self, failure: Failure) {
        self.seat.fail(failure);
    }

    /// The tree this actor lives in.
    pub fn tree(&self) -> &Tree {
        &self.seat.tree
    }

    fn is_current(&self) -> bool {
        self.seat.node.incarnation() == self.seat.incarnation
    }
}

impl<M> Clone for Context<M> {
    fn clone(&self) -> Self {
        Self { seat: self.seat.clone() }
    }
}

impl<M> std::fmt::Debug for Context<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("path", &self.seat.node.path)
            .field("incarnation", &self.seat.incarnation)
            .finish()
    }
}
