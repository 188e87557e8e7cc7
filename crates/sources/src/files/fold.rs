//! Makes words comparable: case, accents and compatibility forms do not matter.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// The words of a text, folded. Everything that is neither letter nor digit separates them; apostrophes vanish.
pub(crate) fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut folded = String::with_capacity(lower.len());
    for c in DecomposingNormalizerBorrowed::new_nfkd().normalize(&lower).chars() {
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
            c if c.is_alphanumeric() => folded.extend(c.to_lowercase()),
            _ => folded.push(' '),
        }
    }
    folded.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Combining marks of the scripts that use them as accents.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5BD}' | '\u{64B}'..='\u{65F}'
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}
