//! Owner of every thread of the media path: producers, clocks and their heralds.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use domain::{Fault, Reason};

use crate::census::Census;
use crate::clock::{self, ClockHandle, Lateness, Order, Published, Slot, TICK};
use crate::encoder::Effort;
use crate::fault::Halt;
use crate::gauge::Gauge;
use crate::outlet::Outlet;
use crate::pipeline::{Gain, Load, Pipeline};
use crate::producer::{Job, produce};
use crate::ring::{Shared, ring};
use crate::settings::Settings;
use crate::source::Input;
use crate::stream::{Stream, StreamEvent};

/// One per process. Dropping it tells all threads to end; [`shutdown`](Engine::shutdown) also waits for them.
pub struct Engine {
    settings: Settings,
    epoch: Instant,
    gauge: Arc<Gauge>,
    /// Producers, clocks and heralds together; and producers alone.
    census: Arc<Census>,
    producers: Arc<Census>,
    running: Mutex<Vec<Weak<Shared>>>,
    clocks: Mutex<Vec<ClockHandle>>,
    lateness: Arc<Lateness>,
    n_loaded: AtomicUsize,
    n_streams: AtomicU64,
    is_stopping: AtomicBool,
}

/// Numbers for operators.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EngineStats {
    /// Producer threads alive.
    pub producers: usize,
    /// Of these, the ones whose pipeline was dropped: they should vanish within moments.
    pub producers_leaving: usize,
    pub clocks: usize,
    pub streams: usize,
    /// Whether encoders run at the lower complexity.
    pub is_loaded: bool,
    /// Share of real time that one encoder takes, in thousandths (recent).
    pub encode_load_permille: u32,
    /// By how much the latest frame since start missed its moment.
    pub lateness_max: Duration,
    /// Packets that could not be decoded, of all pipelines.
    pub packets_corrupt: u64,
}

// === impl Engine ===

impl Engine {
    /// Starts nothing yet: clocks come with the first stream, producers with every track.
    pub fn start(settings: Settings) -> Engine {
        let census = Arc::new(Census::default());
        Engine {
            settings,
            epoch: Instant::now(),
            gauge: Arc::default(),
            census,
            producers: Arc::default(),
            running: Mutex::default(),
            clocks: Mutex::default(),
            lateness: Arc::new(Lateness::new()),
            n_loaded: AtomicUsize::new(0),
            n_streams: AtomicU64::new(0),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Starts to produce frames of `input` on a thread of its own; returns at once. What comes of it is told to
    /// `load.on_event`.
    pub fn load(&self, input: Input, load: Load) -> Pipeline {
        let Load { from, gain, hint, on_event } = load;
        let gain = Gain::new(gain);
        let capacity =
            usize::try_from(self.settings.ring.as_nanos() / TICK.as_nanos()).unwrap_or(50);
        let (writer, reader) = ring(capacity);
        let shared = Arc::clone(writer.shared());
        let pipeline = Pipeline::new(reader, gain.clone());
        let effort = Effort::new(&self.settings, Arc::clone(&self.gauge), self.epoch);
        let mut outlet = Outlet::new(writer, effort, on_event);
        if self.is_stopping.load(Ordering::SeqCst) {
            outlet.fail(Fault::transient(Reason::Stopping, "the engine is stopping"));
            return pipeline;
        }
        self.remember(&shared);
        let (ffmpeg, stall) = (self.settings.ffmpeg.clone(), self.settings.stall);
        let job = Job { input, from, gain, ffmpeg, stall };
        let presence = (self.producers.enter(), self.census.enter());
        let n = self.n_loaded.fetch_add(1, Ordering::Relaxed);
        let spawned = thread::Builder::new().name(format!("media-producer-{n}")).spawn(move || {
            outlet.shared().runs_on(thread::current());
            run(job, &mut outlet, &hint);
            drop(outlet);
            drop(presence);
        });
        if let Err(error) = spawned {
            // Its closure, and the outlet with it, is gone; the ring's other end still has to learn of the failure.
            shared.fail(Fault::transient(
                Reason::Internal,
                format!("no thread for a producer: {}", error.kind()),
            ));
            tracing::error!(%error, "a producer thread cannot be started");
        }
        pipeline
    }

    /// A new stream without sink and pipeline.
    pub fn stream(&self, on_event: Box<dyn Fn(StreamEvent) + Send + Sync>) -> Stream {
        let id = self.n_streams.fetch_add(1, Ordering::Relaxed);
        let published = Arc::new(Published::default());
        let slot = Slot::new(id, Arc::from(on_event), Arc::clone(&published));
        let clock = self.clock();
        clock.order(Order::Add(Box::new(slot)));
        Stream::new(id, clock, published)
    }

    pub fn stats(&self) -> EngineStats {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let leaving =
            running.iter().filter_map(Weak::upgrade).filter(|shared| shared.is_stopped()).count();
        drop(running);
        let clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        let producers = self.producers.alive();
        EngineStats {
            producers,
            producers_leaving: leaving.min(producers),
            clocks: clocks.len(),
            streams: clocks.iter().map(|clock| clock.streams.load(Ordering::Relaxed)).sum(),
            is_loaded: self.gauge.is_loaded(self.epoch.elapsed()),
            encode_load_permille: self.gauge.encode_load_permille(),
            lateness_max: self.lateness.max(),
            packets_corrupt: self.gauge.packets_corrupt(),
        }
    }

    /// Asks every clock for a sign of life and says how many each has given so far. A clock that works answers within
    /// a tick: a number that has not grown at the next question belongs to a clock that hangs.
    pub fn beats(&self) -> Vec<u64> {
        let clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        clocks.iter().map(ClockHandle::beats).collect()
    }

    /// By how much frames missed the moment at which they were due, as a histogram since start: the lower end of a step
    /// of 0.1 ms, and the frames in it. The last step, at 49.9 ms, holds all that were later.
    pub fn lateness(&self) -> Vec<(Duration, u64)> {
        self.lateness.steps()
    }

    /// Ends all threads and waits for them until `deadline` has passed. Returns whether all ended. Pipelines that are
    /// loaded afterwards fail with `Stopping`.
    pub fn shutdown(&self, deadline: Duration) -> bool {
        self.stop();
        self.census.wait_empty(deadline)
    }

    fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        for shared in self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter_map(Weak::upgrade)
        {
            shared.stop();
        }
        for clock in self.clocks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            clock.order(Order::Stop);
        }
    }

    fn remember(&self, shared: &Arc<Shared>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|shared| shared.strong_count() > 0);
        running.push(Arc::downgrade(shared));
    }

    /// A clock with room for one more stream, which is counted on it.
    fn clock(&self) -> ClockHandle {
        let mut clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        let max = self.settings.streams_per_clock.max(1);
        let free = clocks.iter().find(|clock| clock.streams.load(Ordering::Relaxed) < max);
        let clock = match free {
            Some(clock) => clock.clone(),
            None => {
                match clock::start(clocks.len(), max, &self.census, Arc::clone(&self.lateness)) {
                    Ok(clock) => {
                        clocks.push(clock.clone());
                        clock
                    }
                    Err(error) => {
                        tracing::error!(%error, "a clock thread cannot be started");
                        clocks.first().cloned().unwrap_or_else(ClockHandle::dead)
                    }
                }
            }
        };
        clock.streams.fetch_add(1, Ordering::Relaxed);
        clock
    }
}

/// The body of a producer thread. Whatever happens in it, the ring gets its end.
fn run(job: Job, outlet: &mut Outlet, hint: &crate::source::Hint) {
    let produced = catch_unwind(AssertUnwindSafe(|| produce(job, outlet)));
    match produced {
        Ok(Ok(())) => outlet.finish(),
        Ok(Err(Halt::Stopped)) => {}
        Ok(Err(Halt::Failed(_))) if outlet.is_stopped() => {}
        Ok(Err(Halt::Failed(fault))) => {
            let (extension, mime) = (hint.extension.as_deref(), hint.mime.as_deref());
            tracing::info!(%fault, reason = ?fault.reason, extension, mime, "a track cannot be played");
            outlet.fail(fault);
        }
        Err(_) => {
            tracing::error!("a producer panicked");
            outlet.fail(Fault::refused(Reason::Internal, "the producer panicked"));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}
