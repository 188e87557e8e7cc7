//! From bytes to paced Opus frames: source → demuxer → decoder → resampler → filter → encoder, or passthrough, into a
//! bounded ring that a clock empties one frame per 20 ms.
//!
//! The only place of symphonia, libopus, rubato and rtrb. Everything here is synchronous and lives on named OS threads
//! that [`Engine`] owns: one producer per pipeline, one clock for many streams. Nothing here knows a chat, a call or a
//! network; what leaves this crate leaves through [`Sink`].

mod aac;
mod atoms;
pub mod bare;
mod census;
mod clock;
mod decoder;
mod decoding;
mod demuxer;
mod encoder;
mod engine;
mod fault;
pub mod feed;
mod ffmpeg;
mod filter;
mod frame;
mod gauge;
mod level;
mod outlet;
mod passthrough;
mod pipeline;
mod probe;
mod producer;
mod resampler;
mod ring;
mod settings;
mod sniff;
pub mod source;
mod stream;
mod transcoder;

#[cfg(test)]
mod tests;

pub use engine::{Engine, EngineStats};
pub use frame::{FRAME_SAMPLES, Frame, LEVEL_SILENCE, SAMPLE_RATE, Sink, SinkClosed};
pub use pipeline::{Gain, Load, Pipeline, PipelineEvent, Ready};
pub use probe::{Probe, probe};
pub use settings::Settings;
pub use source::{Hint, Input};
pub use stream::{FrameStats, Position, Stream, StreamEvent};
