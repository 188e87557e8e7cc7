//! Local stand-ins for the outside services: each speaks its service's exact JSON, numbers in strings where the service
//! has them so, and fails in the ways that are its own. The ways of failing that all share are in [`crate::table`].

use domain::Fault;

use crate::api::Api;
use crate::server::{Request, Step};
use crate::service::Service;
use crate::table::Shape;

mod apple;
mod archive;
mod audius;
mod cobalt;
mod deezer;
mod gateway;
mod invidious;
mod jamendo;
mod jiosaavn;
mod piped;
mod radio;
mod soundcloud;
mod spotify;
mod youtube;
pub(crate) mod ytdlp;

pub(crate) type Built = Result<Box<dyn Service>, Fault>;

pub(crate) struct StandIn {
    pub(crate) build: fn(base: &str, api: &Api) -> Built,
    pub(crate) answer: fn(&Scene, &Request) -> Vec<Step>,
    /// The ways of failing that it shows in its own words.
    pub(crate) own: &'static [Shape],
    /// Paths below which the ways of failing that all share are not shown: what only leads to the answer.
    pub(crate) spared: &'static [&'static str],
    /// What is searched for, opened or described, listed, and listened to without end; empty where it cannot.
    pub(crate) words: &'static str,
    pub(crate) key: &'static str,
    pub(crate) list: &'static str,
    pub(crate) live: &'static str,
}

/// How the stand-in behaves, and where it is.
pub(crate) struct Scene {
    pub(crate) shape: Option<Shape>,
    /// Which request this is, from 0.
    pub(crate) number: usize,
    /// `http://127.0.0.1:1`
    pub(crate) here: String,
    /// Where the links to media lead: here, or where nobody may go.
    pub(crate) media: String,
}

// === impl Scene ===

impl Scene {
    pub(crate) fn is(&self, shape: Shape) -> bool {
        self.shape == Some(shape)
    }
}

/// In the order of the table.
pub(crate) const ALL: [StandIn; 14] = [
    invidious::STAND_IN,
    piped::STAND_IN,
    cobalt::STAND_IN,
    soundcloud::STAND_IN,
    jiosaavn::STAND_IN,
    audius::STAND_IN,
    jamendo::STAND_IN,
    archive::STAND_IN,
    radio::STAND_IN,
    gateway::STAND_IN,
    spotify::STAND_IN,
    apple::STAND_IN,
    deezer::STAND_IN,
    youtube::STAND_IN,
];

/// What is not there, as most of them say it.
pub(crate) fn not_found() -> Vec<Step> {
    crate::server::answer("404 Not Found", &[], br#"{"error":"not found"}"#)
}

fn boxed<S: Service + 'static>(service: Result<S, Fault>) -> Built {
    service.map(|service| Box::new(service) as Box<dyn Service>)
}

mod tests;
