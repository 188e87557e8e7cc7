//! yt-dlp — the program that knows a thousand sites, where the operator installed it.
//!
//! It is found by configuration or on the search path and never bundled; where it is missing, the service is off. Most
//! questions go to one [`worker`] process that imported it once and that [`Ytdlp::run`] keeps alive; while there is none,
//! every question starts the [`command`]. Neither gets a shell, the operator's environment, or an address that the guard
//! would refuse: the worker asks before every request and every connection, redirects included, and the command, which
//! cannot ask, opens only sites it knows by name.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::candidate::{Candidate, Page, Stream};
use domain::{Fault, Reason};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use url::Url;

mod answers;
mod command;
mod complaints;
mod doctor;
mod program;
mod roll;
mod worker;

pub use doctor::Doctor;
pub use program::{Program, Runtime};

use crate::http::Http;
use crate::service::{Abilities, Answer, Installation, Known, Limit, Service};
use crate::services::youtube;

/// Questions that may wait for the worker.
const WAITING_MAX: usize = 32;

/// Commands that may run at once: each is a whole Python.
const COMMANDS_MAX: usize = 2;

/// Entries of one page of a list.
const PAGE: usize = 50;

/// What is taken of a page's formats: sound alone before sound with a picture, a file before a list of segments.
/// Fragments of other protocols are the last resort, and are refused when they are opened.
const FORMAT: &str = "ba[protocol^=http][protocol!*=dash]/ba[protocol*=m3u8]/b[protocol^=http][protocol!*=dash]/b[protocol*=m3u8]/ba/b";

/// Sites that it is asked about before anybody else. Links elsewhere may be asked too: any link is a key.
const SITES: [&str; 24] = [
    "soundcloud.com",
    "bandcamp.com",
    "vimeo.com",
    "dailymotion.com",
    "mixcloud.com",
    "twitch.tv",
    "tiktok.com",
    "vk.com",
    "vkvideo.ru",
    "rutube.ru",
    "ok.ru",
    "dzen.ru",
    "bilibili.com",
    "nicovideo.jp",
    "twitter.com",
    "x.com",
    "facebook.com",
    "instagram.com",
    "reddit.com",
    "audiomack.com",
    "odysee.com",
    "rumble.com",
    "hearthis.at",
    "streamable.com",
];

/// Where it is, and what it may use. The environment is read by whoever makes this.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program; without it, `yt-dlp` is looked for in `search_path`.
    pub program: Option<PathBuf>,
    /// Directories, as in `PATH`; handed to the program too.
    pub search_path: Vec<PathBuf>,
    /// Where it finds what was installed for one user only.
    pub home: Option<PathBuf>,
    /// Cookies of a signed-in account, in Netscape's format.
    pub cookies: Option<PathBuf>,
    /// How long one answer may take.
    pub answer_max: Duration,
    /// Whether a worker is kept; without one, every question starts the command.
    pub has_worker: bool,
    /// After so many questions a worker is replaced, which bounds what it can have piled up.
    pub questions_max: u32,
    /// After a worker holds so many bytes of memory it is replaced.
    pub memory_max: u64,
}

/// The service. Cheap to clone; clones share the worker.
#[derive(Debug, Clone)]
pub struct Ytdlp {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    program: Program,
    http: Http,
    questions: mpsc::Sender<Asked>,
    waiting: Mutex<mpsc::Receiver<Asked>>,
    /// Whether a worker answers, or is about to.
    has_worker: AtomicBool,
    commands: Semaphore,
}

/// What it is asked: a link or a search, as the program takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Question {
    url: String,
    /// Whether a list is meant, whose entries are only named.
    is_flat: bool,
    /// Which entries of it, from 1: `1-50`.
    items: Option<String>,
}

/// A question on its way to the worker.
#[derive(Debug)]
struct Asked {
    question: Question,
    deadline: Instant,
    reply: oneshot::Sender<Result<Said, Unsaid>>,
}

/// What came back, in its own words.
#[derive(Debug, Clone, Default, PartialEq)]
struct Said {
    info: Option<serde_json::Value>,
    complaint: Option<String>,
    /// Whether it wanted to go where the guard does not let it.
    is_refused: bool,
}

/// Why a worker gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsaid {
    /// It is gone, or there is none: somebody else may be asked.
    Lost,
    /// It had its time.
    Late,
}

// === impl Settings ===

impl Settings {
    /// What is usual, where nothing was found yet.
    pub fn standard(search_path: Vec<PathBuf>, home: Option<PathBuf>) -> Settings {
        Settings {
            program: None,
            search_path,
            home,
            cookies: None,
            answer_max: Duration::from_secs(30),
            has_worker: true,
            questions_max: 500,
            memory_max: 512 * 1024 * 1024,
        }
    }
}

// === impl Ytdlp ===

impl Ytdlp {
    /// Looks for the program; `None` where it is not installed, which one line of the log tells.
    ///
    /// # Errors
    /// `Fatal` when the configured program is not there.
    pub fn find(http: Http, settings: Settings) -> Result<Option<Ytdlp>, Fault> {
        let Some(program) = Program::find(&settings)? else {
            tracing::info!("yt-dlp is not installed, its service is off");
            return Ok(None);
        };
        let (questions, waiting) = mpsc::channel(WAITING_MAX);
        let inner = Inner {
            settings,
            program,
            http,
            questions,
            waiting: Mutex::new(waiting),
            has_worker: AtomicBool::new(false),
            commands: Semaphore::new(COMMANDS_MAX),
        };
        Ok(Some(Ytdlp { inner: Arc::new(inner) }))
    }

    /// Keeps a worker alive until it cannot be kept alive: an actor drives this as a task of its own, and may start it
    /// again. Dropping it ends the worker; questions start the command then. Without a worker it never ends.
    ///
    /// # Errors
    /// Transient when a worker failed too often in a row.
    pub async fn run(&self) -> Result<(), Fault> {
        worker::run(&self.inner).await
    }

    /// What an operator should know about the installation.
    pub async fn doctor(&self) -> Doctor {
        doctor::examine(&self.inner).await
    }

    /// The worker's answer, or the command's where there is no worker or it died of the question.
    async fn ask(&self, question: Question) -> Result<serde_json::Value, Fault> {
        let inner = &*self.inner;
        let deadline = Instant::now() + inner.settings.answer_max;
        let late = || Fault::transient(Reason::Timeout, "yt-dlp: no answer in time");
        let said = match self.ask_worker(question.clone(), deadline).await? {
            Ok(said) => said,
            Err(Unsaid::Late) => return Err(late()),
            Err(Unsaid::Lost) => {
                timeout_at(deadline, command::ask(inner, &question)).await.map_err(|_| late())??
            }
        };
        said.info()
    }

    async fn ask_worker(
        &self,
        question: Question,
        deadline: Instant,
    ) -> Result<Result<Said, Unsaid>, Fault> {
        let inner = &*self.inner;
        if !inner.has_worker.load(Ordering::Acquire) {
            return Ok(Err(Unsaid::Lost));
        }
        let (reply, answer) = oneshot::channel();
        match inner.questions.try_send(Asked { question, deadline, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                let detail = "yt-dlp: too many questions wait";
                return Err(Fault::transient(Reason::ServiceRefused, detail));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Ok(Err(Unsaid::Lost)),
        }
        match timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Ok(Err(Unsaid::Lost)),
            Err(_) => Ok(Err(Unsaid::Late)),
        }
    }

    async fn found(&self, words: &str, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let limit = limit.clamp(1, PAGE);
        let url = format!("ytsearch{limit}:{words}");
        let info = self.ask(Question { url, is_flat: true, items: None }).await?;
        let mut found = answers::entries(&info);
        found.truncate(limit);
        Ok(found)
    }

    async fn track(&self, key: &str) -> Result<serde_json::Value, Fault> {
        let url = self.inner.http.guard().check(key)?;
        // of a page with several, the first
        let items = Some("1".to_owned());
        let info = self.ask(Question { url: url.into(), is_flat: false, items }).await?;
        answers::first(info)
    }

    async fn page(&self, key: &str, page: Option<&str>) -> Result<Page, Fault> {
        let url = self.inner.http.guard().check(key)?;
        let from: usize = match page.map(str::parse).transpose() {
            Ok(from) => from.unwrap_or(1).max(1),
            Err(_) => return Err(Fault::refused(Reason::Internal, "yt-dlp: no such page")),
        };
        let items = Some(format!("{from}-{}", from + PAGE - 1));
        let info = self.ask(Question { url: url.into(), is_flat: true, items }).await?;
        Ok(answers::page(&info, from, PAGE))
    }
}

impl Service for Ytdlp {
    fn name(&self) -> &'static str {
        "yt-dlp"
    }

    fn instance(&self) -> &str {
        "local"
    }

    fn abilities(&self) -> Abilities {
        Abilities { search: true, open: true, list: true, live: true }
    }

    /// More than a person asks, less than what makes a site suspicious.
    fn limit(&self) -> Option<Limit> {
        Some(Limit { requests: 30, within: Duration::from_secs(60) })
    }

    fn knows(&self, link: &Url) -> Option<Known> {
        if !matches!(link.scheme(), "http" | "https") {
            return None;
        }
        match youtube::known(link) {
            Some(Known::Track(id)) => return Some(Known::Track(youtube::page(&id))),
            Some(Known::List(_)) => return Some(Known::List(link.to_string())),
            None => {}
        }
        let host = link.host_str()?;
        let is_of = |site: &&str| {
            host.strip_suffix(*site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        SITES.iter().find(|site| is_of(site))?;
        let is_list = link.path_segments()?.any(|part| {
            matches!(part, "sets" | "album" | "albums" | "playlist" | "playlists" | "showcase")
        });
        let known = if is_list { Known::List } else { Known::Track };
        Some(known(link.to_string()))
    }

    /// Any page may have something that plays.
    fn may_know(&self, link: &Url) -> Option<Known> {
        let is_page = self.inner.http.guard().admit(link).is_ok();
        self.knows(link).or_else(|| is_page.then(|| Known::Track(link.to_string())))
    }

    fn run(&self) -> Option<Answer<'_, ()>> {
        Some(Box::pin(Ytdlp::run(self)))
    }

    fn installation(&self) -> Option<Installation<'_>> {
        Some(Box::pin(async { self.doctor().await.to_string() }))
    }

    fn search<'a>(&'a self, words: &'a str, limit: usize) -> Answer<'a, Vec<Candidate>> {
        Box::pin(self.found(words, limit))
    }

    fn describe<'a>(&'a self, key: &'a str) -> Answer<'a, Candidate> {
        Box::pin(async move { answers::candidate(&self.track(key).await?) })
    }

    fn open<'a>(&'a self, key: &'a str) -> Answer<'a, (Candidate, Stream)> {
        Box::pin(async move {
            let info = self.track(key).await?;
            let stream = answers::stream(&info, self.inner.http.guard())?;
            Ok((answers::candidate(&info)?, stream))
        })
    }

    fn list<'a>(&'a self, key: &'a str, page: Option<&'a str>) -> Answer<'a, Page> {
        Box::pin(self.page(key, page))
    }
}

// === impl Said ===

impl Said {
    /// A complaint beside an answer is no failure: one of many entries may be missing. Nothing at all is one.
    fn info(self) -> Result<serde_json::Value, Fault> {
        let is_something = self.info.as_ref().is_some_and(answers::is_something);
        match (self.info, self.complaint) {
            (Some(info), _) if is_something => Ok(info),
            (_, Some(complaint)) => Err(complaints::fault(&complaint, self.is_refused)),
            (Some(info), None) if info.is_object() => Ok(info),
            (_, None) => Err(Fault::transient(Reason::ServiceRefused, "yt-dlp: no answer at all")),
        }
    }
}

#[cfg(test)]
mod tests;
