//! The notes of the demo tracks.
//!
//! Under each channel glides a tone whose frequency never repeats within the track, at a rate that no other track
//! shares; over it two plucked voices, one on each side, play a tune drawn from a scale, every note a little out of
//! tune in its own way. Nothing lies above 2 kHz, so that listeners may compare cheaply.

use std::f64::consts::TAU;
use std::ops::Range;

use super::{SAMPLE_RATE, Track};

/// What makes a track itself.
struct Score {
    /// Where the glide of a channel starts, in Hz, and how far it goes in a second: left, right.
    glides: [(f64, f64); 2],
    /// The tonic, in Hz.
    tonic: f64,
    /// In semitones above the tonic.
    scale: [f64; 5],
    /// The length of a note in seconds.
    beat: f64,
    seed: u64,
}

/// Fades at both ends and around each note, in seconds.
const EDGE: f64 = 0.005;

const GLIDE_GAIN: f64 = 0.26;
const VOICE_GAIN: f64 = 0.42;

fn score(track: Track) -> Score {
    const MAJOR: [f64; 5] = [0.0, 2.0, 4.0, 7.0, 9.0];
    const MINOR: [f64; 5] = [0.0, 3.0, 5.0, 7.0, 10.0];
    let (glides, tonic, scale, beat) = match track {
        Track::Harbour => ([(160.0, 75.0), (1500.0, -52.0)], 220.0, MINOR, 0.25),
        Track::Lantern => ([(1650.0, -88.0), (210.0, 38.0)], 246.9, MAJOR, 0.20),
        Track::Meridian => ([(240.0, 42.0), (170.0, 97.0)], 277.2, MINOR, 0.30),
        Track::Northbound => ([(1400.0, -34.0), (1700.0, -81.0)], 196.0, MAJOR, 0.22),
        Track::Orchard => ([(700.0, 12.0), (260.0, 65.0)], 293.7, MAJOR, 0.28),
    };
    Score { glides, tonic, scale, beat, seed: track as u64 + 1 }
}

/// Interleaved left and right.
pub(super) fn render(track: Track, range: Range<u64>) -> Vec<f32> {
    let score = score(track);
    let length = track.len_samples() as f64 / f64::from(SAMPLE_RATE);
    let mut pcm = Vec::with_capacity(range.end.saturating_sub(range.start) as usize * 2);
    for sample in range {
        let time = sample as f64 / f64::from(SAMPLE_RATE);
        let fade = edge(time, length);
        for channel in 0..2 {
            pcm.push((fade * score.at(channel, time)) as f32);
        }
    }
    pcm
}

impl Score {
    fn at(&self, channel: usize, time: f64) -> f64 {
        let (start, rate) = self.glides[channel];
        let glide = (TAU * (start * time + rate * time * time / 2.0)).sin();
        GLIDE_GAIN * glide + VOICE_GAIN * self.voice(channel, time)
    }

    /// A plucked tone with one overtone.
    fn voice(&self, channel: usize, time: f64) -> f64 {
        let note = (time / self.beat).floor();
        let local = time - note * self.beat;
        let dice = mix(self.seed << 40 | (channel as u64) << 32 | note as u64);
        let octave = if dice & 8 == 0 { 0.0 } else { 12.0 };
        let step = self.scale[(dice % 5) as usize] + octave - 12.0 * channel as f64;
        // up to a sixth of a semitone: the ear hears a tune, the judge tells one note from its like
        let detuned = step + ((dice >> 16) & 0xff) as f64 / 255.0 / 3.0 - 1.0 / 6.0;
        let phase =
            TAU * self.tonic * (detuned / 12.0).exp2() * local + ((dice >> 32) & 0xff) as f64;
        let tone = phase.sin() * 0.8 + (2.0 * phase).sin() * 0.2;
        tone * edge(local, self.beat) * (-2.0 * local / self.beat).exp()
    }
}

/// 0 at both ends of a length, 1 within.
fn edge(time: f64, length: f64) -> f64 {
    (time.min(length - time) / EDGE).clamp(0.0, 1.0)
}

/// A number that looks drawn, always the same for the same seed (SplitMix64's finaliser).
fn mix(seed: u64) -> u64 {
    let a = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}
