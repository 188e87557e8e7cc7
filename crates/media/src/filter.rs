//! Filters on PCM: channels to stereo, and gain.

use symphonia::core::audio::{ChannelLabel, Channels, Position};

/// Half power: what a centre or surround channel gives to one side (ITU-R BS.775).
const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Turns any channel layout into stereo. Never louder than the loudest input channel: the coefficients of each side
/// add up to at most one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mixer {
    /// One pair (left, right) per input channel.
    coefficients: Vec<(f32, f32)>,
}

/// A gain that glides to its target within one frame, so that a change does not click.
#[derive(Debug)]
pub(crate) struct GainRamp {
    current: f32,
}

/// Samples over which a change is spread: 20 ms.
const RAMP: f32 = 960.0;

// === impl Mixer ===

impl Mixer {
    pub(crate) fn new(channels: &Channels) -> Mixer {
        let mut coefficients = match channels {
            Channels::Positioned(positions) => positions.iter().map(of_position).collect(),
            Channels::Custom(labels) => labels
                .iter()
                .enumerate()
                .map(|(i, label)| match label {
                    ChannelLabel::Positioned(position) => of_position(*position),
                    _ => of_index(i),
                })
                .collect(),
            // The omnidirectional part of an ambisonic set is its mono.
            Channels::Ambisonic(_) => {
                let mut coefficients = vec![(0.0, 0.0); channels.count()];
                if let Some(omni) = coefficients.first_mut() {
                    *omni = (1.0, 1.0);
                }
                coefficients
            }
            other => (0..other.count()).map(of_index).collect::<Vec<_>>(),
        };
        if let [only] = coefficients.as_mut_slice() {
            *only = (1.0, 1.0);
        }
        let left: f32 = coefficients.iter().map(|c| c.0).sum();
        let right: f32 = coefficients.iter().map(|c| c.1).sum();
        let loudest = left.max(right);
        if loudest > 1.0 {
            for (left, right) in &mut coefficients {
                *left /= loudest;
                *right /= loudest;
            }
        }
        Mixer { coefficients }
    }

    /// Appends stereo to `out`. What is not a number becomes silence.
    pub(crate) fn mix(&self, interleaved: &[f32], out: &mut Vec<f32>) {
        let clean = |s: f32| if s.is_finite() { s } else { 0.0 };
        match self.coefficients.as_slice() {
            [] => {}
            [_] => out.extend(interleaved.iter().flat_map(|s| [clean(*s), clean(*s)])),
            [(l, lr), (rl, r)] if (*l, *lr, *rl, *r) == (1.0, 0.0, 0.0, 1.0) => {
                out.extend(interleaved.iter().map(|s| clean(*s)));
            }
            coefficients => {
                for frame in interleaved.chunks_exact(coefficients.len()) {
                    let (mut left, mut right) = (0.0, 0.0);
                    for (sample, (l, r)) in frame.iter().zip(coefficients) {
                        left += clean(*sample) * l;
                        right += clean(*sample) * r;
                    }
                    out.extend([left, right]);
                }
            }
        }
    }
}

fn of_index(i: usize) -> (f32, f32) {
    if i.is_multiple_of(2) { (1.0, 0.0) } else { (0.0, 1.0) }
}

fn of_position(position: Position) -> (f32, f32) {
    let left = Position::FRONT_LEFT | Position::FRONT_LEFT_WIDE;
    let right = Position::FRONT_RIGHT | Position::FRONT_RIGHT_WIDE;
    let side_left = Position::REAR_LEFT | Position::SIDE_LEFT | Position::FRONT_LEFT_CENTER;
    let side_right = Position::REAR_RIGHT | Position::SIDE_RIGHT | Position::FRONT_RIGHT_CENTER;
    let bass = Position::LFE1 | Position::LFE2;
    if left.contains(position) {
        (1.0, 0.0)
    } else if right.contains(position) {
        (0.0, 1.0)
    } else if side_left.contains(position) {
        (HALF_POWER, 0.0)
    } else if side_right.contains(position) {
        (0.0, HALF_POWER)
    } else if bass.contains(position) {
        (0.0, 0.0)
    } else if position == Position::FRONT_CENTER {
        (HALF_POWER, HALF_POWER)
    } else {
        (0.5, 0.5)
    }
}

// === impl GainRamp ===

impl GainRamp {
    pub(crate) fn new(gain: f32) -> GainRamp {
        GainRamp { current: sane(gain) }
    }

    /// Applies the gain to interleaved stereo, gliding towards `target`.
    pub(crate) fn apply(&mut self, stereo: &mut [f32], target: f32) {
        let target = sane(target);
        if self.current == target {
            if target != 1.0 {
                stereo.iter_mut().for_each(|s| *s *= target);
            }
            return;
        }
        let step = (target - self.current) / RAMP;
        for frame in stereo.chunks_exact_mut(2) {
            if self.current != target {
                self.current += step;
                let is_past =
                    if step > 0.0 { self.current >= target } else { self.current <= target };
                if is_past {
                    self.current = target;
                }
            }
            frame.iter_mut().for_each(|s| *s *= self.current);
        }
    }
}

/// Between silence and ten times as loud; what is not a number changes nothing.
fn sane(gain: f32) -> f32 {
    if gain.is_finite() { gain.clamp(0.0, 10.0) } else { 1.0 }
}
