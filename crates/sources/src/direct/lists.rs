//! Lists of links: `.m3u` and `.pls` files, with which stations say where they are.

use url::Url;

/// Links of one list that are tried, one after the other.
pub(super) const TRIED_MAX: usize = 4;

/// The most bytes of a list.
pub(super) const LIST_BYTES_MAX: usize = 1024 * 1024;

/// Whether it is a list of segments (RFC 8216) and not of links.
pub(super) fn is_segments(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.trim_start_matches('\u{feff}').starts_with("#EXTM3U")
        && text.lines().any(|line| line.starts_with("#EXT-X-"))
}

/// Whether a name or a media type promises a list, for lists without a first line that says so.
pub(super) fn is_promised(url: &Url, media_type: Option<&str>) -> bool {
    let path = url.path().to_ascii_lowercase();
    let media_type = media_type.unwrap_or_default().to_ascii_lowercase();
    [".m3u", ".m3u8", ".pls"].iter().any(|end| path.ends_with(end))
        || ["mpegurl", "scpls"].iter().any(|kind| media_type.contains(kind))
}

/// The links in it, made absolute, the first few.
pub(super) fn links(base: &Url, text: &[u8]) -> Vec<Url> {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_start_matches('\u{feff}');
    let is_pls = text.trim_start().to_ascii_lowercase().starts_with("[playlist]");
    let link = |line: &str| {
        let line = line.trim();
        let link = match line.split_once('=') {
            Some((key, link)) if is_pls => {
                key.trim().to_ascii_lowercase().starts_with("file").then_some(link.trim())?
            }
            _ if is_pls || line.is_empty() || line.starts_with('#') => return None,
            _ => line,
        };
        base.join(link).ok()
    };
    text.lines().filter_map(link).take(TRIED_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_lists_of_both_kinds() {
        let base = Url::parse("http://radio.test/listen/main.m3u").unwrap();
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<String> =
                links(&base, text.as_bytes()).iter().map(Url::to_string).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("#EXTM3U\n#EXTINF:-1,Radio\nhttp://a.test/live\n", &["http://a.test/live"]);
        check("\u{feff}#EXTM3U\r\n\r\nlive.mp3\r\n", &["http://radio.test/listen/live.mp3"]);
        check("http://a.test/1\n/2\n", &["http://a.test/1", "http://radio.test/2"]);
        let pls = "[playlist]\nNumberOfEntries=2\nFile1=http://a.test/1?x=1\nTitle1=One\nLength1=-1\nfile2 = http://a.test/2\n";
        check(pls, &["http://a.test/1?x=1", "http://a.test/2"]);
        check("[playlist]\nTitle1=nothing", &[]);
        assert!(is_segments(b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n"));
        assert!(!is_segments(b"#EXTM3U\n#EXTINF:-1,Radio\nhttp://a.test/live\n"));
        assert!(is_promised(&base, None));
        let other = Url::parse("http://radio.test/listen").unwrap();
        assert!(
            is_promised(&other, Some("audio/x-scpls")) && !is_promised(&other, Some("text/html"))
        );
    }
}
