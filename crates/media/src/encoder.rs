//! PCM to Opus: 48 kHz stereo, 20 ms.

use std::sync::Arc;
use std::time::Instant;

use domain::Fault;
use opus::{Application, Bitrate, Channels, Signal};

use crate::fault;
use crate::frame::{FRAME_SAMPLES, SAMPLE_RATE};
use crate::gauge::Gauge;
use crate::settings::Settings;

/// Interleaved samples of one frame.
pub(crate) const FRAME_LEN: usize = FRAME_SAMPLES as usize * 2;

/// No packet of one frame is longer (RFC 6716, section 3.2.1).
const PACKET_MAX: usize = 1275;

/// How an encoder is set up, and where it tells how busy it is.
#[derive(Debug, Clone)]
pub(crate) struct Effort {
    bitrate_bps: u32,
    complexity: u8,
    complexity_loaded: u8,
    pub(crate) gauge: Arc<Gauge>,
    /// When the engine's time began.
    epoch: Instant,
}

pub(crate) struct Encoder {
    encoder: opus::Encoder,
    effort: Effort,
    complexity: u8,
    lookahead: usize,
    packet: Vec<u8>,
}

// === impl Effort ===

impl Effort {
    pub(crate) fn new(settings: &Settings, gauge: Arc<Gauge>, epoch: Instant) -> Effort {
        let (complexity, complexity_loaded) =
            (settings.complexity.min(10), settings.complexity_loaded.min(10));
        Effort { bitrate_bps: settings.bitrate_bps, complexity, complexity_loaded, gauge, epoch }
    }

    pub(crate) fn note_low(&self) {
        self.gauge.note_low(self.epoch.elapsed());
    }
}

// === impl Encoder ===

impl Encoder {
    pub(crate) fn new(effort: Effort) -> Result<Encoder, Fault> {
        let ours = |e: opus::Error| fault::of_opus(&e);
        let mut encoder =
            opus::Encoder::new(SAMPLE_RATE, Channels::Stereo, Application::Audio).map_err(ours)?;
        let bitrate = i32::try_from(effort.bitrate_bps).unwrap_or(i32::MAX).clamp(6_000, 510_000);
        encoder.set_bitrate(Bitrate::Bits(bitrate)).map_err(ours)?;
        encoder.set_signal(Signal::Music).map_err(ours)?;
        let complexity = effort.complexity;
        encoder.set_complexity(i32::from(complexity)).map_err(ours)?;
        let lookahead = usize::try_from(encoder.get_lookahead().map_err(ours)?).unwrap_or(0);
        Ok(Encoder { encoder, effort, complexity, lookahead, packet: vec![0; PACKET_MAX] })
    }

    /// By how many samples (per channel) the decoded sound comes later than what was put in.
    pub(crate) fn lookahead(&self) -> usize {
        self.lookahead
    }

    /// Frames do not refer to earlier ones while `is_independent`: a listener's decoder that heard other packets before
    /// can follow.
    pub(crate) fn set_independent(&mut self, is_independent: bool) -> Result<(), Fault> {
        self.encoder.set_prediction_disabled(is_independent).map_err(|e| fault::of_opus(&e))
    }

    /// Encodes [`FRAME_LEN`] interleaved samples.
    pub(crate) fn encode(&mut self, frame: &[f32]) -> Result<&[u8], Fault> {
        debug_assert_eq!(frame.len(), FRAME_LEN);
        let ours = |e: opus::Error| fault::of_opus(&e);
        let start = Instant::now();
        let now = start.duration_since(self.effort.epoch);
        let is_loaded = self.effort.gauge.is_loaded(now);
        let complexity =
            if is_loaded { self.effort.complexity_loaded } else { self.effort.complexity };
        if complexity != self.complexity {
            self.encoder.set_complexity(i32::from(complexity)).map_err(ours)?;
            self.complexity = complexity;
        }
        let len = self.encoder.encode_float(frame, &mut self.packet).map_err(ours)?;
        self.effort.gauge.note_encode(now, start.elapsed());
        Ok(&self.packet[..len])
    }
}
