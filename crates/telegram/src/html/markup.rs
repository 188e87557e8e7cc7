//! Our markup as Telegram wants it: bare text, and spans over it counted in UTF-16 units (core.telegram.org,
//! "Styled text with message entities").
//!
//! Reads only what this project writes; anything else stays visible text. It cannot fail and it never panics.

/// Bare text with its spans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Styled {
    pub(crate) text: String,
    pub(crate) spans: Vec<Span>,
}

/// A style over a part of the text, in UTF-16 units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) offset: i32,
    pub(crate) length: i32,
    pub(crate) style: Style,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Italic,
    Underline,
    Strike,
    Spoiler,
    Code,
    Pre,
    Quote {
        is_collapsed: bool,
    },
    Link(String),
    /// A user by id.
    Mention(i64),
    /// A link that leads nowhere we allow: its text stays, the link does not.
    Nothing,
}

/// An opened tag that waits for its end.
struct Open<'a> {
    name: &'a str,
    style: Style,
    offset: i32,
}

/// Reads markup.
pub(crate) fn parse(markup: &str) -> Styled {
    let mut styled = Styled::default();
    let mut length = 0;
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut rest = markup;
    while let Some(c) = rest.chars().next() {
        if let Some((tag, after)) = take_tag(rest) {
            if let Some(name) = tag.strip_prefix('/') {
                if let Some(at) = open.iter().rposition(|open| open.name == name) {
                    let opened = open.remove(at);
                    close(&mut styled.spans, opened, length);
                    rest = after;
                    continue;
                }
            } else if let Some((name, style)) = style_of(tag) {
                open.push(Open { name, style, offset: length });
                rest = after;
                continue;
            }
        }
        let (c, after) = take_entity(rest).unwrap_or((c, &rest[c.len_utf8()..]));
        styled.text.push(c);
        length += if c.len_utf16() == 2 { 2 } else { 1 };
        rest = after;
    }
    for opened in open.into_iter().rev() {
        close(&mut styled.spans, opened, length);
    }
    // Outer spans first, as Telegram's own applications send them.
    styled.spans.sort_by_key(|span| (span.offset, -span.length));
    styled
}

fn close(spans: &mut Vec<Span>, opened: Open<'_>, end: i32) {
    if end > opened.offset && opened.style != Style::Nothing {
        spans.push(Span {
            offset: opened.offset,
            length: end - opened.offset,
            style: opened.style,
        });
    }
}

/// The inside of `<…>` at the beginning, and what follows it.
fn take_tag(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('<')?;
    let end = inside.find('>')?;
    Some((&inside[..end], &inside[end + 1..]))
}

fn style_of(tag: &str) -> Option<(&str, Style)> {
    let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
    let style = match name {
        "b" | "strong" => Style::Bold,
        "i" | "em" => Style::Italic,
        "u" | "ins" => Style::Underline,
        "s" | "del" => Style::Strike,
        "tg-spoiler" => Style::Spoiler,
        "code" => Style::Code,
        "pre" => Style::Pre,
        "blockquote" => Style::Quote { is_collapsed: attributes.trim() == "expandable" },
        "a" => link(attributes)?,
        _ => return None,
    };
    Some((name, style))
}

fn link(attributes: &str) -> Option<Style> {
    let quoted = attributes.trim().strip_prefix("href=\"")?;
    let address = unescape(&quoted[..quoted.find('"')?]);
    if let Some(user) = address.strip_prefix("tg://user?id=") {
        return Some(
            user.parse().ok().filter(|user| *user > 0).map_or(Style::Nothing, Style::Mention),
        );
    }
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    Some(if is_web { Style::Link(address) } else { Style::Nothing })
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (c, after) = take_entity(rest).unwrap_or((c, &rest[c.len_utf8()..]));
        plain.push(c);
        rest = after;
    }
    plain
}

/// The character that `&…;` at the beginning stands for, and what follows it.
fn take_entity(text: &str) -> Option<(char, &str)> {
    let inside = text.strip_prefix('&')?;
    let end = inside.bytes().take(8).position(|byte| byte == b';')?;
    let c = match &inside[..end] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "nbsp" => '\u{A0}',
        name => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| *c != '\0')?
        }
    };
    Some((c, &inside[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(offset: i32, length: i32, style: Style) -> Span {
        Span { offset, length, style }
    }

    fn check(markup: &str, text: &str, spans: &[Span]) {
        assert_eq!(
            parse(markup),
            Styled { text: text.to_owned(), spans: spans.to_vec() },
            "{markup}"
        );
    }

    #[test]
    fn markup_becomes_text_and_spans() {
        check("plain", "plain", &[]);
        check("a <b>bold</b> word", "a bold word", &[span(2, 4, Style::Bold)]);
        check("<b>b<i>i</i></b>", "bi", &[span(0, 2, Style::Bold), span(1, 1, Style::Italic)]);
        check("<u>u</u><s>s</s>", "us", &[span(0, 1, Style::Underline), span(1, 1, Style::Strike)]);
        check("<code>x&lt;y</code>", "x<y", &[span(0, 3, Style::Code)]);
        check("<pre>p</pre>", "p", &[span(0, 1, Style::Pre)]);
        let quote = |is_collapsed| span(0, 1, Style::Quote { is_collapsed });
        check("<blockquote>q</blockquote>", "q", &[quote(false)]);
        check("<blockquote expandable>q</blockquote>", "q", &[quote(true)]);
        let web = span(0, 1, Style::Link("https://a.example/?b=1&c=2".to_owned()));
        check("<a href=\"https://a.example/?b=1&amp;c=2\">x</a>", "x", &[web]);
        check("<a href=\"tg://user?id=77\">Ann</a>", "Ann", &[span(0, 3, Style::Mention(77))]);
    }

    #[test]
    fn offsets_count_utf16_units() {
        check("🎵 <b>é🎶</b>!", "🎵 é🎶!", &[span(3, 3, Style::Bold)]);
    }

    #[test]
    fn a_bad_link_stays_text() {
        for address in
            ["tg://user?id=abc", "tg://user?id=-5", "javascript:x", "tg://resolve?domain=x", ""]
        {
            check(&format!("<a href=\"{address}\">x</a>"), "x", &[]);
        }
        check("<a>x</a>", "<a>x</a>", &[]);
    }

    #[test]
    fn anything_else_stays_visible() {
        check("1 < 2 > 0 & 3 &unknown; &#0; &#x1F3B5;", "1 < 2 > 0 & 3 &unknown; &#0; 🎵", &[]);
        check("</b><script>x</script>", "</b><script>x</script>", &[]);
        check("<b>unclosed", "unclosed", &[span(0, 8, Style::Bold)]);
        check("<b></b><", "<", &[]);
        check("&", "&", &[]);
        check("&ééééééé;", "&ééééééé;", &[]);
    }
}
