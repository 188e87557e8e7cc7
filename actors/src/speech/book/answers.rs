//! Answers to commands: said aloud when they were typed, whispered when a button was pressed.

use domain::event::{By, Event, Via};

use super::super::Arg;
use super::super::panel::{self, PanelState};
use super::{Book, Ink, Job, Key, send};

// === impl Book ===

impl Book {
    pub(super) fn command(&mut self, event: Event, ink: Ink<'_>, jobs: &mut Vec<Job>) {
        match event {
            Event::Paused { attempt, by, position } => {
                self.redraw(attempt, false, ink, jobs, |panel| {
                    panel.position = position;
                    panel.state = PanelState::Paused;
                });
                self.done(&by, "paused", "done-paused", ink, jobs);
            }
            Event::Resumed { attempt, by, position } => {
                self.redraw(attempt, false, ink, jobs, |panel| {
                    panel.position = position;
                    panel.state = PanelState::Playing;
                });
                self.done(&by, "resumed", "done-resumed", ink, jobs);
            }
            Event::Skipped { attempt, entry, track, by } => {
                self.close(Some(attempt), PanelState::Skipped, ink, jobs);
                let name = panel::name(&by.name);
                let title =
                    track.map(|track| domain::track::clean_title(&track.display(), 120, "?"));
                let html = match &title {
                    Some(title) => self
                        .pen(ink)
                        .say("skipped", &[("name", Arg::Text(&name)), ("title", Arg::Text(title))]),
                    None => self.pen(ink).say("skipped-search", &[("name", Arg::Text(&name))]),
                };
                if let Some(asked_in) = self.searching.get(&entry).copied() {
                    self.answer(entry, asked_in, panel::plain(html.clone()), jobs);
                }
                self.reply(&by, html, self.pen(ink).say("done-skipped", &[]), jobs);
            }
            Event::Stopped { by, n_dropped } => {
                self.close(None, PanelState::Stopped, ink, jobs);
                let name = panel::name(&by.name);
                let args = [("name", Arg::Text(&name)), ("dropped", Arg::Number(n_dropped))];
                let html = self.pen(ink).say("stopped", &args);
                self.reply(&by, html, self.pen(ink).say("done-stopped", &[]), jobs);
                for (entry, _) in std::mem::take(&mut self.searching) {
                    let key = Key::Status(entry);
                    jobs.push(Job::Edit {
                        key,
                        saying: panel::plain("⏹".to_owned()),
                        is_droppable: false,
                    });
                    jobs.push(Job::Forget { key });
                }
            }
            Event::Listed { by, listing } => {
                let saying = self.pen(ink).listing(&listing);
                if let Via::Message(asked_in) = by.via {
                    jobs.push(send(Some(asked_in), saying));
                }
            }
            Event::NothingPlaying { by } => self.refuse(&by, "nothing-playing", ink, jobs),
            Event::Unchanged { by, is_paused: true } => {
                self.refuse(&by, "already-paused", ink, jobs)
            }
            Event::Unchanged { by, is_paused: false } => self.refuse(&by, "not-paused", ink, jobs),
            Event::Stale { by } => self.refuse(&by, "stale", ink, jobs),
            Event::Forbidden { by } => self.refuse(&by, "forbidden", ink, jobs),
            _ => {}
        }
    }

    /// A command that worked: said aloud when it was typed, whispered when it was a button.
    fn done(&self, by: &By, said: &str, whispered: &str, ink: Ink<'_>, jobs: &mut Vec<Job>) {
        let html = self.pen(ink).say(said, &[("name", Arg::Text(&panel::name(&by.name)))]);
        self.reply(by, html, self.pen(ink).say(whispered, &[]), jobs);
    }

    fn reply(&self, by: &By, html: String, toast: String, jobs: &mut Vec<Job>) {
        match by.via {
            Via::Message(asked_in) => jobs.push(send(Some(asked_in), panel::plain(html))),
            Via::Button(query) => {
                // those who did not press should see who did
                jobs.push(send(None, panel::plain(html)));
                jobs.push(Job::Toast { query, text: toast, is_alert: false });
            }
        }
    }

    /// A command that could not be done.
    pub fn refuse(&self, by: &By, id: &str, ink: Ink<'_>, jobs: &mut Vec<Job>) {
        let html = self.pen(ink).say(id, &[]);
        match by.via {
            Via::Message(asked_in) => jobs.push(send(Some(asked_in), panel::plain(html))),
            Via::Button(query) => {
                jobs.push(Job::Toast { query, text: unmarked(&html), is_alert: true })
            }
        }
    }
}

/// The text without its tags: toasts are plain.
fn unmarked(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in html.chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    text
}
