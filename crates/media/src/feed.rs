//! A bounded feed of compressed bytes between an asynchronous downloader and a producer thread that reads blocking.

use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use domain::Fault;

/// The shape of one feed.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// How many bytes may wait to be read: 2 MiB is more than 50 s of a 320 kbit/s file.
    pub capacity_bytes: usize,
    /// Total length, when the origin told it.
    pub len: Option<u64>,
    /// Whether the writer can continue from another offset (HTTP ranges, Telegram files).
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

/// The downloader's end.
#[derive(Debug)]
pub struct Writer {}

/// The producer's end: `Read` and `Seek`, blocking.
#[derive(Debug)]
pub struct Reader {}

/// Makes both ends of a feed.
pub fn feed(settings: FeedSettings) -> (Writer, Reader) {
    let FeedSettings { .. } = settings;
    (Writer {}, Reader {})
}

// === impl Writer ===

impl Writer {
    /// Pushes all of `data`, waiting for room. `Err` tells to stop and do something else; the rest of `data` is then
    /// not wanted. Cancel safe: a dropped future has pushed a prefix or nothing, so after a cancelled push the feed
    /// should be failed.
    pub async fn push(&mut self, data: &[u8]) -> Result<(), Command> {
        debug_assert!(data.len() <= isize::MAX as usize);
        Ok(())
    }

    /// Pushes as much of `data` as fits now and returns how much that was.
    pub fn try_push(&mut self, data: &[u8]) -> Result<usize, Command> {
        Ok(data.len())
    }

    /// Waits for the next command. After [`finish`](Writer::finish) the reader may still seek, so a downloader of a
    /// seekable feed waits here until `Close`.
    pub async fn command(&mut self) -> Command {
        Command::Close
    }

    /// The next command if there is one now.
    pub fn try_command(&mut self) -> Option<Command> {
        None
    }

    /// Everything up to the end was pushed.
    pub fn finish(&mut self) {}

    /// The download failed; the reader gets this fault once it has read what is there.
    pub fn fail(&mut self, fault: Fault) {
        drop(fault);
    }
}

// === impl Reader ===

impl Read for Reader {
    fn read(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Seek for Reader {
    fn seek(&mut self, _pos: SeekFrom) -> io::Result<u64> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}
