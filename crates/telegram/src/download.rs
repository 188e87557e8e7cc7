//! Reading a file from Telegram, chunk by chunk, from any place in it.

use bytes::Bytes;
use domain::track::Attachment;

use crate::account::Account;
use crate::fault::CallError;

/// A file being read. Each [`next`](Download::next) is one request; nothing is fetched ahead.
#[derive(Debug)]
pub struct Download {
    account: Account,
    attachment: Attachment,
    offset: u64,
}

// === impl Account (files) ===

impl Account {
    /// Starts reading the file on a message at `offset` bytes. Asks nothing yet.
    pub fn download(&self, attachment: &Attachment, offset: u64) -> Download {
        Download { account: self.clone(), attachment: attachment.clone(), offset }
    }
}

// === impl Download ===

impl Download {
    /// The next bytes, at most 512 KiB; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        let _ = (&self.account, &self.offset);
        Err(crate::account::unfinished())
    }

    /// Continues at `offset` bytes from the file's beginning.
    pub fn seek(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// Where the next bytes come from.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The file's size in bytes, as the message announced it.
    pub fn size(&self) -> u64 {
        self.attachment.size_bytes
    }
}
