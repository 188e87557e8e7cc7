use opus::{Application, Bitrate, Channels, Encoder};

use super::*;

const SECOND: u64 = SAMPLE_RATE as u64;

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn near(a: f64, b: f64, slack: f64) -> bool {
    (a - b).abs() <= slack
}

/// Noise with this root mean square, always the same.
fn noise(pairs: usize, rms: f32) -> Vec<f32> {
    let mut state = 1u32;
    (0..pairs * 2)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state as f32 / u32::MAX as f32 - 0.5) * 12f32.sqrt() * rms
        })
        .collect()
}

fn cut(track: Track, from: f64, to: f64) -> Vec<f32> {
    track.pcm((from * SECOND as f64) as u64..(to * SECOND as f64) as u64)
}

fn silence(length: f64) -> Vec<f32> {
    vec![0.0; (length * SECOND as f64) as usize * 2]
}

/// As 20 ms packets at 128 kbit/s.
fn packets(pcm: &[f32]) -> Vec<Packet> {
    let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Stereo, Application::Audio).unwrap();
    encoder.set_bitrate(Bitrate::Bits(128_000)).unwrap();
    let encode = |(number, frame): (usize, &[f32])| Packet {
        sequence: 65_500u16.wrapping_add(number as u16),
        timestamp: 4_294_900_000u32.wrapping_add(number as u32 * 960),
        payload: encoder.encode_vec_float(frame, 1500).unwrap(),
    };
    pcm.chunks_exact(960 * 2).enumerate().map(encode).collect()
}

/// Checks sound, place in the track and length of each stretch.
fn check(segments: &[Segment], expected: &[(Sound, f64, f64)]) {
    let shown: Vec<_> =
        segments.iter().map(|it| (it.sound, it.from_in_track, it.heard, it.correlation)).collect();
    assert_eq!(segments.len(), expected.len(), "{shown:?}");
    for (segment, (sound, from, heard)) in segments.iter().zip(expected) {
        assert_eq!(segment.sound, *sound, "{shown:?}");
        assert!(near(seconds(segment.from_in_track), *from, 0.26), "{shown:?}");
        assert!(near(seconds(segment.heard), *heard, 0.3), "{shown:?}");
    }
}

#[test]
fn every_track_is_recognised_with_its_place() {
    for track in Track::ALL {
        let found = identify(&cut(track, 4.321, 7.321));
        check(&found, &[(Sound::Track(track), 4.321, 3.0)]);
        assert!(near(seconds(found[0].from_in_track), 4.321, 0.0001), "{found:?}");
        assert!(found[0].correlation > 0.999 && found[0].correlation_min > 0.999, "{found:?}");
    }
}

#[test]
fn noise_as_loud_as_a_third_of_the_music_does_not_hide_it() {
    let mut pcm = cut(Track::Lantern, 2.0, 6.0);
    let rms = (pcm.iter().map(|it| it * it).sum::<f32>() / pcm.len() as f32).sqrt();
    for (sample, noise) in pcm.iter_mut().zip(noise(4 * SECOND as usize, rms / 3.0)) {
        *sample += noise;
    }
    let found = identify(&pcm);
    check(&found, &[(Sound::Track(Track::Lantern), 2.0, 4.0)]);
    assert!(near(f64::from(found[0].correlation), 0.949, 0.02), "{found:?}");
}

#[test]
fn skips_pauses_and_changes_of_track_are_seen() {
    let parts = [
        cut(Track::Harbour, 0.0, 3.0),
        cut(Track::Harbour, 9.0, 11.0),
        silence(2.0),
        cut(Track::Harbour, 11.0, 13.0),
        cut(Track::Orchard, 0.0, 2.0),
    ];
    let pcm = parts.concat();
    check(
        &identify(&pcm),
        &[
            (Sound::Track(Track::Harbour), 0.0, 3.0),
            (Sound::Track(Track::Harbour), 9.0, 2.0),
            (Sound::Silence, 0.0, 2.0),
            (Sound::Track(Track::Harbour), 11.0, 2.0),
            (Sound::Track(Track::Orchard), 0.0, 2.0),
        ],
    );
    let report = report(&pcm, Track::Harbour).unwrap();
    assert!(near(seconds(report.heard), 7.0, 0.5), "{report:?}");
    assert!(
        near(seconds(report.first), 0.0, 0.1) && near(seconds(report.last), 13.0, 0.3),
        "{report:?}"
    );
    assert!(report.correlation_median > 0.99 && report.correlation_min > 0.9, "{report:?}");
    assert_eq!(report.jumps, 1);
    assert!(super::report(&pcm, Track::Lantern).is_none());
}

#[test]
fn a_repeated_stretch_and_a_short_stutter_are_jumps() {
    let pcm = [cut(Track::Orchard, 5.0, 8.0), cut(Track::Orchard, 7.9, 11.0)].concat();
    let found = identify(&pcm);
    check(
        &found,
        &[(Sound::Track(Track::Orchard), 5.0, 3.0), (Sound::Track(Track::Orchard), 7.9, 3.1)],
    );
    assert_eq!(report(&pcm, Track::Orchard).unwrap().jumps, 1);
}

#[test]
fn the_wrong_track_the_wrong_place_and_swapped_channels_hardly_correlate() {
    let window = |track: Track, at: f64| cut(track, at, at + 0.5);
    for track in Track::ALL {
        for at in [0.5, 6.0, 12.5] {
            let right = window(track, at);
            assert!(correlation(&right, &right) > 0.999);
            let swapped: Vec<f32> =
                right.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]).collect();
            assert!(correlation(&right, &swapped).abs() < 0.3);
            for other in Track::ALL.into_iter().filter(|other| *other != track) {
                assert!(correlation(&right, &window(other, at)).abs() < 0.3, "{track:?} {other:?}");
            }
            assert!(correlation(&right, &window(track, at + 0.5)).abs() < 0.3);
        }
    }
}

#[test]
fn what_only_resembles_a_track_is_unknown() {
    let right = cut(Track::Northbound, 3.0, 5.0);
    let swapped: Vec<f32> = right.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]).collect();
    let slow: Vec<f32> = right
        .chunks_exact(2)
        .take(SECOND as usize)
        .flat_map(|it| [it[0], it[1], it[0], it[1]])
        .collect();
    let mono: Vec<f32> = right.chunks_exact(2).flat_map(|pair| [pair[0]; 2]).collect();
    let backwards: Vec<f32> = right.chunks_exact(2).rev().flatten().copied().collect();
    let inverted: Vec<f32> = right.iter().map(|sample| -sample).collect();
    for (name, pcm) in [
        ("swapped", swapped),
        ("slow", slow),
        ("backwards", backwards),
        ("noise", noise(48_000, 0.2)),
    ] {
        let found = identify(&pcm);
        assert!(found.iter().all(|it| it.sound == Sound::Unknown), "{name}: {found:?}");
    }
    for (name, pcm) in [("mono", mono), ("inverted", inverted)] {
        let found = identify(&pcm);
        assert!(found.iter().all(|it| it.correlation < 0.9), "{name}: {found:?}");
    }
}

#[test]
fn nothing_and_silence_are_told_apart_from_music() {
    assert!(identify(&[]).is_empty());
    check(&identify(&silence(3.0)), &[(Sound::Silence, 0.0, 3.0)]);
    check(&identify(&cut(Track::Harbour, 1.0, 1.1)[..2]), &[(Sound::Silence, 0.0, 0.0)]);
}

#[test]
fn music_through_the_codec_keeps_its_place() {
    let heard = decode(&packets(&cut(Track::Meridian, 5.0, 9.0)));
    assert_eq!(heard.counts, Counts { received: 200, ..Counts::default() });
    assert_eq!(heard.pcm.len() as u64, 4 * SECOND * 2);
    let found = identify(&heard.pcm);
    check(&found, &[(Sound::Track(Track::Meridian), 5.0, 4.0)]);
    // the codec looks ahead by 6.5 ms
    assert!(near(seconds(found[0].from_in_track), 5.0 - 0.0065, 0.0002), "{found:?}");
    assert!(found[0].correlation > 0.98, "{found:?}");
}

#[test]
fn loss_copies_and_disorder_are_counted_and_survived() {
    let mut packets = packets(&cut(Track::Harbour, 2.0, 8.0));
    packets.swap(50, 51);
    packets.insert(80, packets[79].clone());
    let mut number = 0;
    packets.retain(|_| {
        number += 1;
        number % 20 != 10
    });
    let heard = decode(&packets);
    assert_eq!((heard.counts.received, heard.counts.lost), (285, 15));
    assert_eq!(
        (heard.counts.duplicated, heard.counts.reordered, heard.counts.undecodable),
        (1, 1, 0)
    );
    assert_eq!(heard.pcm.len() as u64, 6 * SECOND * 2, "the time line has no holes");
    let found = identify(&heard.pcm);
    check(&found, &[(Sound::Track(Track::Harbour), 2.0, 6.0)]);
    assert!(found[0].correlation > 0.8, "{found:?}");
}

#[test]
fn a_pause_in_the_time_stamps_is_silence() {
    let mut packets = packets(&cut(Track::Harbour, 2.0, 6.0));
    for packet in &mut packets[100..] {
        packet.timestamp = packet.timestamp.wrapping_add(3 * SAMPLE_RATE);
    }
    let heard = decode(&packets);
    assert_eq!(heard.counts.lost, 0);
    check(
        &identify(&heard.pcm),
        &[
            (Sound::Track(Track::Harbour), 2.0, 2.0),
            (Sound::Silence, 0.0, 3.0),
            (Sound::Track(Track::Harbour), 4.0, 2.0),
        ],
    );
}

#[test]
fn broken_packets_are_counted() {
    let mut packets = packets(&cut(Track::Harbour, 2.0, 3.0));
    packets[10].payload = vec![0xff, 0xff];
    packets[11].payload.clear();
    let heard = decode(&packets);
    assert_eq!((heard.counts.received, heard.counts.undecodable), (50, 2));
    assert_eq!(heard.pcm.len() as u64, SECOND * 2);
}
