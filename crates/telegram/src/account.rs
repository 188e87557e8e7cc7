//! The handle: everything an account can be asked to do.
//!
//! One request, one answer, one timeout; nothing is retried except a short flood wait, which Telegram guarantees had
//! no effect. Once Telegram said that the login is gone, nothing is asked any more.

mod chats;
mod elsewhere;
mod join;
mod messages;
pub(crate) mod peers;
mod sign_in;
mod standing;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Class, Fault, Reason};
use grammers_client::tl;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::calls::SeenCalls;
use crate::fault::CallError;
use crate::link::Link;
use crate::session::Session;
use crate::settings::Settings;

pub use join::Membership;
pub use messages::{BotCommand, Once, Outgoing};
pub(crate) use peers::chat_id;
pub use sign_in::Me;
pub use standing::Participant;

/// A connected account. Cheap to clone; every call has a timeout and none is retried.
#[derive(Clone)]
pub struct Account {
    inner: Arc<Inner>,
}

struct Inner {
    link: Link,
    session: Session,
    settings: Settings,
    stage: watch::Sender<Stage>,
    counters: Counters,
    seen_calls: Mutex<SeenCalls>,
    /// How often this login was made known to data centres other than home since the connection began.
    introduced: tokio::sync::Mutex<HashMap<i32, u32>>,
}

/// How far an account's connection has come; the runner follows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nobody has signed in over this connection yet.
    #[default]
    Fresh,
    /// Signed in: updates may flow.
    Ready,
    /// Telegram's last word about this login.
    Lost(Fault),
    /// Asked to end.
    Closing,
}

/// Counters of one connection, for the dashboard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Containers of updates that came in.
    pub updates: u64,
    /// Containers that did not fit and were fetched again.
    pub overflowed: u64,
    /// Containers that this build could not read.
    pub malformed: u64,
    /// Times the place in the sequence was given up (a gap that cannot be read).
    pub skipped_gaps: u64,
    /// Requests sent.
    pub calls: u64,
    /// Requests that failed.
    pub failures: u64,
    /// The last ping's round trip.
    pub ping: Option<Duration>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) updates: AtomicU64,
    pub(crate) overflowed: AtomicU64,
    pub(crate) malformed: AtomicU64,
    pub(crate) skipped_gaps: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) ping_us: AtomicU64,
}

// === impl Account ===

impl Account {
    pub(crate) fn new(link: Link, session: Session, settings: Settings) -> Account {
        Account {
            inner: Arc::new(Inner {
                link,
                session,
                settings,
                stage: watch::Sender::new(Stage::Fresh),
                counters: Counters::default(),
                seen_calls: Mutex::new(SeenCalls::default()),
                introduced: tokio::sync::Mutex::new(HashMap::new()),
            }),
        }
    }

    /// Asks the connection to end: the session is saved and the runner returns `Ok`.
    pub fn close(&self) {
        self.inner.stage.send_if_modified(|stage| {
            let is_news = !matches!(stage, Stage::Lost(_) | Stage::Closing);
            if is_news {
                *stage = Stage::Closing;
            }
            is_news
        });
    }

    /// Counters since the connection began.
    pub fn stats(&self) -> Stats {
        self.inner.counters.stats()
    }

    pub(crate) fn session(&self) -> &Session {
        &self.inner.session
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    pub(crate) fn link(&self) -> &Link {
        &self.inner.link
    }

    pub(crate) fn seen_calls(&self) -> &Mutex<SeenCalls> {
        &self.inner.seen_calls
    }

    fn introduced(&self) -> &tokio::sync::Mutex<HashMap<i32, u32>> {
        &self.inner.introduced
    }

    pub(crate) fn stage(&self) -> watch::Receiver<Stage> {
        self.inner.stage.subscribe()
    }

    pub(crate) fn home(&self) -> i32 {
        self.session().memory().lock().home
    }

    fn ready(&self) {
        self.inner.stage.send_if_modified(|stage| {
            let is_news = *stage == Stage::Fresh;
            if is_news {
                *stage = Stage::Ready;
            }
            is_news
        });
    }

    /// Remembers that the login is gone, so that nothing more is asked.
    pub(crate) fn lost(&self, fault: &Fault) {
        self.inner.stage.send_if_modified(|stage| {
            let is_news = !matches!(stage, Stage::Lost(_));
            if is_news {
                *stage = Stage::Lost(fault.clone());
            }
            is_news
        });
    }

    /// One request to the home data centre.
    pub(crate) async fn call<R: tl::RemoteCall>(
        &self,
        request: &R,
    ) -> Result<R::Return, CallError> {
        let body = request.to_bytes();
        let asked = constructor(&body);
        let answer = self.call_raw(body).await?;
        self.read(asked, &answer)
    }

    /// One request to the home data centre, as bytes there and back.
    pub(crate) async fn call_raw(&self, body: Vec<u8>) -> Result<Vec<u8>, CallError> {
        let answer = self.ask(self.home(), body).await;
        if let Err(error) = &answer
            && error.fault.class == Class::Fatal
        {
            self.lost(&error.fault);
        }
        answer
    }

    /// One request whose fatal refusal is not yet the last word (another data centre, a login that is being made).
    pub(crate) async fn probe<R: tl::RemoteCall>(
        &self,
        dc: i32,
        request: &R,
    ) -> Result<R::Return, CallError> {
        let body = request.to_bytes();
        let asked = constructor(&body);
        let answer = self.ask(dc, body).await?;
        self.read(asked, &answer)
    }

    /// Reads an answer; one that cannot be read is kept for whoever has to look, and fails this request alone.
    pub(crate) fn read<T: tl::Deserializable>(
        &self,
        asked: u32,
        answer: &[u8],
    ) -> Result<T, CallError> {
        T::from_bytes(answer).map_err(|error| {
            self.session().unreadable().note(answer, &error, tl::name_for_id(asked));
            CallError::from_library(error.into())
        })
    }

    async fn ask(&self, dc: i32, body: Vec<u8>) -> Result<Vec<u8>, CallError> {
        match &*self.inner.stage.borrow() {
            Stage::Lost(fault) => return Err(fault.clone().into()),
            Stage::Closing => {
                return Err(Fault::transient(Reason::Stopping, "the connection is closing").into());
            }
            Stage::Fresh | Stage::Ready => {}
        }
        let counters = self.counters();
        counters.calls.fetch_add(1, Ordering::Relaxed);
        let limit = self.settings().call_timeout;
        let answer = match timeout(limit, self.ask_once_or_twice(dc, &body)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::timeout(constructor(&body), limit)),
        };
        if let Err(error) = &answer {
            counters.failures.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(fault = %error.fault, "telegram call failed");
        }
        answer
    }

    async fn ask_once_or_twice(&self, dc: i32, body: &[u8]) -> Result<Vec<u8>, CallError> {
        let method = constructor(body);
        let mut is_rested = false;
        loop {
            self.wait_for_turn(method).await?;
            let error = match self.link().invoke(dc, body.to_vec()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => CallError::from_library(error),
            };
            self.session().gate().note(method, &error, Instant::now());
            match error.fault.class {
                Class::FloodWait(wait) => {
                    let name = tl::name_for_id(method);
                    tracing::warn!(account = ?self, method = name, wait_s = wait.as_secs(), "telegram asks to wait");
                    if is_rested || wait > self.settings().flood_sleep_max {
                        return Err(error);
                    }
                    sleep(wait).await;
                    is_rested = true;
                }
                _ => return Err(error),
            }
        }
    }

    /// Waits out what is left of a short flood wait; a longer one is refused without asking.
    async fn wait_for_turn(&self, method: u32) -> Result<(), CallError> {
        loop {
            let left = self.session().gate().left(method, Instant::now());
            match left {
                None => return Ok(()),
                Some(left) if left <= self.settings().flood_sleep_max => sleep(left).await,
                Some(left) => {
                    let detail = format!("{} has to wait", tl::name_for_id(method));
                    return Err(Fault::flood_wait(left, detail).into());
                }
            }
        }
    }
}

/// The constructor number that a request begins with.
pub(crate) fn constructor(body: &[u8]) -> u32 {
    body.first_chunk().map_or(0, |id| u32::from_le_bytes(*id))
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.session().user_id()).finish_non_exhaustive()
    }
}

// === impl Counters ===

impl Counters {
    fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            updates: read(&self.updates),
            overflowed: read(&self.overflowed),
            malformed: read(&self.malformed),
            skipped_gaps: read(&self.skipped_gaps),
            calls: read(&self.calls),
            failures: read(&self.failures),
            ping: Some(read(&self.ping_us)).filter(|us| *us > 0).map(Duration::from_micros),
        }
    }
}
