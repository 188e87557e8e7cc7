//! Every format sounds like what was put into it, for exactly as long.

use std::time::Duration;

use super::support::containers::{wav_5_1, wav_float, wav16};
use super::support::{
    Ask, Heard, LAG, PLAIN, Scratch, assert_sounds_like, best_lag, chirp, data, data_bytes, hear,
    hear_with, settings, with_ffmpeg,
};
use crate::ring::End;
use crate::{FRAME_SAMPLES, Hint, Input, PipelineEvent, probe};

/// The whole of a frame, whatever is played of it.
fn is_full(heard: &Heard) -> bool {
    heard.packets.iter().all(|packet| packet.frame.samples == FRAME_SAMPLES)
}

#[test]
fn a_wav_file_comes_out_as_it_went_in() {
    let scratch = Scratch::new();
    for rate in [44_100, 48_000, 96_000, 22_050, 11_025] {
        let frames = rate as usize * 3 / 2 + 7;
        let heard = hear(scratch.file("a.wav", &wav16(rate, 2, &chirp(rate, frames))));
        let expected = (frames as u64 * 48_000 + u64::from(rate) / 2) / u64::from(rate);
        assert_eq!(heard.played(), expected, "{rate} Hz");
        assert_eq!(heard.end, Some(End::Finished));
        assert!(is_full(&heard));
        assert_eq!(heard.packets.len() as u64, (expected + LAG as u64).div_ceil(960), "{rate} Hz");
        assert_sounds_like(&heard.decode(), LAG, &chirp(48_000, expected as usize), 0.99);
        let ready = heard.ready();
        assert_eq!((ready.sample_rate, ready.channels, ready.is_passthrough), (rate, 2, false));
        let seconds = ready.duration.unwrap().as_secs_f64();
        assert!((seconds - frames as f64 / f64::from(rate)).abs() < 0.001);
    }
}

#[test]
fn a_telephone_call_fills_both_sides() {
    let mono: Vec<f32> = chirp(8_000, 8_000).chunks_exact(2).map(|s| s[0]).collect();
    let heard = hear(Scratch::new().file("a.wav", &wav16(8_000, 1, &mono)));
    let meant: Vec<f32> =
        chirp(48_000, 48_000).chunks_exact(2).flat_map(|s| [s[0], s[0]]).collect();
    assert_eq!(heard.played(), 48_000);
    assert_sounds_like(&heard.decode(), LAG, &meant, 0.99);
    assert_eq!(heard.ready().channels, 1);
}

#[test]
fn a_surround_track_is_folded_down_by_the_book() {
    // Left, right, centre, bass, left and right surround; only one of them sounds at a time.
    let tone = |i: usize| 0.5 * (i as f32 * 440.0 * std::f32::consts::TAU / 48_000.0).sin();
    let level_of = |channel: usize| {
        let samples: Vec<f32> = (0..9_600)
            .flat_map(|i| (0..6).map(move |c| if c == channel { tone(i) } else { 0.0 }))
            .collect();
        let pcm = hear(Scratch::new().file("a.wav", &wav_5_1(48_000, &samples))).decode();
        let rms = |side: usize| {
            let sum: f32 =
                pcm.chunks_exact(2).skip(2_000).take(4_800).map(|s| s[side] * s[side]).sum();
            (sum / 4_800.0).sqrt() / (0.5 * std::f32::consts::FRAC_1_SQRT_2)
        };
        (rms(0), rms(1))
    };
    // 1 : 0.707 : 0.707, scaled so that all of them together do not clip.
    let (front, side) = (1.0 / 2.414, std::f32::consts::FRAC_1_SQRT_2 / 2.414);
    let expected = [(front, 0.0), (0.0, front), (side, side), (0.0, 0.0), (side, 0.0), (0.0, side)];
    for (channel, (left, right)) in expected.into_iter().enumerate() {
        let (l, r) = level_of(channel);
        assert!((l - left).abs() < 0.03 && (r - right).abs() < 0.03, "channel {channel}: {l} {r}");
    }
}

#[test]
fn lossless_files_lose_nothing() {
    for (name, rate) in [("lossless.flac", 22_050), ("lossless.m4a", 16_000)] {
        let heard = hear(Input::File(data(name)));
        assert_eq!(heard.played(), 48_000, "{name}");
        assert_eq!(heard.ready().sample_rate, rate);
        let meant: Vec<f32> =
            chirp(48_000, 48_000).chunks_exact(2).flat_map(|s| [(s[0] + s[1]) / 2.0; 2]).collect();
        assert_sounds_like(&heard.decode(), LAG, &meant, 0.99);
    }
}

/// Lossy codecs may begin with some silence of their encoder, which not every container tells.
#[test]
fn lossy_files_sound_like_what_was_encoded() {
    // Name, codec, samples at 44.1 kHz that come out, and how many of them come before the chirp.
    let check = |name: &str, codec: &str, samples: u64, before: usize| {
        let heard = hear(Input::File(data(name)));
        assert_eq!(heard.ready().codec, codec, "{name}");
        assert_eq!(heard.end, Some(End::Finished), "{name}");
        let expected = (samples * 48_000 + 22_050) / 44_100;
        assert_eq!(heard.played(), expected, "{name}");
        let pcm = heard.decode();
        let lag = best_lag(&pcm, &chirp(48_000, 48_000), 3_000);
        let expected_lag = LAG + before * 48_000 / 44_100;
        assert!(lag.abs_diff(expected_lag) <= 2, "{name}: lag {lag}, expected {expected_lag}");
        let frames = 95_000.min(pcm.len() / 2 - lag);
        assert_sounds_like(&pcm, lag, &chirp(48_000, frames), 0.95);
    };
    check("cbr.mp3", "mp3", 88_200, 0);
    check("vbr.mp3", "mp3", 88_200, 0);
    check("chirp.ogg", "vorbis", 88_200, 0);
    check("faststart.m4a", "aac", 88_200, 0);
    check("tail.m4a", "aac", 88_200, 0);
    check("plain.aac", "aac", 90_112, 1_024);
}

#[test]
fn the_name_of_a_file_decides_nothing() {
    let scratch = Scratch::new();
    let as_mp3 = scratch.file("song.mp3", &data_bytes("chirp.ogg"));
    assert_eq!(hear(as_mp3).ready().codec, "vorbis");
    let as_text = scratch.file("notes.txt", &data_bytes("cbr.mp3"));
    assert_eq!(hear(as_text).ready().codec, "mp3");
}

#[test]
fn gain_changes_loudness_and_nothing_else() {
    let ask = Ask { from: Duration::ZERO, gain: 0.25 };
    let input = Scratch::new();
    let heard =
        hear_with(settings(), input.file("a.wav", &wav16(48_000, 2, &chirp(48_000, 48_000))), &ask);
    let pcm = heard.decode();
    let meant: Vec<f32> = chirp(48_000, 48_000).iter().map(|s| s * 0.25).collect();
    assert_sounds_like(&pcm, LAG, &meant, 0.99);
    let energy = |pcm: &[f32]| pcm.iter().map(|s| f64::from(s * s)).sum::<f64>();
    let ratio = energy(&pcm[LAG * 2..]) / energy(&meant);
    assert!((0.95..1.05).contains(&ratio), "{ratio}");
}

#[test]
fn a_change_of_gain_does_not_click() {
    let mut ramp = crate::filter::GainRamp::new(1.0);
    let mut pcm = vec![1.0f32; 1_920 * 2];
    ramp.apply(&mut pcm, 0.0);
    let steps =
        pcm.chunks_exact(2).zip(pcm.chunks_exact(2).skip(1)).map(|(a, b)| (a[0] - b[0]).abs());
    assert!(steps.fold(0.0, f32::max) < 0.002);
    assert_eq!(pcm[pcm.len() - 1], 0.0);
}

#[test]
fn numbers_that_are_none_become_silence() {
    let mut samples = chirp(48_000, 9_600);
    samples[5_000] = f32::NAN;
    samples[7_001] = f32::INFINITY;
    let heard = hear(Scratch::new().file("a.wav", &wav_float(48_000, 2, &samples)));
    assert_eq!(heard.played(), 9_600);
    assert!(heard.decode().iter().all(|s| s.is_finite()));
    assert_sounds_like(&heard.decode(), LAG, &chirp(48_000, 9_600), 0.98);
}

#[test]
fn levels_are_those_of_the_sound() {
    let tone = |amplitude: f32| {
        let samples: Vec<f32> = (0..48_000)
            .flat_map(|i| {
                [amplitude * (i as f32 * 997.0 * std::f32::consts::TAU / 48_000.0).sin(); 2]
            })
            .collect();
        let heard = hear(Scratch::new().file("a.wav", &wav_float(48_000, 2, &samples)));
        let middle = &heard.packets[20].frame;
        (middle.level, middle.voice)
    };
    assert_eq!(tone(1.0), (3, true));
    assert_eq!(tone(0.1), (23, true));
    assert_eq!(tone(0.001), (63, true));
    assert_eq!(tone(0.0), (127, false));
}

#[test]
fn a_packet_that_sounds_the_end_of_the_last_frame_is_not_called_silent() {
    // whole frames of sound, then of nothing: the encoder's lag carries the end of one into the other
    let (sound, nothing) = (chirp(48_000, 20 * 960), vec![0.0; 10 * 960 * 2]);
    let samples: Vec<f32> = sound.iter().copied().chain(nothing).collect();
    let heard = hear(Scratch::new().file("a.wav", &wav_float(48_000, 2, &samples)));
    let voices: Vec<bool> = heard.packets.iter().map(|packet| packet.frame.voice).collect();
    assert_eq!(voices.iter().filter(|voice| **voice).count(), 21, "{voices:?}");
    assert!(voices[20] && !voices[21]);
    let ending = hear(Scratch::new().file("a.wav", &wav_float(48_000, 2, &sound)));
    assert_eq!(ending.packets.len(), 21);
    assert!(ending.packets.iter().all(|packet| packet.frame.voice));
}

#[test]
fn a_file_of_half_a_frame_is_played_whole() {
    let heard = hear(Scratch::new().file("a.wav", &wav16(48_000, 2, &chirp(48_000, 500))));
    assert_eq!(heard.played(), 500);
    assert_eq!(heard.packets.len(), 1);
    assert_eq!(heard.end, Some(End::Finished));
}

#[test]
fn ready_comes_once_and_before_the_end() {
    let heard = hear(Input::File(data("cbr.mp3")));
    assert_eq!(heard.events.len(), 1);
    assert!(matches!(heard.events[0], PipelineEvent::Ready(_)));
}

#[test]
fn tags_and_durations_are_probed() {
    let check = |name: &str, codec: &str, rate: u32| {
        let probed = probe(Input::File(data(name)), &Hint::default()).unwrap();
        assert_eq!((probed.codec, probed.sample_rate, probed.channels), (codec, rate, 2), "{name}");
        let seconds = probed.duration.unwrap().as_secs_f64();
        assert!((1.9..2.1).contains(&seconds), "{name}: {seconds} s");
        (probed.title, probed.artist)
    };
    let tagged = (Some("Chirp".to_owned()), Some("Sine and Sons".to_owned()));
    assert_eq!(check("cbr.mp3", "mp3", 44_100), tagged);
    assert_eq!(check("faststart.m4a", "aac", 44_100), tagged);
    assert_eq!(check("vbr.mp3", "mp3", 44_100), (None, None));
    assert_eq!(check("chirp.ogg", "vorbis", 44_100), (None, None));
    assert_eq!(check("chirp.opus", "opus", 48_000), (None, None));
    assert_eq!(check("chirp.webm", "opus", 48_000), (None, None));
}

/// What symphonia cannot read goes to ffmpeg where there is one, and is refused where there is none.
#[test]
fn foreign_formats_need_ffmpeg() {
    use domain::Reason;
    let has_ffmpeg = with_ffmpeg().ffmpeg.is_some();
    eprintln_branch(has_ffmpeg);
    for name in ["transport.ts", "chirp.wma"] {
        assert_eq!(hear(Input::File(data(name))).fault().reason, Reason::Unsupported, "{name}");
        if !has_ffmpeg {
            continue;
        }
        let heard = hear_with(with_ffmpeg(), Input::File(data(name)), &PLAIN);
        assert!(heard.ready().is_ffmpeg, "{name}");
        assert_eq!(heard.end, Some(End::Finished), "{name}");
        let pcm = heard.decode();
        assert!((30_000..52_000).contains(&heard.played()), "{name}: {}", heard.played());
        // ffmpeg may cut or keep some of the encoder's silence: looked for is what comes a tenth of a second later.
        let meant = chirp(48_000, 28_800).split_off(9_600);
        let lag = best_lag(&pcm, &meant, 9_000);
        assert_sounds_like(&pcm, lag, &meant, 0.95);
    }
}

#[test]
fn half_rate_aac_goes_to_ffmpeg_only_if_there_is_one() {
    let has_ffmpeg = with_ffmpeg().ffmpeg.is_some();
    eprintln_branch(has_ffmpeg);
    // ffmpeg writes that there is no SBR; an encoder that says nothing leaves it open.
    let mut bytes = data_bytes("halfrate.m4a");
    let config = bytes.windows(5).position(|w| w == [0x13, 0x90, 0x56, 0xE5, 0x00]).unwrap();
    let scratch = Scratch::new();
    assert!(!hear_with(with_ffmpeg(), scratch.file("said.m4a", &bytes), &PLAIN).ready().is_ffmpeg);
    bytes[config + 2..config + 5].fill(0);
    let silent = || scratch.file("silent.m4a", &bytes);
    let alone = hear(silent());
    assert_eq!(
        (alone.ready().codec, alone.ready().is_ffmpeg, &alone.end),
        ("aac", false, &Some(End::Finished))
    );
    let helped = hear_with(with_ffmpeg(), silent(), &PLAIN);
    assert_eq!(helped.ready().is_ffmpeg, has_ffmpeg);
    let pcm = helped.decode();
    let lag = best_lag(&pcm, &chirp(48_000, 48_000), 6_000);
    // What ffmpeg's encoder makes of 22 kHz is not much better when ffmpeg itself decodes it.
    assert_sounds_like(&pcm, lag, &chirp(48_000, 48_000), 0.9);
}

#[test]
fn he_aac_is_never_played_at_half_its_bandwidth() {
    // What makes a file HE-AAC, as far as anybody can tell before decoding: its config says so.
    let mut bytes = data_bytes("halfrate.m4a");
    let config = bytes.windows(5).position(|w| w == [0x13, 0x90, 0x56, 0xE5, 0x00]).unwrap();
    bytes[config + 4] = 0xA0;
    let scratch = Scratch::new();
    let alone = hear(scratch.file("a.m4a", &bytes));
    assert_eq!(alone.fault().reason, domain::Reason::Unsupported);
    if with_ffmpeg().ffmpeg.is_some() {
        let helped = hear_with(with_ffmpeg(), scratch.file("b.m4a", &bytes), &PLAIN);
        assert_eq!((helped.ready().codec, helped.ready().is_ffmpeg), ("he-aac", true));
    }
}

/// Tells which branch a test took; the harness shows it when asked.
fn eprintln_branch(has_ffmpeg: bool) {
    tracing::info!(has_ffmpeg, "the branch of this test");
    println!(
        "branch: {}",
        if has_ffmpeg { "with ffmpeg" } else { "without ffmpeg: the refusal alone is checked" }
    );
}
