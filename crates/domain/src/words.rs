//! Makes words comparable: case, accents, compatibility forms and the script they are typed in do not matter.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// The words of a text, folded. Everything that is neither letter nor digit separates them; apostrophes vanish, and
/// Cyrillic becomes Latin, because people type names either way.
pub fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut folded = String::with_capacity(lower.len());
    // й is a letter and not an accented и; the others of its kind nobody misses
    let composed = lower.replace('й', "y").replace("и\u{306}", "y");
    for c in DecomposingNormalizerBorrowed::new_nfkd().normalize(&composed).chars() {
        match c {
            c if is_mark(c) => {}
            '\'' | '’' | 'ʼ' => {}
            // letters that no decomposition takes apart
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            'þ' => folded.push_str("th"),
            c if c.is_alphanumeric() => match latin(c) {
                Some(latin) => folded.push_str(latin),
                None => folded.extend(c.to_lowercase()),
            },
            _ => folded.push(' '),
        }
    }
    folded.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Cyrillic letters as people type them on a Latin keyboard.
fn latin(c: char) -> Option<&'static str> {
    Some(match c {
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' | 'ґ' => "g",
        'д' => "d",
        'е' | 'э' | 'є' => "e",
        'ж' => "zh",
        'з' => "z",
        'и' | 'і' => "i",
        'к' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' => "u",
        'ф' => "f",
        'х' => "h",
        'ц' => "ts",
        'ч' => "ch",
        'ш' => "sh",
        'щ' => "sch",
        'ъ' | 'ь' => "",
        'ы' => "y",
        'ю' => "yu",
        'я' => "ya",
        _ => return None,
    })
}

/// Combining marks of the scripts that use them as accents.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5BD}' | '\u{64B}'..='\u{65F}'
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// How alike two folded words are, in thousandths: the same, one slip of the finger apart, or strangers.
pub(crate) fn likeness(a: &str, b: &str) -> u32 {
    if a == b {
        return 1_000;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let is_long = a.len().min(b.len()) >= 4 && a.len().max(b.len()) >= 5;
    if is_long && is_one_slip(&a, &b) { 800 } else { 0 }
}

/// Whether one letter was added, left out, exchanged or swapped with its neighbour.
fn is_one_slip(a: &[char], b: &[char]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same_head = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let (short, long) = (&short[same_head..], &long[same_head..]);
    match long.len() - short.len() {
        0 => short[1..] == long[1..] || is_swapped(short, long),
        1 => *short == long[1..],
        _ => false,
    }
}

fn is_swapped(a: &[char], b: &[char]) -> bool {
    a.len() >= 2 && a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_any_case_accent_and_script() {
        let rows = [
            ("Beyoncé — HALO!", "beyonce halo"),
            ("Don’t Stop", "dont stop"),
            ("Группа крови", "gruppa krovi"),
            ("ЦОЙ ЖИВ", "tsoy zhiv"),
            // as some systems write it into file names
            ("Цои\u{306}", "tsoy"),
            ("Ｆｕｌｌｗｉｄｔｈ", "fullwidth"),
            ("Ænima / Straße", "aenima strasse"),
            ("夜に駆ける", "夜に駆ける"),
            ("!?", ""),
        ];
        for (text, folded) in rows {
            // kana decompose, and compare with themselves
            let expected =
                if folded.is_ascii() { folded.to_owned() } else { words(folded).join(" ") };
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn one_slip_is_forgiven_in_words_that_are_long_enough() {
        let rows = [
            ("metallica", "metallica", 1_000),
            ("metalica", "metallica", 800),
            ("metallcia", "metallica", 800),
            ("metallixa", "metallica", 800),
            ("metalixa", "metallica", 0),
            ("love", "live", 0),
            ("halo", "halos", 800),
            ("a", "b", 0),
        ];
        for (a, b, expected) in rows {
            assert_eq!(likeness(a, b), expected, "{a} {b}");
            assert_eq!(likeness(b, a), expected, "{b} {a}");
        }
    }
}
