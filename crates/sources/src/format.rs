//! What kind of audio some bytes are, by their own witness. Names and headers lie; first bytes seldom do.

/// A kind of file that the first bytes can be recognised as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Ogg,
    WebM,
    Matroska,
    Mp4,
    Mp3,
    Flac,
    Wav,
    Aac,
    MpegTs,
    Aiff,
}

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Audio(Format),
    /// A list of links or of segments.
    Playlist,
    /// Audio, but of a kind that nothing here plays; its name.
    Unsupported(&'static str),
    /// A page, a document or other words.
    Text,
    /// Nothing known. With more bytes it may become something.
    Unknown,
}

/// How many first bytes are enough: a radio stream may begin in the middle of a frame.
pub const SNIFF_BYTES: usize = 8192;

// === impl Format ===

impl Format {
    /// Looks at the first bytes of a file or stream, at best [`SNIFF_BYTES`] of them.
    pub fn sniff(head: &[u8]) -> Verdict {
        if let Some(format) = container(head) {
            return Verdict::Audio(format);
        }
        let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
        if text.starts_with(b"#EXTM3U")
            || text.get(..10).is_some_and(|it| it.eq_ignore_ascii_case(b"[playlist]"))
        {
            return Verdict::Playlist;
        }
        if let Some(name) = unsupported(head) {
            return Verdict::Unsupported(name);
        }
        if is_text(head) {
            return Verdict::Text;
        }
        elementary(head).map_or(Verdict::Unknown, Verdict::Audio)
    }

    /// The media type, for the decoder's hint.
    pub fn mime(self) -> &'static str {
        match self {
            Format::Ogg => "audio/ogg",
            Format::WebM => "audio/webm",
            Format::Matroska => "audio/x-matroska",
            Format::Mp4 => "audio/mp4",
            Format::Mp3 => "audio/mpeg",
            Format::Flac => "audio/flac",
            Format::Wav => "audio/wav",
            Format::Aac => "audio/aac",
            Format::MpegTs => "video/mp2t",
            Format::Aiff => "audio/aiff",
        }
    }

    /// The usual file name extension, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Ogg => "ogg",
            Format::WebM => "webm",
            Format::Matroska => "mka",
            Format::Mp4 => "m4a",
            Format::Mp3 => "mp3",
            Format::Flac => "flac",
            Format::Wav => "wav",
            Format::Aac => "aac",
            Format::MpegTs => "ts",
            Format::Aiff => "aiff",
        }
    }
}

/// Formats that begin with a signature of their own.
fn container(head: &[u8]) -> Option<Format> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    if starts(b"OggS") {
        Some(Format::Ogg)
    } else if starts(&[0x1a, 0x45, 0xdf, 0xa3]) {
        let is_webm =
            head.iter().take(64).copied().collect::<Vec<_>>().windows(4).any(|it| it == b"webm");
        Some(if is_webm { Format::WebM } else { Format::Matroska })
    } else if at(4, b"ftyp") {
        let is_picture =
            [b"avif".as_slice(), b"heic", b"heix", b"mif1"].iter().any(|brand| at(8, brand));
        (!is_picture).then_some(Format::Mp4)
    } else if starts(b"fLaC") {
        Some(Format::Flac)
    } else if (starts(b"RIFF") || starts(b"RF64")) && at(8, b"WAVE") {
        Some(Format::Wav)
    } else if starts(b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) {
        Some(Format::Aiff)
    } else if starts(b"ID3") {
        Some(behind_id3(head))
    } else {
        None
    }
}

/// An ID3v2 tag stands before MP3 nearly always, now and then before FLAC or AAC.
fn behind_id3(head: &[u8]) -> Format {
    let Some([a, b, c, d]) = head.get(6..10) else {
        return Format::Mp3;
    };
    let size =
        [a, b, c, d].iter().fold(0usize, |size, byte| size << 7 | usize::from(**byte & 0x7f));
    match head.get(10 + size..) {
        Some(rest) if rest.starts_with(b"fLaC") => Format::Flac,
        Some(rest) if adts(rest).is_some() => Format::Aac,
        _ => Format::Mp3,
    }
}

fn unsupported(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 6] = [
        (b"#!AMR", "amr"),
        (b"MThd", "midi"),
        (b"wvpk", "wavpack"),
        (b"MAC ", "monkey's audio"),
        (&[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11], "windows media"),
        (b"ADIF", "adif"),
    ];
    known.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| *name)
}

/// Only characters that people write, in UTF-8 or UTF-16 with its mark.
fn is_text(head: &[u8]) -> bool {
    if head.starts_with(&[0xff, 0xfe, b'<', 0]) || head.starts_with(&[0xfe, 0xff, 0, b'<']) {
        return true;
    }
    let head = head.get(..512).unwrap_or(head);
    let words = match std::str::from_utf8(head) {
        Ok(words) => words,
        // cut inside a character
        Err(error) if error.error_len().is_none() => {
            match std::str::from_utf8(&head[..error.valid_up_to()]) {
                Ok(words) => words,
                Err(_) => return false,
            }
        }
        Err(_) => return false,
    };
    !words.is_empty() && !words.chars().any(|c| c.is_control() && !c.is_whitespace())
}

/// Streams of frames without any file around them, entered anywhere.
fn elementary(head: &[u8]) -> Option<Format> {
    if is_transport_stream(head) {
        return Some(Format::MpegTs);
    }
    let is_run = |from: usize, length: fn(&[u8]) -> Option<usize>| {
        let mut at = from;
        (0..3).all(|_| match head.get(at..).and_then(length) {
            Some(length) => {
                at += length;
                true
            }
            None => false,
        })
    };
    (0..head.len()).filter(|at| head[*at] == 0xff).find_map(|at| {
        if is_run(at, adts) {
            Some(Format::Aac)
        } else {
            is_run(at, mpeg_audio).then_some(Format::Mp3)
        }
    })
}

/// Three packets of 188 bytes in a row (ISO/IEC 13818-1).
fn is_transport_stream(head: &[u8]) -> bool {
    (0..188.min(head.len()))
        .any(|from| (0..3).all(|packet| head.get(from + packet * 188) == Some(&0x47)))
}

/// The length of an AAC frame with its ADTS header (ISO/IEC 13818-7).
fn adts(frame: &[u8]) -> Option<usize> {
    let header = frame.get(..7)?;
    if header[0] != 0xff || header[1] & 0xf6 != 0xf0 || (header[2] >> 2) & 0xf > 12 {
        return None;
    }
    let length = usize::from(header[3] & 3) << 11
        | usize::from(header[4]) << 3
        | usize::from(header[5]) >> 5;
    (length > 7).then_some(length)
}

/// The length of a layer III frame (ISO/IEC 11172-3 and 13818-3).
fn mpeg_audio(frame: &[u8]) -> Option<usize> {
    const KBPS_1: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const KBPS_2: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let header = frame.get(..4)?;
    let (version, layer) = ((header[1] >> 3) & 3, (header[1] >> 1) & 3);
    if header[0] != 0xff || header[1] & 0xe0 != 0xe0 || version == 1 || layer != 1 {
        return None;
    }
    let is_first = version == 3;
    let kbps = *if is_first { &KBPS_1 } else { &KBPS_2 }
        .get(usize::from(header[2] >> 4).checked_sub(1)?)?;
    let hertz = *[44_100, 48_000, 32_000].get(usize::from(header[2] >> 2 & 3))?
        >> [2, 2, 1, 0][usize::from(version)];
    let padding = usize::from(header[2] >> 1 & 1);
    Some(if is_first { 144_000 } else { 72_000 } * kbps / hertz + padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz.
    fn mp3(count: usize) -> Vec<u8> {
        let mut frame = [0u8; 417];
        frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x00]);
        frame.repeat(count)
    }

    fn aac(count: usize) -> Vec<u8> {
        let mut frame = [0u8; 200];
        frame[..7].copy_from_slice(&[0xff, 0xf1, 0x50, 0x80, 0x19, 0x1f, 0xfc]);
        frame.repeat(count)
    }

    fn transport(count: usize) -> Vec<u8> {
        let mut packet = [0xffu8; 188];
        packet[0] = 0x47;
        packet.repeat(count)
    }

    #[test]
    fn first_bytes_name_the_format() {
        use Format::*;
        use Verdict::*;
        let junk = |rest: Vec<u8>| [vec![0u8, 1, 2, 0xff, 0xfb, 3], rest].concat();
        let id3 = |rest: &[u8]| [b"ID3\x04\0\0\0\0\0\x05abcde".as_slice(), rest].concat();
        let table: Vec<(Vec<u8>, Verdict)> = vec![
            (b"OggS\0\x02".to_vec(), Audio(Ogg)),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm".to_vec(), Audio(WebM)),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska".to_vec(), Audio(Matroska)),
            (b"\0\0\0\x20ftypM4A \0\0".to_vec(), Audio(Mp4)),
            (b"\0\0\0\x20ftypheic\0\0".to_vec(), Unknown),
            (b"fLaC\0\0\0\x22".to_vec(), Audio(Flac)),
            (b"RIFF\x24\0\0\0WAVEfmt ".to_vec(), Audio(Wav)),
            (b"RIFF\x24\0\0\0WEBPVP8 ".to_vec(), Unknown),
            (b"FORM\0\0\0\x24AIFFCOMM".to_vec(), Audio(Aiff)),
            (b"ID3\x04\0".to_vec(), Audio(Mp3)),
            (id3(b"fLaC\0\0"), Audio(Flac)),
            (id3(&aac(1)), Audio(Aac)),
            (id3(&mp3(1)), Audio(Mp3)),
            (mp3(4), Audio(Mp3)),
            (junk(mp3(4)), Audio(Mp3)),
            (mp3(3)[200..].to_vec(), Unknown),
            (mp3(5)[200..].to_vec(), Audio(Mp3)),
            (aac(4), Audio(Aac)),
            (junk(aac(4)), Audio(Aac)),
            (transport(4), Audio(MpegTs)),
            (transport(5)[100..].to_vec(), Audio(MpegTs)),
            (b"#EXTM3U\n#EXT-X-VERSION:3\n".to_vec(), Playlist),
            (b"\xEF\xBB\xBF#EXTM3U\n".to_vec(), Playlist),
            (b"[Playlist]\nFile1=http://a/".to_vec(), Playlist),
            (b"<!doctype html><title>\xd0\x9f".to_vec(), Text),
            ("<html>Привет".as_bytes()[..13].to_vec(), Text),
            (b"{\"error\": \"sign in\"}".to_vec(), Text),
            (b"\xff\xfe<\0h\0t\0m\0l\0".to_vec(), Text),
            (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3".to_vec(), Unknown),
            (b"\x89PNG\r\n\x1a\n\0\0".to_vec(), Unknown),
            (vec![0xff; 4000], Unknown),
            (vec![0; 4000], Unknown),
            (Vec::new(), Unknown),
        ];
        for (head, expected) in table {
            let shown = String::from_utf8_lossy(&head[..head.len().min(16)]).into_owned();
            assert_eq!(Format::sniff(&head), expected, "{shown:?}");
        }
    }
}
