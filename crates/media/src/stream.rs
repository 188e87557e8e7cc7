//! One paced stream of frames: a call's slot on a clock thread.

use std::time::Duration;

use domain::{Attempt, Fault};

use crate::frame::Sink;
use crate::pipeline::Pipeline;

/// Handle to a stream. Every command acts within one tick (20 ms); dropping the handle removes the stream.
#[derive(Debug)]
pub struct Stream {}

/// What happened on a stream. Heard on a thread of the engine that is not the clock.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// The first frame of this attempt was sent.
    Started { attempt: Attempt },
    /// The last frame was sent. Exactly once per attach, unless the attach was replaced, detached or failed before.
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
    /// Frames go here from now on. Replaces the current sink.
    pub fn set_sink(&self, sink: Box<dyn Sink>) {
        drop(sink);
    }

    /// Frames go nowhere, and the position holds.
    pub fn clear_sink(&self) {}

    /// Plays `pipeline` from the next tick on, in place of the current one.
    pub fn attach(&self, attempt: Attempt, pipeline: Pipeline) {
        drop((attempt, pipeline));
    }

    /// Stops playing; no event follows for the attempt that was attached.
    pub fn detach(&self) {}

    pub fn pause(&self) {}

    pub fn resume(&self) {}

    /// `None` when nothing is attached.
    pub fn position(&self) -> Option<Position> {
        None
    }

    pub fn stats(&self) -> FrameStats {
        FrameStats::default()
    }
}
