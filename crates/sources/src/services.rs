//! The outside services, one file each. All of them are instances of the port in [`crate::service`].

use domain::candidate::Candidate;
use domain::track::clean_title;
use domain::{Fault, Reason};

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

/// The answer to what a service has no ability for; whoever looks at its abilities never gets it.
pub(crate) fn unable<'a, T: Send + 'a>(name: &str, what: &str) -> Answer<'a, T> {
    let fault = Fault::refused(Reason::Internal, format!("{name} cannot {what}"));
    Box::pin(std::future::ready(Err(fault)))
}
