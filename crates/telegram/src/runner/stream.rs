//! The stream: what the reader reads, turned into events for whoever handles them.
//!
//! It waits when they are slow (the queue before it fills, and what does not fit there is fetched again), and it tells
//! nothing twice. When the connection stays down it leaves the rebuilding, and its pace, to the supervisor.

use std::time::Duration;

use domain::{Class, Fault, Reason};
use grammers_client::session::updates::UpdatesLike;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::reader::{Batch, Reader};
use crate::account::{Account, Stage};
use crate::incoming::convert::{People, call_in, convert};
use crate::incoming::{CallState, Incoming};

/// How many failures in a row end the connection.
const FAILURES_MAX: u32 = 5;

/// The first pause after a failure; it doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// What to do after a failure.
#[derive(Debug, PartialEq)]
enum Next {
    Pause(Duration),
    End(Fault),
}

/// Failures in a row.
#[derive(Debug, Default)]
struct Ladder {
    failures: u32,
}

/// Ends when asked to, or with a fault when the connection has to be rebuilt.
pub(super) async fn run(
    account: Account,
    ordered: mpsc::Receiver<UpdatesLike>,
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
    let mut reader = Reader::new(&account, ordered);
    let outcome = tokio::select! {
        outcome = read(&account, &mut reader, &heard) => outcome,
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    };
    reader.sync().await;
    if heard.is_closed() {
        // whoever read them is ending, and closes the account once its requests are answered
        return Ok(());
    }
    outcome
}

async fn read(
    account: &Account,
    reader: &mut Reader<'_>,
    heard: &mpsc::Sender<Incoming>,
) -> Result<(), Fault> {
    let mut ladder = Ladder::default();
    let mut people = People::default();
    let mut is_lost = false;
    let mut synced_at = Instant::now();
    tell(heard, Incoming::Connected).await?;
    loop {
        match reader.next().await {
            Ok(batch) => {
                ladder = Ladder::default();
                if is_lost {
                    is_lost = false;
                    tell(heard, Incoming::Connected).await?;
                }
                hand_over(account, batch, &mut people, heard).await?;
                reader.handed_on();
                if synced_at.elapsed() >= account.settings().state_save_every {
                    synced_at = Instant::now();
                    reader.sync().await;
                }
            }
            Err(fault) => {
                if fault.reason == Reason::TelegramUnreachable && !is_lost {
                    is_lost = true;
                    tell(heard, Incoming::Lost(fault.clone())).await?;
                }
                match ladder.step(fault) {
                    Next::Pause(pause) => sleep(pause).await,
                    Next::End(fault) => return Err(fault),
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
            if account.session().is_news(&event) {
                tell(heard, event).await?;
            }
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

// === impl Ladder ===

impl Ladder {
    fn step(&mut self, fault: Fault) -> Next {
        self.failures += 1;
        match fault.class {
            Class::Fatal => Next::End(fault),
            Class::FloodWait(wait) => Next::Pause(wait),
            Class::Transient | Class::Refused if self.failures >= FAILURES_MAX => {
                Next::End(Fault::transient(fault.reason, fault.detail))
            }
            Class::Transient | Class::Refused => {
                Next::Pause(PAUSE * 2_u32.saturating_pow(self.failures - 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_refusal_of_the_first_question_does_not_park_the_account() {
        let mut ladder = Ladder::default();
        let refused = || Fault::refused(Reason::Unreadable, "0x52d6806b");
        for _ in 0..4 {
            assert!(matches!(ladder.step(refused()), Next::Pause(_)));
        }
        let Next::End(fault) = ladder.step(refused()) else { panic!("it goes on for ever") };
        assert!(fault.is_retryable(), "{fault}");
    }

    #[test]
    fn a_lost_login_ends_at_once_and_a_flood_wait_is_kept() {
        let fatal = Fault::fatal(Reason::AccountLost, "401 SESSION_REVOKED");
        assert_eq!(Ladder::default().step(fatal.clone()), Next::End(fatal));
        let wait = Duration::from_secs(17);
        assert_eq!(Ladder::default().step(Fault::flood_wait(wait, "420")), Next::Pause(wait));
    }
}
