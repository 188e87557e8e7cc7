//! The top level of an MP4 file: whether it is whole.

use std::io::{self, Read, Seek, SeekFrom};

/// Top-level atoms that are looked at; files have a handful before their media.
const ATOMS_MAX: usize = 64;

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
        file.read_exact(&mut head[..8])?;
        let [a, b, c, d, kind @ ..] =
            [head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]];
        let size = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file, whatever it is.
            0 => return Ok(false),
            1 => {
                file.read_exact(&mut head[8..])?;
                u64::from_be_bytes([
                    head[8], head[9], head[10], head[11], head[12], head[13], head[14], head[15],
                ])
            }
            size => u64::from(size),
        };
        at = at.saturating_add(size.max(8));
        has_index |= &kind == b"moov";
        if at > len {
            return Ok(has_index);
        }
    }
    Ok(false)
}
