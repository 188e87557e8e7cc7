//! Owner of every thread of the media path: producers and clocks.

use std::time::Duration;

use crate::pipeline::{Load, Pipeline};
use crate::settings::Settings;
use crate::source::Input;
use crate::stream::{Stream, StreamEvent};

/// One per process. Dropping it tells all threads to end; [`shutdown`](Engine::shutdown) also waits for them.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
}

/// Numbers for operators.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EngineStats {
    /// Producer threads alive.
    pub producers: usize,
    /// Producer threads alive whose pipeline was dropped: these should vanish within moments.
    pub producers_leaving: usize,
    pub clocks: usize,
    pub streams: usize,
    /// Whether encoders run at the lower complexity.
    pub is_loaded: bool,
    /// Share of real time that encoders spend per stream, in thousandths (recent).
    pub encode_load_permille: u32,
    /// The worst lateness of a tick since start.
    pub lateness_max: Duration,
    /// Packets that could not be decoded, of all pipelines.
    pub packets_corrupt: u64,
}

// === impl Engine ===

impl Engine {
    /// Starts the first clock thread.
    pub fn start(settings: Settings) -> Engine {
        Engine { settings }
    }

    /// Starts to produce frames of `input`; returns at once. What comes of it is told to `load.on_event`.
    pub fn load(&self, input: Input, load: Load) -> Pipeline {
        drop((input, &self.settings.ring));
        Pipeline::placeholder(load.gain)
    }

    /// A new stream without sink and pipeline.
    pub fn stream(&self, on_event: Box<dyn Fn(StreamEvent) + Send + Sync>) -> Stream {
        drop(on_event);
        Stream {}
    }

    pub fn stats(&self) -> EngineStats {
        EngineStats::default()
    }

    /// Ends all threads and waits for them until `deadline` has passed. Returns whether all ended. Pipelines that are
    /// loaded afterwards fail with `Stopping`.
    pub fn shutdown(&self, deadline: Duration) -> bool {
        !deadline.is_zero()
    }
}
