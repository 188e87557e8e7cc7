//! The atoms of an MP4 file (ISO/IEC 14496-12): whether it is whole, and where its music begins.

mod kept;

use std::io::{self, Read, Seek, SeekFrom};

pub(crate) use self::kept::Kept;

/// Atoms of one level that are looked at; files have a handful before their media.
const ATOMS_MAX: usize = 64;

/// A kind, and how many bytes it takes with its header; `None`: all that follow.
struct Atom {
    kind: [u8; 4],
    size: Option<u64>,
    header: u64,
}

/// Whether a file of `len` bytes ends inside an atom. Symphonia ignores such an atom when it knows the length, and with
/// it all the sound, although most of it is there.
pub(crate) fn is_cut_off(file: &mut (impl Read + Seek), len: u64) -> io::Result<bool> {
    let mut at = 0u64;
    let mut has_index = false;
    for _ in 0..ATOMS_MAX {
        if at.saturating_add(8) > len {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 16];
        let n = usize::try_from(len - at).unwrap_or(16).min(16);
        file.read_exact(&mut head[..n])?;
        let atom = Atom::read(head);
        // To the end of the file, whatever it is.
        let Some(size) = atom.size else { return Ok(false) };
        at = at.saturating_add(size);
        has_index |= &atom.kind == b"moov";
        if at > len {
            return Ok(has_index);
        }
    }
    Ok(false)
}

impl Atom {
    /// From its first 16 bytes, of which the last eight count only for long ones.
    fn read(head: [u8; 16]) -> Atom {
        let [a, b, c, d, e, f, g, h, long @ ..] = head;
        let kind = [e, f, g, h];
        match u32::from_be_bytes([a, b, c, d]) {
            0 => Atom { kind, size: None, header: 8 },
            1 => Atom { kind, size: Some(u64::from_be_bytes(long).max(16)), header: 16 },
            size => Atom { kind, size: Some(u64::from(size).max(8)), header: 8 },
        }
    }
}
