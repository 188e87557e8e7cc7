//! /why: the last failure of a chat, in plain words, with what was tried.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::event::Event;
use domain::timeline::Timeline;
use domain::{ChatId, Fault, MessageId};
use tokio::time::Instant;

use super::Desk;

/// Chats whose last failure is remembered; beyond it the oldest is forgotten.
const CHATS_MAX: usize = 2_000;

/// Something that did not work.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// What was asked for, or was to be played; empty when nothing in particular.
    pub(crate) asked: String,
    pub(crate) fault: Fault,
    pub(crate) timeline: Timeline,
}

/// Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(crate) struct Failures(Arc<Mutex<HashMap<ChatId, (Failure, Instant)>>>);

// === impl Failures ===

impl Failures {
    pub(crate) fn note(&self, chat: ChatId, failure: Failure) {
        let mut failures = self.lock();
        if failures.len() >= CHATS_MAX && !failures.contains_key(&chat) {
            let oldest = failures.iter().min_by_key(|(_, (_, at))| *at).map(|(chat, _)| *chat);
            oldest.and_then(|oldest| failures.remove(&oldest));
        }
        failures.insert(chat, (failure, Instant::now()));
    }

    /// News of a player. What is known with its timeline already is not overwritten by the bare fault.
    pub(crate) fn hear(&self, chat: ChatId, event: &Event) {
        let (asked, fault) = match event {
            Event::Rejected { fault, .. } | Event::CallFailed { fault, .. } => {
                (String::new(), fault)
            }
            Event::Failed { track, fault, .. } => (track.display(), fault),
            _ => return,
        };
        if self.lock().get(&chat).is_some_and(|(known, _)| known.fault == *fault) {
            return;
        }
        let (fault, timeline) = (fault.clone(), Timeline::default());
        self.note(chat, Failure { asked, fault, timeline });
    }

    fn last(&self, chat: ChatId) -> Option<(Failure, Instant)> {
        self.lock().get(&chat).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChatId, (Failure, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Desk ===

impl Desk {
    pub(super) fn why(&mut self, chat: ChatId, asked_in: MessageId) {
        let Some((failure, at)) = self.parts.failures.last(chat) else {
            return self.say(chat, Some(asked_in), "why-well", &[]);
        };
        let Failure { asked, fault, timeline } = failure;
        let ago = at.elapsed();
        let saying = self.with_pen(chat, |pen| pen.why(&asked, &fault, &timeline, ago));
        self.voice.show(chat, Some(asked_in), saying);
    }
}

#[cfg(test)]
mod tests {
    use domain::Reason;
    use domain::timeline::{Came, Row, Step, Then};

    use super::*;

    const CHAT: ChatId = ChatId(-100);

    fn failure(detail: &str) -> Failure {
        let row = Row {
            who: "piped at one.example".to_owned(),
            step: Step::Search,
            at_ms: 0,
            took_ms: 5,
            came: Came::Nothing,
            is_slow: false,
            then: Then::GivenUp,
        };
        let fault = Fault::refused(Reason::NotFound, detail);
        Failure { asked: "a song".to_owned(), fault, timeline: Timeline(vec![row]) }
    }

    #[tokio::test]
    async fn a_bare_event_does_not_hide_the_timeline_of_the_same_failure() {
        let failures = Failures::default();
        failures.note(CHAT, failure("nothing"));
        let rejected = |detail: &str| Event::Rejected {
            entry: None,
            asked_in: MessageId(1),
            fault: Fault::refused(Reason::NotFound, detail),
        };
        failures.hear(CHAT, &rejected("nothing"));
        assert_eq!(failures.last(CHAT).unwrap().0, failure("nothing"));
        failures.hear(CHAT, &rejected("something else"));
        assert!(failures.last(CHAT).unwrap().0.timeline.is_empty());
        assert!(failures.last(ChatId(-200)).is_none());
    }

    #[tokio::test]
    async fn failures_of_too_many_chats_are_not_all_remembered() {
        let failures = Failures::default();
        for chat in 0..CHATS_MAX as i64 + 10 {
            failures.note(ChatId(chat), failure("x"));
        }
        assert_eq!(failures.lock().len(), CHATS_MAX);
    }
}
