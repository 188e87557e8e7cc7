//! What an operator may choose about the media path.

use std::path::PathBuf;
use std::time::Duration;

/// The settings of one [`Engine`](crate::Engine). Recommended figures stand beside each field.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Opus bit rate of transcoded tracks, in bits per second: 128 000 is transparent for music.
    pub bitrate_bps: u32,
    /// Opus complexity 0..=10 while there is CPU to spare: 10.
    pub complexity: u8,
    /// Opus complexity under load: 5 costs 30 % less and is hard to tell apart.
    pub complexity_loaded: u8,
    /// How much encoded sound is kept ready per stream: 1 s.
    pub ring: Duration,
    /// Where ffmpeg is; `None` refuses what symphonia cannot read.
    pub ffmpeg: Option<PathBuf>,
    /// How many streams one clock thread paces before another is started: 200.
    pub streams_per_clock: usize,
    /// How long ffmpeg may stay silent before it is given up: 20 s.
    pub stall: Duration,
}
