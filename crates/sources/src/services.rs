//! The outside services, one file each. All of them are instances of the port in [`crate::service`].

use domain::candidate::Candidate;
use domain::track::clean_title;
use domain::{Fault, Reason};
use url::Url;

pub mod archive;
pub mod audius;
pub mod cobalt;
pub mod gateway;
pub mod invidious;
pub mod jamendo;
pub mod jiosaavn;
pub mod piped;
pub mod radio;
pub mod soundcloud;

mod choice;
pub(crate) mod youtube;

use crate::direct::TITLE_MAX;
use crate::service::Answer;

/// The longest link that is shown, in bytes.
const LINK_MAX: usize = 1024;

/// The name and the artist, cleaned; the rest is for the service to say.
pub(crate) fn named(title: &str, artist: Option<&str>) -> Candidate {
    let artist = artist.map(|artist| clean_title(artist, TITLE_MAX, ""));
    Candidate {
        title: clean_title(title, TITLE_MAX, "untitled"),
        artist: artist.filter(|artist| !artist.is_empty()),
        duration: None,
        is_live: false,
        is_explicit: None,
        is_preview: false,
        key: String::new(),
        link: None,
    }
}

/// What a list is called, cleaned.
pub(crate) fn heading(title: Option<&str>) -> Option<String> {
    title.map(|title| clean_title(title, TITLE_MAX, "untitled"))
}

/// A page that users may be shown the way to; services send all sorts of things in such places.
pub(crate) fn web_page(link: Option<&str>) -> Option<String> {
    let url = Url::parse(link?).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
    (is_web && url.as_str().len() <= LINK_MAX).then(|| url.into())
}

/// Where a page begins that this code named itself, as a number.
pub(crate) fn position(page: Option<&str>) -> Option<usize> {
    let number: u32 = page?.parse().ok()?;
    usize::try_from(number).ok()
}

/// The answer to what a service has no ability for; whoever looks at its abilities never gets it.
pub(crate) fn unable<'a, T: Send + 'a>(name: &str, what: &str) -> Answer<'a, T> {
    let fault = Fault::refused(Reason::Internal, format!("{name} cannot {what}"));
    Box::pin(std::future::ready(Err(fault)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_shown_as_links() {
        let check = |link: &str, expected: Option<&str>| {
            assert_eq!(web_page(Some(link)).as_deref(), expected, "{link}");
        };
        check("https://a.test/b c", Some("https://a.test/b%20c"));
        check("http://a.test", Some("http://a.test/"));
        check("javascript:alert(1)", None);
        check("tg://resolve?domain=x", None);
        check("https://you@a.test/", None);
        check("nothing", None);
        check(&format!("https://a.test/{}", "x".repeat(2000)), None);
        assert_eq!(web_page(None), None);
    }

    #[test]
    fn names_are_cleaned() {
        let found = named(" a\u{202e}b\n", Some("\u{200b}"));
        assert_eq!((found.title.as_str(), found.artist), ("ab", None));
        assert_eq!(heading(Some("a\u{202e}")).as_deref(), Some("a"));
    }
}
