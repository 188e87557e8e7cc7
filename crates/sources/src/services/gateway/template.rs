//! An address with places for words in it.

use domain::{Fault, Reason};
use url::Url;
use url::form_urlencoded::byte_serialize;

/// `https://host/search?query={query}`, checked when it is made.
#[derive(Debug, Clone)]
pub(super) struct Template {
    text: String,
    origin: String,
}

// === impl Template ===

impl Template {
    /// The host may not depend on words, and the secret has to stand behind the question mark, for paths are logged.
    pub(super) fn new(text: &str, known: &[&str]) -> Result<Template, Fault> {
        let bad = |why: String| Fault::fatal(Reason::BadUrl, format!("gateway template: {why}"));
        let (before, after) = text.split_once('?').unwrap_or((text, ""));
        for name in text.split('{').skip(1) {
            let name = name.split_once('}').map_or("", |(name, _)| name);
            if !known.contains(&name) {
                return Err(bad(format!("{{{name}}} is not one of {known:?}")));
            }
        }
        if before.contains("{secret}") || after.contains('#') {
            return Err(bad("{secret} belongs behind the question mark".to_owned()));
        }
        let url = Url::parse(&before.replace(['{', '}'], ""));
        let url = url.map_err(|error| bad(error.to_string()))?;
        let origin = url.origin().ascii_serialization();
        if !before.starts_with(&format!("{origin}/")) {
            return Err(bad("the host has to be written out, in lower case".to_owned()));
        }
        Ok(Template { text: text.to_owned(), origin })
    }

    /// `https://host`.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Every word is encoded, so that none can become a part of the address; `None` when it still is no address.
    pub(super) fn filled(&self, pairs: &[(&str, &str)], secret: &str) -> Option<Url> {
        let mut filled = String::new();
        let mut rest = self.text.as_str();
        // in one pass: what a word brings is never a place again
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            let is_query = filled.contains('?') || before.contains('?');
            let value = match name {
                "secret" => secret,
                _ => pairs.iter().find(|(key, _)| *key == name)?.1,
            };
            filled.push_str(before);
            filled.push_str(&encoded(value, is_query)?);
            rest = after;
        }
        filled.push_str(rest);
        Url::parse(&filled).ok()
    }
}

/// A word in a path must not climb.
fn encoded(value: &str, is_query: bool) -> Option<String> {
    let encoded: String = byte_serialize(value.as_bytes()).collect();
    if is_query {
        return Some(encoded);
    }
    (!matches!(value, "" | "." | "..")).then(|| encoded.replace('+', "%20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        let template = Template::new(
            "https://a.test/v/{key}?q={query}&k={secret}",
            &["key", "query", "secret"],
        );
        let template = template.unwrap();
        assert_eq!(template.origin(), "https://a.test");
        let check = |key: &str, query: &str, expected: Option<&str>| {
            let url = template.filled(&[("key", key), ("query", query)], "s&k");
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{key} {query}");
        };
        check("abc", "one two", Some("https://a.test/v/abc?q=one+two&k=s%26k"));
        check("../x y", "a&b=c#d", Some("https://a.test/v/..%2Fx%20y?q=a%26b%3Dc%23d&k=s%26k"));
        check("{secret}", "{secret}", Some("https://a.test/v/%7Bsecret%7D?q=%7Bsecret%7D&k=s%26k"));
        check("..", "x", None);
    }

    #[test]
    fn templates_that_would_leak_or_wander_are_refused() {
        for bad in [
            "https://{key}.test/",
            "https://a.test/{secret}/x?y=1",
            "https://a.test/x?q={nothing}",
            "https://a.test/x?q={key",
            "not an address",
            "https://user@a.test/{key}",
        ] {
            assert!(Template::new(bad, &["key", "secret"]).is_err(), "{bad}");
        }
    }
}
