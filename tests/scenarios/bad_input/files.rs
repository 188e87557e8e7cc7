//! Files that are damaged, odd, or not what their names say.

use std::time::Duration;

use simulator::ear::{self, Segment, Sound};
use simulator::music::{SAMPLE_RATE, Track};
use simulator::world::ADA;

use super::{
    asked, bytes_of, folder, hears, hears_well, refused, sound, started_with, still_works, stopped,
};

const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// The only file of the folder is asked for by name, and heard as it should be.
async fn file_is_heard(name: &str, bytes: &[u8], track: Track) {
    let folder = folder(&[(name, bytes)]);
    let running = started_with(folder.path()).await;
    let listener = running.listener().await;
    running.say(ADA, "/play odd");
    hears_well(&listener, track, LONG_ENOUGH).await;
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_lying_extension_is_heard() {
    file_is_heard("odd.flac", bytes_of(Track::Harbour), Track::Harbour).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_with_a_lying_extension_is_heard() {
    file_is_heard("odd.mp3", bytes_of(Track::Northbound), Track::Northbound).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_file_is_heard_to_where_it_ends() {
    // a third of 15 seconds, while its head still promises all of them
    let flac = bytes_of(Track::Meridian);
    let folder = folder(&[("odd.flac", &flac[..flac.len() / 3])]);
    let running = started_with(folder.path()).await;
    let listener = running.listener().await;
    running.say(ADA, "/play odd");
    running.sees("That was the last track").await;
    let (_, report) = hears(&listener, Track::Meridian, LONG_ENOUGH).await;
    assert!(report.correlation_median > 0.95, "{report:?}");
    assert!(report.jumps == 0 || running.has_stalled(), "{report:?}");
    assert!(report.heard < Duration::from_secs(8), "{report:?}");
    assert!(!running.texts().iter().any(|text| text.contains('⚠')), "{:#?}", running.texts());
    still_works(&running).await;
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_corrupt_middle_is_heard_before_and_after_it() {
    // six seconds, of which the third is damaged
    let mut mp3 = bytes_of(Track::Harbour)[..96_000].to_vec();
    for (at, byte) in mp3[32_000..34_000].iter_mut().enumerate() {
        *byte ^= (at * 37 + 11) as u8 | 1;
    }
    let folder = folder(&[("odd.mp3", &mp3)]);
    let running = started_with(folder.path()).await;
    let listener = running.listener().await;
    running.say(ADA, "/play odd");
    running.sees("That was the last track").await;
    let (_, report) = hears(&listener, Track::Harbour, LONG_ENOUGH).await;
    assert!(report.correlation_median > 0.95, "{report:?}");
    assert!(report.first < Duration::from_secs(1), "{report:?}");
    assert!(report.last > Duration::from_secs(4), "{report:?}");
    still_works(&running).await;
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mono_recording_of_8_khz_is_heard_on_both_sides() {
    let folder = folder(&[("odd.wav", &sound::mono_8_khz(Track::Orchard))]);
    let running = started_with(folder.path()).await;
    let listener = running.listener().await;
    running.say(ADA, "/play odd");
    let (pcm, _) = hears(&listener, Track::Orchard, LONG_ENOUGH).await;
    let segments = ear::identify(&pcm);
    let longest = segments
        .iter()
        .filter(|segment| segment.sound == Sound::Track(Track::Orchard))
        .max_by_key(|segment| segment.heard)
        .unwrap();
    let likeness = likeness(&pcm, longest, &sound::mono(Track::Orchard));
    assert!(likeness > 0.95, "{likeness}: {segments:?}");
    stopped(running).await;
}

/// How well a second of a stretch fits another version of its track, a codec's delay of up to 20 ms allowed.
fn likeness(pcm: &[f32], segment: &Segment, version: &[f32]) -> f32 {
    let pairs = |time: Duration| (time.as_secs_f64() * f64::from(SAMPLE_RATE)).round() as usize;
    let (rate, delay) = (SAMPLE_RATE as usize, 960);
    // away from the stretch's ends, which are not exact
    let heard = pairs(segment.at) + rate;
    let played = pairs(segment.from_in_track) + rate;
    let stretch = &pcm[2 * heard..2 * (heard + rate)];
    let at = |place: usize| ear::correlation(stretch, &version[2 * place..2 * (place + rate)]);
    (played - delay..=played + delay).map(at).fold(-1.0, f32::max)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_96_khz_is_heard_at_its_own_speed() {
    file_is_heard("odd.wav", &sound::at_96_khz(Track::Lantern), Track::Lantern).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn music_in_the_back_channels_of_5_1_is_heard() {
    file_is_heard("odd.wav", &sound::surround_5_1(Track::Meridian), Track::Meridian).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_zero_length_is_not_offered() {
    let folder = folder(&[("odd.mp3", b"")]);
    let running = started_with(folder.path()).await;
    refused(&running, "/play odd", "found nothing").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_sample_is_not_offered() {
    let folder = folder(&[("odd.wav", &sound::silent_wav())]);
    let running = started_with(folder.path()).await;
    refused(&running, "/play odd", "found nothing").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_vanished_after_it_was_found_is_refused() {
    let folder =
        folder(&[("odd.mp3", bytes_of(Track::Harbour)), ("other.m4a", bytes_of(Track::Lantern))]);
    let running = started_with(folder.path()).await;
    let listener = running.listener().await;
    running.say(ADA, "/play other");
    running.sees("Now playing").await;
    let request = running.say(ADA, "/play odd");
    let queued = super::answer(&running, request).await;
    assert!(queued.text.contains("Number 1 in the queue"), "{queued:?}");
    std::fs::remove_file(folder.path().join("odd.mp3")).unwrap();
    running.say(ADA, "/skip");
    let failed = running.sees("found nothing").await;
    assert!(failed.text.contains("Harbour"), "{failed:?}");
    drop(listener);
    still_works(&running).await;
    stopped(running).await;
}

/// What "a preview" means here is left to us: thirty seconds are thirty seconds, whoever cut them. A plain file is
/// played as what it is; only a service that promises more than it gives could be caught at it.
#[tokio::test(flavor = "multi_thread")]
async fn thirty_seconds_of_a_song_are_played_as_what_they_are() {
    let bytes = sound::half_a_minute(Track::Harbour, Track::Lantern);
    let folder = folder(&[("odd.wav", &bytes)]);
    let running = started_with(folder.path()).await;
    let listener = running.listener().await;
    let panel = asked(&running, "/play odd").await;
    assert!(panel.text.contains("Now playing") && panel.text.contains("0:30"), "{panel:?}");
    hears(&listener, Track::Harbour, LONG_ENOUGH).await;
    stopped(running).await;
}
