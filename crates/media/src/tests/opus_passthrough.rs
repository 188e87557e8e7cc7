//! Opus goes through untouched, and when it cannot, nobody hears the seam.

use std::time::Duration;

use super::support::containers::{OggOpus, encode, opus_packets, webm_opus};
use super::support::{
    Ask, Heard, PATIENCE, PLAIN, Scratch, assert_sounds_like, chirp, correlation, data, decode,
    drain, hear, hear_with, load, settings,
};
use crate::ring::End;
use crate::{Engine, Input};

fn ogg(packets: &[Vec<u8>]) -> OggOpus<'_> {
    OggOpus { packets, channels: 2, pre_skip: 312, end_trim: 0, output_gain: 0, serial: 7 }
}

fn payloads(heard: &Heard) -> Vec<&[u8]> {
    heard.packets.iter().map(|packet| packet.frame.payload.as_slice()).collect()
}

#[test]
fn packets_are_sent_as_they_are_in_the_file() {
    let packets = opus_packets(&chirp(48_000, 96_000), 960);
    let scratch = Scratch::new();
    let files = [
        scratch.file("a.opus", &ogg(&packets).file()),
        scratch.file("a.webm", &webm_opus(&packets, 312)),
    ];
    for input in files {
        let heard = hear(input);
        assert!(heard.ready().is_passthrough);
        assert_eq!(payloads(&heard), packets);
        assert_eq!(heard.played(), 96_000 - 312);
        assert_eq!(heard.end, Some(End::Finished));
        assert!(heard.packets.iter().all(|packet| packet.frame.samples == 960));
    }
}

#[test]
fn files_of_real_encoders_pass_too() {
    for (name, exact) in [("chirp.opus", true), ("chirp.webm", false)] {
        let heard = hear(Input::File(data(name)));
        assert!(heard.ready().is_passthrough, "{name}");
        assert_eq!(heard.end, Some(End::Finished));
        // The end is trimmed by the granule in Ogg; WebM may keep up to a packet more.
        let excess = heard.played() - 96_000;
        assert!(
            if exact { excess == 0 } else { excess < 960 },
            "{name}: {excess} samples too many"
        );
        assert_sounds_like(&heard.decode(), 312, &chirp(48_000, 95_000), 0.95);
    }
}

#[test]
fn mono_passes_as_it_is() {
    let mono: Vec<f32> = chirp(48_000, 48_000).chunks_exact(2).map(|s| s[0]).collect();
    let mut encoder =
        opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Audio).unwrap();
    let packets: Vec<Vec<u8>> =
        mono.chunks_exact(960).map(|pcm| encoder.encode_vec_float(pcm, 4000).unwrap()).collect();
    let heard =
        hear(Scratch::new().file("a.opus", &OggOpus { channels: 1, ..ogg(&packets) }.file()));
    assert_eq!(payloads(&heard), packets);
    assert_eq!(heard.ready().channels, 1);
}

#[test]
fn a_short_last_packet_is_sent_too() {
    let mut encoder =
        opus::Encoder::new(48_000, opus::Channels::Stereo, opus::Application::Audio).unwrap();
    let mut packets = encode(&mut encoder, &chirp(48_000, 9_600), 960);
    packets.extend(encode(&mut encoder, &chirp(48_000, 480), 480));
    let heard = hear(Scratch::new().file("a.opus", &ogg(&packets).file()));
    assert_eq!(payloads(&heard), packets);
    assert_eq!(heard.packets[10].frame.samples, 480);
    assert_eq!(heard.played(), 9_600 + 480 - 312);
}

#[test]
fn the_end_is_where_the_granule_says() {
    let packets = opus_packets(&chirp(48_000, 9_600), 960);
    let heard =
        hear(Scratch::new().file("a.opus", &OggOpus { end_trim: 700, ..ogg(&packets) }.file()));
    assert_eq!(payloads(&heard), packets);
    assert_eq!(heard.played(), 9_600 - 312 - 700);
}

#[test]
fn an_odd_packet_midway_is_encoded_anew_without_a_gap() {
    let sound = chirp(48_000, 48_000);
    let mut encoder =
        opus::Encoder::new(48_000, opus::Channels::Stereo, opus::Application::Audio).unwrap();
    let mut packets = encode(&mut encoder, &sound[..24_000 * 2], 960);
    packets.extend(encode(&mut encoder, &sound[24_000 * 2..24_480 * 2], 480));
    packets.extend(encode(&mut encoder, &sound[24_480 * 2..], 960));
    let input: Vec<_> = packets.iter().map(Vec::as_slice).collect();
    let heard = hear(Scratch::new().file("a.opus", &ogg(&packets).file()));
    assert!(heard.ready().is_passthrough);
    assert_eq!(payloads(&heard)[..25], packets[..25]);
    assert!(heard.packets.iter().all(|packet| packet.frame.samples == 960));
    let total: u64 =
        packets.iter().map(|p| opus::packet::get_nb_samples(p, 48_000).unwrap() as u64).sum();
    assert_eq!(heard.played(), total - 312);
    // A listener hears what the file holds, sample for sample in time, over the seam as well.
    let (meant, got) = (decode(input.into_iter()), heard.decode());
    assert!(got.len() >= meant.len());
    assert!(correlation(&got, &meant) > 0.99);
    for from in [24_000 - 480, 24_000, 24_480] {
        let (a, b) = (&got[from * 2..(from + 480) * 2], &meant[from * 2..(from + 480) * 2]);
        let score = correlation(a, b);
        assert!(score > 0.95, "{score} at {from}");
    }
}

#[test]
fn a_change_of_gain_midway_is_not_heard_as_a_gap() {
    let packets = opus_packets(&chirp(48_000, 192_000), 960);
    let engine = Engine::start(settings());
    let (mut pipeline, _) =
        load(&engine, Scratch::new().file("a.opus", &ogg(&packets).file()), &PLAIN);
    let gain = pipeline.gain();
    let heard = drain(&mut pipeline, |n| {
        if n == 10 {
            gain.set(0.5);
        }
    });
    let played: u64 = heard.iter().map(|packet| u64::from(packet.played)).sum();
    assert_eq!(played, 192_000 - 312);
    let pcm = decode(heard.iter().map(|packet| packet.frame.payload.as_slice()));
    let meant = decode(packets.iter().map(Vec::as_slice));
    assert!(correlation(&pcm, &meant) > 0.9);
    let energy = |pcm: &[f32]| pcm.iter().map(|s| f64::from(s * s)).sum::<f64>();
    let end = meant.len() - 48_000..meant.len();
    let ratio = energy(&pcm[end.clone()]) / energy(&meant[end]);
    assert!((0.23..0.27).contains(&ratio), "the end has {ratio} of its energy");
    drop(pipeline);
    assert!(engine.shutdown(PATIENCE));
}

#[test]
fn long_packets_are_encoded_anew() {
    let heard = hear(Input::File(data("long-packets.opus")));
    assert!(!heard.ready().is_passthrough);
    assert_eq!(heard.played(), 96_000);
    assert_sounds_like(&heard.decode(), 312, &chirp(48_000, 96_000), 0.95);
}

#[test]
fn another_loudness_is_encoded_anew() {
    let packets = opus_packets(&chirp(48_000, 48_000), 960);
    let ask = Ask { from: Duration::ZERO, gain: 0.5 };
    let heard = hear_with(settings(), Scratch::new().file("a.opus", &ogg(&packets).file()), &ask);
    assert!(!heard.ready().is_passthrough);
    assert_eq!(heard.played(), 48_000 - 312);
    let meant: Vec<f32> = chirp(48_000, 47_000).iter().map(|s| s * 0.5).collect();
    assert_sounds_like(&heard.decode(), 312, &meant, 0.95);
}

#[test]
fn a_gain_in_the_header_is_obeyed() {
    let packets = opus_packets(&chirp(48_000, 48_000), 960);
    // -6.02 dB, in 1/256.
    let file = OggOpus { output_gain: -1541, ..ogg(&packets) }.file();
    let heard = hear(Scratch::new().file("a.opus", &file));
    assert!(!heard.ready().is_passthrough);
    let pcm = heard.decode();
    let peak = pcm[9_600..].iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
    assert!((0.22..0.3).contains(&peak), "{peak}");
}

#[test]
fn a_passed_track_has_an_honest_level() {
    let tone: Vec<f32> = (0..48_000)
        .flat_map(|i| [0.1 * (i as f32 * 997.0 * std::f32::consts::TAU / 48_000.0).sin(); 2])
        .collect();
    let loud = hear(Scratch::new().file("a.opus", &ogg(&opus_packets(&tone, 960)).file()));
    for packet in &loud.packets[20..] {
        assert!(
            packet.frame.level.abs_diff(23) <= 2 && packet.frame.voice,
            "{:?}",
            packet.frame.level
        );
    }
    let quiet =
        hear(Scratch::new().file("a.opus", &ogg(&opus_packets(&vec![0.0; 96_000], 960)).file()));
    assert!(quiet.packets.iter().all(|packet| packet.frame.level == 127 && !packet.frame.voice));
}

#[test]
fn a_chained_stream_goes_on() {
    let packets = opus_packets(&chirp(48_000, 28_800), 960);
    let mut file = ogg(&packets).file();
    file.extend(OggOpus { serial: 8, ..ogg(&packets) }.file());
    let heard = hear(Scratch::new().file("a.opus", &file));
    assert_eq!(heard.end, Some(End::Finished));
    assert_eq!(heard.packets.len(), 60);
    assert_eq!(heard.played(), 2 * (28_800 - 312));
}
