//! Any sample rate to 48 kHz, stereo, without a sample too many or too few.

use domain::{Fault, Reason};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use crate::frame::SAMPLE_RATE;

/// Input frames per step: long enough for a clean filter, short enough to start at once.
const CHUNK: usize = 1024;

/// Rates that a track may claim, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Interleaved stereo in, interleaved stereo out. The delay of its filter is cut at the start and flushed at the end,
/// so that `n` frames become exactly `round(n · 48000 / rate)`.
pub(crate) struct Resampler {
    rate: u32,
    fft: Option<Fft<f32>>,
    pending: Vec<f32>,
    scratch: Vec<f32>,
    /// Output frames still to be cut at the start.
    cut: usize,
    frames_in: u64,
    frames_out: u64,
}

// === impl Resampler ===

impl Resampler {
    pub(crate) fn new(rate: u32) -> Result<Resampler, Fault> {
        if !RATES.contains(&rate) {
            return Err(Fault::refused(Reason::Corrupt, format!("absurd sample rate {rate}")));
        }
        let fft = if rate == SAMPLE_RATE { None } else { Some(make(rate)?) };
        let cut = fft.as_ref().map_or(0, |fft| fft.output_delay());
        Ok(Resampler {
            rate,
            fft,
            pending: Vec::new(),
            scratch: Vec::new(),
            cut,
            frames_in: 0,
            frames_out: 0,
        })
    }

    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// Appends what is ready to `out`.
    pub(crate) fn push(&mut self, stereo: &[f32], out: &mut Vec<f32>) -> Result<(), Fault> {
        self.frames_in += (stereo.len() / 2) as u64;
        let Some(fft) = self.fft.as_ref() else {
            self.frames_out += (stereo.len() / 2) as u64;
            out.extend_from_slice(stereo);
            return Ok(());
        };
        let needed = fft.input_frames_next() * 2;
        self.pending.extend_from_slice(stereo);
        let mut at = 0;
        while self.pending.len() - at >= needed {
            self.step(at, None, out)?;
            at += needed;
        }
        self.pending.drain(..at);
        Ok(())
    }

    /// The end: appends what is still inside. The resampler starts afresh afterwards.
    pub(crate) fn flush(&mut self, out: &mut Vec<f32>) -> Result<(), Fault> {
        if self.fft.is_some() {
            let expected = (self.frames_in * u64::from(SAMPLE_RATE) + u64::from(self.rate) / 2)
                / u64::from(self.rate);
            let left = self.pending.len() / 2;
            if left > 0 {
                self.step(0, Some(left), out)?;
                self.pending.clear();
            }
            while self.frames_out < expected {
                self.step(0, Some(0), out)?;
            }
            let excess = usize::try_from(self.frames_out - expected).unwrap_or(usize::MAX);
            out.truncate(out.len().saturating_sub(excess.saturating_mul(2)));
        }
        if let Some(fft) = self.fft.as_mut() {
            fft.reset();
            self.cut = fft.output_delay();
        }
        (self.frames_in, self.frames_out) = (0, 0);
        Ok(())
    }

    /// One chunk from `pending[at..]`; `partial` of its frames are there when it is the last.
    fn step(&mut self, at: usize, partial: Option<usize>, out: &mut Vec<f32>) -> Result<(), Fault> {
        let Some(fft) = self.fft.as_mut() else { return Ok(()) };
        let input = &self.pending[at..];
        let input = InterleavedSlice::new(input, 2, input.len() / 2).map_err(ours)?;
        let frames = fft.output_frames_next();
        self.scratch.resize(frames * 2, 0.0);
        let mut output = InterleavedSlice::new_mut(&mut self.scratch, 2, frames).map_err(ours)?;
        let indexing = partial.map(|frames| Indexing::new().partial_len(frames));
        let (_, frames) =
            fft.process_into_buffer(&input, &mut output, indexing.as_ref()).map_err(ours)?;
        let cut = self.cut.min(frames);
        self.cut -= cut;
        out.extend_from_slice(&self.scratch[cut * 2..frames * 2]);
        self.frames_out += (frames - cut) as u64;
        Ok(())
    }
}

fn make(rate: u32) -> Result<Fft<f32>, Fault> {
    Fft::new(rate as usize, SAMPLE_RATE as usize, CHUNK, 2, FixedSync::Input).map_err(ours)
}

/// Buffers of the wrong size and the like: a mistake of ours.
fn ours(error: impl std::fmt::Display) -> Fault {
    Fault::refused(Reason::Internal, format!("resampler: {error}"))
}
