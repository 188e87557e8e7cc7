//! What a service knows of a track before it is opened, and what opening it gives.

use std::time::Duration;

/// One hit of a search, or one entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub title: String,
    pub artist: Option<String>,
    /// `None` where the service does not say, and for what has no end.
    pub duration: Option<Duration>,
    pub is_live: bool,
    /// `None` where the service does not say.
    pub is_explicit: Option<bool>,
    /// Only a sample of it is offered there.
    pub is_preview: bool,
    /// The service's own name for it, by which it is opened there; empty where it cannot be opened (catalogues).
    pub key: String,
    /// The page that a user may open.
    pub link: Option<String>,
}

/// Where the bytes of an opened track are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub url: String,
    /// What has to be sent with the request, beside what every request carries.
    pub headers: Vec<(String, String)>,
    /// How long the address works from the moment it was given; `None` where nothing says that it ends.
    pub lifetime: Option<Duration>,
    pub kind: StreamKind,
}

/// How the bytes arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// One file, in ranges where the server can.
    File,
    /// One answer without an end.
    Endless,
    /// A list of segments (RFC 8216).
    Hls,
}

/// One page of a list, and the way to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What the list is called.
    pub title: Option<String>,
    pub entries: Vec<Candidate>,
    /// The service's own name for the page after this one.
    pub next: Option<String>,
}
