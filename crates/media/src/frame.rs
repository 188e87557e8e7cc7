//! The boundary with whoever carries sound away: a frame, and the sink that takes it.

/// Samples per second of everything that leaves this crate.
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples (per channel) of one 20 ms frame.
pub const FRAME_SAMPLES: u32 = 960;

/// The level of digital silence (RFC 6464: -127 dBov and below).
pub const LEVEL_SILENCE: u8 = 127;

/// One Opus packet, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The Opus packet (RFC 6716), without container or RTP header.
    pub payload: Vec<u8>,
    /// How long it sounds, in samples at 48 kHz (per channel); the RTP timestamp advances by this.
    pub samples: u32,
    /// Loudness in -dBov, 0 (loudest) to 127 (silence), as RFC 6464 writes it.
    pub level: u8,
    /// Whether anything is to be heard in it.
    pub voice: bool,
}

/// The connection behind a sink is gone; no frame will be taken any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sink is closed")]
pub struct SinkClosed;

/// Who carries frames away. Called from a clock thread that serves many streams: both methods return at once, never
/// wait for a lock that may be held long, and allocate nothing.
pub trait Sink: Send {
    /// Takes one frame. After an error the stream lets go of the sink and its position holds.
    fn send(&mut self, frame: &Frame) -> Result<(), SinkClosed>;

    /// Lets time pass without a packet (pause): timestamps go on by `samples`.
    fn skip(&mut self, samples: u32);
}
