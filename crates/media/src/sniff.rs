//! What the first bytes of a file are. Names and MIME types lie; these do not.

/// The kind of a file, as far as it matters who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Mp4,
    Ogg,
    Matroska,
    Adts,
    /// Perhaps one of the others that symphonia knows; it shall try.
    Other,
    /// Audio or video of a kind that only ffmpeg reads.
    Foreign(&'static str),
    /// A list of other places to play from.
    Playlist,
    /// Certainly no audio.
    NotAudio(&'static str),
}

/// Whole names at fixed offsets: (offset, bytes, kind).
const MAGIC: &[(usize, &[u8], Kind)] = &[
    (4, b"ftyp", Kind::Mp4),
    (0, b"OggS", Kind::Ogg),
    (0, b"\x1A\x45\xDF\xA3", Kind::Matroska),
    (0, b"FLV\x01", Kind::Foreign("flv")),
    (0, b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", Kind::Foreign("asf")),
    (8, b"AVI ", Kind::Foreign("avi")),
    (0, b"FORM", Kind::Foreign("aiff")),
    (0, b"caff", Kind::Foreign("caf")),
    (0, b"MAC ", Kind::Foreign("ape")),
    (0, b"wvpk", Kind::Foreign("wavpack")),
    (0, b"MPCK", Kind::Foreign("musepack")),
    (0, b"MP+", Kind::Foreign("musepack")),
    (0, b"TTA1", Kind::Foreign("tta")),
    (0, b"DSD ", Kind::Foreign("dsf")),
    (0, b"#!AMR", Kind::Foreign("amr")),
    (0, b"\x0B\x77", Kind::Foreign("ac3")),
    (0, b"\x00\x00\x01\xBA", Kind::Foreign("mpeg-ps")),
    (0, b".RMF", Kind::Foreign("realmedia")),
    (0, b".snd", Kind::Foreign("au")),
    (0, b"#EXTM3U", Kind::Playlist),
    (0, b"[playlist]", Kind::Playlist),
    (0, b"\x89PNG", Kind::NotAudio("a PNG picture")),
    (0, b"\xFF\xD8\xFF", Kind::NotAudio("a JPEG picture")),
    (0, b"GIF8", Kind::NotAudio("a GIF picture")),
    (8, b"WEBP", Kind::NotAudio("a WebP picture")),
    (0, b"%PDF", Kind::NotAudio("a PDF document")),
    (0, b"PK\x03\x04", Kind::NotAudio("a ZIP archive")),
    (0, b"Rar!", Kind::NotAudio("a RAR archive")),
    (0, b"\x1F\x8B", Kind::NotAudio("a gzip archive")),
    (0, b"7z\xBC\xAF", Kind::NotAudio("a 7z archive")),
    (0, b"\x7FELF", Kind::NotAudio("a program")),
    (0, b"MZ", Kind::NotAudio("a program")),
];

pub(crate) fn sniff(head: &[u8]) -> Kind {
    for (offset, magic, kind) in MAGIC {
        if head.get(*offset..).is_some_and(|rest| rest.starts_with(magic)) {
            return *kind;
        }
    }
    if is_transport_stream(head) {
        return Kind::Foreign("mpeg-ts");
    }
    if let [0xFF, second, ..] = head {
        if second & 0xF6 == 0xF0 {
            return Kind::Adts;
        }
    }
    if is_text(head) { Kind::NotAudio("text") } else { Kind::Other }
}

/// Packets of 188 bytes, each beginning with 0x47 (ISO/IEC 13818-1).
fn is_transport_stream(head: &[u8]) -> bool {
    let starts = head.chunks(188).map(|packet| packet.first());
    head.len() >= 3 * 188 && starts.take(head.len() / 188).all(|first| first == Some(&0x47))
}

/// HTML, JSON, XML and the like: printable to the last byte.
fn is_text(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let is_printable = |b: &u8| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7E | 0x80..);
    let ascii = head.iter().filter(|b| b.is_ascii()).count();
    !head.is_empty() && head.iter().all(is_printable) && ascii * 2 > head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_kind() {
        let check = |head: &[u8], expected: Kind| assert_eq!(sniff(head), expected, "{head:?}");
        check(b"\0\0\0\x20ftypM4A ", Kind::Mp4);
        check(b"OggS\0\x02", Kind::Ogg);
        check(b"\x1A\x45\xDF\xA3\x9F", Kind::Matroska);
        check(b"\xFF\xF1\x50\x80", Kind::Adts);
        check(b"\xFF\xFB\x90\x64", Kind::Other);
        check(b"ID3\x04\0\0", Kind::Other);
        check(b"fLaC\0\0\0\x22", Kind::Other);
        check(b"RIFF\x24\0\0\0WAVE", Kind::Other);
        check(b"<!DOCTYPE html><html>", Kind::NotAudio("text"));
        check(
            "{\"ошибка\": \"нет такого файла\"} and so on, in JSON, as services do".as_bytes(),
            Kind::NotAudio("text"),
        );
        check(b"\x89PNG\r\n\x1A\n", Kind::NotAudio("a PNG picture"));
        check(b"#EXTM3U\n#EXT-X-VERSION:3", Kind::Playlist);
        let mut ts = vec![0; 188 * 4];
        ts.iter_mut().step_by(188).for_each(|b| *b = 0x47);
        check(&ts, Kind::Foreign("mpeg-ts"));
    }
}
