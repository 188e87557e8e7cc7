//! The titles that stations weave into their sound: after every so many bytes of it one byte that counts sixteens, then
//! so many bytes of words (the convention of SHOUTcast, `icy-metaint`).

use bytes::Bytes;
use domain::track::clean_title;

use super::TITLE_MAX;

/// Longer stretches are somebody's mistake, and are taken as sound.
const EVERY_MAX: usize = 16 * 1024 * 1024;

/// Separates the sound of one connection from its titles.
#[derive(Debug)]
pub(super) struct Icy {
    every: usize,
    /// Bytes of sound before the next count.
    left: usize,
    /// The words that are being read, and how many bytes of them are missing.
    words: Option<(Vec<u8>, usize)>,
}

// === impl Icy ===

impl Icy {
    /// `every` as announced; `None` for what nobody means.
    pub(super) fn new(every: usize) -> Option<Icy> {
        (1..=EVERY_MAX).contains(&every).then_some(Icy { every, left: every, words: None })
    }

    /// The sound in these bytes, and the title that ended in them, if one did. Cut anywhere.
    pub(super) fn strip(&mut self, mut bytes: Bytes) -> (Bytes, Option<String>) {
        if self.words.is_none() && bytes.len() <= self.left {
            self.left -= bytes.len();
            return (bytes, None);
        }
        let (mut sound, mut title) = (Vec::with_capacity(bytes.len()), None);
        while !bytes.is_empty() {
            match &mut self.words {
                Some((words, missing)) => {
                    let part = bytes.split_to(bytes.len().min(*missing));
                    words.extend_from_slice(&part);
                    *missing -= part.len();
                    if *missing == 0 {
                        title = title_in(words).or(title);
                        (self.words, self.left) = (None, self.every);
                    }
                }
                None if self.left == 0 => {
                    let count = usize::from(bytes.split_to(1)[0]) * 16;
                    if count == 0 {
                        self.left = self.every;
                    } else {
                        self.words = Some((Vec::with_capacity(count), count));
                    }
                }
                None => {
                    let part = bytes.split_to(bytes.len().min(self.left));
                    self.left -= part.len();
                    sound.extend_from_slice(&part);
                }
            }
        }
        (Bytes::from(sound), title)
    }
}

/// The title in `StreamTitle='…';StreamUrl='…';`. Titles have quotes and semicolons of their own.
fn title_in(words: &[u8]) -> Option<String> {
    let words = readable(words);
    let rest = words.split_once("StreamTitle='")?.1.trim_end_matches('\0');
    let end = rest.find("';StreamUrl=").or_else(|| rest.rfind("';")).unwrap_or(rest.len());
    let title = clean_title(&rest[..end], TITLE_MAX, "");
    (!title.is_empty() && title != "-").then_some(title)
}

/// UTF-8 where it is; else whatever the bytes look like. Accented Latin letters stand alone among plain ones, Cyrillic
/// ones stand together.
fn readable(words: &[u8]) -> String {
    if let Ok(words) = std::str::from_utf8(words) {
        return words.to_owned();
    }
    let is_letter = |byte: &u8| *byte >= 0xc0 || matches!(byte, 0xa8 | 0xb8);
    let letters = words.iter().filter(|byte| is_letter(byte)).count();
    let together = words.windows(2).filter(|two| two.iter().all(is_letter)).count();
    let is_cyrillic = together * 2 > letters;
    words.iter().map(|byte| if is_cyrillic { of_1251(*byte) } else { char::from(*byte) }).collect()
}

/// The letters of Windows-1251.
fn of_1251(byte: u8) -> char {
    match byte {
        0xa8 => 'Ё',
        0xb8 => 'ё',
        0xaa => 'Є',
        0xba => 'є',
        0xaf => 'Ї',
        0xbf => 'ї',
        0xb2 => 'І',
        0xb3 => 'і',
        0x96 | 0x97 => '–',
        0xab | 0xbb => char::from(byte),
        0xc0.. => char::from_u32(0x410 + u32::from(byte - 0xc0)).unwrap_or('?'),
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sound of `every` bytes after each of which come these words.
    fn woven(sound: &[u8], every: usize, words: &[&[u8]]) -> Vec<u8> {
        let mut all = Vec::new();
        for (number, part) in sound.chunks(every).enumerate() {
            all.extend_from_slice(part);
            if part.len() == every {
                let words = words.get(number).copied().unwrap_or_default();
                let count = words.len().div_ceil(16);
                all.push(count as u8);
                all.extend_from_slice(words);
                all.resize(all.len() + count * 16 - words.len(), 0);
            }
        }
        all
    }

    #[test]
    fn sound_and_titles_come_apart_however_the_chunks_are_cut() {
        let sound: Vec<u8> = (0..1000u32).map(|i| (i * 7 % 251) as u8).collect();
        let words: [&[u8]; 4] =
            [b"StreamTitle='One';", b"", b"StreamTitle='Two';StreamUrl='http://x/';", b""];
        let all = woven(&sound, 100, &words);
        for size in 1..=all.len() {
            let mut icy = Icy::new(100).unwrap();
            let (mut heard, mut titles) = (Vec::new(), Vec::new());
            for chunk in all.chunks(size) {
                let (part, title) = icy.strip(Bytes::copy_from_slice(chunk));
                heard.extend_from_slice(&part);
                titles.extend(title);
            }
            assert!(heard == sound, "chunks of {size}");
            assert_eq!(titles.last().map(String::as_str), Some("Two"), "chunks of {size}");
            assert!(size >= 118 || titles == ["One", "Two"], "chunks of {size}: {titles:?}");
        }
    }

    #[test]
    fn titles_keep_their_quotes_and_their_letters() {
        let check = |words: &[u8], expected: Option<&str>| {
            assert_eq!(title_in(words).as_deref(), expected, "{}", String::from_utf8_lossy(words));
        };
        check(b"StreamTitle='Guns N' Roses - Don't Cry';\0\0\0", Some("Guns N' Roses - Don't Cry"));
        check(b"StreamTitle='It's '; here';StreamUrl='';", Some("It's '; here"));
        check(b"StreamTitle='no end", Some("no end"));
        check(b"StreamTitle='';", None);
        check(b"StreamTitle=' - ';", None);
        check(b"StreamUrl='http://x/';", None);
        check("StreamTitle='Кино – Пачка';".as_bytes(), Some("Кино – Пачка"));
        check(b"StreamTitle='\xca\xe8\xed\xee - \xc3\xf0\xf3\xef\xef\xe0';", Some("Кино - Группа"));
        check(b"StreamTitle='Beyonc\xe9 - D\xe9j\xe0 Vu';", Some("Beyoncé - Déjà Vu"));
        check(b"StreamTitle='a\x07\n b';", Some("a b"));
    }

    #[test]
    fn nonsense_is_not_believed() {
        assert!(Icy::new(0).is_none() && Icy::new(usize::MAX).is_none());
    }
}
