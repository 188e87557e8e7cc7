//! Tracks that are downloaded while they play.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use domain::{Fault, Reason};

use super::support::{
    Ask, PATIENCE, PLAIN, data, data_bytes, ffmpeg, hear, hear_with, load, settings, with_ffmpeg,
};
use crate::feed::{Command, FeedSettings, Reader, Writer, feed};
use crate::ring::End;
use crate::{Engine, Input, Settings};

/// Runs a future on this thread.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// A downloader that serves `bytes` in pieces; the number of times it was asked for another offset.
fn serve(bytes: Vec<u8>, mut writer: Writer, piece: usize) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        block_on(async {
            let (mut at, mut n_seeks) = (0, 0);
            loop {
                let command = if at < bytes.len() {
                    let end = (at + piece).min(bytes.len());
                    match writer.push(&bytes[at..end]).await {
                        Ok(()) => {
                            at = end;
                            continue;
                        }
                        Err(command) => command,
                    }
                } else {
                    writer.finish();
                    writer.command().await
                };
                match command {
                    Command::Seek(offset) => {
                        n_seeks += 1;
                        at = usize::try_from(offset).unwrap();
                    }
                    Command::Close => return n_seeks,
                }
            }
        })
    })
}

fn channel(len: Option<u64>, is_seekable: bool) -> (Writer, Reader) {
    feed(FeedSettings { capacity_bytes: 8_192, len, is_seekable, stall: PATIENCE })
}

#[test]
fn a_feed_sounds_like_the_file() {
    for name in [
        "cbr.mp3",
        "faststart.m4a",
        "chirp.ogg",
        "chirp.opus",
        "chirp.webm",
        "lossless.flac",
        "plain.aac",
    ] {
        let bytes = data_bytes(name);
        let file = hear(Input::File(data(name)));
        for (len, is_seekable) in [(None, false), (Some(bytes.len() as u64), true)] {
            let (writer, reader) = channel(len, is_seekable);
            let server = serve(bytes.clone(), writer, 1_000);
            let heard = hear(Input::Feed(reader));
            assert_eq!(heard.end, Some(End::Finished), "{name}");
            let payloads = |heard: &super::support::Heard| {
                heard.packets.iter().map(|packet| packet.frame.payload.clone()).collect::<Vec<_>>()
            };
            assert_eq!(payloads(&heard), payloads(&file), "{name}, seekable: {is_seekable}");
            server.join().unwrap();
        }
    }
}

#[test]
fn an_index_at_the_end_is_fetched_when_the_origin_can_seek() {
    let bytes = data_bytes("tail.m4a");
    let (writer, reader) = channel(Some(bytes.len() as u64), true);
    let server = serve(bytes.clone(), writer, 1_000);
    let heard = hear(Input::Feed(reader));
    assert_eq!(heard.end, Some(End::Finished));
    assert_eq!(heard.played(), hear(Input::File(data("tail.m4a"))).played());
    assert!((1..=4).contains(&server.join().unwrap()));
}

#[test]
fn an_index_at_the_end_is_refused_when_it_cannot() {
    for settings in [settings(), with_ffmpeg()] {
        let (writer, reader) = channel(None, false);
        let server = serve(data_bytes("tail.m4a"), writer, 1_000);
        let heard = hear_with(settings, Input::Feed(reader), &PLAIN);
        assert_eq!(heard.fault().reason, Reason::Unsupported);
        assert!(heard.fault().detail.contains("cannot seek"));
        server.join().unwrap();
    }
}

#[test]
fn no_request_is_spent_on_looking_for_tags_at_the_far_end() {
    // Longer than what is read through, so that every look elsewhere would be a request.
    let mut bytes = Vec::new();
    while bytes.len() < 1_000_000 {
        bytes.extend(data_bytes("plain.aac"));
    }
    let mut mp3 = data_bytes("vbr.mp3");
    while mp3.len() < 1_000_000 {
        mp3.extend(&data_bytes("vbr.mp3")[2_000..]);
    }
    for bytes in [bytes, mp3] {
        let (writer, reader) = channel(Some(bytes.len() as u64), true);
        let server = serve(bytes, writer, 4_096);
        let engine = Engine::start(settings());
        let (mut pipeline, _) = load(&engine, Input::Feed(reader), &PLAIN);
        let deadline = Instant::now() + PATIENCE;
        while pipeline.ring.pop().is_none() {
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(1));
        }
        drop(pipeline);
        assert_eq!(server.join().unwrap(), 0);
        assert!(engine.shutdown(PATIENCE));
    }
}

#[test]
fn a_feed_can_begin_later() {
    for name in ["cbr.mp3", "chirp.opus", "tail.m4a"] {
        let bytes = data_bytes(name);
        let ask = Ask { from: Duration::from_millis(1_000), gain: 1.0 };
        let file = hear_with(settings(), Input::File(data(name)), &ask);
        let (writer, reader) = channel(Some(bytes.len() as u64), true);
        let server = serve(bytes, writer, 1_000);
        let heard = hear_with(settings(), Input::Feed(reader), &ask);
        assert_eq!((heard.start, heard.played()), (file.start, file.played()), "{name}");
        server.join().unwrap();
    }
    // What cannot seek reads through what is not wanted.
    let ask = Ask { from: Duration::from_millis(1_000), gain: 1.0 };
    let (writer, reader) = channel(None, false);
    let server = serve(data_bytes("faststart.m4a"), writer, 1_000);
    let heard = hear_with(settings(), Input::Feed(reader), &ask);
    assert_eq!(heard.start, 48_000);
    assert_eq!(heard.start + heard.played(), (88_200 * 48_000 + 22_050) / 44_100);
    server.join().unwrap();
}

#[test]
fn a_download_that_fails_is_its_own_fault() {
    let (mut writer, reader) = channel(None, false);
    let bytes = data_bytes("cbr.mp3");
    let server = thread::spawn(move || {
        block_on(writer.push(&bytes[..bytes.len() / 2])).unwrap();
        writer.fail(Fault::transient(Reason::Unreachable, "connection reset"));
        block_on(writer.command())
    });
    let heard = hear(Input::Feed(reader));
    assert_eq!(heard.fault(), &Fault::transient(Reason::Unreachable, "connection reset"));
    // What had come was played.
    assert!(heard.played() > 40_000, "{}", heard.played());
    assert_eq!(server.join().unwrap(), Command::Close);
}

#[test]
fn a_download_that_vanishes_is_a_fault_too() {
    for n in [0, 200, 12_000] {
        let (mut writer, reader) = feed(FeedSettings {
            capacity_bytes: 1 << 20,
            len: None,
            is_seekable: false,
            stall: PATIENCE,
        });
        assert_eq!(writer.try_push(&data_bytes("cbr.mp3")[..n]), Ok(n));
        drop(writer);
        assert_eq!(hear(Input::Feed(reader)).fault().reason, Reason::Unreachable);
    }
}

#[test]
fn a_download_that_stalls_times_out() {
    let stall = Duration::from_millis(50);
    let (mut writer, reader) =
        feed(FeedSettings { capacity_bytes: 1 << 20, len: None, is_seekable: false, stall });
    assert_eq!(writer.try_push(&data_bytes("cbr.mp3")[..12_000]), Ok(12_000));
    let heard = hear(Input::Feed(reader));
    assert_eq!(heard.fault().reason, Reason::Timeout);
    assert!(heard.played() > 10_000);
    drop(writer);
}

#[test]
fn dropping_a_pipeline_frees_a_producer_that_waits_for_bytes() {
    let (mut writer, reader) = channel(None, false);
    assert_eq!(writer.try_push(&data_bytes("cbr.mp3")[..4_000]), Ok(4_000));
    let engine = Engine::start(settings());
    let (pipeline, events) = load(&engine, Input::Feed(reader), &PLAIN);
    drop(pipeline);
    assert_eq!(block_on(writer.command()), Command::Close);
    assert!(engine.shutdown(PATIENCE));
    assert_eq!(engine.stats().producers, 0);
    assert!(
        events.lock().unwrap().iter().all(|event| matches!(event, crate::PipelineEvent::Ready(_)))
    );
}

#[test]
fn ffmpeg_reads_from_a_feed_what_symphonia_gave_up() {
    let has_ffmpeg = ffmpeg().is_some();
    println!("branch: {}", if has_ffmpeg { "with ffmpeg" } else { "without ffmpeg" });
    for name in ["transport.ts", "halfrate.m4a", "chirp.wma"] {
        let (writer, reader) = channel(None, false);
        // ASF is sought by ffmpeg and halfrate.m4a has its index at the end: both need a file.
        if name != "transport.ts" {
            continue;
        }
        let server = serve(data_bytes(name), writer, 700);
        let heard = hear_with(with_ffmpeg(), Input::Feed(reader), &PLAIN);
        if has_ffmpeg {
            assert_eq!(heard.end, Some(End::Finished), "{name}");
            assert!(heard.ready().is_ffmpeg);
            assert!(heard.played() > 30_000);
        } else {
            assert_eq!(heard.fault().reason, Reason::Unsupported);
        }
        server.join().unwrap();
    }
}

#[test]
fn stopping_kills_ffmpeg() {
    // A program that neither reads nor writes nor ends.
    let sleeper = super::support::Scratch::new();
    let Input::File(path) = sleeper.file("sleeper.sh", b"#!/bin/sh\nexec sleep 600\n") else {
        return;
    };
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&path, permissions).unwrap();
    let engine = Engine::start(Settings { ffmpeg: Some(path), ..settings() });
    let (pipeline, _) = load(&engine, Input::File(data("transport.ts")), &PLAIN);
    assert_eq!(engine.stats().producers, 1);
    drop(pipeline);
    assert!(engine.shutdown(PATIENCE));
}

#[test]
fn a_silent_ffmpeg_times_out() {
    let sleeper = super::support::Scratch::new();
    let Input::File(path) = sleeper.file("sleeper.sh", b"#!/bin/sh\nexec sleep 600\n") else {
        return;
    };
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&path, permissions).unwrap();
    let settings = Settings { ffmpeg: Some(path), stall: Duration::from_millis(50), ..settings() };
    let heard = hear_with(settings, Input::File(data("transport.ts")), &PLAIN);
    assert_eq!(heard.fault().reason, Reason::Timeout);
}
