//! What one chat was told and is being shown: events in, messages to send and edit out. Pure.

mod answers;

use std::collections::HashMap;

use domain::callback::{Generation, Seal};
use domain::event::{Event, NowPlaying};
use domain::queue::EntryId;
use domain::{Attempt, ChatId, Fault, MessageId};

use super::panel::{self, Panel, PanelState, Pen, Saying};
use super::{Arg, Language, Texts};

/// A message that may be edited later, before Telegram has given it a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// The answer to a request.
    Status(EntryId),
    /// The now-playing panel.
    Panel(Attempt),
}

/// What is to be done in the chat, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Job {
    Send {
        key: Option<Key>,
        reply_to: Option<MessageId>,
        saying: Saying,
    },
    /// A droppable edit is one that the next of its kind replaces.
    Edit {
        key: Key,
        saying: Saying,
        is_droppable: bool,
    },
    /// Another text for a message that is known by its number.
    Redraw {
        message: MessageId,
        saying: Saying,
    },
    /// The message is known by another key from now on.
    Rename {
        from: Key,
        to: Key,
    },
    /// Nobody will edit this message any more.
    Forget {
        key: Key,
    },
    /// Answers a pressed button.
    Toast {
        query: i64,
        text: String,
        is_alert: bool,
    },
}

/// One chat's page.
#[derive(Debug)]
pub struct Book {
    pub language: Language,
    generation: Generation,
    panel: Option<Panel>,
    /// A station names its song before it is heard.
    early: Option<(Attempt, String)>,
    /// Requests whose answer still says that they are being looked for.
    searching: HashMap<EntryId, MessageId>,
}

/// What a book needs to write.
#[derive(Clone, Copy)]
pub struct Ink<'a> {
    pub texts: &'a Texts,
    pub seal: &'a Seal,
    pub chat: ChatId,
    /// What is said will outlive this process.
    pub is_kept: bool,
}

// === impl Book ===

impl Book {
    pub fn new(language: Language) -> Book {
        Book {
            language,
            generation: Generation(0),
            panel: None,
            early: None,
            searching: HashMap::new(),
        }
    }

    /// What another process showed here is shown by us from now on: requests whose answer still says that they are being
    /// looked for, with the message that asked.
    pub fn take_over(
        &mut self,
        generation: Generation,
        searching: impl IntoIterator<Item = (EntryId, MessageId)>,
    ) {
        self.generation = generation;
        self.searching = searching.into_iter().collect();
    }

    /// Requests whose answer still says that they are being looked for, and the messages that asked.
    pub fn searching(&self) -> impl Iterator<Item = (EntryId, MessageId)> {
        self.searching.iter().map(|(entry, asked_in)| (*entry, *asked_in))
    }

    /// Which life of the player the buttons of this chat belong to.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Writes an event down.
    pub fn tell(&mut self, generation: Generation, event: Event, ink: Ink<'_>) -> Vec<Job> {
        if generation != self.generation {
            // another life of the player; what the old one showed is history
            self.generation = generation;
            self.panel = None;
            self.early = None;
            self.searching.clear();
        }
        let mut jobs = Vec::new();
        match event {
            Event::Accepted { entry, asked_in } => self.accepted(entry, asked_in, ink, &mut jobs),
            Event::Queued { entry, asked_in, track, place, requester } => {
                let is_kept = ink.is_kept;
                let saying = self.pen(ink).queued(&track, place, &requester.name, is_kept);
                self.answer(entry, asked_in, saying, &mut jobs);
            }
            Event::LeftOut { asked_in, n_tracks } => {
                let html = self.pen(ink).say("left-out", &[("tracks", Arg::Number(n_tracks))]);
                jobs.push(send(Some(asked_in), panel::plain(html)));
            }
            Event::EarlierBack { n_tracks, n_left_out } => {
                let pen = self.pen(ink);
                let mut html = pen.say("earlier-back", &[("tracks", Arg::Number(n_tracks))]);
                if n_left_out > 0 {
                    let left_out = pen.say("left-out", &[("tracks", Arg::Number(n_left_out))]);
                    html = format!("{html}\n{left_out}");
                }
                jobs.push(send(None, panel::plain(html)));
            }
            Event::Rejected { entry, asked_in, fault } => {
                self.rejected(entry, asked_in, &fault, ink, &mut jobs)
            }
            Event::NowPlaying(now) => self.now_playing(*now, ink, &mut jobs),
            Event::Progress { attempt, position, is_paused } => {
                self.redraw(attempt, true, ink, &mut jobs, |panel| {
                    panel.position = position;
                    panel.state = if is_paused { PanelState::Paused } else { PanelState::Playing };
                });
            }
            Event::Titled { attempt, title } => {
                if self.panel.as_ref().is_none_or(|panel| panel.attempt != attempt) {
                    self.early = Some((attempt, title.clone()));
                }
                self.redraw(attempt, true, ink, &mut jobs, |panel| panel.song = Some(title));
            }
            Event::Ended { attempt, .. } => {
                self.close(Some(attempt), PanelState::Ended, ink, &mut jobs)
            }
            Event::Failed { entry, attempt, asked_in, track, fault } => {
                self.close(Some(attempt), PanelState::Ended, ink, &mut jobs);
                let title = domain::track::clean_title(&track.display(), 120, "?");
                let reason = ink.texts.reason(self.language, fault.reason);
                let html = self.pen(ink).say(
                    "track-failed",
                    &[("title", Arg::Text(&title)), ("reason", Arg::Html(&reason))],
                );
                self.answer(entry, asked_in, panel::plain(html), &mut jobs);
            }
            Event::Finished => {
                jobs.push(send(None, panel::plain(self.pen(ink).say("finished", &[]))))
            }
            Event::CallFailed { fault, n_dropped } => {
                self.call_failed(&fault, n_dropped, ink, &mut jobs)
            }
            Event::CallHeld { fault } => {
                let reason = ink.texts.reason(self.language, fault.reason);
                let html = self.pen(ink).say("call-held", &[("reason", Arg::Html(&reason))]);
                jobs.push(send(None, panel::plain(html)));
            }
            Event::CallEnded { wait } => {
                let minutes = wait.as_secs().div_ceil(60) as usize;
                let html = self.pen(ink).say("call-ended", &[("minutes", Arg::Number(minutes))]);
                jobs.push(send(None, panel::plain(html)));
            }
            Event::AssistantChanged { .. } => {
                jobs.push(send(None, panel::plain(self.pen(ink).say("assistant-changed", &[]))))
            }
            Event::Revived { was, attempt, position } => {
                self.revived(was, attempt, position, ink, &mut jobs)
            }
            Event::Restored { now, position, is_paused, .. } => {
                self.restored(*now, position, is_paused, ink, &mut jobs)
            }
            Event::CallRestored => {
                jobs.push(send(None, panel::plain(self.pen(ink).say("call-restored", &[]))))
            }
            command => self.command(command, ink, &mut jobs),
        }
        jobs
    }

    fn pen<'a>(&self, ink: Ink<'a>) -> Pen<'a> {
        Pen {
            texts: ink.texts,
            language: self.language,
            seal: ink.seal,
            chat: ink.chat,
            generation: self.generation,
        }
    }
}

// === impl Book: requests ===

impl Book {
    fn accepted(&mut self, entry: EntryId, asked_in: MessageId, ink: Ink<'_>, jobs: &mut Vec<Job>) {
        self.searching.insert(entry, asked_in);
        let saying = panel::plain(self.pen(ink).say("searching", &[]));
        jobs.push(Job::Send { key: Some(Key::Status(entry)), reply_to: Some(asked_in), saying });
    }

    /// Puts the answer where "looking for it" stands, or beside the question.
    fn answer(&mut self, entry: EntryId, asked_in: MessageId, saying: Saying, jobs: &mut Vec<Job>) {
        if self.searching.remove(&entry).is_some() {
            let key = Key::Status(entry);
            jobs.push(Job::Edit { key, saying, is_droppable: false });
            jobs.push(Job::Forget { key });
        } else {
            jobs.push(send(Some(asked_in), saying));
        }
    }

    fn rejected(
        &mut self,
        entry: Option<EntryId>,
        asked_in: MessageId,
        fault: &Fault,
        ink: Ink<'_>,
        jobs: &mut Vec<Job>,
    ) {
        let saying = panel::plain(format!("⚠️ {}", ink.texts.reason(self.language, fault.reason)));
        match entry {
            Some(entry) => self.answer(entry, asked_in, saying, jobs),
            None => jobs.push(send(Some(asked_in), saying)),
        }
    }

    fn call_failed(&mut self, fault: &Fault, n_dropped: usize, ink: Ink<'_>, jobs: &mut Vec<Job>) {
        self.close(None, PanelState::Stopped, ink, jobs);
        let reason = ink.texts.reason(self.language, fault.reason);
        let args = [("reason", Arg::Html(&reason)), ("dropped", Arg::Number(n_dropped))];
        let mut saying = Some(panel::plain(self.pen(ink).say("call-failed", &args)));
        let mut searching: Vec<_> = self.searching.drain().collect();
        searching.sort_unstable_by_key(|(entry, _)| *entry);
        for (entry, _) in searching {
            // one of them carries the news, the others need not look busy any more
            let key = Key::Status(entry);
            let saying = saying.take().unwrap_or_else(|| panel::plain("⏹".to_owned()));
            jobs.push(Job::Edit { key, saying, is_droppable: false });
            jobs.push(Job::Forget { key });
        }
        jobs.extend(saying.map(|saying| send(None, saying)));
    }
}

// === impl Book: the panel ===

impl Book {
    fn now_playing(&mut self, now: NowPlaying, ink: Ink<'_>, jobs: &mut Vec<Job>) {
        self.close(None, PanelState::Ended, ink, jobs);
        let entry = now.entry;
        let song = self.early.take().filter(|(at, _)| *at == now.attempt).map(|(_, song)| song);
        let panel = Panel { song, ..panel_of(now) };
        let saying = self.pen(ink).panel(&panel);
        let key = Key::Panel(panel.attempt);
        self.panel = Some(panel);
        if self.searching.remove(&entry).is_some() {
            // it was asked for and sounds at once: the answer becomes the panel
            jobs.push(Job::Rename { from: Key::Status(entry), to: key });
            jobs.push(Job::Edit { key, saying, is_droppable: false });
        } else {
            jobs.push(Job::Send { key: Some(key), reply_to: None, saying });
        }
    }

    /// The same track under a new number: its panel goes on, its buttons work again, and people hear why it stopped.
    fn revived(
        &mut self,
        was: Attempt,
        attempt: Attempt,
        position: std::time::Duration,
        ink: Ink<'_>,
        jobs: &mut Vec<Job>,
    ) {
        if let Some(panel) = self.panel.as_mut().filter(|panel| panel.attempt == was) {
            panel.attempt = attempt;
            jobs.push(Job::Rename { from: Key::Panel(was), to: Key::Panel(attempt) });
        }
        self.redraw(attempt, false, ink, jobs, |panel| panel.position = position);
        let clock = super::texts::clock(position);
        let html = self.pen(ink).say("revived", &[("position", Arg::Text(&clock))]);
        jobs.push(send(None, panel::plain(html)));
    }

    /// Another process's panel goes on as ours, in its message if that is known.
    fn restored(
        &mut self,
        now: NowPlaying,
        position: std::time::Duration,
        is_paused: bool,
        ink: Ink<'_>,
        jobs: &mut Vec<Job>,
    ) {
        let state = if is_paused { PanelState::Paused } else { PanelState::Playing };
        let panel = Panel { position, state, ..panel_of(now) };
        let saying = self.pen(ink).panel(&panel);
        jobs.push(Job::Edit { key: Key::Panel(panel.attempt), saying, is_droppable: false });
        self.panel = Some(panel);
    }

    fn redraw(
        &mut self,
        attempt: Attempt,
        is_droppable: bool,
        ink: Ink<'_>,
        jobs: &mut Vec<Job>,
        change: impl FnOnce(&mut Panel),
    ) {
        let Some(panel) = self.panel.as_mut().filter(|panel| panel.attempt == attempt) else {
            return;
        };
        change(panel);
        let panel = panel.clone();
        let saying = self.pen(ink).panel(&panel);
        jobs.push(Job::Edit { key: Key::Panel(attempt), saying, is_droppable });
    }

    /// The panel gets its last face and loses its buttons.
    fn close(
        &mut self,
        only: Option<Attempt>,
        state: PanelState,
        ink: Ink<'_>,
        jobs: &mut Vec<Job>,
    ) {
        let Some(panel) =
            self.panel.take_if(|panel| only.is_none_or(|attempt| attempt == panel.attempt))
        else {
            return;
        };
        let saying = self.pen(ink).panel(&Panel { state, ..panel.clone() });
        let key = Key::Panel(panel.attempt);
        jobs.push(Job::Edit { key, saying, is_droppable: false });
        jobs.push(Job::Forget { key });
    }
}

fn panel_of(now: NowPlaying) -> Panel {
    Panel {
        attempt: now.attempt,
        track: now.track,
        song: None,
        requested_by: now.requester.name,
        duration: now.duration,
        n_waiting: now.n_waiting,
        position: std::time::Duration::ZERO,
        state: PanelState::Playing,
    }
}

fn send(reply_to: Option<MessageId>, saying: Saying) -> Job {
    Job::Send { key: None, reply_to, saying }
}

#[cfg(test)]
mod tests;
