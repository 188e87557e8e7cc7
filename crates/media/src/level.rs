//! How loud a frame is, as RFC 6464 writes it.

use crate::frame::LEVEL_SILENCE;

/// Quieter than this (-dBov), nobody hears anything.
const AUDIBLE: u8 = 100;

/// Loudness in -dBov: 0 for full scale, 127 for silence. Root mean square over all samples of all channels, where full
/// scale is 1.0 (a full-scale sine is therefore 3).
pub(crate) fn level(pcm: &[f32]) -> u8 {
    if pcm.is_empty() {
        return LEVEL_SILENCE;
    }
    let sum: f64 = pcm.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    let rms = (sum / pcm.len() as f64).sqrt();
    if !rms.is_finite() || rms <= 0.0 {
        return LEVEL_SILENCE;
    }
    // In 0..=127 after the clamp.
    (-20.0 * rms.log10()).round().clamp(0.0, f64::from(LEVEL_SILENCE)) as u8
}

/// Whether a frame of this level holds anything to be heard.
pub(crate) fn is_audible(level: u8) -> bool {
    level < AUDIBLE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(amplitude: f32) -> Vec<f32> {
        (0..4800)
            .map(|i| amplitude * (std::f32::consts::TAU * 440.0 * i as f32 / 48_000.0).sin())
            .collect()
    }

    #[test]
    fn known_tones_have_known_levels() {
        let check = |pcm: &[f32], expected: u8| assert_eq!(level(pcm), expected);
        check(&sine(1.0), 3);
        check(&sine(0.1), 23);
        check(&sine(0.01), 43);
        check(&[1.0; 960], 0);
        check(&[2.0; 960], 0);
        check(&[0.0; 960], 127);
        check(&[], 127);
        check(&[f32::NAN; 960], 127);
    }

    #[test]
    fn silence_is_not_audible_and_music_is() {
        assert!(!is_audible(LEVEL_SILENCE));
        assert!(is_audible(level(&sine(0.01))));
    }
}
