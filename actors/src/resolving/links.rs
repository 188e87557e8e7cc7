//! Links that belong to a service: a track of its own, a name in a catalogue, a list that comes page by page.

use domain::candidate::Candidate;
use domain::matching::{self, Wanted};
use domain::timeline::{Step, Timeline};
use domain::track::Track;
use domain::{Fault, Reason};
use sources::service::Known;
use url::Url;

use super::asking::Chair;
use super::{Finding, Guide, Hit, Outside, Rest, Told, Trail};
use crate::root::extractors::service::{Answer, Question};

// === impl Guide ===

impl Guide {
    /// A link that at least one service knows.
    pub(super) async fn link(&self, url: &str, trail: &mut Trail) -> Result<Finding, Fault> {
        let Ok(link) = Url::parse(url.trim()) else {
            return Err(Fault::refused(Reason::BadUrl, "the link is not a link"));
        };
        let track = |one: &Outside| match one.knows(&link) {
            Some(Known::Track(key)) => Some(key),
            _ => None,
        };
        let list = |one: &Outside| match one.knows(&link) {
            Some(Known::List(key)) if one.abilities.list => Some(key),
            _ => None,
        };
        let openers = self.chairs(|one| track(one).filter(|_| one.abilities.open));
        let catalogues = self.chairs(|one| track(one).filter(|_| !one.abilities.open));
        if openers.is_empty() && catalogues.is_empty() {
            return self.list(self.chairs(list), None, self.settings.playlist_max, trail).await;
        }
        let described = self.describe(openers, trail).await;
        let fault = match described {
            Ok(hit) => return Ok(Finding::of(self.track(hit))),
            Err(fault) if catalogues.is_empty() || is_final(&fault) => return Err(fault),
            Err(fault) => fault,
        };
        // what a catalogue says of it is looked for where it can be played
        let Hit { candidate, .. } = match self.describe(catalogues, trail).await {
            Ok(hit) => hit,
            Err(other) => return Err(if fault.reason == Reason::NotFound { other } else { fault }),
        };
        let Candidate { title, artist, duration, .. } = candidate;
        self.find(&Wanted::Track { title, artist, duration }, trail).await
    }

    /// A link that nobody knows and that is no audio itself: a page, of which some service may make something. What it is
    /// not is told in `fault`'s words, unless a service has better ones.
    pub(super) async fn page(
        &self,
        url: &str,
        fault: Fault,
        trail: &mut Trail,
    ) -> Result<Finding, Fault> {
        let Ok(link) = Url::parse(url.trim()) else { return Err(fault) };
        let chairs = self.chairs(|one| {
            let known = one.instances.iter().find_map(|(_, port)| port.may_know(&link));
            match known.filter(|_| one.abilities.open) {
                Some(Known::Track(key)) => Some(key),
                _ => None,
            }
        });
        if chairs.is_empty() {
            return Err(fault);
        }
        match self.describe(chairs, trail).await {
            Ok(hit) => Ok(Finding::of(self.track(hit))),
            Err(other) if matches!(other.reason, Reason::NotFound | Reason::NotAudio) => Err(fault),
            Err(other) => Err(other),
        }
    }

    async fn describe(&self, chairs: Vec<Chair>, trail: &mut Trail) -> Result<Hit, Fault> {
        let rules = self.settings.rules;
        let services = self.services.clone();
        let question = |chair: &Chair| Question::Describe { key: chair.key.clone() };
        let opens: Vec<bool> = services.iter().map(|one| one.abilities.open).collect();
        let judge = move |answer| {
            let Answer::Described(candidate) = answer else { return Err(None) };
            Ok(candidate)
        };
        let (chair, mut candidate) =
            self.put(Step::Describe, chairs, question, judge, trail).await?;
        if candidate.key.is_empty() {
            candidate.key = chair.key;
        }
        // that a catalogue has a sample says nothing of the track
        candidate.is_preview &= opens[chair.service];
        match matching::hindrance(&candidate, rules) {
            Some(fault) => Err(fault),
            None => Ok(Hit { service: chair.service, candidate }),
        }
    }

    /// More of a list.
    pub(crate) async fn more(&self, rest: Rest) -> Told<Finding> {
        let mut trail = Trail::new(self.settings.inquiry.deadline);
        let Rest { service, key, page, n_left } = rest;
        let Some(name) = self.services.get(service).map(|one| one.name) else {
            let fault = Fault::refused(Reason::NotFound, "the service is gone");
            return Told { outcome: Err(fault), timeline: Timeline::default() };
        };
        let chairs = self.chairs(|one| (one.name == name).then(|| key.clone()));
        let outcome = self.list(chairs, Some(page), n_left, &mut trail).await;
        Told { outcome, timeline: trail.into_timeline() }
    }

    async fn list(
        &self,
        chairs: Vec<Chair>,
        page: Option<String>,
        n_max: usize,
        trail: &mut Trail,
    ) -> Result<Finding, Fault> {
        let question =
            |chair: &Chair| Question::List { key: chair.key.clone(), page: page.clone() };
        let judge = |answer| {
            let Answer::Listed(page) = answer else { return Err(None) };
            if page.entries.is_empty() && page.next.is_none() { Err(None) } else { Ok(page) }
        };
        let (chair, page) = self.put(Step::List, chairs, question, judge, trail).await?;
        let service = &self.services[chair.service];
        let rules = self.settings.rules;
        let permitted = page.entries.into_iter().filter_map(|mut entry| {
            entry.is_preview &= service.abilities.open;
            matching::hindrance(&entry, rules).is_none().then(|| Track::of(service.name, entry))
        });
        let tracks: Vec<Track> = permitted.take(n_max).collect();
        let n_left = n_max - tracks.len();
        let rest = page.next.filter(|_| n_left > 0).map(|page| Rest {
            service: chair.service,
            key: chair.key,
            page,
            n_left,
        });
        if tracks.is_empty() {
            return Err(Fault::refused(Reason::NotFound, "nothing in the list may be played here"));
        }
        Ok(Finding { tracks, rest })
    }
}

/// It was found, and may not be played: nobody else's answer would change that.
fn is_final(fault: &Fault) -> bool {
    matches!(fault.reason, Reason::LiveOff | Reason::ExplicitOff | Reason::TooLong)
}
