//! One stream on a clock, as a pure machine: orders and the time go in, frames and chores come out.

use std::sync::Arc;
use std::time::Duration;

use domain::Attempt;

use super::TICK;
use super::herald::Chore;
use super::published::{Published, to_time};
use crate::frame::{FRAME_SAMPLES, Frame, LEVEL_SILENCE, Sink, SinkClosed};
use crate::pipeline::Pipeline;
use crate::ring::{End, Packet};
use crate::stream::StreamEvent;

/// Opus for 20 ms of stereo silence.
const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];

/// Silence frames after the sound stops, so that no decoder fills the gap with an echo of the last note.
const TRAIL: u8 = 5;

/// Time that is later than this is given up: listeners would hear a burst.
const LATE_MAX: Duration = Duration::from_millis(100);

/// Hears the events of one stream.
pub(crate) type Teller = Arc<dyn Fn(StreamEvent) + Send + Sync>;

pub(crate) struct Slot {
    id: u64,
    phase: Duration,
    /// When the next frame is due, in the clock's time.
    next: Duration,
    sink: Option<Box<dyn Sink>>,
    playing: Option<Playing>,
    is_paused: bool,
    trail: u8,
    silence: Frame,
    tell: Teller,
    published: Arc<Published>,
    chores: Vec<Chore>,
}

struct Playing {
    attempt: Attempt,
    pipeline: Box<Pipeline>,
    /// Popped, but no sink took it.
    held: Option<Packet>,
    is_started: bool,
    /// From the start of the track, and since the attach: samples at 48 kHz.
    position: u64,
    played: u64,
}

// === impl Slot ===

impl Slot {
    pub(crate) fn new(id: u64, tell: Teller, published: Arc<Published>) -> Slot {
        let silence = Frame {
            payload: SILENCE.to_vec(),
            samples: FRAME_SAMPLES,
            level: LEVEL_SILENCE,
            voice: true,
        };
        Slot {
            id,
            phase: Duration::ZERO,
            next: Duration::ZERO,
            sink: None,
            playing: None,
            is_paused: false,
            trail: 0,
            silence,
            tell,
            published,
            chores: Vec::with_capacity(8),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn phase(&self) -> Duration {
        self.phase
    }

    pub(crate) fn set_phase(&mut self, phase: Duration) {
        self.phase = phase;
    }

    /// When this stream wants the next tick; `None` while nobody listens.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.sink.as_ref().map(|_| self.next)
    }

    /// What is to be told and dropped.
    pub(crate) fn chores(&mut self) -> &mut Vec<Chore> {
        &mut self.chores
    }

    // --- orders ---

    pub(crate) fn set_sink(&mut self, sink: Box<dyn Sink>, now: Duration) {
        if self.sink.is_none() {
            // Time without a sink was nobody's: the next point of this phase's grid.
            let since = now.saturating_sub(self.phase).as_nanos();
            let ticks = u32::try_from(since / TICK.as_nanos() + 1).unwrap_or(u32::MAX);
            self.next = self.phase + TICK * ticks;
        }
        self.clear_sink();
        self.sink = Some(sink);
    }

    pub(crate) fn clear_sink(&mut self) {
        self.chores.extend(self.sink.take().map(Chore::DropSink));
    }

    pub(crate) fn attach(&mut self, attempt: Attempt, pipeline: Box<Pipeline>) {
        self.detach();
        let position = pipeline.ring.start();
        self.playing =
            Some(Playing { attempt, pipeline, held: None, is_started: false, position, played: 0 });
        self.published.attach(attempt, position);
    }

    pub(crate) fn detach(&mut self) {
        if let Some(playing) = self.playing.take() {
            self.trail = if playing.is_started && !self.is_paused { TRAIL } else { self.trail };
            self.chores.push(Chore::DropPipeline(playing.pipeline));
            self.published.detach();
        }
    }

    pub(crate) fn pause(&mut self) {
        if !std::mem::replace(&mut self.is_paused, true) && self.is_sounding() {
            self.trail = TRAIL;
        }
    }

    pub(crate) fn resume(&mut self) {
        self.is_paused = false;
    }

    fn is_sounding(&self) -> bool {
        self.playing.as_ref().is_some_and(|playing| playing.is_started)
    }

    // --- time ---

    /// Does what is due at `now`. Being a little late is made up for by one extra frame per tick; time that is long
    /// past is given up and counted.
    pub(crate) fn tick(&mut self, now: Duration) {
        if now < self.next || self.sink.is_none() {
            return;
        }
        let late = now - self.next;
        if late > LATE_MAX {
            let lost = u32::try_from(late.as_nanos() / TICK.as_nanos()).unwrap_or(u32::MAX);
            self.next += TICK * lost;
            if let Some(sink) = &mut self.sink {
                sink.skip(lost.saturating_mul(FRAME_SAMPLES));
            }
            if self.is_sounding() && !self.is_paused {
                self.published.count_deficit(lost);
            }
        }
        self.step();
        self.next += TICK;
        if now >= self.next {
            self.step();
            self.next += TICK;
        }
    }

    /// One frame of time.
    fn step(&mut self) {
        let Some(playing) = self.playing.as_mut().filter(|_| !self.is_paused) else {
            return self.rest();
        };
        let packet = playing.held.take().or_else(|| playing.pipeline.ring.pop());
        match packet {
            Some(packet) => self.send(packet),
            None if playing.pipeline.ring.is_drained() => {
                self.end();
                self.rest();
            }
            // Nothing was ready yet: that is loading, not starving.
            None if !playing.is_started => self.rest(),
            None => {
                if self.send_silence() {
                    self.published.count_nulled();
                }
            }
        }
    }

    fn send(&mut self, packet: Packet) {
        let (Some(playing), Some(sink)) = (&mut self.playing, &mut self.sink) else { return };
        if let Err(SinkClosed) = sink.send(&packet.frame) {
            playing.held = Some(packet);
            return self.lose_sink();
        }
        // A frame that is shorter than its time leaves a pause behind.
        let pause = FRAME_SAMPLES.saturating_sub(packet.frame.samples);
        if pause > 0 {
            sink.skip(pause);
        }
        if !playing.is_started {
            playing.is_started = true;
            playing.position = playing.pipeline.ring.start();
            let event = StreamEvent::Started { attempt: playing.attempt };
            self.chores.push(Chore::Tell(Arc::clone(&self.tell), event));
        }
        playing.position += u64::from(packet.played);
        playing.played += u64::from(packet.played);
        self.published.count_sent();
        self.published.set_position(playing.position);
        playing.pipeline.ring.give_back(packet);
        if playing.pipeline.ring.is_drained() {
            self.end();
        }
    }

    /// The track is over: says so, once, and lets go of its pipeline.
    fn end(&mut self) {
        let Some(playing) = self.playing.take() else { return };
        let (attempt, played) = (playing.attempt, to_time(playing.played));
        let event = match playing.pipeline.ring.end() {
            Some(End::Failed(fault)) => StreamEvent::Failed { attempt, played, fault },
            Some(End::Finished) | None => StreamEvent::Drained { attempt, played },
        };
        self.trail = if playing.is_started { TRAIL } else { self.trail };
        self.chores.push(Chore::Tell(Arc::clone(&self.tell), event));
        self.chores.push(Chore::DropPipeline(playing.pipeline));
        self.published.detach();
    }

    /// Nothing to play: the last silence frames, then only time.
    fn rest(&mut self) {
        if self.trail > 0 {
            self.trail -= 1;
            self.send_silence();
        } else if let Some(sink) = &mut self.sink {
            sink.skip(FRAME_SAMPLES);
        }
    }

    fn send_silence(&mut self) -> bool {
        let Some(sink) = &mut self.sink else { return false };
        let is_sent = sink.send(&self.silence).is_ok();
        if !is_sent {
            self.lose_sink();
        }
        is_sent
    }

    fn lose_sink(&mut self) {
        if self.sink.is_some() {
            self.clear_sink();
            self.chores.push(Chore::Tell(Arc::clone(&self.tell), StreamEvent::SinkLost));
        }
    }

    /// After a panic in a tick: whatever the sink did, it shall not do it again.
    pub(crate) fn recover(&mut self) {
        self.lose_sink();
    }
}

#[cfg(test)]
mod tests;
