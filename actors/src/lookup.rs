//! One look-up without Telegram: what an operator asks for on the command line goes the way of a /play.

use std::time::Duration;

use domain::candidate::Stream;
use domain::timeline::Timeline;
use domain::track::{Location, Request, Track};
use domain::{Fault, Reason};
use sources::cache::Cache;
use supervisor::{Intensity, Options, Strategy, SupervisorSpec, start_root};
use tokio::time::Instant;

use crate::patience;
use crate::resolving::{Finding, Told};
use crate::root::extractors::{self, resolver};
use crate::settings::Sources;

/// Nothing is restarted for long in so short a life.
const INTENSITY: Intensity = Intensity { restarts_max: 10, within: Duration::from_secs(60) };
const SLACK: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_secs(2);

/// What came of it.
#[derive(Debug)]
pub struct LookedUp {
    pub tracks: Result<Vec<Track>, Fault>,
    /// Whether more of a list would follow.
    pub has_more: bool,
    /// Where the bytes of the first track are; `None` where that needs no asking.
    pub stream: Option<Result<Stream, Fault>>,
    pub timeline: Timeline,
    pub took: Duration,
}

/// Looks a request up, and opens the first track of it, by the same actors that serve the bot.
///
/// # Errors
/// When the sources cannot be used as they are set.
pub async fn look_up(sources: Sources, request: Request) -> Result<LookedUp, Fault> {
    let within = sources.lookups.inquiry.deadline + SLACK;
    let (extractors, resolver, _) = extractors::child_spec(sources, Cache::off())?;
    let spec = SupervisorSpec::new(Strategy::OneForOne, INTENSITY).child(extractors);
    let root = start_root(spec, Options::default());
    let began = Instant::now();
    let unanswered =
        |error| Fault::transient(Reason::Internal, format!("the resolver did not answer: {error}"));
    let look = |reply| resolver::Msg::Resolve { request: request.clone(), reply };
    let answer = patience::ask(&resolver, look, within).await.map_err(unanswered);
    let Told { outcome, mut timeline } = answer.unwrap_or_else(lost);
    let has_more = outcome.as_ref().is_ok_and(|finding: &Finding| finding.rest.is_some());
    let tracks = outcome.map(|finding| finding.tracks);
    let first = tracks.as_ref().ok().and_then(|tracks| tracks.first());
    let mut stream = None;
    if let Some(track) = first.filter(|track| matches!(track.location, Location::Page { .. })) {
        let at = began.elapsed();
        let open = |reply| {
            let track = Box::new(track.clone());
            resolver::Msg::Open { track, is_stale: false, reply }
        };
        let answer = patience::ask(&resolver, open, within).await.map_err(unanswered);
        let told = answer.unwrap_or_else(lost);
        timeline.append(told.timeline, at);
        stream = Some(told.outcome);
    }
    let took = began.elapsed();
    root.shutdown_within(GRACE).await;
    Ok(LookedUp { tracks, has_more, stream, timeline, took })
}

fn lost<T>(fault: Fault) -> Told<T> {
    Told { outcome: Err(fault), timeline: Timeline::default() }
}
