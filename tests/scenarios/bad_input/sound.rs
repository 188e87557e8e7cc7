//! Odd files, made by hand from our own tracks.

use simulator::music::{SAMPLE_RATE, Track};

/// Seconds of a track in a made file: more than any test hears.
const SECONDS: u64 = 10;

/// Where the speakers of 5.1 are, in the order of the channels: front left, front right, centre, low frequencies,
/// back left, back right (the mask of WAVEFORMATEXTENSIBLE).
const SPEAKERS_5_1: u32 = 0x3f;

fn pcm(track: Track) -> Vec<f32> {
    track.pcm(0..SECONDS * u64::from(SAMPLE_RATE))
}

/// What a stereo listener hears of a mono recording.
pub(super) fn mono(track: Track) -> Vec<f32> {
    pcm(track).chunks(2).flat_map(|pair| [(pair[0] + pair[1]) / 2.0; 2]).collect()
}

/// A telephone's recording. Nothing in the tracks lies above 2 kHz, so every sixth sample tells it all.
pub(super) fn mono_8_khz(track: Track) -> Vec<u8> {
    let samples: Vec<f32> = mono(track).chunks(2 * 6).map(|pairs| pairs[0]).collect();
    wav(8_000, 1, &samples)
}

/// A studio's recording.
pub(super) fn at_96_khz(track: Track) -> Vec<u8> {
    let pcm = pcm(track);
    let next = pcm.chunks(2).skip(1).chain(std::iter::once(&[0.0, 0.0][..]));
    let samples: Vec<f32> = pcm
        .chunks(2)
        .zip(next)
        .flat_map(|(now, next)| {
            [now[0], now[1], (now[0] + next[0]) / 2.0, (now[1] + next[1]) / 2.0]
        })
        .collect();
    wav(96_000, 2, &samples)
}

/// A film's sound whose music comes from behind: whoever takes the first two channels hears nothing.
pub(super) fn surround_5_1(track: Track) -> Vec<u8> {
    let samples: Vec<f32> =
        pcm(track).chunks(2).flat_map(|pair| [0.0, 0.0, 0.0, 0.0, pair[0], pair[1]]).collect();
    wav(SAMPLE_RATE, 6, &samples)
}

/// The beginning of a file without an end, and what follows again and again.
pub(super) fn endless_wav(track: Track) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = wav(SAMPLE_RATE, 2, &pcm(track));
    bytes[4..8].fill(0xff);
    let data = bytes.len() - pcm(track).len() * 2;
    bytes[data - 4..data].fill(0xff);
    let again = bytes[data..].to_vec();
    (bytes, again)
}

/// A wave file without a sample.
pub(super) fn silent_wav() -> Vec<u8> {
    wav(44_100, 2, &[])
}

/// 30 seconds: one track after the other.
pub(super) fn half_a_minute(first: Track, second: Track) -> Vec<u8> {
    let every_sixth = |track: Track| {
        let pcm = track.pcm(0..track.len_samples());
        pcm.chunks(2 * 6).map(|pairs| (pairs[0] + pairs[1]) / 2.0).collect::<Vec<f32>>()
    };
    let mut samples = [every_sixth(first), every_sixth(second)].concat();
    samples.truncate(30 * 8_000);
    wav(8_000, 1, &samples)
}

/// 16-bit PCM, little-endian, channels interleaved.
fn wav(rate: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let is_plain = channels <= 2;
    let mut format = Vec::new();
    let block = channels * 2;
    format.extend(if is_plain { 1u16 } else { 0xfffe }.to_le_bytes());
    format.extend(channels.to_le_bytes());
    format.extend(rate.to_le_bytes());
    format.extend((rate * u32::from(block)).to_le_bytes());
    format.extend(block.to_le_bytes());
    format.extend(16u16.to_le_bytes());
    if !is_plain {
        format.extend(22u16.to_le_bytes());
        format.extend(16u16.to_le_bytes());
        format.extend(SPEAKERS_5_1.to_le_bytes());
        // KSDATAFORMAT_SUBTYPE_PCM
        format.extend(b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    }
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes())
        .collect();
    let chunk = |name: &[u8; 4], body: &[u8]| {
        [name.as_slice(), &(body.len() as u32).to_le_bytes(), body].concat()
    };
    let body = [b"WAVE".as_slice(), &chunk(b"fmt ", &format), &chunk(b"data", &data)].concat();
    chunk(b"RIFF", &body)
}

/// An MP3 file with this title in its tag, and no other tag.
pub(super) fn titled(mp3: &[u8], title: &str) -> Vec<u8> {
    let text = [b"\x03".as_slice(), title.as_bytes()].concat();
    let frame = [b"TIT2".as_slice(), &seven_bits(text.len()), &[0, 0], &text].concat();
    let head = [b"ID3\x04\0\0".as_slice(), &seven_bits(frame.len())].concat();
    [&head, &frame, untagged(mp3)].concat()
}

/// Without the tag before the music (ID3v2: ten bytes, and as many as they say).
fn untagged(mp3: &[u8]) -> &[u8] {
    match mp3 {
        [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] => {
            let size = [a, b, c, d].iter().fold(0, |size, byte| size << 7 | usize::from(**byte));
            &mp3[10 + size..]
        }
        mp3 => mp3,
    }
}

/// A length as ID3 writes it: seven bits in each byte.
fn seven_bits(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (size >> shift & 0x7f) as u8)
}
