//! The bytes of one link, through broken connections.

use bytes::Bytes;
use domain::{Fault, Reason};

/// A download in progress. Dropping it closes the connection.
#[derive(Debug)]
pub struct Download {
    offset: u64,
}

impl Download {
    /// The next bytes in order, or `None` at the end. Cancel safe: a dropped call loses nothing.
    ///
    /// # Errors
    /// Transient when the connection broke more often than allowed; refused when the file changed or grew too large.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        Ok(None)
    }

    /// Continues at another offset, in bytes from the start. The connection is opened by the following `next`.
    ///
    /// # Errors
    /// `Unsupported` when the server has no ranges; `Corrupt` past the end.
    pub fn seek(&mut self, offset: u64) -> Result<(), Fault> {
        self.offset = offset;
        Err(Fault::refused(Reason::Unsupported, "the server has no ranges"))
    }

    /// Where the next byte comes from, in bytes from the start.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The whole length, if the server said it.
    pub fn total(&self) -> Option<u64> {
        None
    }
}
