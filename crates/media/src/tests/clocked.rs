//! The whole path on real threads and real time, for moments only.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::Attempt;

use super::support::containers::wav16;
use super::support::{PATIENCE, PLAIN, Scratch, chirp, decode, load, settings};
use crate::{Engine, Frame, Sink, SinkClosed, Stream, StreamEvent};

/// A sink that forwards what it gets.
struct Listener(Sender<Heard>);

#[derive(Debug, PartialEq)]
enum Heard {
    Frame(Frame),
    Skip(u32),
}

impl Sink for Listener {
    fn send(&mut self, frame: &Frame) -> Result<(), SinkClosed> {
        self.0.send(Heard::Frame(frame.clone())).map_err(|_| SinkClosed)
    }

    fn skip(&mut self, samples: u32) {
        // Time passes whether anybody listens or not.
        drop(self.0.send(Heard::Skip(samples)));
    }
}

fn stream(engine: &Engine) -> (Stream, Receiver<StreamEvent>) {
    let (tell, events) = channel();
    (engine.stream(Box::new(move |event| drop(tell.send(event)))), events)
}

fn listen(stream: &Stream) -> Receiver<Heard> {
    let (tell, heard) = channel();
    stream.set_sink(Box::new(Listener(tell)));
    heard
}

#[test]
fn a_track_is_heard_whole_and_its_end_is_told_once() {
    let engine = Engine::start(settings());
    let (stream, events) = stream(&engine);
    let heard = listen(&stream);
    let sound = chirp(48_000, 24_000);
    let scratch = Scratch::new();
    let (pipeline, _) = load(&engine, scratch.file("a.wav", &wav16(48_000, 2, &sound)), &PLAIN);
    stream.attach(Attempt(7), pipeline);
    assert_eq!(
        events.recv_timeout(PATIENCE).unwrap(),
        StreamEvent::Started { attempt: Attempt(7) }
    );
    let drained = StreamEvent::Drained { attempt: Attempt(7), played: Duration::from_millis(500) };
    assert_eq!(events.recv_timeout(PATIENCE).unwrap(), drained);
    assert_eq!(stream.position(), None);
    assert!(engine.shutdown(PATIENCE));
    assert!(events.try_recv().is_err());
    let frames: Vec<Frame> = heard
        .try_iter()
        .filter_map(|heard| if let Heard::Frame(frame) = heard { Some(frame) } else { None })
        .collect();
    let music: Vec<&Frame> =
        frames.iter().filter(|frame| frame.payload != [0xF8, 0xFF, 0xFE]).collect();
    let pcm = decode(music.iter().map(|frame| frame.payload.as_slice()));
    assert!(super::support::correlation(&pcm[624..], &sound) > 0.99);
    assert_eq!(stream.stats().sent, 26);
}

#[test]
fn streams_are_dropped_with_their_handles() {
    let engine = Engine::start(settings());
    let (first, _events) = stream(&engine);
    let heard = listen(&first);
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), Heard::Skip(960));
    assert_eq!((engine.stats().clocks, engine.stats().streams), (1, 1));
    drop(first);
    // Its sink goes with it, so the channel ends.
    while heard.recv_timeout(PATIENCE).is_ok() {}
    assert_eq!(engine.stats().streams, 0);
    assert!(engine.shutdown(PATIENCE));
}

#[test]
fn a_full_clock_gets_a_second_one() {
    let engine = Engine::start(crate::Settings { streams_per_clock: 2, ..settings() });
    let streams: Vec<_> = (0..5).map(|_| stream(&engine)).collect();
    assert_eq!((engine.stats().clocks, engine.stats().streams), (3, 5));
    drop(streams);
    assert!(engine.shutdown(PATIENCE));
}

#[test]
fn a_sink_that_panics_hurts_nobody_else() {
    struct Bomb;
    impl Sink for Bomb {
        fn send(&mut self, _: &Frame) -> Result<(), SinkClosed> {
            panic!("on purpose, by a test");
        }
        fn skip(&mut self, _: u32) {
            panic!("on purpose, by a test");
        }
    }
    let engine = Engine::start(settings());
    let (bad, bad_events) = stream(&engine);
    let (good, _good_events) = stream(&engine);
    let heard = listen(&good);
    bad.set_sink(Box::new(Bomb));
    assert_eq!(bad_events.recv_timeout(PATIENCE).unwrap(), StreamEvent::SinkLost);
    heard.try_iter().for_each(drop);
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), Heard::Skip(960));
    assert!(engine.shutdown(PATIENCE));
}

#[test]
fn a_skipped_track_is_heard_no_more() {
    let engine = Engine::start(settings());
    let (stream, events) = stream(&engine);
    let _heard = listen(&stream);
    let scratch = Scratch::new();
    let long = scratch.file("long.wav", &wav16(48_000, 2, &chirp(48_000, 480_000)));
    let short = scratch.file("short.wav", &wav16(48_000, 2, &chirp(48_000, 9_600)));
    let (first, _) = load(&engine, long, &PLAIN);
    stream.attach(Attempt(1), first);
    assert_eq!(
        events.recv_timeout(PATIENCE).unwrap(),
        StreamEvent::Started { attempt: Attempt(1) }
    );
    let (second, _) = load(&engine, short, &PLAIN);
    stream.attach(Attempt(2), second);
    assert_eq!(
        events.recv_timeout(PATIENCE).unwrap(),
        StreamEvent::Started { attempt: Attempt(2) }
    );
    let drained = StreamEvent::Drained { attempt: Attempt(2), played: Duration::from_millis(200) };
    assert_eq!(events.recv_timeout(PATIENCE).unwrap(), drained);
    assert!(engine.shutdown(PATIENCE));
    assert!(events.try_recv().is_err());
}

#[test]
fn nothing_is_loaded_after_the_shutdown() {
    let engine = Engine::start(settings());
    assert!(engine.shutdown(PATIENCE));
    let (pipeline, events) = load(&engine, Scratch::new().file("a", b"x"), &PLAIN);
    assert!(pipeline.ring.is_drained());
    assert!(
        matches!(&events.lock().unwrap()[..], [crate::PipelineEvent::Failed(fault)] if fault.reason == domain::Reason::Stopping)
    );
}

/// A sink that keeps the clock for as long as somebody holds its lock, which no sink should.
struct Tar(Arc<Mutex<()>>, Sender<()>);

impl Sink for Tar {
    fn send(&mut self, _: &Frame) -> Result<(), SinkClosed> {
        let is_waited_for = self.1.send(()).is_ok();
        drop(self.0.lock());
        if is_waited_for { Ok(()) } else { Err(SinkClosed) }
    }

    fn skip(&mut self, _: u32) {}
}

/// Asks until the clock has beaten more often than `than`; for so many questions.
fn beats_beyond(engine: &Engine, than: u64, questions: u32) -> bool {
    (0..questions).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        engine.beats().iter().any(|beats| *beats > than)
    })
}

#[test]
fn a_clock_gives_signs_of_life_until_it_hangs() {
    let engine = Engine::start(settings());
    assert_eq!(engine.beats(), [], "there is no clock before there is a stream");
    let (stream, _events) = stream(&engine);
    assert!(beats_beyond(&engine, 0, 4_000), "it sleeps, and answers");
    let lock = Arc::new(Mutex::new(()));
    let held = lock.lock().unwrap();
    let (tell, stuck) = channel();
    stream.set_sink(Box::new(Tar(lock.clone(), tell)));
    let sound = chirp(48_000, 24_000);
    let scratch = Scratch::new();
    let (pipeline, _) = load(&engine, scratch.file("a.wav", &wav16(48_000, 2, &sound)), &PLAIN);
    stream.attach(Attempt(1), pipeline);
    stuck.recv_timeout(PATIENCE).unwrap();
    let before = engine.beats()[0];
    assert!(!beats_beyond(&engine, before, 20), "it hangs");
    drop(held);
    assert!(beats_beyond(&engine, before, 4_000), "it goes on");
    assert!(engine.shutdown(PATIENCE));
}
