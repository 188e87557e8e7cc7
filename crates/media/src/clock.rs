//! The clock: one thread that sends one frame of many streams every 20 ms, and nothing else.
//!
//! Deadlines are absolute, so that no lateness adds up. Many streams are spread over four phases of 5 ms. Nothing in a tick
//! waits, and a tick allocates nothing: what has to be told or dropped is handed to the herald, a thread beside it.

mod herald;
mod lateness;
mod priority;
mod published;
mod slot;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use domain::Attempt;

use crate::census::Census;
use crate::frame::Sink;
use crate::pipeline::Pipeline;
use herald::Herald;
pub(crate) use lateness::Lateness;
pub(crate) use published::Published;
pub(crate) use slot::Slot;

/// One frame.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// Streams are spread over this many phases of a tick.
const PHASES: u32 = 4;

/// So many streams share a phase before the next one is begun: to wake up costs more than to send a few packets.
const PHASE_STREAMS: usize = 16;

/// Orders that may wait for the clock: thousands per tick would have to be given to fill it.
const ORDERS_MAX: usize = 4096;

/// What a clock is told. Each acts at the stream's next tick.
pub(crate) enum Order {
    Add(Box<Slot>),
    Remove(u64),
    SetSink(u64, Box<dyn Sink>),
    ClearSink(u64),
    Attach(u64, Attempt, Box<Pipeline>),
    Detach(u64),
    Pause(u64),
    Resume(u64),
    /// A sign of life.
    Beat,
    Stop,
}

/// Address of a clock thread.
#[derive(Clone)]
pub(crate) struct ClockHandle {
    orders: SyncSender<Order>,
    /// Streams on this clock.
    pub(crate) streams: Arc<AtomicUsize>,
    beats: Arc<AtomicU64>,
}

struct Clock {
    orders: Receiver<Order>,
    slots: Vec<Slot>,
    herald: Herald,
    epoch: Instant,
    lateness: Arc<Lateness>,
    beats: Arc<AtomicU64>,
    is_stopping: bool,
}

/// Starts a clock and its herald.
pub(crate) fn start(
    number: usize,
    streams_max: usize,
    census: &Arc<Census>,
    lateness: Arc<Lateness>,
) -> std::io::Result<ClockHandle> {
    let (orders_in, orders) = sync_channel(ORDERS_MAX);
    let herald = herald::start(number, census)?;
    let slots = Vec::with_capacity(streams_max + 1);
    let beats = Arc::<AtomicU64>::default();
    let clock = Clock {
        orders,
        slots,
        herald,
        epoch: Instant::now(),
        lateness,
        beats: beats.clone(),
        is_stopping: false,
    };
    let present = census.enter();
    thread::Builder::new().name(format!("media-clock-{number}")).spawn(move || {
        priority::raise();
        clock.run();
        drop(present);
    })?;
    Ok(ClockHandle { orders: orders_in, streams: Arc::new(AtomicUsize::new(0)), beats })
}

// === impl ClockHandle ===

impl ClockHandle {
    /// The address of nobody.
    pub(crate) fn dead() -> ClockHandle {
        let (orders, _) = sync_channel(1);
        ClockHandle { orders, streams: Arc::default(), beats: Arc::default() }
    }

    /// Asks for a beat, without waiting; how many there were so far.
    pub(crate) fn beats(&self) -> u64 {
        // one whose orders pile up does not get this one, and so gives no beat
        let _is_asked = self.orders.try_send(Order::Beat).is_ok();
        self.beats.load(Ordering::Relaxed)
    }

    pub(crate) fn order(&self, order: Order) {
        // A clock that has stopped needs no orders; what they carried is dropped here.
        if self.orders.send(order).is_err() {
            tracing::debug!("an order came after the clock had stopped");
        }
    }
}

// === impl Clock ===

impl Clock {
    fn run(mut self) {
        loop {
            while let Ok(order) = self.orders.try_recv() {
                self.obey(order);
            }
            if self.is_stopping {
                self.stop();
                return;
            }
            match self.tick() {
                Some(next) => thread::sleep(next.saturating_sub(self.epoch.elapsed())),
                // Nobody listens: nothing to do until somebody says something.
                None => match self.orders.recv() {
                    Ok(order) => self.obey(order),
                    Err(_) => self.is_stopping = true,
                },
            }
        }
    }

    /// Serves every stream that is due; the time of the next one.
    fn tick(&mut self) -> Option<Duration> {
        let now = self.epoch.elapsed();
        let mut next = None;
        for slot in &mut self.slots {
            if let Some(due) = slot.due().filter(|due| *due <= now) {
                // Those before it in this tick took their time, too.
                self.lateness.note(self.epoch.elapsed() - due);
                if catch_unwind(AssertUnwindSafe(|| slot.tick(now))).is_err() {
                    tracing::error!(
                        stream = slot.id(),
                        "a stream panicked on the clock, its sink is let go"
                    );
                    slot.recover();
                }
            }
            self.herald.take(slot.chores());
            next = [next, slot.due()].into_iter().flatten().min();
        }
        self.herald.wake();
        next
    }

    fn obey(&mut self, order: Order) {
        let now = self.epoch.elapsed();
        match order {
            Order::Add(mut slot) => {
                slot.set_phase(self.phase());
                self.slots.push(*slot);
            }
            Order::Remove(id) => {
                if let Some(at) = self.slots.iter().position(|slot| slot.id() == id) {
                    let slot = self.slots.swap_remove(at);
                    self.herald.drop_slot(slot);
                    self.herald.wake();
                }
            }
            Order::SetSink(id, sink) => self.with(id, |slot| slot.set_sink(sink, now)),
            Order::ClearSink(id) => self.with(id, Slot::clear_sink),
            Order::Attach(id, attempt, pipeline) => {
                self.with(id, |slot| slot.attach(attempt, pipeline))
            }
            Order::Detach(id) => self.with(id, Slot::detach),
            Order::Pause(id) => self.with(id, Slot::pause),
            Order::Resume(id) => self.with(id, Slot::resume),
            Order::Beat => {
                self.beats.fetch_add(1, Ordering::Relaxed);
            }
            Order::Stop => self.is_stopping = true,
        }
    }

    fn with(&mut self, id: u64, act: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.id() == id) {
            act(slot);
            self.herald.take(slot.chores());
            self.herald.wake();
        }
    }

    /// For one more stream: the first phase with room, or the emptiest.
    fn phase(&self) -> Duration {
        let phase = |n: u32| TICK / PHASES * n;
        let n_in = |n: &u32| self.slots.iter().filter(|slot| slot.phase() == phase(*n)).count();
        let roomy = (0..PHASES).find(|n| n_in(n) < PHASE_STREAMS);
        roomy.or_else(|| (0..PHASES).min_by_key(n_in)).map(phase).unwrap_or_default()
    }

    fn stop(&mut self) {
        for slot in self.slots.drain(..) {
            self.herald.drop_slot(slot);
        }
        self.herald.wake();
    }
}
