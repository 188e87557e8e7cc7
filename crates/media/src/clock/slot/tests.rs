use std::sync::Mutex;

use domain::{Fault, Reason};

use super::*;
use crate::pipeline::Gain;
use crate::ring::{RingWriter, ring};

/// What a sink was given, in order: the first byte of a frame, or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Got {
    Frame(u8),
    Silence,
    Skip(u32),
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Got>>>);

struct Recorder {
    log: Log,
    frames_left: usize,
}

impl Sink for Recorder {
    fn send(&mut self, frame: &Frame) -> Result<(), SinkClosed> {
        if self.frames_left == 0 {
            return Err(SinkClosed);
        }
        self.frames_left -= 1;
        let got =
            if frame.payload == SILENCE { Got::Silence } else { Got::Frame(frame.payload[0]) };
        self.log.0.lock().unwrap().push(got);
        Ok(())
    }

    fn skip(&mut self, samples: u32) {
        self.log.0.lock().unwrap().push(Got::Skip(samples));
    }
}

impl Log {
    fn take(&self) -> Vec<Got> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct Bench {
    slot: Slot,
    log: Log,
    events: Arc<Mutex<Vec<StreamEvent>>>,
    published: Arc<Published>,
    now: Duration,
}

const PASSED: Got = Got::Skip(960);

impl Bench {
    fn new() -> Bench {
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let tell: Teller = Arc::new(move |event| heard.lock().unwrap().push(event));
        let published = Arc::new(Published::default());
        let mut bench = Bench {
            slot: Slot::new(1, tell, Arc::clone(&published)),
            log: Log::default(),
            events,
            published,
            now: Duration::ZERO,
        };
        bench.sink(usize::MAX);
        bench
    }

    fn sink(&mut self, frames_left: usize) {
        self.slot.set_sink(Box::new(Recorder { log: self.log.clone(), frames_left }), self.now);
    }

    /// One tick of time, on time.
    fn tick(&mut self) {
        self.now += TICK;
        self.slot.tick(self.now);
        self.perform();
    }

    fn ticks(&mut self, n: usize) -> Vec<Got> {
        (0..n).for_each(|_| self.tick());
        self.log.take()
    }

    fn perform(&mut self) {
        for chore in self.slot.chores().drain(..) {
            if let Chore::Tell(tell, event) = chore {
                tell(event);
            }
        }
    }

    fn attach(&mut self, attempt: u64, packets: &[(u8, u32)]) -> RingWriter {
        let (mut writer, reader) = ring(50);
        put(&mut writer, packets);
        self.slot.attach(Attempt(attempt), Box::new(Pipeline::new(reader, Gain::new(1.0))));
        self.perform();
        writer
    }

    fn events(&self) -> Vec<StreamEvent> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    fn at(&self) -> Option<Duration> {
        self.published.position().map(|position| position.at)
    }
}

/// Packets with this first byte, of which so many samples are played.
fn put(writer: &mut RingWriter, packets: &[(u8, u32)]) {
    for (byte, played) in packets {
        let frame =
            Frame { payload: vec![*byte, 0], samples: FRAME_SAMPLES, level: 30, voice: true };
        writer.push(Packet { frame, played: *played }).unwrap();
    }
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn frames_go_out_one_per_tick_and_the_end_is_told_once() {
    let mut bench = Bench::new();
    let writer = bench.attach(1, &[(1, 960), (2, 960), (3, 480)]);
    writer.shared().finish();
    assert_eq!(bench.ticks(1), [Got::Frame(1)]);
    assert_eq!(bench.events(), [StreamEvent::Started { attempt: Attempt(1) }]);
    assert_eq!(bench.at(), Some(ms(20)));
    assert_eq!(bench.ticks(2), [Got::Frame(2), Got::Frame(3)]);
    // Told with the last frame, not a tick later, and never again.
    assert_eq!(bench.events(), [StreamEvent::Drained { attempt: Attempt(1), played: ms(50) }]);
    assert_eq!(bench.at(), None);
    let mut after = vec![Got::Silence; 5];
    after.extend([PASSED; 3]);
    assert_eq!(bench.ticks(8), after);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.published.stats(), FrameStats { sent: 3, nulled: 0, deficit: 0 });
}

#[test]
fn an_empty_ring_sends_silence_and_counts_it() {
    let mut bench = Bench::new();
    let mut writer = bench.attach(1, &[(1, 960)]);
    assert_eq!(bench.ticks(3), [Got::Frame(1), Got::Silence, Got::Silence]);
    put(&mut writer, &[(2, 960)]);
    assert_eq!(bench.ticks(1), [Got::Frame(2)]);
    assert_eq!(bench.published.stats(), FrameStats { sent: 2, nulled: 2, deficit: 0 });
    assert_eq!(bench.at(), Some(ms(40)));
    assert_eq!(bench.events(), [StreamEvent::Started { attempt: Attempt(1) }]);
}

#[test]
fn loading_is_not_starving() {
    let mut bench = Bench::new();
    let mut writer = bench.attach(1, &[]);
    assert_eq!(bench.ticks(2), [PASSED, PASSED]);
    assert_eq!(bench.published.stats(), FrameStats::default());
    put(&mut writer, &[(1, 960)]);
    assert_eq!(bench.ticks(1), [Got::Frame(1)]);
}

#[test]
fn a_late_packet_is_not_lost_to_the_end() {
    let mut bench = Bench::new();
    let mut writer = bench.attach(1, &[(1, 960)]);
    assert_eq!(bench.ticks(2), [Got::Frame(1), Got::Silence]);
    put(&mut writer, &[(2, 100)]);
    writer.shared().finish();
    assert_eq!(bench.ticks(1), [Got::Frame(2)]);
    let played = Duration::from_nanos(1060 * 1_000_000_000 / 48_000);
    assert_eq!(bench.events()[1..], [StreamEvent::Drained { attempt: Attempt(1), played }]);
}

#[test]
fn pause_lets_time_go_on_and_holds_the_position() {
    let mut bench = Bench::new();
    let _writer = bench.attach(1, &[(1, 960), (2, 960), (3, 960)]);
    assert_eq!(bench.ticks(1), [Got::Frame(1)]);
    bench.slot.pause();
    bench.slot.pause();
    let mut expected = vec![Got::Silence; 5];
    expected.extend([PASSED; 4]);
    assert_eq!(bench.ticks(9), expected);
    assert_eq!(bench.at(), Some(ms(20)));
    bench.slot.resume();
    assert_eq!(bench.ticks(2), [Got::Frame(2), Got::Frame(3)]);
    assert_eq!(bench.published.stats(), FrameStats { sent: 3, nulled: 0, deficit: 0 });
}

#[test]
fn attach_replaces_what_played_and_nothing_more_is_told_of_it() {
    let mut bench = Bench::new();
    let first = bench.attach(1, &[(1, 960), (2, 960)]);
    first.shared().finish();
    assert_eq!(bench.ticks(1), [Got::Frame(1)]);
    let second = bench.attach(2, &[(9, 960)]);
    second.shared().finish();
    assert!(first.shared().is_stopped());
    assert_eq!(bench.ticks(1), [Got::Frame(9)]);
    assert_eq!(
        bench.events(),
        [
            StreamEvent::Started { attempt: Attempt(1) },
            StreamEvent::Started { attempt: Attempt(2) },
            StreamEvent::Drained { attempt: Attempt(2), played: ms(20) },
        ]
    );
}

#[test]
fn detach_is_followed_by_silence_and_no_event() {
    let mut bench = Bench::new();
    let _writer = bench.attach(1, &[(1, 960), (2, 960)]);
    assert_eq!(bench.ticks(1), [Got::Frame(1)]);
    bench.slot.detach();
    assert_eq!(
        bench.ticks(6),
        [Got::Silence, Got::Silence, Got::Silence, Got::Silence, Got::Silence, PASSED]
    );
    assert_eq!(bench.events(), [StreamEvent::Started { attempt: Attempt(1) }]);
    assert_eq!(bench.at(), None);
}

#[test]
fn without_a_sink_the_position_holds_and_nothing_is_counted() {
    let mut bench = Bench::new();
    let _writer = bench.attach(1, &[(1, 960), (2, 960)]);
    assert_eq!(bench.ticks(1), [Got::Frame(1)]);
    bench.slot.clear_sink();
    assert_eq!(bench.slot.due(), None);
    assert_eq!(bench.ticks(500), []);
    assert_eq!(bench.at(), Some(ms(20)));
    bench.sink(usize::MAX);
    assert_eq!(bench.ticks(1), [Got::Frame(2)]);
    assert_eq!(bench.published.stats(), FrameStats { sent: 2, nulled: 0, deficit: 0 });
}

#[test]
fn the_frame_that_a_closed_sink_refused_is_sent_to_the_next() {
    let mut bench = Bench::new();
    let _writer = bench.attach(1, &[(1, 960), (2, 960)]);
    bench.sink(1);
    assert_eq!(bench.ticks(2), [Got::Frame(1)]);
    assert_eq!(
        bench.events(),
        [StreamEvent::Started { attempt: Attempt(1) }, StreamEvent::SinkLost]
    );
    assert_eq!(bench.at(), Some(ms(20)));
    bench.sink(usize::MAX);
    assert_eq!(bench.ticks(1), [Got::Frame(2)]);
}

#[test]
fn a_little_lateness_is_made_up_for_without_a_burst() {
    let mut bench = Bench::new();
    let packets: Vec<_> = (1..=10).map(|i| (i, 960)).collect();
    let _writer = bench.attach(1, &packets);
    assert_eq!(bench.ticks(1), [Got::Frame(1)]);
    // Three ticks late: two frames per tick until the grid is reached again.
    bench.now += TICK * 3;
    assert_eq!(bench.ticks(1), [Got::Frame(2), Got::Frame(3)]);
    assert_eq!(bench.ticks(1), [Got::Frame(4), Got::Frame(5)]);
    assert_eq!(bench.ticks(1), [Got::Frame(6), Got::Frame(7)]);
    assert_eq!(bench.ticks(1), [Got::Frame(8)]);
    assert_eq!(bench.published.stats(), FrameStats { sent: 8, nulled: 0, deficit: 0 });
}

#[test]
fn time_that_is_long_past_is_given_up_and_counted() {
    let mut bench = Bench::new();
    let _writer = bench.attach(1, &[(1, 960), (2, 960), (3, 960)]);
    assert_eq!(bench.ticks(1), [Got::Frame(1)]);
    bench.now += TICK * 50;
    assert_eq!(bench.ticks(1), [Got::Skip(50 * 960), Got::Frame(2)]);
    assert_eq!(bench.ticks(1), [Got::Frame(3)]);
    assert_eq!(bench.published.stats(), FrameStats { sent: 3, nulled: 0, deficit: 50 });
    assert_eq!(bench.at(), Some(ms(60)));
}

#[test]
fn a_failure_comes_after_what_was_produced_and_instead_of_the_end() {
    let mut bench = Bench::new();
    let writer = bench.attach(4, &[(1, 960), (2, 960)]);
    let fault = Fault::refused(Reason::Corrupt, "x");
    writer.shared().fail(fault.clone());
    assert_eq!(bench.ticks(2), [Got::Frame(1), Got::Frame(2)]);
    assert_eq!(
        bench.events()[1..],
        [StreamEvent::Failed { attempt: Attempt(4), played: ms(40), fault }]
    );
}

#[test]
fn a_track_that_never_began_fails_too() {
    let mut bench = Bench::new();
    let writer = bench.attach(4, &[]);
    assert_eq!(bench.ticks(1), [PASSED]);
    let fault = Fault::refused(Reason::NotAudio, "x");
    writer.shared().fail(fault.clone());
    assert_eq!(bench.ticks(1), [PASSED]);
    assert_eq!(bench.events(), [StreamEvent::Failed { attempt: Attempt(4), played: ms(0), fault }]);
}

#[test]
fn a_track_that_begins_later_counts_from_there() {
    let mut bench = Bench::new();
    let (mut writer, reader) = ring(50);
    writer.shared().set_start(48_000 * 90);
    put(&mut writer, &[(1, 960)]);
    bench.slot.attach(Attempt(1), Box::new(Pipeline::new(reader, Gain::new(1.0))));
    assert_eq!(bench.at(), Some(ms(90_000)));
    assert_eq!(bench.ticks(1), [Got::Frame(1)]);
    assert_eq!(bench.at(), Some(ms(90_020)));
}

#[test]
fn a_short_frame_leaves_no_hole_in_time() {
    let mut bench = Bench::new();
    let mut writer = bench.attach(1, &[]);
    let frame = Frame { payload: vec![1], samples: 480, level: 30, voice: true };
    writer.push(Packet { frame, played: 480 }).unwrap();
    assert_eq!(bench.ticks(1), [Got::Frame(1), Got::Skip(480)]);
}
