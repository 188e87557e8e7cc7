//! What all doors to YouTube share: its links, and the words with which it says that there is nothing to hear.

use domain::{Fault, Reason};
use url::Url;

use crate::service::Known;

const HOSTS: [&str; 5] = [
    "youtube.com",
    "www.youtube.com",
    "m.youtube.com",
    "music.youtube.com",
    "www.youtube-nocookie.com",
];

/// The page of a video.
pub(crate) fn page(id: &str) -> String {
    format!("https://www.youtube.com/watch?v={id}")
}

/// A video in a list is that video; the list is meant only where nothing else is.
pub(crate) fn known(link: &Url) -> Option<Known> {
    let host = link.host_str()?;
    let mut parts = link.path_segments()?.filter(|part| !part.is_empty());
    let first = parts.next();
    if host == "youtu.be" {
        return video(first?);
    }
    if !HOSTS.contains(&host) {
        return None;
    }
    let query = |name: &str| {
        link.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    match first? {
        "watch" => query("v").and_then(|id| video(&id)),
        "shorts" | "live" | "embed" | "v" => video(parts.next()?),
        "playlist" => query("list").filter(|id| is_token(id)).map(Known::List),
        _ => None,
    }
}

fn video(id: &str) -> Option<Known> {
    (id.len() == 11 && is_token(id)).then(|| Known::Track(id.to_owned()))
}

fn is_token(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What YouTube's own words, handed on by whoever asked it, mean: a video that nobody can have, or an instance that
/// YouTube no longer talks to. Other words are not understood.
pub(crate) fn meaning(place: &str, words: &str) -> Option<Fault> {
    let words = words.to_lowercase();
    let has = |known: &[&str]| known.iter().any(|it| words.contains(it));
    if has(&["sign in to confirm", "not a bot", "too many requests", "captcha"]) {
        let detail = format!("{place}: youtube does not talk to it");
        Some(Fault::transient(Reason::ServiceRefused, detail))
    } else if has(&["confirm your age", "age-restricted", "inappropriate", "members-only"]) {
        Some(Fault::refused(Reason::ServiceRefused, format!("{place}: not for everybody")))
    } else if has(&["in your country", "geo-restricted", "geo restricted"]) {
        Some(Fault::refused(Reason::ServiceRefused, format!("{place}: not in its country")))
    } else if has(&["unavailable", "private video", "not available", "removed", "does not exist"]) {
        Some(Fault::refused(Reason::NotFound, format!("{place}: no such video")))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn youtube_links_are_known_in_all_their_forms() {
        let track = |id: &str| Some(Known::Track(id.to_owned()));
        let list = |id: &str| Some(Known::List(id.to_owned()));
        for (link, expected) in [
            ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", track("dQw4w9WgXcQ")),
            ("https://m.youtube.com/watch?app=1&v=dQw4w9WgXcQ&list=PL1", track("dQw4w9WgXcQ")),
            ("https://music.youtube.com/watch?v=dQw4w9WgXcQ&si=x", track("dQw4w9WgXcQ")),
            ("https://youtu.be/dQw4w9WgXcQ?t=5", track("dQw4w9WgXcQ")),
            ("https://youtube.com/shorts/dQw4w9WgXcQ", track("dQw4w9WgXcQ")),
            ("https://youtube.com/live/dQw4w9WgXcQ?feature=share", track("dQw4w9WgXcQ")),
            ("https://www.youtube.com/playlist?list=PLabc_-1", list("PLabc_-1")),
            ("https://www.youtube.com/watch?v=short", None),
            ("https://www.youtube.com/watch?v=../../../etc", None),
            ("https://www.youtube.com/@channel", None),
            ("https://www.youtube.com/playlist?list=a/b", None),
            ("https://notyoutube.com/watch?v=dQw4w9WgXcQ", None),
            ("https://youtube.com.evil.test/watch?v=dQw4w9WgXcQ", None),
        ] {
            assert_eq!(known(&Url::parse(link).unwrap()), expected, "{link}");
        }
    }

    #[test]
    fn the_words_of_youtube_are_sorted() {
        let reason = |words: &str| meaning("host", words).map(|it| (it.is_retryable(), it.reason));
        assert_eq!(reason("Video unavailable"), Some((false, Reason::NotFound)));
        assert_eq!(reason("This is a PRIVATE VIDEO."), Some((false, Reason::NotFound)));
        assert_eq!(
            reason("The uploader has not made this video available in your country"),
            Some((false, Reason::ServiceRefused))
        );
        assert_eq!(
            reason("Sign in to confirm you're not a bot"),
            Some((true, Reason::ServiceRefused))
        );
        assert_eq!(reason("java.lang.NullPointerException"), None);
    }
}
