//! Every outside service against every way of failing, as a test and as docs/extractors.md.
//!
//! The ways are those that services were seen to fail in. Each is played by a stand-in on loopback; what came of it is
//! the cell. A service whose way of failing has no cell of its own cannot fail so.

mod document;
mod lies;
mod play;
mod ytdlp;

/// A way of failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    ErrorIn200,
    CodeIn400,
    StackTrace,
    DeniedOnce,
    Denied,
    TooMany,
    Page,
    SilentHead,
    Drip,
    Cut,
    WrongLength,
    Expired,
    Preview,
    PageAsMedia,
    RedirectInward,
    LinkInward,
    Null,
    Endless,
    RefusedConnection,
    UnknownName,
}

/// In the order of the table, with the words that it uses.
pub(crate) const SHAPES: [(Shape, &str); 20] = [
    (Shape::ErrorIn200, "200 with an error in it"),
    (Shape::CodeIn400, "400 with a code"),
    (Shape::StackTrace, "500 with a stack trace"),
    (Shape::DeniedOnce, "the key is worn out"),
    (Shape::Denied, "every key is denied"),
    (Shape::TooMany, "429, Retry-After: 7"),
    (Shape::Page, "a page instead of JSON"),
    (Shape::SilentHead, "no head"),
    (Shape::Drip, "a slow body"),
    (Shape::Cut, "a cut body"),
    (Shape::WrongLength, "a wrong Content-Length"),
    (Shape::Expired, "the link ends before it is used"),
    (Shape::Preview, "30 s instead of the track"),
    (Shape::PageAsMedia, "a page saved as .mp3"),
    (Shape::RedirectInward, "sent to a private address"),
    (Shape::LinkInward, "the link leads to a private address"),
    (Shape::Null, "null"),
    (Shape::Endless, "an answer without end"),
    (Shape::RefusedConnection, "the connection is refused"),
    (Shape::UnknownName, "the name is unknown"),
];

/// One service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) service: String,
    /// search, resolve, playlist, live
    pub(crate) abilities: [String; 4],
    /// In the order of [`SHAPES`].
    pub(crate) failures: Vec<String>,
}

/// Nothing to be said.
pub(crate) const NONE: &str = "–";
