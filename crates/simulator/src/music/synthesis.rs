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

/// One plucked note.
#[derive(Clone, Copy)]
struct Note {
    number: i64,
    /// In radians a second.
    turn: f64,
    phase: f64,
}

/// Interleaved left and right.
pub(super) fn render(track: Track, range: Range<u64>) -> Vec<f32> {
    let score = score(track);
    let length = track.len_samples() as f64 / f64::from(SAMPLE_RATE);
    let mut pcm = Vec::with_capacity(range.end.saturating_sub(range.start) as usize * 2);
    let mut notes = [score.note(0, 0), score.note(1, 0)];
    for sample in range {
        let time = sample as f64 / f64::from(SAMPLE_RATE);
        if time >= length {
            pcm.extend_from_slice(&[0.0, 0.0]);
            continue;
        }
        let number = (time / score.beat).floor() as i64;
        if number != notes[0].number {
            notes = [score.note(0, number), score.note(1, number)];
        }
        let local = time - number as f64 * score.beat;
        let pluck = VOICE_GAIN * edge(local, score.beat) * (-2.0 * local / score.beat).exp();
        let fade = edge(time, length);
        for (note, (start, rate)) in notes.iter().zip(score.glides) {
            let glide = (TAU * (start * time + rate * time * time / 2.0)).sin();
            let sine = (note.turn * local + note.phase).sin_cos();
            // with one overtone: the sine of twice the angle
            let tone = sine.0 * 0.8 + 2.0 * sine.0 * sine.1 * 0.2;
            pcm.push((fade * (GLIDE_GAIN * glide + pluck * tone)) as f32);
        }
    }
    pcm
}

impl Score {
    fn note(&self, channel: u64, number: i64) -> Note {
        let dice = mix(self.seed << 40 | channel << 32 | number as u64);
        let octave = if dice & 8 == 0 { 0.0 } else { 12.0 };
        let step = self.scale[(dice % 5) as usize] + octave - 12.0 * channel as f64;
        // up to a sixth of a semitone: the ear hears a tune, the judge tells one note from its like
        let detuned = step + ((dice >> 16) & 0xff) as f64 / 255.0 / 3.0 - 1.0 / 6.0;
        let turn = TAU * self.tonic * (detuned / 12.0).exp2();
        Note { number, turn, phase: ((dice >> 32) & 0xff) as f64 }
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
