//! Lines on their way to stderr, behind a bounded queue and on a thread of their own: a terminal that is stopped, or a pipe
//! that nobody reads, blocks whoever writes to it, and that must not be the music.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait; a bot that nothing happens to fills them in hours.
const WAITING_MAX: usize = 4_096;
/// How often somebody who waits for the end of the queue looks again.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The way to stderr, or to something else in tests. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<Item>,
    n_lost: Arc<AtomicU64>,
}

enum Item {
    Line(Vec<u8>),
    /// Answered when everything before it is written.
    Mark(SyncSender<()>),
}

/// One line while it is made.
pub(super) struct Line<'a>(&'a Lines);

// === impl Lines ===

impl Lines {
    pub(super) fn to(out: impl io::Write + Send + 'static) -> io::Result<Lines> {
        let (queue, waiting) = sync_channel(WAITING_MAX);
        let lines = Lines { queue, n_lost: Arc::default() };
        let n_lost = lines.n_lost.clone();
        thread::Builder::new().name("log".into()).spawn(move || write(out, &waiting, &n_lost))?;
        Ok(lines)
    }

    /// Waits until everything so far is written, but not for ever.
    pub(super) fn flush(&self, within: Duration) {
        let since = Instant::now();
        let (done, is_done) = sync_channel(1);
        let mut mark = Item::Mark(done);
        while let Err(TrySendError::Full(back)) = self.queue.try_send(mark) {
            if since.elapsed() >= within {
                return;
            }
            mark = back;
            thread::sleep(LOOK_EVERY);
        }
        // too late is as good as never
        is_done.recv_timeout(within.saturating_sub(since.elapsed())).ok();
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

// === impl Line ===

impl io::Write for Line<'_> {
    /// Always takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.queue.try_send(Item::Line(line.to_vec())).is_err() {
            self.0.n_lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The body of the thread; it may block for as long as it likes.
fn write(mut out: impl io::Write, waiting: &Receiver<Item>, n_lost: &AtomicU64) {
    for item in waiting {
        match item {
            // a log that cannot be written cannot be told either
            Item::Line(line) => drop(out.write_all(&line)),
            Item::Mark(done) => drop(done.send(())),
        }
        let lines = n_lost.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(
                lines,
                "whoever reads this log did not for a while, and lines were left out"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::mpsc;

    use super::*;

    /// Takes a line only when it is let.
    struct Slow(Receiver<()>, mpsc::Sender<Vec<u8>>);

    impl io::Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(io::Error::other)?;
            self.1.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nobody_up() {
        let (go, is_let) = mpsc::channel();
        let (written, seen) = mpsc::channel();
        let lines = Lines::to(Slow(is_let, written)).unwrap();
        for n in 0..WAITING_MAX + 100 {
            lines.make_writer().write_all(format!("{n}\n").as_bytes()).unwrap();
        }
        let n_lost = lines.n_lost.load(Ordering::Relaxed);
        assert!((99..=100).contains(&n_lost), "one may be on its way: {n_lost}");
        lines.flush(Duration::from_millis(20));
        go.send(()).unwrap();
        assert_eq!(seen.recv().unwrap(), b"0\n", "what waited is written when it is read again");
    }

    #[test]
    fn what_was_logged_is_written_before_the_end() {
        let (go, is_let) = mpsc::channel();
        let (written, seen) = mpsc::channel();
        let lines = Lines::to(Slow(is_let, written)).unwrap();
        for n in 0..3 {
            lines.make_writer().write_all(format!("{n}\n").as_bytes()).unwrap();
            go.send(()).unwrap();
        }
        lines.flush(Duration::from_secs(60));
        let seen: Vec<Vec<u8>> = seen.try_iter().collect();
        assert_eq!(seen, [b"0\n", b"1\n", b"2\n"]);
    }
}
