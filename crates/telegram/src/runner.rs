//! What keeps an account connected.
//!
//! Four things run side by side, owned by one future: the sockets, the pump (updates off the sockets at once, whatever
//! happens behind it), the stream (updates in order, gaps filled) and the watchdog. When one fails all
//! end, and the caller rebuilds from the same session. The library's panics arrive here as faults.

mod abandoned;
mod poison;
mod pump;
mod reader;
mod stream;
mod unsettled;
mod watchdog;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use domain::{Class, Fault, Reason};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::account::{Account, Stage};
use crate::incoming::{Incoming, Updates};
use crate::link::{self, News, Sockets};
use crate::session::Session;
use crate::settings::Settings;

/// How long the sockets may take to close, and the stream to write its place down.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a former connection of the same session may take to be gone.
const LEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// What the sockets of an aborted connection get to close.
const ABORT_GRACE: Duration = Duration::from_millis(100);

/// Prepares an account's connection. Nothing happens until the runner runs; updates flow once
/// [`Account::sign_in_bot`] or [`Account::me`] succeeded.
pub fn connect(settings: Settings, session: Session) -> (Account, Updates, Runner) {
    session.pin(&settings.datacenters);
    let (link, sockets, news) = link::sockets(Arc::clone(session.memory()), settings.clone());
    let (heard, events) = mpsc::channel(settings.events_capacity.max(1));
    let account = Account::new(link, session, settings);
    let runner = Runner { account: account.clone(), sockets, news, heard };
    (account, Updates { events }, runner)
}

/// Drives an account's connection, updates and watchdog. The caller runs it under a supervisor and rebuilds with
/// [`connect`] from the same session when it ends with a fault.
#[must_use = "nothing happens until it runs"]
pub struct Runner {
    account: Account,
    sockets: Sockets,
    news: mpsc::Receiver<News>,
    heard: mpsc::Sender<Incoming>,
}

// === impl Runner ===

impl Runner {
    /// Runs until [`Account::close`] (`Ok`) or until the connection has to be rebuilt: a transient fault when a new
    /// one may help, a fatal one when the login is gone. Dropping the future ends everything.
    pub async fn run(self) -> Result<(), Fault> {
        let Runner { account, sockets, news, heard } = self;
        let session = account.session().clone();
        // with the keys of an earlier process, or none would be left of its place
        let mut stage = account.stage();
        let fetched = tokio::select! {
            fetched = session.fetch() => fetched,
            outcome = last_word(&mut stage) => return outcome,
        };
        if let Err(fault) = fetched {
            account.lost(&fault);
            tracing::error!(
                ?account, %fault,
                "an account's login cannot be taken up; set STATE_KEY to the key it was sealed with, or remove the \
                 account's records from the table sessions, and restart"
            );
            return Err(fault);
        }
        let lease = timeout(LEASE_TIMEOUT, session.lease().acquire_owned()).await;
        let Ok(Ok(lease)) = lease else {
            let detail = "the session's former connection is still open";
            return Err(Fault::transient(Reason::TelegramUnreachable, detail));
        };
        if session.begin() {
            sleep(ABORT_GRACE).await;
        }
        let mut open = JoinSet::new();
        let lease = Arc::new(lease);
        open.spawn(sockets.run(Arc::clone(&lease)));
        let (stop, stopped) = watch::channel(false);
        let (pumped, ordered) = mpsc::channel(account.settings().updates_capacity.max(1));
        let mut parts = JoinSet::new();
        parts.spawn(stream::run(account.clone(), ordered, heard, stopped.clone()));
        parts.spawn(pump::run(account.clone(), news, pumped, stopped.clone()));
        parts.spawn(watchdog::run(account.clone(), stopped));

        let outcome = watch_over(&account, &mut open, &mut parts).await;

        stop.send_replace(true);
        let is_clean = end(&account, &mut open, &mut parts).await;
        session.end(is_clean);
        // not before: the next connection asks how this one ended
        drop(lease);
        save(session.clone(), Saving::Last).await;
        match &outcome {
            Ok(()) => tracing::info!(?account, "telegram connection closed"),
            Err(fault) if fault.class == Class::Fatal => {
                let copy = session.put_aside();
                tracing::error!(
                    ?account, %fault, ?copy,
                    "telegram refuses this login and it will not be used again; make a new session string, or remove \
                     the account from the settings, and restart"
                );
            }
            Err(fault) => {
                tracing::warn!(?account, %fault, "telegram connection ended, it will be rebuilt")
            }
        }
        outcome
    }
}

/// Waits for the first part to end, saving the session meanwhile.
async fn watch_over(
    account: &Account,
    open: &mut JoinSet<Result<(), JoinError>>,
    parts: &mut JoinSet<Result<(), Fault>>,
) -> Result<(), Fault> {
    let mut stage = account.stage();
    let mut signed_in = account.stage();
    let mut is_begun = false;
    let mut is_due = false;
    let mut writing = None;
    let mut saving = interval(account.settings().state_save_every.max(Duration::from_millis(10)));
    saving.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if is_due && writing.is_none() {
            is_due = false;
            // beside everything else: a database takes its time
            writing = Some(Box::pin(save(account.session().clone(), Saving::Between)));
        }
        tokio::select! {
            biased;
            outcome = last_word(&mut stage) => return outcome,
            ended = open.join_next() => return Err(sockets_ended(ended)),
            Some(ended) = parts.join_next() => {
                let fault = match ended {
                    Ok(Ok(())) => continue,
                    Ok(Err(fault)) => fault,
                    Err(error) => {
                        let detail = format!("reading updates failed: {}", panic_text(error));
                        Fault::transient(Reason::Internal, detail)
                    }
                };
                // When the sockets died, the others only noticed; their own last words say why.
                let last_words = timeout(ABORT_GRACE, open.join_next()).await;
                return Err(last_words.map_or(fault, sockets_ended));
            }
            () = written(&mut writing) => writing = None,
            // where the updates began has to be known to whoever starts after a crash
            () = is_ready(&mut signed_in), if !is_begun => {
                is_begun = true;
                is_due = true;
                saving.reset();
            }
            _ = saving.tick() => {
                account.session().unreadable().tell_the_rest();
                is_due = true;
            }
        }
    }
}

/// Waits for the writing that is under way; for ever when there is none.
async fn written<F: Future<Output = ()> + Unpin>(writing: &mut Option<F>) {
    match writing {
        Some(writing) => writing.await,
        None => std::future::pending().await,
    }
}

async fn is_ready(stage: &mut watch::Receiver<Stage>) {
    drop(stage.wait_for(|stage| *stage == Stage::Ready).await);
}

/// Waits until the account is asked to close, or Telegram said that its login is gone.
async fn last_word(stage: &mut watch::Receiver<Stage>) -> Result<(), Fault> {
    match stage.wait_for(|stage| matches!(stage, Stage::Lost(_) | Stage::Closing)).await.as_deref()
    {
        Ok(Stage::Lost(fault)) => Err(fault.clone()),
        _ => Ok(()),
    }
}

/// Lets the stream write its place down and the sockets close; whether they did so by themselves.
async fn end(
    account: &Account,
    open: &mut JoinSet<Result<(), JoinError>>,
    parts: &mut JoinSet<Result<(), Fault>>,
) -> bool {
    if timeout(CLOSE_TIMEOUT, async { while parts.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(?account, "the update stream did not end in time");
    }
    parts.shutdown().await;
    account.link().quit();
    let closed = async { while open.join_next().await.is_some() {} };
    let is_clean = timeout(CLOSE_TIMEOUT, closed).await.is_ok();
    open.shutdown().await;
    is_clean
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saving {
    Between,
    Last,
}

/// Writes the session beside the runtime: the disk may be slow. Then whoever carries it elsewhere gets it.
async fn save(session: Session, saving: Saving) {
    let to_file = session.clone();
    match tokio::task::spawn_blocking(move || to_file.save()).await {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => tracing::warn!(%fault, "session not saved, will be tried again"),
        Err(error) => {
            tracing::warn!(error = %panic_text(error), "session not saved, will be tried again")
        }
    }
    let (is_last, within) = match saving {
        Saving::Between => (false, Duration::MAX),
        Saving::Last => (true, CLOSE_TIMEOUT),
    };
    if let Err(fault) = session.put_away(is_last, within).await {
        tracing::debug!(%fault, "session not put away, will be tried again");
    }
}

fn sockets_ended(ended: Option<Result<Result<(), JoinError>, JoinError>>) -> Fault {
    let why = match ended {
        Some(Ok(Err(error)) | Err(error)) => panic_text(error),
        Some(Ok(Ok(()))) | None => "they stopped".to_owned(),
    };
    Fault::transient(Reason::Internal, format!("the sockets ended: {why}"))
}

fn panic_text(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => format!("panic: {}", text_of(panic.as_ref())),
        Err(error) => error.to_string(),
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("of unknown kind")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A future that a supervisor on many threads can run.
    fn movable<T: Send>(future: T) -> T {
        future
    }

    fn settings() -> Settings {
        // Nothing listens there, and nothing is asked unless somebody calls.
        let nowhere = "127.0.0.1:9".parse().unwrap();
        Settings { datacenters: vec![(2, nowhere)], ..Settings::new(1, "hash") }
    }

    #[tokio::test]
    async fn a_closed_account_lets_its_runner_end() {
        let session = Session::open(None).unwrap();
        let (account, mut updates, runner) = connect(settings(), session.clone());
        account.close();
        assert_eq!(movable(runner.run()).await, Ok(()));
        assert_eq!(updates.next().await, None);
        let refused = account.me().await.unwrap_err();
        assert_eq!(refused.fault.reason, Reason::Stopping);
        assert!(!session.begin(), "it closed its sockets");
    }

    #[tokio::test]
    async fn nothing_is_asked_after_the_login_is_gone() {
        let (account, _updates, runner) = connect(settings(), Session::open(None).unwrap());
        let gone = Fault::fatal(Reason::AccountLost, "401 SESSION_REVOKED");
        account.lost(&gone);
        account.close();
        assert_eq!(runner.run().await, Err(gone.clone()));
        assert_eq!(account.me().await.unwrap_err().fault, gone);
        assert_eq!(account.stats().calls, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_never_connected_twice() {
        let session = Session::open(None).unwrap();
        let (first, _heard, runner) = connect(settings(), session.clone());
        let mut running = JoinSet::new();
        running.spawn(runner.run());
        sleep(Duration::from_secs(1)).await;
        let (_second, _also_heard, runner) = connect(settings(), session.clone());
        let fault = runner.run().await.unwrap_err();
        assert!(fault.is_retryable(), "{fault}");
        first.close();
        assert_eq!(running.join_next().await.unwrap().unwrap(), Ok(()));
        let (third, _heard_last, runner) = connect(settings(), session);
        third.close();
        assert_eq!(runner.run().await, Ok(()));
    }

    #[tokio::test]
    async fn a_dropped_runner_gives_the_session_back() {
        let session = Session::open(None).unwrap();
        let (_account, _heard, runner) = connect(settings(), session.clone());
        let mut running = JoinSet::new();
        running.spawn(runner.run());
        tokio::task::yield_now().await;
        running.shutdown().await;
        let (next, _next_heard, runner) = connect(settings(), session);
        next.close();
        assert_eq!(runner.run().await, Ok(()));
    }
}
