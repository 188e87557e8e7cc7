//! The computed tracks, prepared for searching.
//!
//! A coarse copy at 4 kHz, left as the real and right as the imaginary part, lies here as its spectrum: one transform
//! and one product per track find the best place of a window in the whole track.

use std::sync::{Arc, OnceLock};

use rustfft::{Fft, FftPlanner, num_complex::Complex};

use super::WINDOW;
use crate::music::Track;

/// Samples at 48 kHz to one coarse sample.
pub(super) const COARSE: usize = 12;

/// A transform holds the longest track with a window of silence around, and has small factors.
const SIZE: usize = 86_400;

/// Silence around each track, in samples: windows may hang over its ends.
const MARGIN: usize = WINDOW;

/// One track, ready.
pub(super) struct Reference {
    pub(super) track: Track,
    /// Interleaved at 48 kHz, the margins included.
    pcm: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    /// The energy of the coarse copy before each of its samples.
    energy: Vec<f32>,
}

/// All tracks, and the transforms.
pub(super) struct References {
    pub(super) tracks: Vec<Reference>,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

/// Where a window may lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Which of [`References::tracks`].
    pub(super) index: usize,
    /// Sample of the track at the window's start; negative before its beginning.
    pub(super) position: i64,
}

/// Computed once.
pub(super) fn references() -> &'static References {
    static ALL: OnceLock<References> = OnceLock::new();
    ALL.get_or_init(References::new)
}

/// Left and right of interleaved sound at a twelfth of the rate, as one complex number.
pub(super) fn coarse(pcm: &[f32]) -> Vec<Complex<f32>> {
    pcm.chunks_exact(COARSE * 2)
        .map(|chunk| {
            let (mut left, mut right) = (0.0, 0.0);
            for pair in chunk.chunks_exact(2) {
                left += pair[0];
                right += pair[1];
            }
            Complex::new(left, right)
        })
        .collect()
}

impl References {
    fn new() -> References {
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(SIZE), planner.plan_fft_inverse(SIZE));
        let tracks = Track::ALL.into_iter().map(|track| Reference::new(track, &*forward)).collect();
        References { tracks, forward, inverse }
    }

    /// The best place of a window (interleaved, 48 kHz) in each track, exact to a coarse sample, with its coarse
    /// correlation.
    pub(super) fn places(&self, window: &[f32]) -> Vec<(Place, f32)> {
        let mut spectrum = coarse(window);
        let length = spectrum.len();
        spectrum.resize(SIZE, Complex::default());
        self.forward.process(&mut spectrum);
        let energy: f32 = coarse(window).iter().map(Complex::norm_sqr).sum();
        let place = |(index, reference): (usize, &Reference)| {
            let mut product = reference.spectrum.clone();
            for (a, b) in product.iter_mut().zip(&spectrum) {
                *a *= b.conj();
            }
            self.inverse.process(&mut product);
            let (best, score) = reference.best(&product, length);
            let correlation = score / SIZE as f32 / energy.sqrt();
            (Place { index, position: (best * COARSE) as i64 - MARGIN as i64 }, correlation)
        };
        self.tracks.iter().enumerate().map(place).collect()
    }
}

impl Reference {
    fn new(track: Track, forward: &dyn Fft<f32>) -> Reference {
        let mut pcm = vec![0.0; MARGIN * 2];
        pcm.extend(track.pcm(0..track.len_samples() + MARGIN as u64));
        let mut spectrum = coarse(&pcm);
        let mut sum = 0.0;
        let mut energy = vec![0.0];
        for sample in &spectrum {
            sum += sample.norm_sqr();
            energy.push(sum);
        }
        spectrum.resize(SIZE, Complex::default());
        forward.process(&mut spectrum);
        Reference { track, pcm, spectrum, energy }
    }

    /// The stretch of a track that begins at a sample, interleaved; `None` outside the margins.
    pub(super) fn stretch(&self, position: i64, pairs: usize) -> Option<&[f32]> {
        let from = usize::try_from(position + MARGIN as i64).ok()? * 2;
        self.pcm.get(from..from + pairs * 2)
    }

    /// The lag with the highest score, in coarse samples; places that are nearly silent do not count.
    fn best(&self, product: &[Complex<f32>], length: usize) -> (usize, f32) {
        let last = self.energy.len().saturating_sub(length + 1);
        let floor = self.energy[last] / last.max(1) as f32 * length as f32 * 0.05;
        let mut best = (0, 0.0);
        for (lag, product) in product.iter().enumerate().take(last + 1) {
            let energy = self.energy[lag + length] - self.energy[lag];
            let likeness = product.re;
            // squares spare a root for all that are worse
            if energy > floor && likeness > 0.0 && likeness * likeness > best.1 * energy {
                best = (lag, likeness * likeness / energy);
            }
        }
        (best.0, best.1.sqrt())
    }
}
