//! Reading a file from Telegram, chunk by chunk, from any place in it.

use std::time::Duration;

use bytes::Bytes;
use domain::track::Attachment;
use domain::{Class, Reason};
use grammers_client::tl;
use tokio::time::{Instant, sleep};

use crate::account::Account;
use crate::attachment::document_of;
use crate::fault::CallError;

/// Offsets and lengths are multiples of this (core.telegram.org, "Uploading and downloading files").
const ALIGNMENT: u64 = 4 * 1024;

/// No request may cross a boundary of this size; its length must divide it.
const BOUNDARY: u64 = 1024 * 1024;

/// The length of a request; the first one is shorter, so that the file's head is there soon.
const CHUNK: u64 = 512 * 1024;
const FIRST_CHUNK: u64 = 128 * 1024;

/// How often one chunk may be asked for again, each time for another reason.
const TRIES: u32 = 4;

/// What was cut is asked for once more, so much later.
const CUT_PAUSE: Duration = Duration::from_millis(500);

/// A file being read. Each [`next`](Download::next) is one request; nothing is fetched ahead.
#[derive(Debug)]
pub struct Download {
    account: Account,
    /// Who may be asked where the account may not look.
    others: Vec<Account>,
    attachment: Attachment,
    offset: u64,
    chunk: u64,
    place: Option<Place>,
}

/// Where the file is, and the proof that this account may read it.
#[derive(Debug, Clone)]
struct Place {
    dc: i32,
    location: tl::types::InputDocumentFileLocation,
    size: u64,
}

/// One request's part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    offset: u64,
    length: u64,
    /// Bytes at its beginning that nobody asked for.
    surplus: u64,
}

// === impl Account (files) ===

impl Account {
    /// Starts reading the file on a message at `offset` bytes. Asks nothing yet.
    pub fn download(&self, attachment: &Attachment, offset: u64) -> Download {
        let (account, attachment) = (self.clone(), attachment.clone());
        let others = Vec::new();
        Download { account, others, attachment, offset, chunk: FIRST_CHUNK, place: None }
    }
}

// === impl Download ===

impl Download {
    /// The same, read by one of these where the account may not look: bots do not read public channels that they are
    /// not in, people do.
    pub fn or_by(mut self, others: Vec<Account>) -> Download {
        self.others = others;
        self
    }

    /// The next bytes, at most 512 KiB; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        let mut tries = 0;
        let mut was_cut = false;
        loop {
            let place = self.place().await?;
            if self.offset >= place.size {
                return Ok(None);
            }
            let slice = slice(self.offset, self.chunk);
            let asked = Instant::now();
            let error = match self.fetch(&place, slice).await {
                Ok(bytes) => return Ok(self.take(bytes, slice)),
                Err(error) => error,
            };
            tries += 1;
            // whoever is silent has had his time
            let is_silent = asked.elapsed() >= self.account.settings().call_timeout;
            let is_cut = is_cut(&error) && !is_silent && !was_cut;
            if tries >= TRIES || !(is_cut || self.recover(place, &error)) {
                return Err(error);
            }
            if is_cut {
                was_cut = true;
                sleep(CUT_PAUSE).await;
            }
        }
    }

    /// Continues at `offset` bytes from the file's beginning.
    pub fn seek(&mut self, offset: u64) {
        self.offset = offset;
        self.chunk = FIRST_CHUNK;
    }

    /// Where the next bytes come from.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The file's size in bytes, as the message announced it.
    pub fn size(&self) -> u64 {
        self.place.as_ref().map_or(self.attachment.size_bytes, |place| place.size)
    }

    /// Whether the failed request may be sent again: the file was elsewhere, or the proof was too old.
    fn recover(&mut self, place: Place, error: &CallError) -> bool {
        let Some(rpc) = &error.rpc else { return false };
        match (rpc.code, rpc.name.as_str()) {
            (303, "FILE_MIGRATE") => match rpc.value.and_then(|dc| i32::try_from(dc).ok()) {
                Some(dc) => self.place = Some(Place { dc, ..place }),
                None => return false,
            },
            (_, name) if name.starts_with("FILE_REFERENCE_") => self.place = None,
            _ => return false,
        }
        true
    }

    async fn fetch(&self, place: &Place, slice: Slice) -> Result<Bytes, CallError> {
        let request = tl::functions::upload::GetFile {
            precise: false,
            cdn_supported: false,
            location: place.location.clone().into(),
            offset: i64::try_from(slice.offset).unwrap_or(i64::MAX),
            limit: i32::try_from(slice.length).unwrap_or(i32::MAX),
        };
        match self.account.call_at(place.dc, &request).await? {
            tl::enums::upload::File::File(file) => Ok(Bytes::from(file.bytes)),
            tl::enums::upload::File::CdnRedirect(_) => Err(CallError::refused(
                Reason::Unreadable,
                "the file is on a CDN that was not asked for",
            )),
        }
    }

    fn take(&mut self, mut bytes: Bytes, slice: Slice) -> Option<Bytes> {
        let surplus = usize::try_from(slice.surplus).unwrap_or(usize::MAX).min(bytes.len());
        let wanted = bytes.split_off(surplus);
        self.offset += wanted.len() as u64;
        self.chunk = CHUNK;
        Some(wanted).filter(|wanted| !wanted.is_empty())
    }

    /// The file's place, from the message: the proof in it is fresh only for a while.
    async fn place(&mut self) -> Result<Place, CallError> {
        if let Some(place) = &self.place {
            return Ok(place.clone());
        }
        let (chat, message) = (self.attachment.chat, self.attachment.message);
        let message = loop {
            match (self.account.fetch_message(chat, message).await, self.others.is_empty()) {
                (Err(error), false) if error.fault.reason == Reason::AssistantNotIn => {
                    self.account = self.others.remove(0);
                }
                (answer, _) => break answer?,
            }
        };
        let document = message.as_ref().and_then(document_of);
        let document = document
            .ok_or_else(|| CallError::refused(Reason::NotFound, "the message lost its file"))?;
        let location = tl::types::InputDocumentFileLocation {
            id: document.id,
            access_hash: document.access_hash,
            file_reference: document.file_reference.clone(),
            thumb_size: String::new(),
        };
        let size = u64::try_from(document.size).unwrap_or(0);
        Ok(self.place.insert(Place { dc: document.dc_id, location, size }).clone())
    }
}

/// Whether the way there failed and not the request; reading twice does no harm.
fn is_cut(error: &CallError) -> bool {
    let fault = &error.fault;
    fault.class == Class::Transient && fault.reason == Reason::TelegramUnreachable
}

/// The longest request that begins at or before `offset`, reaches no further than `chunk` bytes and keeps
/// Telegram's rules.
fn slice(offset: u64, chunk: u64) -> Slice {
    let start = offset - offset % ALIGNMENT;
    let room = BOUNDARY - start % BOUNDARY;
    let mut length = chunk;
    while length > room {
        length /= 2;
    }
    Slice { offset: start, length, surplus: offset - start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_keeps_telegrams_rules() {
        for offset in (0..3 * BOUNDARY).step_by(1_021) {
            for chunk in [FIRST_CHUNK, CHUNK] {
                let slice = slice(offset, chunk);
                assert_eq!(
                    (slice.offset % ALIGNMENT, slice.length % ALIGNMENT, BOUNDARY % slice.length),
                    (0, 0, 0)
                );
                let last = slice.offset + slice.length - 1;
                assert_eq!(slice.offset / BOUNDARY, last / BOUNDARY, "{slice:?}");
                assert_eq!(slice.offset + slice.surplus, offset);
                assert!(slice.surplus < slice.length, "{slice:?} brings nothing");
            }
        }
    }

    #[test]
    fn a_file_is_read_in_few_requests() {
        let (mut offset, mut count) = (0, 0);
        while offset < 10 * BOUNDARY {
            let slice = slice(offset, if count == 0 { FIRST_CHUNK } else { CHUNK });
            offset = slice.offset + slice.length;
            count += 1;
        }
        assert!(count <= 23, "{count} requests for 10 MiB");
    }
}
