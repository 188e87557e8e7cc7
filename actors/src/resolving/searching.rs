//! Words, and what a catalogue says of a track: looked for at the services, and remembered for a while.

use domain::cache::Lifetimes;
use domain::candidate::Candidate;
use domain::matching::{self, Wanted};
use domain::timeline::{Came, Step, Then};
use domain::track::{Request, Track};
use domain::{Fault, Reason, words};

use super::asking::Chair;
use super::{Finding, Guide, Hit, Outside, Told, Trail};
use crate::root::extractors::service::{Answer, Question};

/// Hits that one service is asked for.
const HITS_MAX: usize = 10;

// === impl Guide ===

impl Guide {
    pub(super) fn can_search(&self) -> bool {
        self.services.iter().any(|service| service.abilities.search)
    }

    /// The best that the services have for it.
    pub(super) async fn find(&self, wanted: &Wanted, trail: &mut Trail) -> Result<Finding, Fault> {
        let hit = self.search(wanted, None, trail).await?;
        Ok(Finding::of(self.track(hit)))
    }

    /// The best hit of the first service that has a good one, remembered for a while.
    pub(super) async fn search(
        &self,
        wanted: &Wanted,
        except: Option<&str>,
        trail: &mut Trail,
    ) -> Result<Hit, Fault> {
        let name = name_of(wanted, except);
        if let Some(known) = self.recall(&name) {
            let came = known.as_ref().err().map_or(Came::Answer, Came::of);
            trail.note("memory", Step::Search, trail.now(), came, Then::Taken);
            return known;
        }
        let is_asked = |one: &Outside| {
            let is_one = one.abilities.search && except != Some(one.name);
            is_one.then(String::new)
        };
        let (words, rules) = (words_of(wanted), self.settings.rules);
        let question = |_: &Chair| Question::Search { words: words.clone(), limit: HITS_MAX };
        let sought = wanted.clone();
        let judge = move |answer| {
            let Answer::Hits(mut hits) = answer else { return Err(None) };
            match matching::best(&sought, &hits, rules) {
                Some((at, _)) => Ok(hits.swap_remove(at)),
                None => Err(Some(matching::why_none(&sought, &hits, rules))
                    .filter(|fault| fault.reason != Reason::NotFound)),
            }
        };
        let outcome = self.put(Step::Search, self.chairs(is_asked), question, judge, trail).await;
        let outcome = outcome.map(|(chair, candidate)| Hit { service: chair.service, candidate });
        self.remember(name, &outcome);
        outcome
    }

    /// Up to `n_max` hits to choose from: what the folder has, and what the first service that has something has.
    pub(crate) async fn choices(&self, words: &str, n_max: usize) -> Told<Vec<Track>> {
        let mut trail = Trail::new(self.settings.inquiry.deadline);
        let request = Request::Query(words.to_owned());
        let own = self.look(&request, Ok(()), &mut trail, &mut None).await;
        let mut tracks = own.as_ref().map_or_else(|_| Vec::new(), |own| own.tracks.clone());
        let (wanted, rules) = (Wanted::Words(words.to_owned()), self.settings.rules);
        let is_asked = |one: &Outside| one.abilities.search.then(String::new);
        let question = |_: &Chair| Question::Search { words: words.to_owned(), limit: HITS_MAX };
        let judge = move |answer| {
            let Answer::Hits(hits) = answer else { return Err(None) };
            let ranked = matching::ranked(&wanted, &hits, rules);
            let is_good = ranked.first().is_some_and(|(_, score)| *score >= matching::SCORE_MIN);
            let why = || Some(matching::why_none(&wanted, &hits, rules));
            is_good
                .then(|| ranked.iter().map(|(at, _)| hits[*at].clone()).collect())
                .ok_or_else(why)
        };
        let chairs = self.chairs(is_asked);
        let more: Result<(Chair, Vec<Candidate>), Fault> =
            self.put(Step::Search, chairs, question, judge, &mut trail).await;
        let outcome = match (more, tracks.is_empty()) {
            (Ok((chair, hits)), _) => {
                let name = self.services[chair.service].name;
                tracks.extend(hits.into_iter().map(|hit| Track::of(name, hit)));
                tracks.truncate(n_max);
                Ok(tracks)
            }
            (Err(_), false) => Ok(tracks),
            (Err(fault), true) => Err(fault),
        };
        Told { outcome, timeline: trail.into_timeline() }
    }

    pub(super) fn track(&self, hit: Hit) -> Track {
        Track::of(self.services[hit.service].name, hit.candidate)
    }

    fn recall(&self, name: &String) -> Option<Result<Hit, Fault>> {
        let mut memory = self.memory();
        let now = memory.began.elapsed();
        memory.searches.get(name, now)
    }

    /// Only what services said is remembered, not that they could not be asked.
    fn remember(&self, name: String, outcome: &Result<Hit, Fault>) {
        let lifetime = match outcome {
            Ok(_) => Lifetimes::STANDARD.search,
            Err(fault) if !fault.is_retryable() => Lifetimes::STANDARD.negative,
            Err(_) => return,
        };
        let mut memory = self.memory();
        let now = memory.began.elapsed();
        memory.searches.put(name, outcome.clone(), now, lifetime);
    }
}

fn words_of(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Words(words) => words.clone(),
        Wanted::Track { title, artist, .. } => match artist {
            Some(artist) => format!("{artist} {title}"),
            None => title.clone(),
        },
    }
}

/// Under which name an answer is remembered.
fn name_of(wanted: &Wanted, except: Option<&str>) -> String {
    let seconds = match wanted {
        Wanted::Words(_) => None,
        Wanted::Track { duration, .. } => Some(duration.map(|duration| duration.as_secs())),
    };
    format!("{} {seconds:?} {except:?}", words::words(&words_of(wanted)).join(" "))
}
