//! The ring between a producer and a clock: about a second of packets, filled ahead, emptied one per tick.
//!
//! Packets travel to the clock through one SPSC queue and back, used, through another, so that neither side allocates
//! once the ring has been round. The producer sleeps while the ring is more than half full.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};

use domain::Fault;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::frame::Frame;

/// One frame and how much of the track it holds.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) frame: Frame,
    /// Samples of the track, at 48 kHz, that have sounded once this packet has: less than the frame's at the ends.
    pub(crate) played: u32,
}

/// The pipeline was dropped or the engine is stopping; nobody wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

const RUNNING: u8 = 0;
const FINISHED: u8 = 1;
const FAILED: u8 = 2;

/// What both ends, and whoever stops them, know in common.
#[derive(Default)]
pub(crate) struct Shared {
    is_stopped: AtomicBool,
    /// The producer sleeps and wants to be woken at half.
    is_waiting: AtomicBool,
    end: AtomicU8,
    fault: OnceLock<Fault>,
    /// Where the first packet lies in the track, in samples at 48 kHz.
    start: AtomicU64,
    producer: OnceLock<Thread>,
    /// What else must be interrupted for the producer to notice: a blocking feed, a child process.
    on_stop: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

/// The producer's end.
pub(crate) struct RingWriter {
    packets: Producer<Packet>,
    used: Consumer<Packet>,
    capacity: usize,
    was_full: bool,
    shared: Arc<Shared>,
}

/// The clock's end. Dropping it stops the producer.
pub(crate) struct RingReader {
    packets: Consumer<Packet>,
    used: Producer<Packet>,
    capacity: usize,
    shared: Arc<Shared>,
}

/// How a pipeline ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    Finished,
    Failed(Fault),
}

pub(crate) fn ring(capacity: usize) -> (RingWriter, RingReader) {
    let capacity = capacity.max(4);
    let (packets_in, packets_out) = RingBuffer::new(capacity);
    // One more than can be in flight, so that giving back never fails.
    let (used_in, used_out) = RingBuffer::new(capacity + 2);
    let shared = Arc::new(Shared::default());
    let writer = RingWriter {
        packets: packets_in,
        used: used_out,
        capacity,
        was_full: false,
        shared: Arc::clone(&shared),
    };
    (writer, RingReader { packets: packets_out, used: used_in, capacity, shared })
}

// === impl Shared ===

impl Shared {
    /// Tells the producer to end, and interrupts whatever it waits for. Does not wait for it.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        for interrupt in self.on_stop.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            interrupt();
        }
        if let Some(producer) = self.producer.get() {
            producer.unpark();
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    /// Runs `interrupt` when the pipeline is stopped; at once when it already is.
    pub(crate) fn on_stop(&self, interrupt: Box<dyn Fn() + Send>) {
        let mut hooks = self.on_stop.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_stopped() {
            interrupt();
        }
        hooks.push(interrupt);
    }

    /// The producer's thread, to be woken.
    pub(crate) fn runs_on(&self, thread: Thread) {
        if self.producer.set(thread).is_err() {
            tracing::error!("a ring has two producers");
        }
    }

    pub(crate) fn set_start(&self, samples: u64) {
        self.start.store(samples, Ordering::Release);
    }

    pub(crate) fn finish(&self) {
        self.end.store(FINISHED, Ordering::Release);
    }

    pub(crate) fn fail(&self, fault: Fault) {
        if self.fault.set(fault).is_ok() {
            self.end.store(FAILED, Ordering::Release);
        }
    }
}

// === impl RingWriter ===

impl RingWriter {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// An empty packet whose buffer was used before when possible.
    pub(crate) fn blank(&mut self) -> Packet {
        self.used.pop().unwrap_or_else(|_| Packet {
            frame: Frame { payload: Vec::new(), samples: 0, level: 0, voice: false },
            played: 0,
        })
    }

    /// Puts a packet in; sleeps first when the ring is full, until it is half empty.
    pub(crate) fn push(&mut self, packet: Packet) -> Result<(), Stopped> {
        if self.packets.is_full() {
            self.was_full = true;
            self.sleep_until_half()?;
        }
        if self.shared.is_stopped() {
            return Err(Stopped);
        }
        self.packets.push(packet).map_err(|_| Stopped)
    }

    /// Whether the clock eats faster than this producer cooks: less than a quarter is left, and it was full before.
    pub(crate) fn is_low(&self) -> bool {
        self.was_full && self.packets.slots() > self.capacity - self.capacity / 4
    }

    fn sleep_until_half(&self) -> Result<(), Stopped> {
        loop {
            if self.shared.is_stopped() {
                return Err(Stopped);
            }
            self.shared.is_waiting.store(true, Ordering::SeqCst);
            if self.packets.slots() >= self.capacity / 2 {
                self.shared.is_waiting.store(false, Ordering::SeqCst);
                return Ok(());
            }
            if !self.shared.is_stopped() {
                thread::park();
            }
        }
    }
}

// === impl RingReader ===

impl RingReader {
    pub(crate) fn pop(&mut self) -> Option<Packet> {
        let packet = self.packets.pop().ok();
        if self.packets.slots() <= self.capacity / 2
            && self.shared.is_waiting.swap(false, Ordering::SeqCst)
        {
            if let Some(producer) = self.shared.producer.get() {
                producer.unpark();
            }
        }
        packet
    }

    /// Gives a used packet back, so that its buffer is used again.
    pub(crate) fn give_back(&mut self, packet: Packet) {
        if self.used.push(packet).is_err() {
            tracing::error!("the return ring is full");
        }
    }

    /// Whether the producer ended and nothing is left. Asks in the order that cannot miss a last packet.
    pub(crate) fn is_drained(&self) -> bool {
        self.shared.end.load(Ordering::Acquire) != RUNNING && self.packets.is_empty()
    }

    /// How the producer ended; `None` while it runs.
    pub(crate) fn end(&self) -> Option<End> {
        match self.shared.end.load(Ordering::Acquire) {
            RUNNING => None,
            FINISHED => Some(End::Finished),
            _ => self.shared.fault.get().cloned().map(End::Failed),
        }
    }

    pub(crate) fn start(&self) -> u64 {
        self.shared.start.load(Ordering::Acquire)
    }
}

impl Drop for RingReader {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
