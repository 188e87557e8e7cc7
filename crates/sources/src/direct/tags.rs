//! What the first bytes of a file on the web say about it. They are read only as far as its tags reach, never far, and
//! never for long: the music waits for them.

use std::io::Cursor;
use std::time::Duration;

use domain::Fault;
use tokio::time::{Instant, timeout_at};

use super::download::Fetch;
use crate::format::Format;
use crate::tags::{self, Part, Tags};

/// Tags that reach further are left alone: a picture is among them.
const BYTES_MAX: usize = 64 * 1024;
/// In an ID3v2 tag words come before pictures.
const ID3_MAX: usize = 16 * 1024;
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Reads on until the tags are there, and leaves all of it to be read again. Nothing where there are none.
pub(super) async fn read(fetch: &mut Fetch, format: Format) -> Result<Tags, Fault> {
    let until = Instant::now() + WAIT_MAX;
    let mut head = Vec::new();
    loop {
        match reach(&head, format) {
            Some(reach) if reach > head.len() => {}
            Some(_) => break,
            None if head.is_empty() => {}
            None => break,
        }
        match timeout_at(until, fetch.next()).await {
            Ok(Ok(Some(bytes))) => head.extend_from_slice(&bytes),
            Ok(Err(fault)) => return Err(fault),
            Ok(Ok(None)) | Err(_) => break,
        }
    }
    let said = said(&head, format);
    fetch.unread(head);
    Ok(said.unwrap_or_default())
}

fn said(head: &[u8], format: Format) -> Option<Tags> {
    reach(head, format).filter(|reach| *reach <= head.len())?;
    if let Some(end) = id3_end(head) {
        // what was not waited for reads as padding; what follows a tag is looked for in vain
        let mut tag = head[..head.len().min(end)].to_vec();
        tag.resize(end + 256, 0);
        return tags::read(Cursor::new(tag), Part::Id3);
    }
    match format {
        Format::Flac => tags::read(Cursor::new(flac(head)?.1), Part::Head),
        Format::Ogg | Format::Mp4 => tags::read(Cursor::new(head), Part::Head),
        _ => None,
    }
}

/// How many first bytes hold the tags, as far as these bytes tell: more than they are when they do not tell yet, `None`
/// when there are no tags within reach.
fn reach(head: &[u8], format: Format) -> Option<usize> {
    let reach = match (id3_end(head), format) {
        (Some(end), _) => end.min(ID3_MAX),
        (None, Format::Flac) => flac(head)?.0,
        (None, Format::Ogg) => ogg(head)?,
        (None, Format::Mp4) => mp4(head)?,
        (None, _) => return None,
    };
    (reach <= BYTES_MAX).then_some(reach)
}

/// Where an ID3v2 tag of at most a megabyte ends.
fn id3_end(head: &[u8]) -> Option<usize> {
    let size = head.strip_prefix(b"ID3")?.get(3..7)?;
    let size = size.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
    (size <= 1 << 20).then_some(size + 10)
}

/// Where the comments end, and a file of them alone.
fn flac(head: &[u8]) -> Option<(usize, Vec<u8>)> {
    const COMMENTS: u8 = 4;
    let mut alone = b"fLaC".to_vec();
    let mut at = 4;
    loop {
        let Some(&[kind, a, b, c]) = head.get(at..at + 4) else { return Some((at + 4, alone)) };
        let end = at + 4 + usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
        let is_first = at == 4;
        if is_first != (kind & 0x7f == 0) || kind & 0x7f > 6 {
            return None;
        }
        let is_comments = kind & 0x7f == COMMENTS;
        if let Some(block) = head.get(at..end).filter(|_| is_first || is_comments) {
            // the first bit says whether it is the last one
            alone.push(kind & 0x7f | if is_comments { 0x80 } else { 0 });
            alone.extend_from_slice(&block[1..]);
        }
        if is_comments {
            return Some((end, alone));
        }
        if kind & 0x80 != 0 || end > BYTES_MAX {
            return None;
        }
        at = end;
    }
}

/// Where the second packet ends, which holds the comments.
fn ogg(head: &[u8]) -> Option<usize> {
    let (mut at, mut packets) = (0, 0);
    loop {
        let Some(page) = head.get(at..at + 27) else { return Some(at + 27) };
        if !page.starts_with(b"OggS") {
            return None;
        }
        let lacing = usize::from(page[26]);
        let Some(table) = head.get(at + 27..at + 27 + lacing) else {
            return Some(at + 27 + lacing);
        };
        packets += table.iter().filter(|length| **length < 255).count();
        at += 27 + lacing + table.iter().map(|length| usize::from(*length)).sum::<usize>();
        if packets >= 2 || at > BYTES_MAX {
            return Some(at);
        }
    }
}

/// Where the index ends, when it comes before the sound.
fn mp4(head: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let Some([a, b, c, d, kind @ ..]) = head.get(at..at + 8) else { return Some(at + 8) };
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).ok()?;
        if kind == b"mdat" || length < 8 || at > BYTES_MAX {
            return None;
        }
        at += length;
        if kind == b"moov" {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests;
