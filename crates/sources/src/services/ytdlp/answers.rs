//! From the dictionaries that yt-dlp prints to candidates and streams.

use std::time::SystemTime;

use domain::candidate::{Candidate, Page, Stream, StreamKind};
use domain::{Fault, Reason};
use serde_json::Value;
use url::Url;

use crate::api::fields::Fields;
use crate::api::lifetime;
use crate::http::Guard;
use crate::services::{named, youtube};

/// What of a format's headers its address may need.
const HEADERS: [&str; 3] = ["User-Agent", "Referer", "Origin"];

/// From this age on it is called explicit.
const ADULT: f64 = 18.0;

/// Whether there is anything in an answer: a failed search is a list without entries.
pub(super) fn is_something(info: &Value) -> bool {
    match info.pointer("/entries") {
        Some(entries) => entries.as_array().is_some_and(|entries| !entries.is_empty()),
        None => info.is_object(),
    }
}

/// What can be named of a list.
pub(super) fn entries(info: &Value) -> Vec<Candidate> {
    let entries = info.items("/entries").unwrap_or_default();
    entries.iter().filter_map(|entry| candidate(entry).ok()).collect()
}

/// One page, which begins at the entry `from`, of at most `size`.
pub(super) fn page(info: &Value, from: usize, size: usize) -> Page {
    let is_full = info.items("/entries").is_some_and(|entries| entries.len() >= size);
    let is_more = info.number("/playlist_count").is_none_or(|count| count >= (from + size) as f64);
    let entries = match info.pointer("/entries") {
        Some(_) => entries(info),
        // a link to one track, where a list was expected
        None => candidate(info).into_iter().collect(),
    };
    Page {
        title: info.text("/title").map(str::to_owned),
        entries,
        next: (is_full && is_more).then(|| (from + size).to_string()),
    }
}

/// The track itself, or the first of several on a page.
pub(super) fn first(mut info: Value) -> Result<Value, Fault> {
    match info.pointer_mut("/entries/0").map(Value::take) {
        Some(entry) => Ok(entry),
        None if info.pointer("/entries").is_some() => {
            Err(Fault::refused(Reason::NotFound, "yt-dlp: the list is empty"))
        }
        None => Ok(info),
    }
}

pub(super) fn candidate(info: &Value) -> Result<Candidate, Fault> {
    let strange = || Fault::transient(Reason::ServiceRefused, "yt-dlp: an answer without a title");
    let title = ["/track", "/title", "/fulltitle"].iter().find_map(|at| info.text(at));
    let link = link(info).ok_or_else(strange)?;
    let artist = info.text("/artist").map(str::to_owned).or_else(|| info.names("/artists"));
    let artist = artist.or_else(|| {
        let by = ["/creator", "/channel", "/uploader"].iter().find_map(|at| info.text(at))?;
        Some(by.strip_suffix(" - Topic").unwrap_or(by).to_owned())
    });
    let is_live = is_live(info);
    Ok(Candidate {
        duration: info.seconds("/duration").filter(|_| !is_live),
        is_live,
        is_explicit: info.number("/age_limit").filter(|age| *age >= ADULT).map(|_| true),
        key: link.clone(),
        link: Some(link),
        ..named(title.ok_or_else(strange)?, artist.as_deref())
    })
}

fn is_live(info: &Value) -> bool {
    info.flag("/is_live") == Some(true) || info.text("/live_status") == Some("is_live")
}

/// The page of a track. Entries of a list name it as their address, some of them by its number only.
fn link(info: &Value) -> Option<String> {
    let of_page = info.text("/webpage_url").or_else(|| info.text("/original_url"));
    let link = of_page.or_else(|| info.text("/url"))?;
    if Url::parse(link).is_ok_and(|link| matches!(link.scheme(), "http" | "https")) {
        return Some(link.to_owned());
    }
    let is_youtube = info.text("/ie_key") == Some("Youtube");
    info.text("/id").filter(|_| is_youtube).map(youtube::page)
}

/// Where the bytes are.
///
/// # Errors
/// `Unsupported` for protocols that nothing here speaks and for what is copy-protected; as the guard for the address.
pub(super) fn stream(info: &Value, guard: &Guard) -> Result<Stream, Fault> {
    let unsupported = |what: &str| Fault::refused(Reason::Unsupported, format!("yt-dlp: {what}"));
    if info.flag("/has_drm") == Some(true) {
        return Err(unsupported("copy-protected"));
    }
    if info.text("/live_status") == Some("is_upcoming") {
        return Err(Fault::refused(Reason::ServiceRefused, "yt-dlp: it has not begun yet"));
    }
    let mut of_format = info.text("/format_id").unwrap_or_default().split('_');
    if of_format.any(|part| part == "preview") {
        return Err(Fault::refused(Reason::Preview, "yt-dlp: 30 s of it"));
    }
    let address = info.text("/url").ok_or_else(|| unsupported("no address"))?;
    let url = guard.check(address)?;
    let kind = match info.text("/protocol").unwrap_or("https") {
        "m3u8" | "m3u8_native" => StreamKind::Hls,
        "http" | "https" if is_live(info) => StreamKind::Endless,
        "http" | "https" => StreamKind::File,
        _ => return Err(unsupported("a protocol that nothing here speaks")),
    };
    let header = |name: &str| {
        let value = info.pointer("/http_headers")?.get(name)?.as_str()?;
        Some((name.to_owned(), value.to_owned()))
    };
    Ok(Stream {
        lifetime: lifetime(&url, SystemTime::now()),
        url: url.into(),
        headers: HEADERS.iter().filter_map(|name| header(name)).collect(),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn guard() -> Guard {
        Guard::new(Vec::new())
    }

    #[test]
    fn a_track_is_read_with_its_artist_its_length_and_its_address() {
        let info = json!({
            "_type": "video", "id": "abc", "title": "A song (official)", "channel": "Somebody - Topic",
            "duration": 213.4, "webpage_url": "https://www.youtube.com/watch?v=abc", "age_limit": 18,
            "url": "https://cdn.test/videoplayback?expire=99999999999&id=1", "protocol": "https",
            "http_headers": {"User-Agent": "Mozilla/5.0", "Cookie": "no", "Sec-Fetch-Mode": "navigate"},
            "is_live": false, "live_status": "not_live",
        });
        let found = candidate(&info).unwrap();
        assert_eq!(
            (found.title.as_str(), found.artist.as_deref()),
            ("A song (official)", Some("Somebody"))
        );
        assert_eq!(found.duration, Some(Duration::from_millis(213_400)));
        assert_eq!(found.is_explicit, Some(true));
        assert_eq!(found.key, "https://www.youtube.com/watch?v=abc");
        let stream = stream(&info, &guard()).unwrap();
        assert_eq!(stream.kind, StreamKind::File);
        assert_eq!(stream.headers, [("User-Agent".to_owned(), "Mozilla/5.0".to_owned())]);
        assert!(stream.lifetime.is_some());
    }

    #[test]
    fn protocols_say_how_the_bytes_arrive() {
        let check = |protocol: &str, is_live: bool, expected: Option<StreamKind>| {
            let info =
                json!({"url": "https://cdn.test/a", "protocol": protocol, "is_live": is_live});
            assert_eq!(
                stream(&info, &guard()).ok().map(|stream| stream.kind),
                expected,
                "{protocol}"
            );
        };
        check("https", false, Some(StreamKind::File));
        check("http", true, Some(StreamKind::Endless));
        check("m3u8_native", false, Some(StreamKind::Hls));
        check("m3u8", true, Some(StreamKind::Hls));
        check("http_dash_segments", false, None);
        check("rtmp", true, None);
    }

    #[test]
    fn addresses_inside_are_refused_whatever_the_answer_says() {
        let info = json!({"url": "http://127.0.0.1/a.mp3", "protocol": "http"});
        assert_eq!(stream(&info, &guard()).unwrap_err().reason, Reason::PrivateAddress);
        let info = json!({"url": "https://cdn.test/a", "protocol": "https", "has_drm": true});
        assert_eq!(stream(&info, &guard()).unwrap_err().reason, Reason::Unsupported);
    }

    #[test]
    fn lists_are_paged_and_entries_without_a_page_are_left_out() {
        let entry = |n: usize| {
            json!({"_type": "url", "id": format!("v{n}"), "ie_key": "Youtube",
            "url": format!("https://www.youtube.com/watch?v=v{n}"), "title": format!("Song {n}")})
        };
        let full = json!({"_type": "playlist", "title": "Mix", "playlist_count": 5,
            "entries": [entry(1), {"id": "only-an-id", "title": "x"}, {"id": "v3", "ie_key": "Youtube", "url": "v3", "title": "Song 3"}]});
        let first = page(&full, 1, 3);
        assert_eq!(first.title.as_deref(), Some("Mix"));
        let keys: Vec<&str> = first.entries.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(
            keys,
            ["https://www.youtube.com/watch?v=v1", "https://www.youtube.com/watch?v=v3"]
        );
        assert_eq!(first.next.as_deref(), Some("4"));
        let last =
            json!({"_type": "playlist", "playlist_count": 5, "entries": [entry(4), entry(5)]});
        assert_eq!(page(&last, 4, 3).next, None);
        assert!(!is_something(&json!({"_type": "playlist", "entries": []})));
        assert!(!is_something(&Value::Null));
    }
}
