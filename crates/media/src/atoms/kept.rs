//! Where the music of an MP4 file begins, from what was read of it while it was opened.

use super::{ATOMS_MAX, Atom};

/// Two stretches of a file: its first bytes, and those that were read after a jump.
pub(crate) struct Kept<'a> {
    pub(crate) head: &'a [u8],
    pub(crate) far: &'a [u8],
    /// Where `far` begins.
    pub(crate) far_at: u64,
}

/// What is inside an atom.
#[derive(Clone, Copy)]
struct Body {
    from: u64,
    to: u64,
}

// === impl Kept ===

impl Kept<'_> {
    /// The time, in ticks of the track, at which its music begins: the edit list (`elst`) leaves out what comes before,
    /// which is what a decoder needs to begin with. `None` when there is none, or too far into a long index.
    pub(crate) fn begins_at(&self, track: u32) -> Option<u64> {
        let index = self.find(Body { from: 0, to: u64::MAX }, b"moov").next()?;
        let of_track = |body: &Body| self.id(*body) == Some(track);
        let track = self.find(index, b"trak").find(of_track)?;
        let edits = self.find(track, b"edts").next()?;
        self.first_edit(self.find(edits, b"elst").next()?)
    }

    /// The atoms of a kind on one level.
    fn find<'s>(&'s self, within: Body, kind: &'static [u8; 4]) -> impl Iterator<Item = Body> + 's {
        let mut at = within.from;
        let atoms = std::iter::from_fn(move || {
            let atom = Atom::read(self.bytes(at).filter(|_| at < within.to)?);
            let to = atom.size.map_or(within.to, |size| at.saturating_add(size)).min(within.to);
            let body = Body { from: at.saturating_add(atom.header), to };
            at = to;
            Some((atom.kind, body))
        });
        atoms.take(ATOMS_MAX).filter(move |(is, _)| is == kind).map(|(_, body)| body)
    }

    /// Of a `trak`, from its `tkhd`: after version, flags and two times.
    fn id(&self, track: Body) -> Option<u32> {
        let Body { from, .. } = self.find(track, b"tkhd").next()?;
        let [version] = self.bytes(from)?;
        let times = if version == 1 { 16 } else { 8 };
        self.bytes(from + 4 + times).map(u32::from_be_bytes)
    }

    /// The media time of the first edit that shows anything; an empty one (-1) before it only delays.
    fn first_edit(&self, list: Body) -> Option<u64> {
        let [version] = self.bytes(list.from)?;
        let n = u32::from_be_bytes(self.bytes(list.from + 4)?);
        let length = if version == 1 { 20 } else { 12 };
        (0..u64::from(n).min(ATOMS_MAX as u64)).find_map(|edit| {
            let at = list.from + 8 + edit * length;
            let time = if version == 1 {
                i64::from_be_bytes(self.bytes(at + 8)?)
            } else {
                i64::from(i32::from_be_bytes(self.bytes(at + 4)?))
            };
            u64::try_from(time).ok().filter(|_| at + length <= list.to)
        })
    }

    /// `N` bytes at `at`, if they were kept.
    fn bytes<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let of = |kept: &[u8], from: u64| {
            let at = usize::try_from(at.checked_sub(from)?).ok()?;
            kept.get(at..at.checked_add(N)?)?.try_into().ok()
        };
        of(self.head, 0).or_else(|| of(self.far, self.far_at))
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(8 + body.len() as u32).to_be_bytes()[..], kind, body].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn track(id: u32, edits: &[u32]) -> Vec<u8> {
        let head = atom(b"tkhd", &words(&[7, 0, 0, id, 0, 0]));
        let list = [&[0, (edits.len() / 3) as u32], edits].concat();
        atom(b"trak", &[head, atom(b"edts", &atom(b"elst", &words(&list)))].concat())
    }

    fn file(tracks: &[Vec<u8>]) -> Vec<u8> {
        let rest = atom(b"mdia", &[0; 64]);
        [atom(b"ftyp", b"M4A "), atom(b"moov", &tracks.concat()), rest].concat()
    }

    fn begins_at(head: &[u8], track: u32) -> Option<u64> {
        Kept { head, far: &[], far_at: 0 }.begins_at(track)
    }

    #[test]
    fn each_track_begins_where_its_own_edit_list_says() {
        let file = file(&[track(1, &[500, 40, 1 << 16]), track(2, &[500, 1_024, 1 << 16])]);
        assert_eq!(begins_at(&file, 1), Some(40));
        assert_eq!(begins_at(&file, 2), Some(1_024));
        assert_eq!(begins_at(&file, 3), None);
    }

    #[test]
    fn an_empty_edit_is_passed_over() {
        let file = file(&[track(1, &[20, u32::MAX, 1 << 16, 500, 2_112, 1 << 16])]);
        assert_eq!(begins_at(&file, 1), Some(2_112));
    }

    #[test]
    fn long_times_are_read_too() {
        let head = atom(b"tkhd", &words(&[1 << 24, 0, 0, 0, 0, 9, 0, 0]));
        let list = words(&[1 << 24, 1, 0, 500, 0, 1_024, 1 << 16]);
        let edits = atom(b"edts", &atom(b"elst", &list));
        assert_eq!(begins_at(&file(&[atom(b"trak", &[head, edits].concat())]), 9), Some(1_024));
    }

    #[test]
    fn an_index_behind_the_media_is_read_where_it_is() {
        let index = atom(b"moov", &track(1, &[500, 1_024, 1 << 16]));
        let head = [atom(b"ftyp", b"M4A "), words(&[1]), b"mdat".to_vec(), words(&[0, 9_000])];
        let (head, far_at) = (head.concat(), 12 + 9_000);
        let kept = Kept { head: &head, far: &[index, vec![0; 8]].concat(), far_at };
        assert_eq!(kept.begins_at(1), Some(1_024));
    }

    #[test]
    fn whatever_is_cut_off_or_senseless_says_nothing_and_ends() {
        let whole = file(&[track(1, &[500, 1_024, 1 << 16])]);
        let needed = whole.len() - 76;
        for n in 0..needed {
            assert_eq!(begins_at(&whole[..n], 1), None, "{n} bytes");
        }
        assert_eq!(begins_at(&[0; 4_096], 1), None);
        assert_eq!(begins_at(&[0xFF; 4_096], 1), None);
        assert_eq!(begins_at(&file(&[track(1, &[])]), 1), None);
    }
}
