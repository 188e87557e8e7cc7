//! Marked-up text whose parts from outside can never become markup.

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
