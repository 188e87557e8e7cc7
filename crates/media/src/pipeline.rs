//! One track on its way to frames: the consumer's end of a producer's ring.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::Fault;

use crate::ring::RingReader;
use crate::source::Hint;

/// How a track is to be loaded.
pub struct Load {
    /// Where to begin, counted from the start of the track. Accurate to the sample, or to the packet in passthrough.
    pub from: Duration,
    /// Linear gain; 1.0 leaves the sound alone and allows passthrough.
    pub gain: f32,
    /// What the origin claims about the bytes.
    pub hint: Hint,
    /// Hears the events of this pipeline, on its producer thread; should only forward them.
    pub on_event: Box<dyn Fn(PipelineEvent) + Send + Sync>,
}

/// News of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum PipelineEvent {
    /// The track can be played; sent once, when its first frame is in the ring.
    Ready(Ready),
    /// It cannot be played, or not to its end. Sent at most once; nothing follows. When it comes after `Ready`, what is
    /// in the ring still sounds, and the stream reports the end with its own `Failed`.
    Failed(Fault),
}

/// What is known about a track once it is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Ready {
    /// Length of the whole track when its container tells it; live streams do not.
    pub duration: Option<Duration>,
    /// Short name of the codec: `mp3`, `aac`, `opus`, `flac`, `vorbis`, `pcm`…, or what ffmpeg was used for.
    pub codec: &'static str,
    /// Whether packets are sent as they are in the file.
    pub is_passthrough: bool,
    /// Whether an ffmpeg process reads it.
    pub is_ffmpeg: bool,
    /// Of the source, in Hz.
    pub sample_rate: u32,
    /// Of the source.
    pub channels: u8,
}

/// A running producer with its ring. Give it to [`Stream::attach`](crate::Stream::attach); dropping it ends the
/// producer soon, without waiting for it.
pub struct Pipeline {
    pub(crate) ring: RingReader,
    gain: Gain,
}

/// Changes the gain of a pipeline while it runs, also after it was attached. What is in the ring keeps the old gain.
#[derive(Debug, Clone)]
pub struct Gain(Arc<AtomicU32>);

// === impl Pipeline ===

impl Pipeline {
    pub(crate) fn new(ring: RingReader, gain: Gain) -> Pipeline {
        Pipeline { ring, gain }
    }

    /// A handle on the gain.
    pub fn gain(&self) -> Gain {
        self.gain.clone()
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("gain", &self.gain).finish_non_exhaustive()
    }
}

// === impl Gain ===

impl Gain {
    pub(crate) fn new(gain: f32) -> Gain {
        Gain(Arc::new(AtomicU32::new(gain.to_bits())))
    }

    /// Linear; the change is smoothed so that it does not click.
    pub fn set(&self, gain: f32) {
        self.0.store(gain.to_bits(), Ordering::Relaxed);
    }

    pub fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }
}
