//! One paced stream of frames: a call's slot on a clock thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Attempt, Fault};

use crate::clock::{ClockHandle, Order, Published};
use crate::frame::Sink;
use crate::pipeline::Pipeline;

/// Handle to a stream. Every command acts within one tick (20 ms); dropping the handle removes the stream.
pub struct Stream {
    id: u64,
    clock: ClockHandle,
    published: Arc<Published>,
}

/// What happened on a stream. Heard on a thread of the engine that is not the clock.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// The first frame of this attempt was sent.
    Started { attempt: Attempt },
    /// The last frame was sent. Exactly once per attach, unless the attach was replaced, detached or failed before.
    /// `played` is what was sent of the track since the attach.
    Drained { attempt: Attempt, played: Duration },
    /// The pipeline failed and what it had produced was sent. Takes the place of `Drained`.
    Failed { attempt: Attempt, played: Duration, fault: Fault },
    /// The sink said that it is closed and was let go; the position holds until there is another one.
    SinkLost,
}

/// Where a stream is in its track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub attempt: Attempt,
    /// From the start of the track: where playback began plus the samples sent since.
    pub at: Duration,
}

/// Counted since the stream was made. `sent + nulled` is what listeners got; `deficit` is what they should have got and
/// did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameStats {
    /// Frames of a track that were sent.
    pub sent: u64,
    /// Silence frames that were sent because the ring was empty while a track played.
    pub nulled: u64,
    /// Frames of time that passed without any frame while a track played: the clock was late.
    pub deficit: u64,
}

// === impl Stream ===

impl Stream {
    pub(crate) fn new(id: u64, clock: ClockHandle, published: Arc<Published>) -> Stream {
        Stream { id, clock, published }
    }

    /// Frames go here from now on. Replaces the current sink.
    pub fn set_sink(&self, sink: Box<dyn Sink>) {
        self.clock.order(Order::SetSink(self.id, sink));
    }

    /// Frames go nowhere, and the position holds.
    pub fn clear_sink(&self) {
        self.clock.order(Order::ClearSink(self.id));
    }

    /// Plays `pipeline` from the next tick on, in place of the current one, of which nothing more is told. A paused
    /// stream stays paused.
    pub fn attach(&self, attempt: Attempt, pipeline: Pipeline) {
        self.clock.order(Order::Attach(self.id, attempt, Box::new(pipeline)));
    }

    /// Stops playing; nothing more is told of the attempt that was attached.
    pub fn detach(&self) {
        self.clock.order(Order::Detach(self.id));
    }

    /// A few silence frames, then only time passes; the position holds.
    pub fn pause(&self) {
        self.clock.order(Order::Pause(self.id));
    }

    pub fn resume(&self) {
        self.clock.order(Order::Resume(self.id));
    }

    /// `None` when nothing is attached.
    pub fn position(&self) -> Option<Position> {
        self.published.position()
    }

    pub fn stats(&self) -> FrameStats {
        self.published.stats()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.clock.streams.fetch_sub(1, Ordering::Relaxed);
        self.clock.order(Order::Remove(self.id));
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("id", &self.id).finish_non_exhaustive()
    }
}
