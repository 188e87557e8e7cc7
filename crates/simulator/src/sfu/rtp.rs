//! Reading RTP headers (RFC 3550, RFC 8285) and Opus packets (RFC 6716).

/// The payload type of Opus in every group call.
pub(crate) const OPUS: u8 = 111;

/// An RTP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) has_padding: bool,
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) seq: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Bytes before the payload.
    pub(crate) length: usize,
    /// Extension 1: level in -dBov, and the voice bit.
    pub(crate) level: Option<(u8, bool)>,
    /// Extension 2: when it was sent, in the three bytes of abs-send-time.
    pub(crate) has_send_time: bool,
    /// Extension 3: the transport-wide sequence number.
    pub(crate) transport_seq: Option<u16>,
}

impl Header {
    /// Reads the header of a packet; the payload may be encrypted.
    pub(crate) fn parse(packet: &[u8]) -> Option<Header> {
        let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
        let long = |at: usize| Some((u32::from(word(at)?) << 16) | u32::from(word(at + 2)?));
        let first = *packet.first()?;
        if first >> 6 != 2 {
            return None;
        }
        let mut header = Header {
            has_padding: first & 0x20 != 0,
            marker: packet.get(1)? & 0x80 != 0,
            payload_type: packet.get(1)? & 0x7f,
            seq: word(2)?,
            timestamp: long(4)?,
            ssrc: long(8)?,
            length: 12 + 4 * usize::from(first & 0x0f),
            level: None,
            has_send_time: false,
            transport_seq: None,
        };
        if first & 0x10 != 0 {
            let profile = word(header.length)?;
            let start = header.length + 4;
            let end = start + 4 * usize::from(word(header.length + 2)?);
            header.read_extensions(profile, packet.get(start..end)?);
            header.length = end;
        }
        (header.length <= packet.len()).then_some(header)
    }

    fn read_extensions(&mut self, profile: u16, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if first == 0 {
                bytes = rest;
                continue;
            }
            let (id, skip, length) = match (profile, rest.first()) {
                (0xbede, _) if first >> 4 == 15 => return,
                (0xbede, _) => (first >> 4, 1, usize::from(first & 0x0f) + 1),
                (0x1000..=0x100f, Some(&length)) => (first, 2, usize::from(length)),
                _ => return,
            };
            let Some(value) = bytes.get(skip..skip + length) else { return };
            match (id, value) {
                (1, [byte, ..]) => self.level = Some((byte & 0x7f, byte & 0x80 != 0)),
                (2, [_, _, _]) => self.has_send_time = true,
                (3, [high, low, ..]) => {
                    self.transport_seq = Some(u16::from_be_bytes([*high, *low]))
                }
                _ => {}
            }
            bytes = &bytes[skip + length..];
        }
    }

    /// The payload of a plain packet, without padding; `None` when the padding is longer than the packet.
    pub(crate) fn payload<'a>(&self, plain: &'a [u8]) -> Option<&'a [u8]> {
        let body = plain.get(self.length..)?;
        if !self.has_padding {
            return Some(body);
        }
        let padding = usize::from(*body.last()?);
        (padding > 0 && padding <= body.len()).then(|| &body[..body.len() - padding])
    }
}

/// Samples at 48 kHz in an Opus packet; `None` when it is not one (RFC 6716 3.2 and 3.4).
pub(crate) fn opus_samples(packet: &[u8]) -> Option<u32> {
    let (&toc, rest) = packet.split_first()?;
    let config = u32::from(toc >> 3);
    let frame = match config {
        0..=11 => [480, 960, 1920, 2880][(config % 4) as usize],
        12..=15 => [480, 960][(config % 2) as usize],
        _ => [120, 240, 480, 960][(config % 4) as usize],
    };
    let frames = match toc & 3 {
        0 => one_frame(rest)?,
        1 if rest.len() % 2 == 0 => 2,
        1 => return None,
        2 => {
            let (length, used) = frame_length(rest)?;
            (used + length <= rest.len()).then_some(2)?
        }
        _ => many_frames(rest)?,
    };
    (frame * frames <= 5760).then_some(frame * frames)
}

fn one_frame(rest: &[u8]) -> Option<u32> {
    (rest.len() <= 1275).then_some(1)
}

fn frame_length(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes.first()? {
        first @ 0..=251 => Some((usize::from(*first), 1)),
        first => Some((usize::from(*first) + 4 * usize::from(*bytes.get(1)?), 2)),
    }
}

fn many_frames(rest: &[u8]) -> Option<u32> {
    let (&count, mut rest) = rest.split_first()?;
    let frames = usize::from(count & 0x3f);
    let mut padding = 0;
    if count & 0x40 != 0 {
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            padding += usize::from(byte.min(254));
            if byte != 255 {
                break;
            }
        }
    }
    let mut left = rest.len().checked_sub(padding)?;
    if frames == 0 {
        return None;
    }
    if count & 0x80 == 0 {
        return (left % frames == 0).then_some(frames as u32);
    }
    for _ in 1..frames {
        let (length, used) = frame_length(rest)?;
        rest = rest.get(used..)?;
        left = left.checked_sub(used + length)?;
    }
    Some(frames as u32)
}
