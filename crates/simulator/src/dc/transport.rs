//! Transport — from TCP bytes to frames and back (core.telegram.org/mtproto/mtproto-transports).
//!
//! The kind is told by the first bytes: abridged, intermediate, padded intermediate, any of these obfuscated, else full.

use crate::dc::crypto::{Ctr, random};

/// How frames are delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Length, sequence number, content, CRC-32.
    Full,
    /// Length in words: one byte, or 0x7f and three.
    Abridged,
    /// Length in four bytes.
    Intermediate,
    /// The same, with up to 15 random bytes after the content.
    Padded,
}

/// Why the bytes of a client cannot be frames.
pub(super) type Garbage = &'static str;

/// The receiving half of a connection.
pub(super) struct Decoder {
    waiting: Vec<u8>,
    kind: Option<Kind>,
    cipher: Option<Ctr>,
    sequence: u32,
    frame_bytes_max: usize,
}

/// The sending half; born when the decoder knows the kind.
pub(super) struct Encoder {
    kind: Kind,
    cipher: Option<Ctr>,
    sequence: u32,
}

impl Decoder {
    pub(super) fn new(frame_bytes_max: usize) -> Self {
        Self { waiting: Vec::new(), kind: None, cipher: None, sequence: 0, frame_bytes_max }
    }

    /// Takes bytes off the wire; gives the encoder once, as soon as the kind is known.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Option<Encoder>, Garbage> {
        let from = self.waiting.len();
        self.waiting.extend_from_slice(bytes);
        if self.kind.is_some() {
            if let Some(cipher) = &mut self.cipher {
                cipher.apply(&mut self.waiting[from..]);
            }
            return Ok(None);
        }
        self.detect()
    }

    fn detect(&mut self) -> Result<Option<Encoder>, Garbage> {
        let head = &self.waiting;
        let Some(first) = head.first() else { return Ok(None) };
        if *first == 0xef {
            return Ok(Some(self.settle(Kind::Abridged, 1, None, None)));
        }
        let Some(tag) = head.first_chunk::<4>() else { return Ok(None) };
        match tag {
            [0xee, 0xee, 0xee, 0xee] => {
                return Ok(Some(self.settle(Kind::Intermediate, 4, None, None)));
            }
            [0xdd, 0xdd, 0xdd, 0xdd] => return Ok(Some(self.settle(Kind::Padded, 4, None, None))),
            b"GET " | b"POST" | b"HEAD" | b"OPTI" => return Err("http"),
            _ => {}
        }
        let Some(two) = head.first_chunk::<8>() else { return Ok(None) };
        // The sequence number of the first full frame is 0; the obfuscated head never has zeroes there.
        if two[4..] == [0; 4] {
            return Ok(Some(self.settle(Kind::Full, 0, None, None)));
        }
        let Some(init) = head.first_chunk::<64>().copied() else { return Ok(None) };
        let (mut incoming, outgoing) = obfuscation(&init);
        let mut opened = init;
        incoming.apply(&mut opened);
        let kind = match opened[56..60] {
            [0xef, 0xef, 0xef, 0xef] => Kind::Abridged,
            [0xee, 0xee, 0xee, 0xee] => Kind::Intermediate,
            [0xdd, 0xdd, 0xdd, 0xdd] => Kind::Padded,
            _ => return Err("no transport"),
        };
        incoming.apply(&mut self.waiting[64..]);
        Ok(Some(self.settle(kind, 64, Some(incoming), Some(outgoing))))
    }

    fn settle(
        &mut self,
        kind: Kind,
        head: usize,
        incoming: Option<Ctr>,
        outgoing: Option<Ctr>,
    ) -> Encoder {
        self.waiting.drain(..head);
        self.kind = Some(kind);
        self.cipher = incoming;
        Encoder { kind, cipher: outgoing, sequence: 0 }
    }

    /// The next whole frame, or `None` until more bytes come.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Garbage> {
        let Some(kind) = self.kind else { return Ok(None) };
        match kind {
            Kind::Full => self.next_full(),
            Kind::Abridged => {
                let (head, words) = match self.waiting[..] {
                    [] => return Ok(None),
                    [first, ..] if first & 0x7f != 0x7f => (1, usize::from(first & 0x7f)),
                    [_, a, b, c, ..] => (4, u32::from_le_bytes([a, b, c, 0]) as usize),
                    _ => return Ok(None),
                };
                self.take(head, words * 4)
            }
            Kind::Intermediate | Kind::Padded => {
                let Some(length) = self.waiting.first_chunk::<4>() else { return Ok(None) };
                // The highest bit asks for a quick acknowledgement, which is the server's choice to give.
                let length = (u32::from_le_bytes(*length) & 0x7fff_ffff) as usize;
                let frame = self.take(4, length)?;
                Ok(if kind == Kind::Padded { frame.map(without_padding) } else { frame })
            }
        }
    }

    fn next_full(&mut self) -> Result<Option<Vec<u8>>, Garbage> {
        let Some(length) = self.waiting.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length < 12 {
            return Err("frame too short");
        }
        let Some(mut frame) = self.take(0, length)? else { return Ok(None) };
        let crc = frame.split_off(length - 4);
        if crc32fast::hash(&frame).to_le_bytes() != crc[..] {
            return Err("wrong crc");
        }
        if frame[4..8] != self.sequence.to_le_bytes() {
            return Err("wrong frame number");
        }
        self.sequence += 1;
        Ok(Some(frame.split_off(8)))
    }

    fn take(&mut self, head: usize, length: usize) -> Result<Option<Vec<u8>>, Garbage> {
        if length > self.frame_bytes_max {
            return Err("frame too long");
        }
        if self.waiting.len() < head + length {
            return Ok(None);
        }
        let rest = self.waiting.split_off(head + length);
        let mut frame = std::mem::replace(&mut self.waiting, rest);
        frame.drain(..head);
        Ok(Some(frame))
    }
}

/// The two streams of the obfuscated transport: the key is in the clear, it only hides the shape.
fn obfuscation(init: &[u8; 64]) -> (Ctr, Ctr) {
    let stream = |bytes: &[u8]| {
        let (key, iv) = bytes.split_first_chunk::<32>().expect("48 bytes hold 32");
        Ctr::new(key, iv.first_chunk().expect("16 bytes are left of 48"))
    };
    let reversed: Vec<u8> = init[8..56].iter().rev().copied().collect();
    (stream(&init[8..56]), stream(&reversed))
}

/// Encrypted content is 24 bytes and whole blocks; what is over is padding. Plain content carries its own length.
fn without_padding(mut frame: Vec<u8>) -> Vec<u8> {
    if frame.len() > 24 && frame[..8] != [0; 8] {
        frame.truncate(frame.len() - (frame.len() - 24) % 16);
    }
    frame
}

impl Encoder {
    /// One frame, ready for the wire.
    pub(super) fn frame(&mut self, payload: &[u8]) -> Vec<u8> {
        let frame = match self.kind {
            Kind::Full => {
                let mut frame = ((payload.len() + 12) as u32).to_le_bytes().to_vec();
                frame.extend_from_slice(&self.sequence.to_le_bytes());
                frame.extend_from_slice(payload);
                frame.extend_from_slice(&crc32fast::hash(&frame).to_le_bytes());
                self.sequence += 1;
                frame
            }
            Kind::Abridged => [&self.head(payload.len())[..], payload].concat(),
            Kind::Intermediate => [&self.head(payload.len())[..], payload].concat(),
            Kind::Padded => {
                let noise = random::<16>();
                let padding = &noise[..usize::from(noise[15] & 0x0f)];
                [&self.head(payload.len() + padding.len())[..], payload, padding].concat()
            }
        };
        self.raw(frame)
    }

    /// Bytes outside any frame.
    pub(super) fn raw(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if let Some(cipher) = &mut self.cipher {
            cipher.apply(&mut bytes);
        }
        bytes
    }

    /// The announcement of a frame of this many bytes, with nothing behind it.
    pub(super) fn announcement(&mut self, length: usize) -> Vec<u8> {
        let head = self.head(length);
        self.raw(head)
    }

    fn head(&self, length: usize) -> Vec<u8> {
        let words = (length / 4) as u32;
        match self.kind {
            Kind::Abridged if words < 0x7f => vec![words as u8],
            Kind::Abridged => [&[0x7f], &words.to_le_bytes()[..3]].concat(),
            Kind::Full => [(length as u32).to_le_bytes(), self.sequence.to_le_bytes()].concat(),
            Kind::Intermediate | Kind::Padded => (length as u32).to_le_bytes().to_vec(),
        }
    }
}
