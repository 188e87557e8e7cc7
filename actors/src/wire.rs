//! What both kinds of accounts share: a session that is connected, signed in, pumped and rebuilt by its supervisor.

use std::time::Duration;

use domain::{Class, Fault};
use ractor::Message;
use supervisor::{Context, Failure, Undelivered};
use telegram::{Account, Incoming, Runner, Updates};
use tokio::sync::watch;

/// How long the pump waits before it offers an update to a full mailbox again.
const FULL_PAUSE: Duration = Duration::from_millis(20);

/// The account of an actor that may be between two lives: whoever needs it looks here, and keeps nothing.
#[derive(Clone)]
pub(crate) struct Slot(watch::Sender<Option<Account>>);

/// Others find the account as long as this is kept: until the end of the life that signed it in, however it ends.
pub(crate) struct Shown(Slot);

// === impl Slot ===

impl Slot {
    pub(crate) fn new() -> Slot {
        Slot(watch::Sender::new(None))
    }

    pub(crate) fn show(&self, account: Account) -> Shown {
        self.0.send_replace(Some(account));
        Shown(self.clone())
    }

    pub(crate) fn now(&self) -> Option<Account> {
        self.0.borrow().clone()
    }

    /// Whether it is signed in.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.borrow().is_some()
    }
}

// === impl Shown ===

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.0.send_replace(None);
    }
}

/// Drives the connection as a task of the actor. At a clean end the task is awaited, so that the session is saved and
/// its connection closed for certain before another one may open.
pub(crate) fn drive<M: Message>(
    runner: Runner,
    context: &Context<M>,
    wrap: fn(Result<(), Fault>) -> M,
) {
    let ended = context.clone();
    context.tasks().finish(async move {
        let outcome = runner.run().await;
        // an actor that is ending asked for this end
        let _is_ending = !ended.tell_self(wrap(outcome));
    });
}

/// Carries updates into the actor's mailbox. A full mailbox makes the pump wait, not the account's own update loop:
/// that one drops and heals by difference.
pub(crate) async fn pump<M: Message>(
    mut updates: Updates,
    context: Context<M>,
    wrap: fn(Incoming) -> M,
) {
    let handle = context.handle();
    while let Some(incoming) = updates.next().await {
        let mut message = wrap(incoming);
        loop {
            match handle.send(message) {
                Ok(()) => break,
                Err(Undelivered::Down(_)) => return,
                Err(Undelivered::Full(back)) => message = back,
            }
            tokio::time::sleep(FULL_PAUSE).await;
        }
    }
}

/// A fault as the supervisor understands it.
pub(crate) fn failure(fault: Fault) -> Failure {
    match fault.class {
        Class::FloodWait(wait) => Failure::wait(wait, fault.detail),
        Class::Fatal => Failure::fatal(fault.detail),
        Class::Transient | Class::Refused => Failure::transient(fault.detail),
    }
}
