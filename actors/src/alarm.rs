//! The alarm: tells the operators' group what needs a human, one message for each, as long as the bot is signed in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{ChatId, Class, UserId};
use supervisor::{EventKind, Events};
use telegram::{Account, CallError, Html, Outgoing};

use crate::speech::{Arg, Language, Texts};

/// So often one message is tried.
const TRIES_MAX: u32 = 5;
/// After a failure that may pass.
const PAUSE: Duration = Duration::from_secs(2);
/// The log has it, too; nobody waits longer for the message.
const FLOOD_WAIT_MAX: Duration = Duration::from_secs(300);

pub(crate) struct Alarm {
    pub(crate) account: Account,
    pub(crate) me: UserId,
    pub(crate) group: ChatId,
    pub(crate) texts: Arc<Texts>,
    pub(crate) language: Language,
    /// That the group refuses us is in the log. Outlives the bot's lives, so that it is said once.
    pub(crate) is_refusal_told: Arc<AtomicBool>,
}

// === impl Alarm ===

impl Alarm {
    pub(crate) async fn run(self, mut events: Events) {
        if let Err(error) = self.account.participant(self.group, self.me).await
            && !may_pass(&error)
        {
            self.refused(&error);
        }
        while let Some(event) = events.next().await {
            let (id, detail) = match event.kind {
                EventKind::Parked { text } => ("alert-parked", text),
                EventKind::Critical { failures } => ("alert-critical", failures.to_string()),
                EventKind::Stuck => ("alert-stuck", String::new()),
                _ => continue,
            };
            let args = [("path", Arg::Text(&event.path)), ("detail", Arg::Text(&detail))];
            self.tell(&self.texts.say(self.language, id, &args)).await;
        }
    }

    async fn tell(&self, html: &str) {
        for _ in 0..TRIES_MAX {
            let outgoing = Outgoing::new(Html::trusted(html.to_owned()));
            let Err(error) = self.account.send(self.group, outgoing).await else {
                return self.is_refusal_told.store(false, Ordering::Relaxed);
            };
            match error.fault.class {
                Class::Transient => tokio::time::sleep(PAUSE).await,
                Class::FloodWait(wait) if wait <= FLOOD_WAIT_MAX => {
                    tokio::time::sleep(wait + PAUSE).await;
                }
                _ if may_pass(&error) => break,
                _ => return self.refused(&error),
            }
        }
        tracing::warn!(group = %self.group, "the operators' group was not told, telegram did not take it");
    }

    fn refused(&self, error: &CallError) {
        if !self.is_refusal_told.swap(true, Ordering::Relaxed) {
            tracing::error!(
                group = %self.group, fault = %error.fault,
                "the operators' group cannot be reached; correct LOGGER_ID or add the bot to that group"
            );
        }
    }
}

/// Not the fault of the group.
fn may_pass(error: &CallError) -> bool {
    matches!(error.fault.class, Class::Transient | Class::FloodWait(_))
}
