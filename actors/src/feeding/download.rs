//! Where the bytes of a track come from, in order, from any offset that is supported.

use bytes::Bytes;
use domain::Fault;
use sources::cache::Head;

use crate::caching;

pub(super) enum Download {
    Http(Box<sources::direct::Download>),
    Telegram(Box<telegram::Download>),
    /// The first bytes are on the disk, the rest is where it was.
    Resumed(Box<Resumed>),
}

pub(super) struct Resumed {
    head: Option<Head>,
    rest: sources::direct::Download,
    offset: u64,
}

// === impl Download ===

impl Download {
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        match self {
            Download::Http(download) => download.next().await,
            Download::Telegram(download) => Ok(download.next().await?),
            Download::Resumed(resumed) => resumed.next().await,
        }
    }

    pub(super) fn take_title(&mut self) -> Option<String> {
        match self {
            Download::Http(download) => download.take_title(),
            Download::Telegram(_) | Download::Resumed(_) => None,
        }
    }

    pub(super) fn seek(&mut self, offset: u64) -> Result<(), Fault> {
        match self {
            Download::Http(download) => download.seek(offset),
            Download::Telegram(download) => {
                download.seek(offset);
                Ok(())
            }
            Download::Resumed(resumed) => resumed.seek(offset),
        }
    }
}

// === impl Resumed ===

impl Resumed {
    pub(super) fn new(head: Head, rest: sources::direct::Download) -> Resumed {
        Resumed { head: Some(head), rest, offset: 0 }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Some(head) = self.head.as_ref().filter(|head| self.offset < head.bytes()) {
            let (head, offset) = (head.clone(), self.offset);
            match caching::on_disk(move || head.read(offset)).await {
                Some(Ok(bytes)) => {
                    self.offset += bytes.len() as u64;
                    return Ok(Some(Bytes::from(bytes)));
                }
                trouble => {
                    let error = trouble.and_then(Result::err);
                    tracing::warn!(
                        ?error,
                        "the cache does not give what it has, the track streams"
                    );
                    self.head = None;
                }
            }
        }
        if self.rest.offset() != self.offset {
            self.rest.seek(self.offset)?;
        }
        let bytes = self.rest.next().await?;
        self.offset += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Ok(bytes)
    }

    fn seek(&mut self, offset: u64) -> Result<(), Fault> {
        // within the head the rest stays where it is: that is where it is needed next
        if self.head.as_ref().is_none_or(|head| offset >= head.bytes()) {
            self.rest.seek(offset)?;
        }
        self.offset = offset;
        Ok(())
    }
}
