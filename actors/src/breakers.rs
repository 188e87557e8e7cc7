//! One circuit breaker for every place that is asked: an extractor, or one host behind it.

use std::collections::HashMap;
use std::time::Duration;

use domain::breaker::{Breaker, Outcome, Settings, Status};
use domain::track::Request;
use domain::{Class, Fault, Reason};

/// Hosts that are remembered; beyond it the ones that are well are forgotten.
const PLACES_MAX: usize = 1_000;

/// A host of links, or an extractor that is one place as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Host(String),
    Extractor(&'static str),
}

#[derive(Default)]
pub(crate) struct Breakers(HashMap<Place, Breaker>);

// === impl Place ===

impl Place {
    /// What breaks when this request fails: a dead host must not keep people from the others.
    pub(crate) fn of(request: &Request) -> Place {
        match request {
            Request::Url(url) => {
                match url::Url::parse(url).ok().as_ref().and_then(url::Url::host_str) {
                    Some(host) => Place::Host(host.to_owned()),
                    None => Place::Extractor("direct"),
                }
            }
            Request::Attachment(_) => Place::Extractor("telegram"),
            Request::Query(_) => Place::Extractor("files"),
            Request::Found(_) => Place::Extractor("found"),
        }
    }
}

// === impl Breakers ===

impl Breakers {
    /// Whether the place may be asked now.
    ///
    /// # Errors
    /// What the asker is told instead.
    pub(crate) fn admit(&mut self, place: &Place, now: Duration) -> Result<(), Fault> {
        if self.0.len() >= PLACES_MAX && !self.0.contains_key(place) {
            self.0.retain(|_, breaker| breaker.status() != Status::Closed);
        }
        let breaker =
            self.0.entry(place.clone()).or_insert_with(|| Breaker::new(Settings::STANDARD));
        breaker.admit(now).map_err(|wait| {
            let detail = format!("not asked for {} s more, it failed too often", wait.as_secs());
            Fault::transient(Reason::Unreachable, detail)
        })
    }

    /// Remembers what came of it; true when it stopped or began to be asked by this.
    pub(crate) fn came(
        &mut self,
        place: &Place,
        fault: Option<&Fault>,
        now: Duration,
    ) -> Option<Status> {
        let breaker = self.0.get_mut(place)?;
        let before = breaker.status();
        breaker.came(outcome(fault), now);
        let after = breaker.status();
        let is_news = std::mem::discriminant(&before) != std::mem::discriminant(&after);
        is_news.then_some(after)
    }
}

/// "Not found" and "too large" are answers; only a place that cannot answer is left alone.
fn outcome(fault: Option<&Fault>) -> Outcome {
    match fault.map(|fault| fault.class) {
        Some(Class::Transient | Class::FloodWait(_) | Class::Fatal) => Outcome::Failed,
        Some(Class::Refused) | None => Outcome::Answered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(url: &str) -> Place {
        Place::of(&Request::Url(url.to_owned()))
    }

    #[test]
    fn a_dead_host_is_not_asked_any_more_and_others_are() {
        let mut breakers = Breakers::default();
        let (dead, well) = (link("https://dead.example/a"), link("https://well.example/a"));
        let fault = Fault::transient(Reason::Unreachable, "connection refused");
        for _ in 0..5 {
            assert!(breakers.admit(&dead, Duration::ZERO).is_ok());
            breakers.came(&dead, Some(&fault), Duration::ZERO);
        }
        let refused = breakers.admit(&link("https://dead.example/b"), Duration::ZERO);
        assert_eq!(refused.unwrap_err().reason, Reason::Unreachable);
        assert!(breakers.admit(&well, Duration::ZERO).is_ok());
        assert!(breakers.admit(&dead, Duration::from_secs(30)).is_ok(), "a probe");
    }

    #[test]
    fn a_place_that_has_nothing_is_well() {
        let mut breakers = Breakers::default();
        let place = Place::of(&Request::Query("x".to_owned()));
        let fault = Fault::refused(Reason::NotFound, "nothing by that name");
        for _ in 0..50 {
            assert!(breakers.admit(&place, Duration::ZERO).is_ok());
            assert_eq!(breakers.came(&place, Some(&fault), Duration::ZERO), None);
        }
    }

    #[test]
    fn a_thousand_hosts_are_remembered_and_no_more() {
        let mut breakers = Breakers::default();
        for n in 0..5_000 {
            let place = link(&format!("https://h{n}.example/"));
            assert!(breakers.admit(&place, Duration::ZERO).is_ok());
            assert!(breakers.0.len() <= PLACES_MAX);
        }
    }
}
