//! Whatever is wrong with an input, it is said in one fault, and nothing else suffers.

use domain::{Class, Reason};

use super::support::containers::{OggOpus, opus_packets, wav16};
use super::support::{PATIENCE, drain};
use super::support::{
    PLAIN, Scratch, chirp, data, data_bytes, ffmpeg, hear, hear_with, load, settings, with_ffmpeg,
};
use crate::ring::End;
use crate::{Engine, Hint, Input, Load, PipelineEvent, Settings};

fn reason(bytes: &[u8]) -> Reason {
    let heard = hear(Scratch::new().file("x.mp3", bytes));
    assert_eq!(heard.events, [PipelineEvent::Failed(heard.fault().clone())]);
    assert_eq!(heard.fault().class, Class::Refused);
    assert!(heard.packets.is_empty());
    heard.fault().reason
}

/// Bytes without any sense, the same every time.
fn noise(n: usize) -> Vec<u8> {
    let mut x = 0x1234_5678_9ABC_DEFFu64;
    let next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as u8
    };
    std::iter::repeat_with(next).take(n).collect()
}

#[test]
fn what_is_no_audio_is_refused_as_such() {
    assert_eq!(reason(b"<!DOCTYPE html><html><body>404 Not Found</body></html>"), Reason::NotAudio);
    assert_eq!(reason(b"{\"error\":\"quota exceeded\"}"), Reason::NotAudio);
    assert_eq!(
        reason(b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0"),
        Reason::NotAudio
    );
    assert_eq!(reason(b"%PDF-1.7 and so on"), Reason::NotAudio);
    assert_eq!(reason(&data_bytes("video-only.mkv")), Reason::NotAudio);
    assert_eq!(reason(&vec![0; 100_000]), Reason::NotAudio);
    assert_eq!(reason(&noise(100_000)), Reason::NotAudio);
}

#[test]
fn ffmpeg_does_not_make_audio_of_what_is_none() {
    println!("branch: {}", if ffmpeg().is_some() { "with ffmpeg" } else { "without ffmpeg" });
    for bytes in [noise(100_000), vec![0; 100_000], data_bytes("video-only.mkv")] {
        let heard = hear_with(with_ffmpeg(), Scratch::new().file("x.mp3", &bytes), &PLAIN);
        assert_eq!(heard.fault().reason, Reason::NotAudio, "{:?}", heard.fault());
    }
}

#[test]
fn nothing_is_empty() {
    assert_eq!(reason(b""), Reason::Empty);
    assert_eq!(reason(&wav16(44_100, 2, &[])), Reason::Empty);
}

#[test]
fn a_missing_file_is_not_found() {
    let heard = hear(Input::File("/nonexistent/track.mp3".into()));
    assert_eq!(heard.fault().reason, Reason::NotFound);
    let heard = hear(Input::File("/dev".into()));
    assert_eq!(heard.fault().reason, Reason::NotFound);
}

#[test]
fn a_playlist_is_not_followed() {
    let list = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n";
    let heard = hear_with(with_ffmpeg(), Scratch::new().file("x.m3u8", list), &PLAIN);
    assert_eq!(heard.fault().reason, Reason::Unsupported);
}

#[test]
fn a_cut_off_file_plays_what_is_there() {
    for name in [
        "cbr.mp3",
        "faststart.m4a",
        "chirp.ogg",
        "chirp.opus",
        "chirp.webm",
        "lossless.flac",
        "plain.aac",
    ] {
        let whole = hear(Input::File(data(name))).played();
        let bytes = data_bytes(name);
        let heard = hear(Scratch::new().file(name, &bytes[..bytes.len() * 2 / 3]));
        assert_eq!(heard.end, Some(End::Finished), "{name}");
        let share = heard.played() as f64 / whole as f64;
        assert!((0.4..0.8).contains(&share), "{name}: {share} of it");
    }
    let wav = wav16(44_100, 2, &chirp(44_100, 44_100));
    let heard = hear(Scratch::new().file("a.wav", &wav[..wav.len() / 2]));
    assert_eq!(heard.end, Some(End::Finished));
    assert!((23_000..25_000).contains(&heard.played()), "{}", heard.played());
}

#[test]
fn a_cut_off_header_is_corrupt() {
    for (name, n) in
        [("tail.m4a", 15_000), ("faststart.m4a", 300), ("chirp.ogg", 200), ("lossless.flac", 20)]
    {
        assert_eq!(reason(&data_bytes(name)[..n]), Reason::Corrupt, "{name}");
    }
}

#[test]
fn a_damaged_middle_is_skipped_and_counted() {
    for name in [
        "cbr.mp3",
        "lossless.flac",
        "faststart.m4a",
        "plain.aac",
        "chirp.opus",
        "chirp.ogg",
        "chirp.webm",
    ] {
        let whole = hear(Input::File(data(name))).played();
        let mut bytes = data_bytes(name);
        let middle = bytes.len() / 2;
        for (i, byte) in bytes[middle..middle + 600].iter_mut().enumerate() {
            *byte ^= (i * 37 + 11) as u8 | 1;
        }
        let heard = hear(Scratch::new().file(name, &bytes));
        assert_eq!(heard.end, Some(End::Finished), "{name}");
        let share = heard.played() as f64 / whole as f64;
        // A damaged Ogg page is lost as a whole, a fifth of a second in these files; a Matroska file to its end.
        let least = if name == "chirp.webm" { 0.4 } else { 0.7 };
        assert!((least..=1.01).contains(&share), "{name}: {share} of it");
    }
}

#[test]
fn damaged_packets_are_counted_and_leave_silence() {
    let (engine, scratch) = (Engine::start(settings()), Scratch::new());
    let mut bytes = data_bytes("faststart.m4a");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 1_500].fill(0xFF);
    let (mut pipeline, _) = load(&engine, scratch.file("a.m4a", &bytes), &PLAIN);
    let played: u64 =
        drain(&mut pipeline, |_| {}).iter().map(|packet| u64::from(packet.played)).sum();
    assert_eq!(played, (88_200 * 48_000 + 22_050) / 44_100);
    assert!(engine.stats().packets_corrupt > 0);
}

#[test]
fn too_much_damage_is_a_fault() {
    // Code 3 with no frames is what no Opus packet may be.
    let mut packets = opus_packets(&chirp(48_000, 19_200), 960);
    packets.extend(std::iter::repeat_n(vec![0xFF, 0x00], 60));
    let ogg = OggOpus {
        packets: &packets,
        channels: 2,
        pre_skip: 312,
        end_trim: 0,
        output_gain: 0,
        serial: 3,
    };
    let heard = hear(Scratch::new().file("a.opus", &ogg.file()));
    assert_eq!(heard.fault().reason, Reason::Corrupt);
    assert_eq!(heard.packets.len(), 20);
}

#[test]
fn absurd_headers_cost_nothing() {
    let scratch = Scratch::new();
    let mut wav = wav16(44_100, 2, &chirp(44_100, 4_410));
    // A data chunk of 4 GiB, 65535 channels, 4 GHz.
    wav[4..8].fill(0xFF);
    wav[40..44].fill(0xFF);
    assert_eq!(hear(scratch.file("a.wav", &wav)).played(), 4_800);
    for field in [22..24, 24..28] {
        let mut absurd = wav.clone();
        absurd[field].fill(0xFF);
        let heard = hear(scratch.file("b.wav", &absurd));
        assert!(matches!(heard.end, Some(End::Failed(_))), "{:?}", heard.end);
    }
    // Atoms, elements and tags that claim to be enormous.
    let mp4 = [
        b"\0\0\0\x10ftypM4A \0\0\0\0".as_slice(),
        b"\0\0\0\x01moov\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
    ]
    .concat();
    let mkv = [
        b"\x1A\x45\xDF\xA3\x01\x7F\xFF\xFF\xFF\xFF\xFF\xFF\x42\x82".as_slice(),
        &[0x01, 0x3F, 0xFF, 0xFF],
    ]
    .concat();
    let id3 = b"ID3\x04\0\0\x7F\x7F\x7F\x7FTIT2\x7F\x7F\x7F\x7F\0\0".to_vec();
    let flac = b"fLaC\x84\xFF\xFF\xFF".to_vec();
    for bytes in [mp4, mkv, id3, flac] {
        let heard = hear(scratch.file("c", &bytes));
        assert!(matches!(
            heard.fault().reason,
            Reason::Corrupt | Reason::NotAudio | Reason::Unsupported
        ));
    }
}

#[test]
fn broken_opus_packets_do_not_end_the_track() {
    let mut packets = opus_packets(&chirp(48_000, 96_000), 960);
    // An empty one, and one whose code says that more frames follow than there are bytes.
    packets[30] = vec![0xFF];
    let ogg = OggOpus {
        packets: &packets[..30],
        channels: 2,
        pre_skip: 312,
        end_trim: 0,
        output_gain: 0,
        serial: 3,
    };
    let mut file = ogg.file();
    let broken = file.len() - 40;
    file[broken..].fill(0xFF);
    let heard = hear(Scratch::new().file("a.opus", &file));
    assert_eq!(heard.end, Some(End::Finished));
    assert!(heard.packets.len() >= 20);
}

#[test]
fn an_ffmpeg_that_fails_is_a_fault_and_not_an_end() {
    let scratch = Scratch::new();
    let gone = Settings { ffmpeg: Some("/nonexistent/ffmpeg".into()), ..settings() };
    let heard = hear_with(gone, Input::File(data("transport.ts")), &PLAIN);
    assert_eq!(heard.fault().reason, Reason::Unsupported);
    // A program that says nothing and fails.
    let mute = Settings { ffmpeg: Some("/bin/false".into()), ..settings() };
    let heard = hear_with(mute, scratch.file("a.ts", &data_bytes("transport.ts")), &PLAIN);
    assert_eq!(heard.fault().reason, Reason::Unsupported);
}

#[test]
fn a_panic_fails_the_pipeline_and_nothing_else() {
    let engine = Engine::start(settings());
    let on_event = Box::new(|event| {
        if let PipelineEvent::Ready(_) = event {
            panic!("on purpose, by a test");
        }
    });
    let ask = Load { from: PLAIN.from, gain: 1.0, hint: Hint::default(), on_event };
    let mut broken = engine.load(Input::File(data("cbr.mp3")), ask);
    drain(&mut broken, |_| {});
    assert!(
        matches!(broken.ring.end(), Some(End::Failed(fault)) if fault.reason == Reason::Internal)
    );
    let (mut whole, _) = load(&engine, Input::File(data("cbr.mp3")), &PLAIN);
    assert!(drain(&mut whole, |_| {}).len() > 90);
    assert!(engine.shutdown(PATIENCE));
}
