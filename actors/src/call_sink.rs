//! Where the media clock and the call's connection meet: a frame becomes a packet.

use group_call::Sender;
use media::{Frame, Sink, SinkClosed};

/// Called from the clock thread: never waits, allocates nothing.
pub struct CallSink(pub Sender);

impl Sink for CallSink {
    fn send(&mut self, frame: &Frame) -> Result<(), SinkClosed> {
        self.0.send(&frame.payload, frame.samples, frame.level, frame.voice).map_err(|_| SinkClosed)
    }

    fn skip(&mut self, samples: u32) {
        self.0.skip(samples);
    }
}
