//! Ear — judges what a listener heard.
//!
//! It decodes the Opus payloads that arrived, compares the sound with the computed tracks and says which of them was
//! heard, when, and how well. It judges only; it never repairs.

use std::time::Duration;

use crate::music::{SAMPLE_RATE, Track};

mod decoder;
mod reference;
mod search;

pub use decoder::decode;

/// The length of a window of comparison, in sample pairs: half a second.
const WINDOW: usize = SAMPLE_RATE as usize / 2;

/// The distance between windows, in sample pairs: a tenth of a second.
const HOP: usize = SAMPLE_RATE as usize / 10;

/// Below this correlation a window is not the track.
const RECOGNISED: f32 = 0.6;

/// Below this root mean square (−60 dBFS) a window is silence.
const SILENCE_RMS: f32 = 0.001;

/// Positions that differ by more are a jump, in samples: 2 ms.
const STEADY: i64 = SAMPLE_RATE as i64 / 500;

/// One RTP packet with Opus in it, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// RTP sequence number; wraps at 2^16.
    pub sequence: u16,
    /// RTP timestamp in samples at 48 kHz; wraps at 2^32.
    pub timestamp: u32,
    /// The Opus packet.
    pub payload: Vec<u8>,
}

/// What happened to the packets on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Different packets that arrived.
    pub received: u64,
    /// Sequence numbers between the first and the last that never arrived.
    pub lost: u64,
    /// Copies of packets that had arrived before.
    pub duplicated: u64,
    /// Packets that arrived after a later one.
    pub reordered: u64,
    /// Packets that the decoder refused.
    pub undecodable: u64,
}

/// Sound at 48 kHz, left and right interleaved, on the time line of the RTP clock.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    pub pcm: Vec<f32>,
    pub counts: Counts,
}

/// A stretch of one track, played without a break at its own speed, or of silence or of something unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    pub sound: Sound,
    /// Where the stretch begins in what was heard; exact to about a tenth of a second.
    pub at: Duration,
    /// Where the track was at that moment, exact to a sample; zero when it is no track.
    pub from_in_track: Duration,
    /// How long the stretch is; exact to about a tenth of a second.
    pub heard: Duration,
    /// The median correlation of its windows with the track, 0..=1; zero when it is no track.
    pub correlation: f32,
    /// The worst window, those that touch a neighbouring stretch left out.
    pub correlation_min: f32,
}

/// What a stretch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sound {
    Track(Track),
    Silence,
    /// Loud, but none of the tracks.
    Unknown,
}

/// How one known track was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub track: Track,
    /// Time during which it was recognised.
    pub heard: Duration,
    /// Where the track was when it was first recognised.
    pub first: Duration,
    /// Where the track was when it was last recognised.
    pub last: Duration,
    /// The median (weighted by length) and the worst correlation over its stretches, 0..=1.
    pub correlation_median: f32,
    pub correlation_min: f32,
    /// How many times the position jumped between neighbouring stretches of this track, pauses not counted.
    pub jumps: u32,
}

/// Finds which track plays when. `pcm` is interleaved stereo at 48 kHz. Less than half a second is never recognised.
pub fn identify(pcm: &[f32]) -> Vec<Segment> {
    search::segments(pcm)
}

/// Judges one track; `None` when it was not heard at all.
pub fn report(pcm: &[f32], track: Track) -> Option<Report> {
    let segments = identify(pcm);
    let own: Vec<&Segment> =
        segments.iter().filter(|segment| segment.sound == Sound::Track(track)).collect();
    let (first, last) = (own.first()?, own.last()?);
    let heard = own.iter().map(|segment| segment.heard).sum();
    // a pause goes on where it stopped, give or take how exactly a stretch's ends are known
    let slack = Duration::from_millis(250);
    let jumps = own.windows(2).filter(|pair| {
        let (before, after) = (pair[0].from_in_track + pair[0].heard, pair[1].from_in_track);
        before.abs_diff(after) > slack || pair[0].at + pair[0].heard == pair[1].at
    });
    Some(Report {
        track,
        heard,
        first: first.from_in_track,
        last: last.from_in_track + last.heard,
        correlation_median: median(&own),
        correlation_min: own.iter().map(|it| it.correlation_min).fold(1.0, f32::min),
        jumps: jumps.count() as u32,
    })
}

/// The correlation of a sound with a stretch of a track of the same length, both channels together, -1..=1; no search.
/// Silence correlates with nothing.
pub fn correlation(pcm: &[f32], reference: &[f32]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0f64, 0.0f64, 0.0f64);
    for (a, b) in pcm.iter().zip(reference) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    if aa * bb > 1e-12 { (ab / (aa * bb).sqrt()) as f32 } else { 0.0 }
}

fn median(own: &[&Segment]) -> f32 {
    let mut weighted: Vec<(f32, Duration)> =
        own.iter().map(|it| (it.correlation, it.heard)).collect();
    weighted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = weighted.iter().map(|it| it.1).sum::<Duration>() / 2;
    let mut passed = Duration::ZERO;
    for (correlation, heard) in weighted {
        passed += heard;
        if passed >= half {
            return correlation;
        }
    }
    0.0
}

#[cfg(test)]
mod tests;
