//! What sound costs at least: the same demuxer, decoder, resampler and encoder as a producer's, one packet after the
//! other on the caller's thread, with no ring, clock, level or gain. The benchmark's yardstick; the bot does not use it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Fault;

use crate::decoder::Decoder;
use crate::demuxer::{Demuxer, Next};
use crate::encoder::{Effort, Encoder, FRAME_LEN};
use crate::filter::Mixer;
use crate::frame::{FRAME_SAMPLES, SAMPLE_RATE};
use crate::gauge::Gauge;
use crate::resampler::Resampler;
use crate::ring::Shared;
use crate::settings::Settings;
use crate::source::{Input, Source};

/// Encodes at most `sound` of the file at `path` as fast as it goes; how much sound that was.
///
/// # Errors
/// Whatever makes the file unplayable; also what only ffmpeg could play.
pub fn transcode(path: &Path, settings: &Settings, sound: Duration) -> Result<Duration, Fault> {
    let source = Source::open(Input::File(path.to_owned()), &Shared::default())?;
    let kind = source.sniff()?;
    let mut demuxer = Demuxer::open(&source, kind, true)?;
    source.settle();
    let mut decoder = Decoder::new(&demuxer.track)?;
    let mut resampler = Resampler::new(decoder.rate())?;
    let mut encoder =
        Encoder::new(Effort::new(settings, Arc::new(Gauge::default()), Instant::now()))?;
    let mixer = Mixer::new(decoder.layout());
    let (mut stereo, mut ready) = (Vec::new(), Vec::new());
    let wanted = sound.as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000;
    let mut encoded = 0;
    while encoded < wanted {
        let packet = match demuxer.next()? {
            Next::Packet(packet) => packet,
            Next::Track | Next::Damaged => continue,
            Next::End => break,
        };
        let pcm = decoder.decode(&packet, &demuxer.track)?;
        stereo.clear();
        mixer.mix(pcm.interleaved, &mut stereo);
        resampler.push(&stereo, &mut ready)?;
        let mut at = 0;
        while let Some(frame) = ready.get(at..at + FRAME_LEN) {
            encoder.encode(frame)?;
            encoded += u128::from(FRAME_SAMPLES);
            at += FRAME_LEN;
        }
        ready.drain(..at);
    }
    let frames = u32::try_from(encoded / u128::from(FRAME_SAMPLES)).unwrap_or(u32::MAX);
    Ok(Duration::from_millis(20) * frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::support::containers::wav16;
    use crate::tests::support::{Scratch, chirp, settings};

    #[test]
    fn a_file_is_encoded_until_enough_of_it_is() {
        let scratch = Scratch::new();
        let sound = wav16(44_100, 2, &chirp(44_100, 44_100 * 2));
        let Input::File(file) = scratch.file("a.wav", &sound) else { panic!("no file") };
        let encoded = |ms| transcode(&file, &settings(), Duration::from_millis(ms)).unwrap();
        assert!((500..600).contains(&encoded(500).as_millis()));
        assert!((1_900..=2_000).contains(&encoded(60_000).as_millis()), "all of it");
    }
}
