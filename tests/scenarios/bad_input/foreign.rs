//! Sound that only ffmpeg reads: heard where there is one, refused in words where there is none.

use std::process::{Command, Stdio};
use std::time::Duration;

use simulator::music::Track;
use simulator::world::ADA;

use super::super::origin::{Origin, ranged};
use super::super::world::{Running, World};
use super::{bytes_of, hears_well, refused, stopped};

const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// Five seconds of Lantern. ffmpeg encodes no HE-AAC; this was made by the FDK library (crate fdk-aac 0.8: HE-AAC,
/// ADTS, 40 kbit/s), put into MP4 by ffmpeg (`-c copy -movflags +faststart`), and its decoder configuration completed
/// by the three bytes that say so (56 E5 A0, ISO 14496-3 1.6.5), as iTunes and phones write them.
const HE_AAC: &[u8] = include_bytes!("he-aac.m4a");

/// Where this is false only the refusals are checked.
#[expect(clippy::print_stdout, reason = "the test's own report says which branch ran")]
fn has_ffmpeg() -> bool {
    let version = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).status();
    let is_there = version.is_ok_and(|status| status.success());
    println!("branch: {}", if is_there { "with ffmpeg" } else { "without ffmpeg" });
    is_there
}

/// Lantern as television sends it.
fn transport_stream() -> Vec<u8> {
    let folder = super::folder(&[("lantern.m4a", bytes_of(Track::Lantern))]);
    let out = folder.path().join("lantern.ts");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(folder.path().join("lantern.m4a"))
        .args(["-c", "copy", "-f", "mpegts"])
        .arg(&out)
        .status();
    assert!(made.expect("it was there a moment ago").success());
    std::fs::read(out).expect("it was just written")
}

/// Serves these bytes to a bot with these settings.
async fn served(bytes: Vec<u8>, settings: &str) -> (Origin, Running) {
    let origin = Origin::start(move |asked, _| ranged(asked, &bytes, None)).await;
    let running = World::new().allow_host(&origin.host()).settings(settings).start().await;
    (origin, running)
}

async fn is_heard(bytes: Vec<u8>, path: &str) {
    let (origin, running) = served(bytes, "").await;
    let listener = running.listener().await;
    running.say(ADA, &format!("/play {}", origin.url(path)));
    hears_well(&listener, Track::Lantern, LONG_ENOUGH).await;
    stopped(running).await;
}

async fn is_refused_without_ffmpeg(bytes: Vec<u8>, path: &str) {
    let (origin, running) = served(bytes, "audio.ffmpeg = \"off\"").await;
    refused(&running, &format!("/play {}", origin.url(path)), "cannot read this kind of audio")
        .await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transport_stream_by_link_is_heard_through_ffmpeg() {
    if has_ffmpeg() {
        is_heard(transport_stream(), "/channel.ts").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn he_aac_by_link_is_heard_through_ffmpeg() {
    if has_ffmpeg() {
        is_heard(HE_AAC.to_vec(), "/radio.m4a").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transport_stream_is_refused_in_words_without_ffmpeg() {
    let packets = include_bytes!("../../../crates/media/tests-data/transport.ts");
    is_refused_without_ffmpeg(packets.to_vec(), "/channel.ts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn he_aac_is_refused_in_words_without_ffmpeg() {
    is_refused_without_ffmpeg(HE_AAC.to_vec(), "/radio.m4a").await;
}
