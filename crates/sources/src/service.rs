//! The port to an outside service: what every one of them can be asked, whatever its wire looks like.
//!
//! A value of this kind is one instance of one service. It keeps no health, no breaker, no limit and no cache: whoever
//! asks keeps those. It bounds its own answers (8 MiB of JSON, `answer_max` for the whole of an answer), turns whatever
//! comes back into candidates or a typed fault, and never follows an address that the guard did not check.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use domain::Fault;
use domain::candidate::{Candidate, Page, Stream};
use url::Url;

/// An answer that is under way; dropping it cancels the request.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// What is found out about an installation.
pub type Installation<'a> = Pin<Box<dyn Future<Output = String> + Send + 'a>>;

/// What a service can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    pub search: bool,
    /// Whether it gives streams; a catalogue only knows names.
    pub open: bool,
    pub list: bool,
    /// Whether what it finds has no end.
    pub live: bool,
}

/// What a link means to the service that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The key of one track.
    Track(String),
    /// The key of a playlist, an album or a channel.
    List(String),
}

/// How many requests a service bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub requests: u32,
    pub within: Duration,
}

/// One instance of an outside service.
pub trait Service: Send + Sync {
    /// Which service, in one word: `invidious`.
    fn name(&self) -> &'static str;

    /// Which of its instances: the host, without secrets.
    fn instance(&self) -> &str;

    fn abilities(&self) -> Abilities;

    /// What it is known to bear; more is not asked.
    fn limit(&self) -> Option<Limit> {
        None
    }

    /// Whether a link is one of this service's, and of what; no request is made.
    fn knows(&self, link: &Url) -> Option<Known>;

    /// What a page that nobody knows by its address, and that is no audio itself, may be to this service; no request is
    /// made.
    fn may_know(&self, _link: &Url) -> Option<Known> {
        None
    }

    /// What has to go on beside the questions, for a service that runs a program of its own: whoever holds the service
    /// drives it, and ends the program by dropping it. It ends only when it fails, and may be started again.
    fn run(&self) -> Option<Answer<'_, ()>> {
        None
    }

    /// One line about how it is installed on this machine, where that is something to look after.
    fn installation(&self) -> Option<Installation<'_>> {
        None
    }

    /// The best hits first, at most `limit` of them; none is an empty list and not a fault.
    fn search<'a>(&'a self, words: &'a str, limit: usize) -> Answer<'a, Vec<Candidate>>;

    /// What a key stands for, without a stream.
    fn describe<'a>(&'a self, key: &'a str) -> Answer<'a, Candidate>;

    /// What a key stands for, and where its bytes are. Refused by catalogues.
    fn open<'a>(&'a self, key: &'a str) -> Answer<'a, (Candidate, Stream)>;

    /// One page of a list; `page` is what the page before named as its next.
    fn list<'a>(&'a self, key: &'a str, page: Option<&'a str>) -> Answer<'a, Page>;
}
