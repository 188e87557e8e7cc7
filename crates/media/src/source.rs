//! Where the bytes of a track come from, and what can be told from the first of them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Fault, Reason};
use symphonia::core::io::MediaSource;

use crate::atoms::{Kept, is_cut_off};
use crate::fault;
use crate::feed;
use crate::ring::Shared;
use crate::sniff::{Kind, sniff};

/// The bytes of one track.
#[derive(Debug)]
pub enum Input {
    /// A local file. Always seekable.
    File(PathBuf),
    /// Bytes that somebody downloads meanwhile.
    Feed(feed::Reader),
}

/// What the origin claims about the bytes. Content decides; claims only help to explain a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    /// File name extension without the dot.
    pub extension: Option<String>,
    /// MIME type.
    pub mime: Option<String>,
}

/// An opened input. Symphonia reads through [`Tap`]s; afterwards the source can still be rewound for ffmpeg.
#[derive(Debug, Clone)]
pub(crate) struct Source(Arc<Mutex<Inner>>);

/// What symphonia reads from.
pub(crate) struct Tap {
    source: Source,
    is_seekable: bool,
    len: Option<u64>,
    /// While a feed is probed, nothing is fetched from its far end just to look for tags.
    quiet_from: Option<u64>,
}

#[derive(Debug)]
enum Bytes {
    File(PathBuf, File),
    Feed(feed::Reader),
}

#[derive(Debug)]
struct Inner {
    bytes: Bytes,
    len: Option<u64>,
    is_seekable: bool,
    /// The first bytes, kept until it is clear who reads the track.
    head: Vec<u8>,
    /// What was read after the last jump beyond them, meanwhile, and from where.
    far: Vec<u8>,
    far_at: u64,
    is_recording: bool,
    pos: u64,
    /// Where `bytes` stands.
    at: u64,
    /// The first failure; whoever reads may have taken it for an end.
    fault: Option<Fault>,
}

/// How much is kept of an origin that cannot seek. Symphonia looks at up to 1 MiB before it gives up.
const HEAD_MAX: usize = 2 << 20;

/// How much is kept of what is read after a jump, while it is not clear who reads: the start of an index.
const FAR_MAX: usize = 256 << 10;

/// The end of a feed that probing does not fetch.
const TAIL: u64 = 256 * 1024;

// === impl Source ===

impl Source {
    /// Opens `input`; refuses what is empty.
    pub(crate) fn open(input: Input, shared: &Shared) -> Result<Source, Fault> {
        let (bytes, len, is_seekable) = match input {
            Input::File(path) => {
                let file = File::open(&path).map_err(|e| fault::of_io(&e))?;
                let meta = file.metadata().map_err(|e| fault::of_io(&e))?;
                if !meta.is_file() {
                    return Err(Fault::refused(Reason::NotFound, "not a regular file"));
                }
                (Bytes::File(path, file), Some(meta.len()), true)
            }
            Input::Feed(reader) => {
                let canceller = reader.canceller();
                shared.on_stop(Box::new(move || canceller.cancel()));
                let (len, is_seekable) = (reader.len(), reader.is_seekable());
                (Bytes::Feed(reader), len, is_seekable)
            }
        };
        if len == Some(0) {
            return Err(empty());
        }
        Ok(Source(Arc::new(Mutex::new(Inner {
            bytes,
            len,
            is_seekable,
            head: Vec::new(),
            far: Vec::new(),
            far_at: 0,
            is_recording: true,
            pos: 0,
            at: 0,
            fault: None,
        }))))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the first bytes without consuming them, and says what they are.
    pub(crate) fn sniff(&self) -> Result<Kind, Fault> {
        let mut first = [0; 4096];
        let mut n = 0;
        let mut inner = self.lock();
        inner.pos = 0;
        while n < first.len() {
            match inner.read(&mut first[n..]) {
                Ok(0) => break,
                Ok(read) => n += read,
                Err(error) => return Err(fault::of_io(&error)),
            }
        }
        inner.pos = 0;
        if n == 0 { Err(empty()) } else { Ok(sniff(&first[..n])) }
    }

    /// A way to read from the start. `from_start` tells that nobody will seek to a later position; `is_cut_off`, that
    /// the input ends before its container says so.
    pub(crate) fn tap(&self, kind: Kind, from_start: bool, is_cut_off: bool) -> Tap {
        let mut inner = self.lock();
        inner.pos = 0;
        let is_feed = matches!(inner.bytes, Bytes::Feed(_));
        // On a feed every seek is a new request. ADTS is sought by reading through it anyway, and Matroska brings at
        // its start all that is needed to play from the start.
        let is_linear = is_feed && (kind == Kind::Adts || kind == Kind::Matroska && from_start);
        // A file that is cut off inside its media is only read to where it ends when nobody knows where that is.
        let is_cut_off = is_cut_off || kind == Kind::Mp4 && inner.is_cut_off_mp4();
        let is_linear = is_linear || is_cut_off;
        let is_indexed = matches!(kind, Kind::Mp4 | Kind::Ogg | Kind::Matroska);
        let quiet_from = inner
            .len
            .filter(|_| is_feed && !is_indexed)
            .map(|len| len.saturating_sub(TAIL).max(TAIL));
        Tap {
            source: self.clone(),
            is_seekable: inner.is_seekable && !is_linear,
            len: inner.len.filter(|_| !is_cut_off),
            quiet_from,
        }
    }

    /// Whoever reads was found: the first bytes need not be kept any more, and the far end may be read.
    pub(crate) fn settle(&self) {
        let mut inner = self.lock();
        inner.is_recording = false;
        inner.far = Vec::new();
    }

    /// When the music of an MP4 file's track begins, in ticks of the track, if its edit list was read by now.
    pub(crate) fn begins_at(&self, track: u32) -> Option<u64> {
        let inner = self.lock();
        Kept { head: &inner.head, far: &inner.far, far_at: inner.far_at }.begins_at(track)
    }

    /// The failure that ended reading, if reading failed.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.lock().fault.clone()
    }

    pub(crate) fn is_seekable(&self) -> bool {
        self.lock().is_seekable
    }

    /// Where a file is; `None` for a feed.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match &self.lock().bytes {
            Bytes::File(path, _) => Some(path.clone()),
            Bytes::Feed(_) => None,
        }
    }

    /// Back to the first byte, for a reader that knows nothing of taps. Fails when too much was read of an origin that
    /// cannot seek.
    pub(crate) fn rewind(&self) -> Result<(), Fault> {
        let mut inner = self.lock();
        inner.pos = 0;
        if !inner.is_seekable && inner.at > inner.head.len() as u64 {
            return Err(Fault::refused(
                Reason::Unsupported,
                "too much of it was read, and its origin cannot seek",
            ));
        }
        Ok(())
    }
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buf)
    }
}

fn empty() -> Fault {
    Fault::refused(Reason::Empty, "not one byte")
}

// === impl Inner ===

impl Inner {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.is_recording && self.is_seekable && self.pos == self.at {
            // Past the first bytes, and they could be had again.
            self.head = Vec::new();
        }
        let rest = usize::try_from(self.pos).ok().and_then(|pos| self.head.get(pos..));
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            let n = rest.len().min(buf.len());
            buf[..n].copy_from_slice(&rest[..n]);
            self.pos += n as u64;
            return Ok(n);
        }
        let n = match self.read_on(buf) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                self.fault.get_or_insert_with(|| fault::of_io(&error));
                return Err(error);
            }
        };
        if self.is_recording {
            self.record(&buf[..n]);
        }
        self.pos += n as u64;
        self.at = self.pos;
        Ok(n)
    }

    fn record(&mut self, read: &[u8]) {
        if self.pos == self.head.len() as u64 {
            if self.head.len() + read.len() <= HEAD_MAX {
                self.head.extend_from_slice(read);
            }
            return;
        }
        if self.pos != self.far_at + self.far.len() as u64 {
            self.far.clear();
            self.far_at = self.pos;
        }
        let room = FAR_MAX.saturating_sub(self.far.len());
        self.far.extend_from_slice(&read[..read.len().min(room)]);
    }

    fn is_cut_off_mp4(&mut self) -> bool {
        let (Bytes::File(_, file), Some(len)) = (&mut self.bytes, self.len) else { return false };
        // Wherever the file stands now, it is not where the last read left it.
        self.at = u64::MAX;
        is_cut_off(file, len).unwrap_or(false)
    }

    fn read_on(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let pos = SeekFrom::Start(self.pos);
        match &mut self.bytes {
            Bytes::File(_, file) => {
                if self.at != self.pos {
                    file.seek(pos)?;
                }
                file.read(buf)
            }
            Bytes::Feed(reader) => {
                reader.seek(pos)?;
                reader.read(buf)
            }
        }
    }
}

// === impl Tap ===

impl Read for Tap {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut inner = self.source.lock();
        let is_far = self.quiet_from.is_some_and(|from| inner.pos >= from);
        if is_far && inner.is_recording {
            let left = self.len.map_or(0, |len| len.saturating_sub(inner.pos));
            let n = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            buf[..n].fill(0);
            inner.pos += n as u64;
            return Ok(n);
        }
        inner.read(buf)
    }
}

impl Seek for Tap {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if !self.is_seekable {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        }
        let mut inner = self.source.lock();
        let pos = match to {
            SeekFrom::Start(pos) => Some(pos),
            SeekFrom::Current(delta) => inner.pos.checked_add_signed(delta),
            SeekFrom::End(delta) => self.len.and_then(|len| len.checked_add_signed(delta)),
        };
        inner.pos = pos.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(inner.pos)
    }
}

impl MediaSource for Tap {
    fn is_seekable(&self) -> bool {
        self.is_seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.len
    }
}
