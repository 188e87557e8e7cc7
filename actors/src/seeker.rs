//! What a player asks of the resolver: what a request is, the next page of a list, the next track ahead of its turn.
//!
//! Part of the player's actor: nothing here waits, answers come back as its messages.

use std::time::Duration;

use domain::player::{Phase, Player as Rules};
use domain::queue::{EntryId, Item};
use domain::timeline::Timeline;
use domain::track::{Location, Request, Requester};
use domain::{Attempt, Fault, MessageId, Reason};
use sources::cache::Cache;
use supervisor::{Context, Handle, Reply};

use crate::patience;
use crate::resolving::{Finding, Rest, Told};
use crate::root::chats::{Parts, player};
use crate::root::extractors::resolver;

/// What the resolver may take beyond its own deadline.
const ANSWER_SLACK: Duration = Duration::from_secs(5);
/// So long before the end of a track the next one is opened ahead: addresses that end in a minute last until then.
const AHEAD: Duration = Duration::from_secs(25);

pub(crate) struct Seeker {
    context: Context<player::Msg>,
    resolver: Handle<resolver::Msg>,
    within: Duration,
    cache: Cache,
    /// The entry that was opened ahead last.
    prepared: Option<EntryId>,
}

// === impl Seeker ===

impl Seeker {
    pub(crate) fn new(context: Context<player::Msg>, parts: &Parts) -> Seeker {
        let within = parts.sources.lookups.inquiry.deadline + ANSWER_SLACK;
        let (resolver, cache) = (parts.resolver.clone(), parts.cache.clone());
        Seeker { context, resolver, within, cache, prepared: None }
    }

    pub(crate) fn resolve(&self, attempt: Attempt, request: Request) {
        let asked = words_of(&request);
        let look = move |reply| resolver::Msg::Resolve { request: request.clone(), reply };
        let answer = self.ask(look);
        self.context.tasks().spawn(async move {
            player::Msg::Resolved { attempt, asked, told: Box::new(answer.await) }
        });
    }

    /// The next page, as long as there is room for it.
    pub(crate) fn more(
        &self,
        rules: &Rules,
        rest: Option<Rest>,
        asked: String,
        requester: Requester,
        asked_in: MessageId,
    ) {
        let is_wanted = !rules.is_full() && rules.phase() != Phase::Stopping;
        let Some(rest) = rest.filter(|_| is_wanted) else { return };
        let look = move |reply| resolver::Msg::More { rest: rest.clone(), reply };
        let answer = self.ask(look);
        self.context.tasks().spawn(async move {
            player::Msg::More { asked, requester, asked_in, told: Box::new(answer.await) }
        });
    }

    /// Shortly before the end the next track is opened, so that it follows without a gap.
    pub(crate) fn prepare(&mut self, rules: &Rules, position: Duration) {
        let duration = rules.track().and_then(|(_, duration)| duration);
        let is_near = duration.is_some_and(|duration| duration.saturating_sub(position) <= AHEAD);
        let Some(next) = rules.queue().front().filter(|_| is_near) else { return };
        let Item::Ready(track) = &next.item else { return };
        let is_page = matches!(track.location, Location::Page { .. });
        if !is_page || self.prepared == Some(next.id) || self.cache.has(track) {
            return;
        }
        self.prepared = Some(next.id);
        let prepare = resolver::Msg::Prepare(Box::new(track.clone()));
        if self.resolver.send(prepare).is_err() {
            tracing::debug!(path = self.context.path(), "the next track was not opened ahead");
        }
    }

    fn ask<Q>(&self, question: Q) -> impl Future<Output = Told<Finding>> + Send + use<Q> + 'static
    where
        Q: Fn(Reply<Told<Finding>>) -> resolver::Msg + Send + Sync + 'static,
    {
        let (resolver, within) = (self.resolver.clone(), self.within);
        async move {
            let answer = patience::ask(&resolver, question, within).await;
            answer.unwrap_or_else(|unanswered| {
                let detail = format!("the resolver did not answer: {unanswered}");
                let fault = Fault::transient(Reason::Internal, detail);
                Told { outcome: Err(fault), timeline: Timeline::default() }
            })
        }
    }
}

/// What was asked for, as people would say it.
fn words_of(request: &Request) -> String {
    match request {
        Request::Query(words) => words.clone(),
        // what follows the question mark may be a secret
        Request::Url(url) => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
        Request::Attachment(attachment) => {
            attachment.title.clone().or_else(|| attachment.file_name.clone()).unwrap_or_default()
        }
        Request::Found(track) => track.display(),
    }
}
