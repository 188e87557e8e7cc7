//! What waits to be said in one chat: in order, one at a time, bounded, with progress that gives way. Pure.

use std::collections::{HashMap, VecDeque};

use domain::MessageId;

use super::book::{Job, Key};
use super::panel::Saying;

/// More than a chat can read; what is over it is dropped, progress first.
const JOBS_MAX: usize = 64;
/// Messages of one chat that may still be edited.
const KEYS_MAX: usize = 256;
/// How often something is said again after a failure that may pass.
const TRIES_MAX: u32 = 3;

/// One thing to do with Telegram now.
#[derive(Debug, Clone, PartialEq)]
pub enum Out {
    Send { reply_to: Option<MessageId>, saying: Saying },
    Edit { message: MessageId, saying: Saying },
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Sent(MessageId),
    Edited,
    /// May work later.
    Failed,
    /// Will not work.
    Refused,
}

#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Job>,
    ids: HashMap<Key, MessageId>,
    /// The job that is under way, and how often it was tried.
    busy: Option<(Job, u32)>,
    n_dropped: u64,
}

// === impl Outbox ===

impl Outbox {
    pub fn push(&mut self, job: Job) {
        if let Job::Edit { key, is_droppable: true, .. } = &job {
            let key = *key;
            // only the newest position of a panel is worth telling
            self.waiting.retain(
                |other| !matches!(other, Job::Edit { key: k, is_droppable: true, .. } if *k == key),
            );
        }
        if self.waiting.len() >= JOBS_MAX {
            self.n_dropped += 1;
            match self
                .waiting
                .iter()
                .position(|job| matches!(job, Job::Edit { is_droppable: true, .. }))
            {
                Some(at) => drop(self.waiting.remove(at)),
                None => return,
            }
        }
        self.waiting.push_back(job);
    }

    /// A message that another process sent.
    pub fn adopt(&mut self, key: Key, message: MessageId) {
        if self.ids.len() < KEYS_MAX {
            self.ids.insert(key, message);
        }
    }

    /// Messages that may still be edited.
    pub fn known(&self) -> &HashMap<Key, MessageId> {
        &self.ids
    }

    /// The next thing to do, unless something is under way.
    pub fn take(&mut self) -> Option<Out> {
        if self.busy.is_some() {
            return None;
        }
        while let Some(job) = self.waiting.pop_front() {
            if let Some(out) = self.out(&job) {
                self.busy = Some((job, 1));
                return Some(out);
            }
        }
        None
    }

    fn out(&mut self, job: &Job) -> Option<Out> {
        match job {
            Job::Send { reply_to, saying, .. } => {
                Some(Out::Send { reply_to: *reply_to, saying: saying.clone() })
            }
            Job::Edit { key, saying, is_droppable } => match self.ids.get(key) {
                Some(message) => Some(Out::Edit { message: *message, saying: saying.clone() }),
                // the message never came to be; its last words are still worth saying
                None if !is_droppable => Some(Out::Send { reply_to: None, saying: saying.clone() }),
                None => None,
            },
            Job::Redraw { message, saying } => {
                Some(Out::Edit { message: *message, saying: saying.clone() })
            }
            Job::Rename { from, to } => {
                if let Some(message) = self.ids.remove(from) {
                    self.ids.insert(*to, message);
                }
                None
            }
            Job::Forget { key } => {
                self.ids.remove(key);
                None
            }
            // buttons are answered at once, not in the chat's order
            Job::Toast { .. } => None,
        }
    }

    /// The thing under way came back. Returns whether it is to be tried again, after a pause, with [`Outbox::again`].
    pub fn done(&mut self, outcome: Outcome) -> bool {
        let Some((job, n_tries)) = self.busy.take() else { return false };
        match (outcome, &job) {
            (Outcome::Sent(message), Job::Send { key: Some(key), .. } | Job::Edit { key, .. })
                if self.ids.len() < KEYS_MAX =>
            {
                self.ids.insert(*key, message);
            }
            (Outcome::Failed, _) if n_tries < TRIES_MAX => {
                self.busy = Some((job, n_tries + 1));
                return true;
            }
            (Outcome::Failed | Outcome::Refused, _) => self.n_dropped += 1,
            _ => {}
        }
        false
    }

    /// The thing that is to be tried again; progress that has become old is not.
    pub fn again(&mut self) -> Option<Out> {
        let (job, n_tries) = self.busy.take()?;
        if matches!(job, Job::Edit { is_droppable: true, .. }) {
            return self.take();
        }
        let out = self.out(&job);
        self.busy = Some((job, n_tries));
        out
    }

    /// Nothing is waiting, under way, or still to be edited.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.busy.is_none() && self.ids.is_empty()
    }

    pub fn n_dropped(&self) -> u64 {
        self.n_dropped
    }
}

#[cfg(test)]
mod tests {
    use domain::Attempt;

    use super::super::panel::plain;
    use super::*;

    const PANEL: Key = Key::Panel(Attempt(1));

    fn said(text: &str) -> Saying {
        plain(text.to_owned())
    }

    fn send(key: Option<Key>, text: &str) -> Job {
        Job::Send { key, reply_to: None, saying: said(text) }
    }

    fn progress(text: &str) -> Job {
        Job::Edit { key: PANEL, saying: said(text), is_droppable: true }
    }

    #[test]
    fn one_thing_at_a_time_and_edits_find_their_message() {
        let mut outbox = Outbox::default();
        outbox.push(send(Some(PANEL), "panel"));
        outbox.push(progress("0:10"));
        assert!(matches!(outbox.take(), Some(Out::Send { .. })));
        assert_eq!(outbox.take(), None, "the first is under way");
        assert!(!outbox.done(Outcome::Sent(MessageId(7))));
        assert_eq!(outbox.take(), Some(Out::Edit { message: MessageId(7), saying: said("0:10") }));
    }

    #[test]
    fn only_the_newest_progress_is_told() {
        let mut outbox = Outbox::default();
        outbox.push(send(Some(PANEL), "panel"));
        assert!(outbox.take().is_some());
        for position in ["0:10", "0:20", "0:30"] {
            outbox.push(progress(position));
        }
        outbox.done(Outcome::Sent(MessageId(7)));
        assert_eq!(outbox.take(), Some(Out::Edit { message: MessageId(7), saying: said("0:30") }));
        outbox.done(Outcome::Edited);
        assert_eq!(outbox.take(), None);
    }

    #[test]
    fn a_renamed_message_is_edited_under_its_new_key() {
        let mut outbox = Outbox::default();
        let status = Key::Status(domain::queue::EntryId(1));
        outbox.push(send(Some(status), "searching"));
        outbox.push(Job::Rename { from: status, to: PANEL });
        outbox.push(Job::Edit { key: PANEL, saying: said("panel"), is_droppable: false });
        outbox.push(Job::Forget { key: PANEL });
        assert!(outbox.take().is_some());
        outbox.done(Outcome::Sent(MessageId(3)));
        assert_eq!(outbox.take(), Some(Out::Edit { message: MessageId(3), saying: said("panel") }));
        outbox.done(Outcome::Edited);
        assert_eq!(outbox.take(), None);
        assert!(outbox.is_idle());
    }

    #[test]
    fn last_words_are_sent_when_their_message_never_came_to_be() {
        let mut outbox = Outbox::default();
        outbox.push(send(Some(PANEL), "panel"));
        assert!(outbox.take().is_some());
        outbox.done(Outcome::Refused);
        outbox.push(progress("0:10"));
        outbox.push(Job::Edit { key: PANEL, saying: said("stopped"), is_droppable: false });
        assert_eq!(outbox.take(), Some(Out::Send { reply_to: None, saying: said("stopped") }));
    }

    #[test]
    fn tries_are_numbered_and_old_progress_is_not_tried_again() {
        let mut outbox = Outbox::default();
        outbox.push(send(None, "hello"));
        assert!(outbox.take().is_some());
        assert!(outbox.done(Outcome::Failed));
        assert!(outbox.again().is_some());
        assert!(outbox.done(Outcome::Failed));
        assert!(outbox.again().is_some());
        assert!(!outbox.done(Outcome::Failed), "three tries are enough");
        assert_eq!(outbox.n_dropped(), 1);

        outbox.push(send(Some(PANEL), "panel"));
        assert!(outbox.take().is_some());
        outbox.done(Outcome::Sent(MessageId(1)));
        outbox.push(progress("0:10"));
        assert!(outbox.take().is_some());
        assert!(outbox.done(Outcome::Failed));
        outbox.push(send(None, "news"));
        assert_eq!(outbox.again(), Some(Out::Send { reply_to: None, saying: said("news") }));
    }

    #[test]
    fn a_flooded_chat_keeps_its_bound() {
        let mut outbox = Outbox::default();
        for n in 0..1_000 {
            outbox.push(send(None, &n.to_string()));
        }
        assert_eq!(outbox.waiting.len(), JOBS_MAX);
        assert_eq!(outbox.n_dropped(), 1_000 - JOBS_MAX as u64);
    }
}
