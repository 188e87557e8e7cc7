//! Marked-up text whose parts from outside can never become markup.
//!
//! Titles, names and queries come from anybody: a title that reads `<a href="…">` must arrive as those characters.
//! The markup is turned into Telegram's own form here and not by the library, whose reader panics on some links.

pub(crate) mod markup;

/// A message's text: markup that we wrote, with everything from outside escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html(String);

// === impl Html ===

impl Html {
    pub fn new() -> Html {
        Html::default()
    }

    /// Text from anywhere: escaped, shown as it is.
    pub fn plain(text: impl AsRef<str>) -> Html {
        Html::new().text(text)
    }

    /// Markup that this project wrote (a translation whose arguments went through [`Html::escape`]). Never text from
    /// outside.
    pub fn trusted(markup: impl Into<String>) -> Html {
        Html(markup.into())
    }

    /// `text` with `&`, `<`, `>` and `"` written as entities.
    pub fn escape(text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                c => escaped.push(c),
            }
        }
        escaped
    }

    /// Appends text from anywhere.
    #[must_use]
    pub fn text(mut self, text: impl AsRef<str>) -> Html {
        self.0.push_str(&Html::escape(text.as_ref()));
        self
    }

    #[must_use]
    pub fn bold(self, text: impl AsRef<str>) -> Html {
        self.wrap("b", text.as_ref())
    }

    #[must_use]
    pub fn italic(self, text: impl AsRef<str>) -> Html {
        self.wrap("i", text.as_ref())
    }

    #[must_use]
    pub fn code(self, text: impl AsRef<str>) -> Html {
        self.wrap("code", text.as_ref())
    }

    /// A link; only http and https addresses become one, anything else stays text.
    #[must_use]
    pub fn link(mut self, url: &str, text: impl AsRef<str>) -> Html {
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            return self.text(text);
        }
        self.0.push_str(&format!(
            "<a href=\"{}\">{}</a>",
            Html::escape(url),
            Html::escape(text.as_ref())
        ));
        self
    }

    /// A mention of a user by id.
    #[must_use]
    pub fn mention(mut self, user: domain::UserId, name: impl AsRef<str>) -> Html {
        self.0.push_str(&format!(
            "<a href=\"tg://user?id={user}\">{}</a>",
            Html::escape(name.as_ref())
        ));
        self
    }

    #[must_use]
    pub fn line(mut self) -> Html {
        self.0.push('\n');
        self
    }

    /// Appends another piece.
    #[must_use]
    pub fn then(mut self, other: &Html) -> Html {
        self.0.push_str(&other.0);
        self
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn wrap(mut self, tag: &str, text: &str) -> Html {
        self.0.push_str(&format!("<{tag}>{}</{tag}>", Html::escape(text)));
        self
    }
}

#[cfg(test)]
mod tests {
    use domain::UserId;

    use super::*;

    /// The text that people will read.
    fn shown(html: &Html) -> String {
        markup::parse(html.as_str()).text
    }

    #[test]
    fn text_from_outside_never_becomes_markup() {
        let hostile = [
            "<a href=\"tg://user?id=abc\">x</a>",
            "<b>",
            "</b>",
            "&lt;b&gt;",
            "\"><a href=\"https://evil.example\">",
            "&#60;b&#62;",
        ];
        for text in hostile {
            for html in [
                Html::plain(text),
                Html::new().bold(text),
                Html::new().link("https://a.example", text),
            ] {
                let styled = markup::parse(html.as_str());
                assert_eq!(styled.text, text);
                assert!(
                    styled.spans.len() <= 1 && styled.spans.iter().all(|span| span.offset == 0),
                    "{styled:?}"
                );
            }
            let html = Html::trusted(format!("Now playing: <i>{}</i>", Html::escape(text)));
            assert_eq!(shown(&html), format!("Now playing: {text}"));
        }
    }

    #[test]
    fn an_address_from_outside_cannot_leave_its_quotes() {
        let html = Html::new().link("https://a.example/\"><b>x</b>", "label");
        assert_eq!(markup::parse(html.as_str()).spans.len(), 1);
        assert_eq!(shown(&html), "label");
        assert_eq!(Html::new().link("tg://user?id=abc", "label").as_str(), "label");
        assert_eq!(Html::new().link("javascript:alert(1)", "<label>").as_str(), "&lt;label&gt;");
    }

    #[test]
    fn pieces_are_joined_in_order() {
        let name = Html::new().mention(UserId(7), "Ann & Bob");
        let html =
            Html::new().bold("A").text(" - ").italic("B").line().code("C").text(" ").then(&name);
        assert_eq!(shown(&html), "A - B\nC Ann & Bob");
        let styles: Vec<_> =
            markup::parse(html.as_str()).spans.into_iter().map(|span| span.style).collect();
        use markup::Style::{Bold, Code, Italic, Mention};
        assert_eq!(styles, [Bold, Italic, Code, Mention(7)]);
    }
}
