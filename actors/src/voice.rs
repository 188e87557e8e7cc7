//! The bot's voice: for each chat what it was told (its book) and what waits to be said (its outbox); Telegram does
//! the talking in tasks, one message of a chat at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::callback::Generation;
use domain::event::{By, Event};
use domain::{ChatId, Class, MessageId, Reason};
use storage::schema;
use supervisor::Context;
use telegram::{Account, BotCommand, Button, CallError, Html, Keyboard, Once, Outgoing};

use crate::keep::{Keeps, Resume};
use crate::root::bot::Msg;
use crate::shelf::Shelf;
use crate::speech::book::{Book, Ink, Job, Key};
use crate::speech::outbox::{Out, Outbox, Outcome};
use crate::speech::panel::{self, Saying};
use crate::speech::{Arg, Language, Texts};

/// After a failure that may pass.
const PAUSE: Duration = Duration::from_secs(1);
/// Longer than this nobody waits for an answer; progress would only make it worse.
const FLOOD_WAIT_MAX: Duration = Duration::from_secs(120);
/// Chats that are remembered although nothing is going on in them.
const PAGES_MAX: usize = 5_000;

/// What came of saying something.
pub(crate) struct Said {
    chat: ChatId,
    outcome: Result<Option<MessageId>, CallError>,
}

pub(crate) struct Voice {
    context: Context<Msg>,
    account: Account,
    pages: HashMap<ChatId, Page>,
    /// What of it outlives us.
    keeps: Keeps,
    shelf: Shelf,
}

struct Page {
    book: Book,
    outbox: Outbox,
    /// What is being said now, however often it has to be sent.
    once: Once,
}

// === impl Voice ===

impl Voice {
    pub(crate) fn new(
        context: Context<Msg>,
        account: Account,
        keeps: Keeps,
        shelf: Shelf,
    ) -> Voice {
        Voice { context, account, pages: HashMap::new(), keeps, shelf }
    }

    /// What an earlier process showed in this chat goes on as ours.
    pub(crate) fn take_over(&mut self, resume: &Resume) {
        let page = self.page(resume.chat);
        if let Some(tag) = resume.page.language.as_deref() {
            page.book.language = Language::from_tag(tag);
        }
        let searching = resume.page.searching.iter().copied();
        for (entry, _, message) in searching.clone() {
            page.outbox.adopt(Key::Status(entry), message);
        }
        page.book
            .take_over(resume.generation, searching.map(|(entry, asked_in, _)| (entry, asked_in)));
    }

    /// Writes down what people see in this chat and we would edit.
    fn keep(&mut self, chat: ChatId) {
        let Page { book, outbox, .. } = self.page(chat);
        let known = outbox.known();
        let panels = known.iter().filter_map(|(key, message)| match key {
            Key::Panel(attempt) => Some((*attempt, *message)),
            Key::Status(_) => None,
        });
        let panel = panels.max_by_key(|(attempt, _)| *attempt);
        let mut searching: Vec<_> = book
            .searching()
            .filter_map(|(entry, asked)| Some((entry, asked, *known.get(&Key::Status(entry))?)))
            .collect();
        searching.sort_unstable();
        let language = Some(book.language.tag().to_owned());
        let shown = schema::Page { panel, searching, language };
        let keep = self.keeps.of(chat);
        let writes = keep.show(|page| *page = shown);
        if writes.is_empty() {
            return;
        }
        let shelf = self.shelf.clone();
        self.context.tasks().spawn_quiet(async move {
            if let Err(fault) = keep.commit(&shelf, writes).await {
                tracing::debug!(%chat, %fault, "the panel's number was not written down");
            }
        });
    }

    /// Somebody speaks this language here.
    pub(crate) fn listen(&mut self, chat: ChatId, language: Language) {
        self.page(chat).book.language = language;
    }

    /// What is spoken here.
    pub(crate) fn language(&mut self, chat: ChatId) -> Language {
        self.page(chat).book.language
    }

    /// Says something that is drawn already.
    pub(crate) fn show(&mut self, chat: ChatId, reply_to: Option<MessageId>, saying: Saying) {
        self.put(chat, vec![Job::Send { key: None, reply_to, saying }]);
    }

    /// Puts something in place of a message.
    pub(crate) fn redraw(&mut self, chat: ChatId, message: MessageId, saying: Saying) {
        self.put(chat, vec![Job::Redraw { message, saying }]);
    }

    /// A press was heard; there is nothing to say about it.
    pub(crate) fn acknowledge(&self, query: i64) {
        self.toast(query, String::new(), false);
    }

    pub(crate) fn generation(&self, chat: ChatId) -> Option<Generation> {
        self.pages.get(&chat).map(|page| page.book.generation())
    }

    pub(crate) fn tell(
        &mut self,
        chat: ChatId,
        generation: Generation,
        event: Event,
        ink: Ink<'_>,
    ) {
        if let Event::Restored { was, now, .. } = &event
            && let Some((_, message)) = self.keeps.of(chat).page().panel.filter(|(of, _)| of == was)
        {
            self.page(chat).outbox.adopt(Key::Panel(now.attempt), message);
        }
        let jobs = self.page(chat).book.tell(generation, event, ink);
        self.put(chat, jobs);
    }

    pub(crate) fn say(
        &mut self,
        chat: ChatId,
        reply_to: Option<MessageId>,
        texts: &Texts,
        id: &str,
        args: &[(&'static str, Arg<'_>)],
    ) {
        let saying = panel::plain(texts.say(self.page(chat).book.language, id, args));
        self.put(chat, vec![Job::Send { key: None, reply_to, saying }]);
    }

    pub(crate) fn reason(
        &mut self,
        chat: ChatId,
        asked_in: MessageId,
        reason: Reason,
        texts: Arc<Texts>,
    ) {
        let html = format!("⚠️ {}", texts.reason(self.page(chat).book.language, reason));
        self.put(
            chat,
            vec![Job::Send { key: None, reply_to: Some(asked_in), saying: panel::plain(html) }],
        );
    }

    pub(crate) fn refuse(&mut self, chat: ChatId, by: &By, id: &str, ink: Ink<'_>) {
        let mut jobs = Vec::new();
        self.page(chat).book.refuse(by, id, ink, &mut jobs);
        self.put(chat, jobs);
    }

    fn page(&mut self, chat: ChatId) -> &mut Page {
        if self.pages.len() >= PAGES_MAX {
            self.pages.retain(|_, page| !page.outbox.is_idle());
        }
        self.pages.entry(chat).or_insert_with(|| Page {
            book: Book::new(Language::En),
            outbox: Outbox::default(),
            once: Once::new(),
        })
    }

    fn put(&mut self, chat: ChatId, jobs: Vec<Job>) {
        for job in jobs {
            match job {
                Job::Toast { query, text, is_alert } => self.toast(query, text, is_alert),
                job => self.page(chat).outbox.push(job),
            }
        }
        self.go_on(chat);
    }

    fn go_on(&mut self, chat: ChatId) {
        let page = self.page(chat);
        if let Some(out) = page.outbox.take() {
            page.once = Once::new();
            self.speak(chat, out);
        }
        self.keep(chat);
    }

    fn speak(&mut self, chat: ChatId, out: Out) {
        let (account, once) = (self.account.clone(), self.page(chat).once);
        self.context.tasks().spawn(async move {
            let outcome = match out {
                Out::Send { reply_to, saying } => {
                    let keyboard = keyboard(&saying);
                    let text = Html::trusted(saying.html);
                    let reply_to = reply_to.filter(|to| *to != MessageId::NONE);
                    let outgoing = Outgoing { text, keyboard, reply_to, is_silent: false, once };
                    account.send(chat, outgoing).await.map(Some)
                }
                Out::Edit { message, saying } => {
                    let keyboard = keyboard(&saying);
                    let text = Html::trusted(saying.html);
                    account.edit(chat, message, &text, keyboard.as_ref()).await.map(|()| None)
                }
            };
            Msg::Said(Said { chat, outcome })
        });
    }

    fn toast(&self, query: i64, text: String, is_alert: bool) {
        let account = self.account.clone();
        self.context.tasks().spawn_quiet(async move {
            if let Err(error) = account.answer_callback(query, &text, is_alert).await {
                tracing::debug!(fault = %error.fault, "a press was not answered");
            }
        });
    }

    /// Something was said, or could not be.
    pub(crate) fn said(&mut self, Said { chat, outcome }: Said) {
        let (outcome, wait) = match outcome {
            Ok(Some(message)) => (Outcome::Sent(message), None),
            Ok(None) => (Outcome::Edited, None),
            Err(error) => match error.fault.class {
                Class::Transient => (Outcome::Failed, Some(PAUSE)),
                Class::FloodWait(wait) if wait <= FLOOD_WAIT_MAX => {
                    let wait_s = wait.as_secs();
                    tracing::warn!(%chat, wait_s, "telegram asks to slow down, speaking again later");
                    (Outcome::Failed, Some(wait + PAUSE))
                }
                _ => {
                    tracing::warn!(%chat, fault = %error.fault, "could not speak");
                    (Outcome::Refused, None)
                }
            },
        };
        let is_again = self.page(chat).outbox.done(outcome);
        match wait {
            Some(wait) if is_again => {
                tracing::debug!(%chat, wait_ms = wait.as_millis() as u64, "speaking again later");
                self.context.tasks().send_after(wait, Msg::SpeakOn(chat));
            }
            _ => self.go_on(chat),
        }
    }

    /// The pause is over.
    pub(crate) fn resume(&mut self, chat: ChatId) {
        if let Some(out) = self.page(chat).outbox.again() {
            self.speak(chat, out);
        } else {
            self.go_on(chat);
        }
    }
}

fn keyboard(saying: &Saying) -> Option<Keyboard> {
    if saying.buttons.is_empty() {
        return None;
    }
    let buttons =
        saying.buttons.iter().map(|button| Button::data(button.label, button.data.clone()));
    Some(Keyboard::new().row(buttons))
}

/// The menu of commands that Telegram shows, in every language.
pub(crate) async fn publish_commands(account: Account, texts: Arc<Texts>) {
    const NAMES: [&str; 11] = [
        "play", "search", "pause", "resume", "skip", "stop", "queue", "why", "stats", "ping",
        "help",
    ];
    for language in Language::ALL {
        let commands = NAMES.map(|name| BotCommand {
            name: name.to_owned(),
            description: texts.say(language, &format!("command-{name}"), &[]),
        });
        // English is what everybody reads whose language we do not have
        let tag = if language == Language::En { "" } else { language.tag() };
        if let Err(error) = account.set_commands(tag, &commands).await {
            tracing::warn!(fault = %error.fault, "the command menu was not set");
        }
    }
}
