//! Playback begins where it was asked to begin.

use std::time::Duration;

use super::support::containers::{OggOpus, opus_packets, wav16, webm_opus};
use super::support::{
    Ask, LAG, Scratch, assert_sounds_like, best_lag, chirp, data, hear_with, settings, with_ffmpeg,
};
use crate::ring::End;
use crate::{Input, PipelineEvent};

fn ask(ms: u64) -> Ask {
    Ask { from: Duration::from_millis(ms), gain: 1.0 }
}

/// The chirp from this frame (48 kHz) on.
fn chirp_from(frame: usize, frames: usize) -> Vec<f32> {
    chirp(48_000, frame + frames).split_off(frame * 2)
}

#[test]
fn a_transcoded_track_begins_at_the_sample() {
    let scratch = Scratch::new();
    let wav = |rate| wav16(rate, 2, &chirp(rate, rate as usize * 2));
    for (name, rate) in [("a.wav", 48_000), ("b.wav", 44_100)] {
        let heard = hear_with(settings(), scratch.file(name, &wav(rate)), &ask(1_234));
        assert_eq!(heard.start, 59_232);
        assert_eq!(heard.start + heard.played(), 96_000);
        assert_sounds_like(&heard.decode(), LAG, &chirp_from(59_232, 36_768), 0.99);
    }
}

#[test]
fn compressed_tracks_begin_at_the_sample_too() {
    // Name, and how much later (44.1 kHz samples) the chirp is in it.
    for (name, before) in
        [("cbr.mp3", 0), ("vbr.mp3", 0), ("chirp.ogg", 0), ("tail.m4a", 0), ("plain.aac", 1_024)]
    {
        let heard = hear_with(settings(), Input::File(data(name)), &ask(1_000));
        assert_eq!(heard.start, 48_000, "{name}");
        let before = before * 48_000 / 44_100;
        // Heard at best with the encoder's lag: what comes out first is what belongs there.
        let pcm = heard.decode();
        let meant = chirp_from(48_000 - before, 40_000);
        let lag = best_lag(&pcm, &meant, 1_200);
        assert!(lag.abs_diff(LAG) <= 3, "{name}: off by {}", lag as i64 - LAG as i64);
        assert_sounds_like(&pcm, lag, &meant, 0.95);
    }
}

#[test]
fn passthrough_begins_at_the_packet() {
    let packets = opus_packets(&chirp(48_000, 192_000), 960);
    let ogg = OggOpus {
        packets: &packets,
        channels: 2,
        pre_skip: 312,
        end_trim: 0,
        output_gain: 0,
        serial: 1,
    };
    let scratch = Scratch::new();
    for input in
        [scratch.file("a.opus", &ogg.file()), scratch.file("a.webm", &webm_opus(&packets, 312))]
    {
        let heard = hear_with(settings(), input, &ask(2_000));
        assert!(heard.ready().is_passthrough);
        // The packet in which 2 s falls, and all that follow.
        let first = (96_000 + 312) / 960;
        let sent: Vec<_> = heard.packets.iter().map(|packet| &packet.frame.payload).collect();
        assert_eq!(sent, packets[first..].iter().collect::<Vec<_>>());
        assert!(heard.start.abs_diff(first as u64 * 960 - 312) < 48, "{}", heard.start);
        assert!((heard.start + heard.played()).abs_diff(192_000 - 312) < 48);
    }
}

#[test]
fn opus_that_is_encoded_anew_begins_at_the_sample() {
    let packets = opus_packets(&chirp(48_000, 192_000), 960);
    let ogg = OggOpus {
        packets: &packets,
        channels: 2,
        pre_skip: 312,
        end_trim: 0,
        output_gain: 0,
        serial: 1,
    };
    let ask = Ask { from: Duration::from_millis(2_005), gain: 0.5 };
    let heard = hear_with(settings(), Scratch::new().file("a.opus", &ogg.file()), &ask);
    assert_eq!(heard.start, 96_240);
    assert_eq!(heard.start + heard.played(), 192_000 - 312);
    let meant: Vec<f32> = chirp_from(96_240, 90_000).iter().map(|s| s * 0.5).collect();
    assert_sounds_like(&heard.decode(), LAG, &meant, 0.95);
}

#[test]
fn beyond_the_end_there_is_an_end_and_no_failure() {
    for name in ["cbr.mp3", "chirp.opus", "chirp.webm", "tail.m4a", "chirp.ogg"] {
        let heard = hear_with(settings(), Input::File(data(name)), &ask(60_000));
        assert_eq!(heard.end, Some(End::Finished), "{name}");
        assert_eq!(heard.played(), 0, "{name}");
        assert!(
            matches!(heard.events.as_slice(), [PipelineEvent::Ready(_)]),
            "{name}: {:?}",
            heard.events
        );
    }
}

#[test]
fn ffmpeg_begins_where_it_should_when_it_is_there() {
    let settings = with_ffmpeg();
    if settings.ffmpeg.is_none() {
        println!("branch: without ffmpeg");
        let heard = hear_with(settings, Input::File(data("chirp.wma")), &ask(500));
        assert_eq!(heard.fault().reason, domain::Reason::Unsupported);
        return;
    }
    println!("branch: with ffmpeg");
    let heard = hear_with(settings, Input::File(data("chirp.wma")), &ask(500));
    assert_eq!(heard.start, 24_000);
    assert!((20_000..28_000).contains(&heard.played()), "{}", heard.played());
}
