//! HTTP Live Streaming (RFC 8216), from the list to a listener's ear.

use std::process::Command;
use std::time::{Duration, Instant};

use simulator::music::{self, Track};
use simulator::world::ADA;

use super::super::bad_input::{hears, hears_well};
use super::super::origin::{Origin, Step, answer};
use super::super::parts;
use super::super::world::{PATIENCE, World};

const LIST: &str = "application/vnd.apple.mpegurl";

/// Frames of AAC in a segment of about two seconds.
const FRAMES: usize = 94;

fn bytes_of(track: Track) -> &'static [u8] {
    music::files().iter().find(|file| file.track == track).expect("it is there").bytes
}

/// Four bytes, the highest first, behind a name in an MP4 file.
fn number(file: &[u8], at: usize) -> usize {
    file[at..at + 4].iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// The AAC frames of the demo's M4A, each behind a header of its own (ADTS, ISO/IEC 13818-7), in segments as packed
/// sound is sent: behind a tag with its time (RFC 8216, section 3.4).
fn segments() -> Vec<Vec<u8>> {
    let file = bytes_of(Track::Lantern);
    let find = |name: &[u8; 4]| {
        let at = file.windows(4).position(|it| it == name);
        at.expect("the demo's file has it") + 4
    };
    let (sizes, chunks) = (find(b"stsz"), find(b"stco"));
    let n_frames = number(file, sizes + 8);
    // one track alone: its frames follow each other
    let mut at = number(file, chunks + 8);
    let mut frames = Vec::with_capacity(n_frames);
    for frame in 0..n_frames {
        let size = number(file, sizes + 12 + frame * 4);
        let length = size + 7;
        // AAC-LC, 48 kHz, two channels
        let mut packed = vec![0xff, 0xf1, 0x4c, 0x80 | (length >> 11) as u8];
        packed.extend([(length >> 3) as u8, ((length & 7) << 5) as u8 | 0x1f, 0xfc]);
        packed.extend_from_slice(&file[at..at + size]);
        frames.push(packed);
        at += size;
    }
    let segment = |(number, frames): (usize, &[Vec<u8>])| {
        let owner = b"com.apple.streaming.transportStreamTimestamp\0";
        let size = (owner.len() + 8) as u8;
        let time = (number * FRAMES * 1024 * 90_000 / 48_000) as u64;
        let mut tag = b"ID3\x04\0\0\0\0\0".to_vec();
        tag.push(size + 10);
        tag.extend_from_slice(b"PRIV\0\0\0");
        tag.extend([size, 0, 0]);
        tag.extend_from_slice(owner);
        tag.extend(time.to_be_bytes());
        [tag, frames.concat()].concat()
    };
    frames.chunks(FRAMES).enumerate().map(segment).collect()
}

/// A list of these segments.
fn list(numbers: std::ops::Range<usize>, is_over: bool) -> Vec<Step> {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n".to_owned();
    text += &format!("#EXT-X-MEDIA-SEQUENCE:{}\n", numbers.start);
    numbers.for_each(|n| text += &format!("#EXTINF:2.005,\n{n}.aac\n"));
    text += if is_over { "#EXT-X-ENDLIST\n" } else { "" };
    answer("200 OK", LIST, text.as_bytes())
}

fn segment(path: &str, segments: &[Vec<u8>]) -> Vec<Step> {
    let name = path.rsplit('/').next().and_then(|name| name.strip_suffix(".aac"));
    match name.and_then(|name| segments.get(name.parse::<usize>().ok()?)) {
        Some(segment) => answer("200 OK", "audio/aac", segment),
        None => answer("404 Not Found", "text/plain", b""),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_in_segments_is_heard_whole() {
    let segments = segments();
    let n = segments.len();
    let origin = Origin::start(move |asked, _| match asked.path() {
        "/master.m3u8" => {
            let text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=135000,CODECS=\"mp4a.40.2\"\nhigh/list.m3u8\n";
            answer("200 OK", LIST, text.as_bytes())
        }
        "/high/list.m3u8" => list(0..n, true),
        path => segment(path, &segments),
    })
    .await;
    let running =
        World::new().allow_host(&origin.host()).settings("chat.linger_s = 1").start().await;
    let listener = running.listener().await;
    running.say(ADA, &format!("/play {}", origin.url("/master.m3u8")));
    running.sees("That was the last track").await;
    let report = hears_well(&listener, Track::Lantern, Duration::from_secs(14)).await;
    let end = Track::Lantern.duration() - Duration::from_secs(1);
    assert!(report.last > end, "{report:?}");
    running.until_idle().await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_programme_that_is_still_made_is_heard_from_near_its_end_and_is_live() {
    let segments = segments();
    let (n, began) = (segments.len(), Instant::now());
    // a window of four segments that moves as time does
    let origin = Origin::start(move |asked, _| match asked.path() {
        "/live.m3u8" => {
            let end = (4 + began.elapsed().as_secs() as usize / 2).min(n);
            list(end - 4..end, false)
        }
        path => segment(path, &segments),
    })
    .await;
    let running =
        World::new().allow_host(&origin.host()).settings("chat.linger_s = 1").start().await;
    let listener = running.listener().await;
    running.say(ADA, &format!("/play {}", origin.url("/live.m3u8")));
    let panel = running.sees("Now playing").await;
    assert!(panel.text.contains("· live"), "{panel:?}");
    let (_, report) = hears(&listener, Track::Lantern, Duration::from_secs(6)).await;
    assert!(report.correlation_median > 0.95, "{report:?}");
    assert!(report.first > Duration::from_secs(1), "not from its first segment: {report:?}");
    running.say(ADA, "/stop");
    running.until_idle().await;
    running.end().await;
}

/// What ffmpeg makes of the demo's MP3; `None`, said aloud, where there is none.
fn made_by_ffmpeg(kind: &str) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().expect("the disk has room");
    std::fs::write(folder.path().join("song.mp3"), bytes_of(Track::Harbour)).expect("it has room");
    let mut command = Command::new("ffmpeg");
    command.current_dir(folder.path()).args(["-nostdin", "-loglevel", "error", "-i", "song.mp3"]);
    command.args(["-map", "0:a", "-c:a", "aac", "-b:a", "160k", "-f", "hls", "-hls_time", "2"]);
    command.args(["-hls_list_size", "0", "-hls_segment_type", kind, "list.m3u8"]);
    match command.status() {
        Ok(status) if status.success() => Some(folder),
        _ => {
            parts::skipped(&format!("no ffmpeg here that makes segments of the kind {kind}"));
            None
        }
    }
}

/// Made by ffmpeg, and heard whole.
async fn is_heard(kind: &str) {
    let Some(folder) = made_by_ffmpeg(kind) else { return };
    let path = folder.path().to_owned();
    let origin = Origin::start(move |asked, _| {
        let name = asked.path().trim_start_matches('/');
        match std::fs::read(path.join(name)) {
            Ok(bytes) if name.ends_with(".m3u8") => answer("200 OK", LIST, &bytes),
            Ok(bytes) => answer("200 OK", "application/octet-stream", &bytes),
            Err(_) => answer("404 Not Found", "text/plain", b""),
        }
    })
    .await;
    let running =
        World::new().allow_host(&origin.host()).settings("chat.linger_s = 1").start().await;
    let listener = running.listener().await;
    running.say(ADA, &format!("/play {}", origin.url("/list.m3u8")));
    running.sees("That was the last track").await;
    assert!(listener.wait_for_packets(800, PATIENCE).await, "{kind}: all of it");
    let report = hears_well(&listener, Track::Harbour, Duration::from_secs(16)).await;
    let end = Track::Harbour.duration() - Duration::from_secs(1);
    assert!(report.last > end, "{kind}: {report:?}");
    running.until_idle().await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_of_fragmented_mp4_are_heard() {
    is_heard("fmp4").await;
}

/// What MPEG-TS holds only ffmpeg decodes.
#[tokio::test(flavor = "multi_thread")]
async fn segments_of_a_transport_stream_are_heard_where_ffmpeg_is() {
    is_heard("mpegts").await;
}
