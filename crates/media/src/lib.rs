//! From bytes to paced Opus frames: source → demuxer → decoder → resampler → filter → encoder, or passthrough, into a
//! bounded ring that a clock empties one frame per 20 ms.
//!
//! The only place of symphonia, libopus, rubato and rtrb. Everything here is synchronous and lives on named OS threads
//! that [`Engine`] owns: one producer per pipeline, one clock for many streams. Nothing here knows a chat, a call or a
//! network; what leaves this crate leaves through [`Sink`].

mod engine;
pub mod feed;
mod frame;
mod pipeline;
mod probe;
mod settings;
pub mod source;
mod stream;

pub use engine::{Engine, EngineStats};
pub use frame::{FRAME_SAMPLES, Frame, LEVEL_SILENCE, SAMPLE_RATE, Sink, SinkClosed};
pub use pipeline::{Gain, Load, Pipeline, PipelineEvent, Ready};
pub use probe::{Probe, probe};
pub use settings::Settings;
pub use source::{Hint, Input};
pub use stream::{FrameStats, Position, Stream, StreamEvent};
