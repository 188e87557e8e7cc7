//! The herald: tells what happened on the streams of one clock, and drops what they no longer need, so that the clock
//! never runs anybody's code and never frees anything large.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, Thread};

use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::slot::{Slot, Teller};
use crate::census::Census;
use crate::frame::Sink;
use crate::pipeline::Pipeline;
use crate::stream::StreamEvent;

/// Chores that may wait; more are kept on the clock's side.
const CHORES_MAX: usize = 1024;

/// What the clock leaves to the herald.
pub(crate) enum Chore {
    Tell(Teller, StreamEvent),
    DropPipeline(Box<Pipeline>),
    DropSink(Box<dyn Sink>),
    DropSlot(Box<Slot>),
}

/// The clock's end.
pub(super) struct Herald {
    chores: Producer<Chore>,
    /// Did not fit: never in practice.
    spilled: VecDeque<Chore>,
    thread: Thread,
    has_news: bool,
}

pub(super) fn start(number: usize, census: &Arc<Census>) -> std::io::Result<Herald> {
    let (chores, todo) = RingBuffer::new(CHORES_MAX);
    let present = census.enter();
    let thread =
        thread::Builder::new().name(format!("media-herald-{number}")).spawn(move || {
            run(todo);
            drop(present);
        })?;
    let spilled = VecDeque::with_capacity(CHORES_MAX);
    Ok(Herald { chores, spilled, thread: thread.thread().clone(), has_news: false })
}

fn run(mut todo: Consumer<Chore>) {
    loop {
        let is_last = todo.is_abandoned();
        while let Ok(chore) = todo.pop() {
            if catch_unwind(AssertUnwindSafe(|| perform(chore))).is_err() {
                tracing::error!("a listener to stream events panicked");
            }
        }
        if is_last {
            return;
        }
        thread::park();
    }
}

fn perform(chore: Chore) {
    match chore {
        Chore::Tell(teller, event) => teller(event),
        Chore::DropPipeline(pipeline) => drop(pipeline),
        Chore::DropSink(sink) => drop(sink),
        Chore::DropSlot(slot) => drop(slot),
    }
}

// === impl Herald ===

impl Herald {
    /// Takes chores over, in order.
    pub(super) fn take(&mut self, chores: &mut Vec<Chore>) {
        while let Some(chore) = self.spilled.pop_front() {
            if let Err(PushError::Full(chore)) = self.chores.push(chore) {
                self.spilled.push_front(chore);
                break;
            }
        }
        for chore in chores.drain(..) {
            self.has_news = true;
            if !self.spilled.is_empty() {
                self.spilled.push_back(chore);
            } else if let Err(PushError::Full(chore)) = self.chores.push(chore) {
                self.spilled.push_back(chore);
            }
        }
    }

    pub(super) fn drop_slot(&mut self, mut slot: Box<Slot>) {
        self.take(slot.chores());
        self.take(&mut vec![Chore::DropSlot(slot)]);
    }

    /// Wakes the herald when there is something to do.
    pub(super) fn wake(&mut self) {
        if std::mem::take(&mut self.has_news) || !self.spilled.is_empty() {
            self.thread.unpark();
        }
    }
}

impl Drop for Herald {
    fn drop(&mut self) {
        // The ring is abandoned only after this body, so the thread is woken from a guard that drops later.
        let (empty, _) = RingBuffer::new(1);
        drop(std::mem::replace(&mut self.chores, empty));
        self.thread.unpark();
    }
}
