//! /search: up to five hits with a button each; whoever presses one has asked for that track.

use std::collections::{HashMap, VecDeque};

use domain::callback::Generation;
use domain::event::{By, Via};
use domain::player::Input;
use domain::track::{Request, Requester, Track};
use domain::{ChatId, Fault, MessageId, Reason};
use telegram::Message;

use super::Desk;
use super::why::Failure;
use crate::patience;
use crate::resolving::Told;
use crate::root::bot::Msg;
use crate::root::extractors::resolver;

/// Hits that are shown.
const HITS_MAX: usize = 5;
/// Searches whose buttons still work.
const SEARCHES_MAX: usize = 500;
/// What the resolver may take beyond its own deadline.
const ANSWER_SLACK: std::time::Duration = std::time::Duration::from_secs(5);

/// What was offered, by chat and search; the oldest is forgotten first.
#[derive(Default)]
pub(super) struct Searches {
    offered: HashMap<(ChatId, Generation), Offer>,
    order: VecDeque<(ChatId, Generation)>,
}

struct Offer {
    /// Of the chat, for the assistant that may have to join.
    username: Option<String>,
    tracks: Vec<Track>,
}

// === impl Searches ===

impl Searches {
    fn put(&mut self, chat: ChatId, search: Generation, offer: Offer) {
        if self.order.len() >= SEARCHES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.offered.remove(&oldest);
        }
        self.order.push_back((chat, search));
        self.offered.insert((chat, search), offer);
    }
}

// === impl Desk ===

impl Desk {
    pub(super) fn search(&mut self, message: &Message, words: Option<String>) {
        let (chat, asked_in) = (Box::new(message.chat.clone()), message.id);
        let Some(words) = words else {
            return self.say(chat.id, Some(asked_in), "search-nothing-asked", &[]);
        };
        let resolver = self.parts.resolver.clone();
        let within = self.parts.search_max + ANSWER_SLACK;
        self.context.tasks().spawn(async move {
            let look = |reply| {
                let words = words.clone();
                resolver::Msg::Search { words, n_max: HITS_MAX, reply }
            };
            let answer = patience::ask(&resolver, look, within).await;
            let told = answer.unwrap_or_else(|unanswered| {
                let detail = format!("the resolver did not answer: {unanswered}");
                let fault = Fault::transient(Reason::Internal, detail);
                Told { outcome: Err(fault), timeline: Default::default() }
            });
            Msg::Searched { chat, asked_in, words, told: Box::new(told) }
        });
    }

    pub(crate) fn searched(
        &mut self,
        chat: &telegram::Chat,
        asked_in: MessageId,
        words: String,
        told: Told<Vec<Track>>,
    ) {
        let Told { outcome, timeline } = told;
        let tracks = match outcome {
            Ok(tracks) => tracks,
            Err(fault) => {
                let texts = self.parts.texts.clone();
                self.voice.reason(chat.id, asked_in, fault.reason, texts);
                let failure = Failure { asked: words, fault, timeline };
                return self.parts.failures.note(chat.id, failure);
            }
        };
        let search = Generation(rand::random());
        let saying = self.with_pen(chat.id, |pen| pen.hits(&words, &tracks, search));
        self.searches.put(chat.id, search, Offer { username: chat.username.clone(), tracks });
        self.voice.show(chat.id, Some(asked_in), saying);
    }

    /// A hit was chosen in `message`.
    pub(super) fn pick(
        &mut self,
        chat: ChatId,
        by: By,
        search: Generation,
        at: usize,
        message: MessageId,
    ) {
        let offer = self.searches.offered.get(&(chat, search));
        let picked =
            offer.and_then(|offer| Some((offer.tracks.get(at)?.clone(), offer.username.clone())));
        let Some((track, username)) = picked else {
            self.settle(chat, by.via);
            return self.refuse(chat, &by, "search-old");
        };
        if let Via::Button(query) = by.via {
            self.voice.acknowledge(query);
        }
        let requester = Requester { id: by.standing.user, name: by.name };
        let request = Request::Found(Box::new(track));
        let via = by.via;
        self.hand_over(chat, username, Input::Play { request, requester, asked_in: message, via });
    }
}
