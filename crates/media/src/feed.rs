//! A bounded feed of compressed bytes between an asynchronous downloader and a producer thread that reads blocking.
//!
//! The writer waits for room, the reader waits for bytes, and neither ever holds the lock while it waits. Seeking is
//! the reader's wish: it says so only when it really reads elsewhere, and the writer hears of it at its next push.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use domain::{Fault, Reason};

/// The shape of one feed.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// How many bytes may wait to be read: 2 MiB is more than 50 s of a 320 kbit/s file.
    pub capacity_bytes: usize,
    /// Total length, when the origin told it.
    pub len: Option<u64>,
    /// Whether the writer can continue from another offset (HTTP ranges, Telegram files). Counts only together with
    /// `len`.
    pub is_seekable: bool,
    /// How long one read may wait for bytes before it fails with `Timeout`.
    pub stall: Duration,
}

/// What the reading side wants of the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Continue from this byte offset; what was pushed and not read is forgotten.
    Seek(u64),
    /// Nobody reads any more; stop downloading.
    Close,
}

/// The downloader's end. Dropping it before [`finish`](Writer::finish) fails the feed.
#[derive(Debug)]
pub struct Writer {
    pipe: Arc<Pipe>,
}

/// The producer's end: `Read` and `Seek`, blocking. Dropping it closes the feed.
#[derive(Debug)]
pub struct Reader {
    pipe: Arc<Pipe>,
    settings: FeedSettings,
    /// Where the next read begins.
    pos: u64,
}

/// Ends the reader's waiting from another thread.
#[derive(Debug, Clone)]
pub(crate) struct Canceller(Arc<Pipe>);

/// A short way ahead is read through instead of asked for anew: a new request costs more than these bytes.
const READ_THROUGH: u64 = 128 * 1024;

#[derive(Debug)]
struct Pipe {
    state: Mutex<State>,
    readable: Condvar,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    /// Offset of the first byte in `bytes`.
    head: u64,
    seek: Option<u64>,
    is_finished: bool,
    fault: Option<Fault>,
    is_writer_gone: bool,
    is_closed: bool,
    waker: Option<Waker>,
}

/// Makes both ends of a feed.
pub fn feed(settings: FeedSettings) -> (Writer, Reader) {
    let pipe = Arc::new(Pipe {
        state: Mutex::new(State::default()),
        readable: Condvar::new(),
        capacity: settings.capacity_bytes.max(1),
    });
    (Writer { pipe: Arc::clone(&pipe) }, Reader { pipe, settings, pos: 0 })
}

// === impl Pipe ===

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.bytes = VecDeque::new();
        state.wake_writer();
        drop(state);
        self.readable.notify_all();
    }
}

// === impl State ===

impl State {
    fn command(&mut self) -> Option<Command> {
        if self.is_closed {
            return Some(Command::Close);
        }
        let offset = self.seek.take()?;
        self.bytes.clear();
        self.head = offset;
        self.is_finished = false;
        Some(Command::Seek(offset))
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

// === impl Writer ===

impl Writer {
    /// Pushes all of `data`, waiting for room. `Err` tells to stop and do something else; the rest of `data` is then
    /// not wanted. A future that is dropped midway has pushed a part, so fail the feed then.
    pub async fn push(&mut self, data: &[u8]) -> Result<(), Command> {
        let mut rest = data;
        poll_fn(|cx| {
            loop {
                match self.try_push(rest) {
                    Err(command) => return Poll::Ready(Err(command)),
                    Ok(n) if n == rest.len() => return Poll::Ready(Ok(())),
                    Ok(n) => rest = &rest[n..],
                }
                let mut state = self.pipe.lock();
                if state.bytes.len() >= self.pipe.capacity
                    && !state.is_closed
                    && state.seek.is_none()
                {
                    state.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Pushes as much of `data` as fits now and returns how much that was.
    pub fn try_push(&mut self, data: &[u8]) -> Result<usize, Command> {
        let mut state = self.pipe.lock();
        if let Some(command) = state.command() {
            return Err(command);
        }
        let n = data.len().min(self.pipe.capacity.saturating_sub(state.bytes.len()));
        let was_empty = state.bytes.is_empty();
        state.bytes.extend(&data[..n]);
        drop(state);
        if was_empty && n > 0 {
            self.pipe.readable.notify_all();
        }
        Ok(n)
    }

    /// Waits for the next command. After [`finish`](Writer::finish) the reader may still seek, so a downloader of a
    /// seekable feed waits here until `Close`.
    pub async fn command(&mut self) -> Command {
        poll_fn(|cx| {
            let mut state = self.pipe.lock();
            match state.command() {
                Some(command) => Poll::Ready(command),
                None => {
                    state.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The next command if there is one now.
    pub fn try_command(&mut self) -> Option<Command> {
        self.pipe.lock().command()
    }

    /// Everything up to the end was pushed.
    pub fn finish(&mut self) {
        self.pipe.lock().is_finished = true;
        self.pipe.readable.notify_all();
    }

    /// The download failed; the reader gets this fault once it has read what is there.
    pub fn fail(&mut self, fault: Fault) {
        self.pipe.lock().fault.get_or_insert(fault);
        self.pipe.readable.notify_all();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.pipe.lock().is_writer_gone = true;
        self.pipe.readable.notify_all();
    }
}

// === impl Reader ===

impl Reader {
    pub(crate) fn canceller(&self) -> Canceller {
        Canceller(Arc::clone(&self.pipe))
    }

    /// Total length, when the origin told it.
    pub fn len(&self) -> Option<u64> {
        self.settings.len
    }

    /// Whether the origin says that there is nothing.
    pub fn is_empty(&self) -> bool {
        self.settings.len == Some(0)
    }

    /// Whether any offset can be read.
    pub fn is_seekable(&self) -> bool {
        self.settings.is_seekable && self.settings.len.is_some()
    }

    /// Makes the feed continue at `self.pos`: by dropping what lies before, or by asking the writer.
    fn align(&self, state: &mut State) -> io::Result<()> {
        if state.seek.is_some_and(|offset| offset == self.pos)
            || state.head == self.pos && state.seek.is_none()
        {
            return Ok(());
        }
        let buffered = state.head + state.bytes.len() as u64;
        let is_near = self.pos > state.head && self.pos <= buffered.saturating_add(READ_THROUGH);
        if state.seek.is_none() && is_near {
            let skip =
                usize::try_from(self.pos - state.head).unwrap_or(usize::MAX).min(state.bytes.len());
            state.bytes.drain(..skip);
            state.head += skip as u64;
            state.wake_writer();
            return Ok(());
        }
        if !self.is_seekable() {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        }
        state.bytes.clear();
        state.is_finished = false;
        state.seek = Some(self.pos);
        state.wake_writer();
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.settings.len.is_some_and(|len| self.pos >= len) {
            return Ok(0);
        }
        let deadline = Instant::now() + self.settings.stall;
        let mut state = self.pipe.lock();
        loop {
            if state.is_closed {
                return Err(io::Error::other(Fault::transient(
                    Reason::Stopping,
                    "the feed was closed",
                )));
            }
            self.align(&mut state)?;
            let is_here = state.seek.is_none() && state.head == self.pos;
            if is_here && !state.bytes.is_empty() {
                let n = state.bytes.read(buf)?;
                state.head += n as u64;
                self.pos += n as u64;
                // Waking the writer for every few bytes would cost more than it brings.
                if state.bytes.len() <= self.pipe.capacity / 2 {
                    state.wake_writer();
                }
                return Ok(n);
            }
            if let Some(fault) = state.fault.clone() {
                return Err(io::Error::other(fault));
            }
            if state.seek.is_none() && state.is_finished {
                return Ok(0);
            }
            if state.is_writer_gone {
                let fault =
                    Fault::transient(Reason::Unreachable, "the download ended before its end");
                return Err(io::Error::other(fault));
            }
            let Some(left) =
                deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return Err(io::Error::other(Fault::transient(
                    Reason::Timeout,
                    "the download stalled",
                )));
            };
            let waited = self.pipe.readable.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let pos = match to {
            SeekFrom::Start(pos) => Some(pos),
            SeekFrom::Current(delta) => self.pos.checked_add_signed(delta),
            SeekFrom::End(delta) => self.settings.len.and_then(|len| len.checked_add_signed(delta)),
        };
        self.pos = pos.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.pos)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.pipe.close();
    }
}

// === impl Canceller ===

impl Canceller {
    /// Every read fails from now on, also one that is waiting.
    pub(crate) fn cancel(&self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests;
