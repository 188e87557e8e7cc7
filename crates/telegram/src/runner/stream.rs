//! The stream: updates in Telegram's order, gaps filled, turned into events.
//!
//! It waits when its reader is slow (the queue before it fills, and what does not fit there is fetched again), and
//! it climbs down a ladder when the gap since last time cannot be read: pause, pause longer, then give the gap up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Class, Fault, Reason};
use grammers_client::sender::{UpdatesConfiguration, UpdatesReceiver};
use grammers_client::session::storages::ErasedSession;
use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::account::{Account, Stage};
use crate::fault::CallError;
use crate::incoming::convert::{People, call_in, convert};
use crate::incoming::{CallState, Incoming};

/// How many failures in a row end the connection, and how many of the same unreadable kind give the gap up.
const FAILURES_MAX: u32 = 5;
const UNREADABLE_MAX: u32 = 3;

/// The first pause after a failure; it doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// How often it is looked whether the stream is stuck in an unanswered request.
const STALL_EVERY: Duration = Duration::from_secs(5);

/// What to do after a failure.
#[derive(Debug, PartialEq)]
enum Next {
    Pause(Duration),
    SkipGap(Fault),
    End(Fault),
}

/// Failures in a row.
#[derive(Debug, Default)]
struct Ladder {
    failures: u32,
    unreadable: u32,
    last: String,
}

type Batch = (Vec<tl::enums::Update>, Vec<tl::enums::User>, Vec<tl::enums::Chat>);

/// Ends when asked to, or with a fault when the connection has to be rebuilt.
pub(super) async fn run(
    account: Account,
    memory: Arc<ErasedSession>,
    ordered: mpsc::Receiver<UpdatesLike>,
    queue: mpsc::WeakSender<UpdatesLike>,
    heard: mpsc::Sender<Incoming>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Fault> {
    let mut stage = account.stage();
    let is_ready = tokio::select! {
        _ = stop.wait_for(|stop| *stop) => false,
        stage = stage.wait_for(|stage| *stage != Stage::Fresh) => stage.is_ok_and(|stage| *stage == Stage::Ready),
    };
    if !is_ready {
        return Ok(());
    }
    let mut receiver = open(&account, memory, ordered).await?;
    let outcome = tokio::select! {
        outcome = read(&account, &mut receiver, &queue, &heard) => outcome,
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    };
    sync(&receiver).await;
    outcome
}

async fn open(
    account: &Account,
    memory: Arc<ErasedSession>,
    ordered: mpsc::Receiver<UpdatesLike>,
) -> Result<UpdatesReceiver, Fault> {
    let skipped = account.session().take_skip();
    if let Some(pts) = skipped {
        account.counters().skipped_gaps.fetch_add(1, Ordering::Relaxed);
        tracing::error!(?account, pts, "updates since this place are unreadable and were given up");
    }
    let configuration = UpdatesConfiguration { catch_up: skipped.is_none() };
    let receiver =
        UpdatesReceiver::create(account.pool().clone(), memory, ordered, configuration).await;
    receiver.map_err(|error| {
        Fault::transient(Reason::Internal, format!("updates cannot begin: {error}"))
    })
}

async fn read(
    account: &Account,
    receiver: &mut UpdatesReceiver,
    queue: &mpsc::WeakSender<UpdatesLike>,
    heard: &mpsc::Sender<Incoming>,
) -> Result<(), Fault> {
    let mut ladder = Ladder::default();
    let mut people = People::default();
    let mut is_lost = false;
    let mut synced_at = Instant::now();
    tell(heard, Incoming::Connected).await?;
    loop {
        match next(account, receiver, queue).await {
            Ok(batch) => {
                ladder = Ladder::default();
                if is_lost {
                    is_lost = false;
                    tell(heard, Incoming::Connected).await?;
                }
                hand_over(account, batch, &mut people, heard).await?;
                if synced_at.elapsed() >= account.settings().state_save_every {
                    synced_at = Instant::now();
                    sync(receiver).await;
                }
            }
            Err(fault) => {
                if fault.reason == Reason::TelegramUnreachable && !is_lost {
                    is_lost = true;
                    tell(heard, Incoming::Lost(fault.clone())).await?;
                }
                match ladder.step(fault) {
                    Next::Pause(pause) => sleep(pause).await,
                    Next::SkipGap(fault) => {
                        account.session().skip_gap();
                        return Err(fault);
                    }
                    Next::End(fault) => return Err(fault),
                }
            }
        }
    }
}

/// The next batch; a fault also when updates lie waiting while the library waits for an answer that does not come.
async fn next(
    account: &Account,
    receiver: &mut UpdatesReceiver,
    queue: &mpsc::WeakSender<UpdatesLike>,
) -> Result<Batch, Fault> {
    let patience = account.settings().call_timeout * 2;
    let mut batch = std::pin::pin!(receiver.next());
    let mut stalled_since: Option<Instant> = None;
    loop {
        tokio::select! {
            batch = &mut batch => {
                let (updates, users, chats) = batch.map_err(|error| CallError::from_library(error).fault)?;
                return Ok((updates.into_iter().map(|(update, _)| update).collect(), users, chats));
            }
            () = sleep(STALL_EVERY) => {
                let waiting = queue.upgrade().map_or(0, |queue| queue.max_capacity() - queue.capacity());
                stalled_since = stalled_since.or(Some(Instant::now())).filter(|_| waiting > 0);
                if stalled_since.is_some_and(|since| since.elapsed() >= patience) {
                    let detail = format!("{waiting} updates wait behind an unanswered request");
                    return Err(Fault::transient(Reason::TelegramUnreachable, detail));
                }
            }
        }
    }
}

async fn hand_over(
    account: &Account,
    batch: Batch,
    people: &mut People,
    heard: &mpsc::Sender<Incoming>,
) -> Result<(), Fault> {
    let (updates, users, chats) = batch;
    account.learn(&users, &chats);
    people.turn(account.session().user_id(), &users, chats);
    for update in updates {
        if let Some((chat, call)) = call_in(&update) {
            account.seen(|seen| seen.note(chat, call));
        }
        for mut event in convert(update, people) {
            remember_call(account, &mut event);
            tell(heard, event).await?;
        }
    }
    Ok(())
}

/// Keeps track of which call is where, and completes what an update left out.
fn remember_call(account: &Account, event: &mut Incoming) {
    let Incoming::Call(changed) = event else { return };
    account.seen(|seen| {
        changed.chat = changed.chat.or(seen.chat_of(changed.call));
        match (&changed.state, changed.chat) {
            (CallState::Active(_), Some(chat)) => seen.note(chat, changed.call),
            (CallState::Active(_), None) => {}
            (CallState::Discarded { .. }, _) => seen.forget(changed.call),
        }
    });
}

/// Waits for room: updates then wait one step earlier.
async fn tell(heard: &mpsc::Sender<Incoming>, event: Incoming) -> Result<(), Fault> {
    let gone = |_| Fault::transient(Reason::Internal, "nobody reads the updates any more");
    heard.send(event).await.map_err(gone)
}

async fn sync(receiver: &UpdatesReceiver) {
    if let Err(error) = receiver.sync_update_state().await {
        tracing::warn!(%error, "place in the updates not kept");
    }
}

// === impl Ladder ===

impl Ladder {
    fn step(&mut self, fault: Fault) -> Next {
        self.failures += 1;
        let pause = PAUSE * 2_u32.saturating_pow(self.failures - 1);
        match fault.class {
            Class::Fatal => Next::End(fault),
            Class::FloodWait(wait) => Next::Pause(wait),
            Class::Transient if self.failures >= FAILURES_MAX => Next::End(fault),
            Class::Transient => Next::Pause(pause),
            // The same answer again and again: it will not change by asking.
            Class::Refused => {
                self.unreadable = if self.last == fault.detail { self.unreadable + 1 } else { 1 };
                self.last.clone_from(&fault.detail);
                if self.unreadable >= UNREADABLE_MAX {
                    let detail =
                        format!("the updates since last time are unreadable: {}", fault.detail);
                    return Next::SkipGap(Fault::transient(Reason::Unreadable, detail));
                }
                if self.failures >= 2 * FAILURES_MAX {
                    return Next::End(Fault::transient(fault.reason, fault.detail));
                }
                Next::Pause(pause)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreadable(what: &str) -> Fault {
        Fault::refused(Reason::Unreadable, what)
    }

    #[test]
    fn a_gap_that_stays_unreadable_is_given_up() {
        let mut ladder = Ladder::default();
        assert_eq!(ladder.step(unreadable("0x52d6806b")), Next::Pause(PAUSE));
        assert_eq!(ladder.step(unreadable("0x52d6806b")), Next::Pause(PAUSE * 2));
        let Next::SkipGap(fault) = ladder.step(unreadable("0x52d6806b")) else {
            panic!("not given up")
        };
        assert!(fault.is_retryable() && fault.detail.contains("0x52d6806b"));
    }

    #[test]
    fn different_failures_do_not_give_the_gap_up() {
        let mut ladder = Ladder::default();
        for what in ["a", "b", "a", "b"] {
            assert!(matches!(ladder.step(unreadable(what)), Next::Pause(_)));
        }
    }

    #[test]
    fn a_dead_connection_is_left_to_the_supervisor() {
        let mut ladder = Ladder::default();
        let dead = || Fault::transient(Reason::TelegramUnreachable, "connection refused");
        for expected in [1, 2, 4, 8] {
            assert_eq!(ladder.step(dead()), Next::Pause(PAUSE * expected));
        }
        assert_eq!(ladder.step(dead()), Next::End(dead()));
    }

    #[test]
    fn a_lost_login_ends_at_once_and_a_flood_wait_is_kept() {
        let fatal = Fault::fatal(Reason::AccountLost, "401 SESSION_REVOKED");
        assert_eq!(Ladder::default().step(fatal.clone()), Next::End(fatal));
        let wait = Duration::from_secs(17);
        assert_eq!(Ladder::default().step(Fault::flood_wait(wait, "420")), Next::Pause(wait));
    }
}
