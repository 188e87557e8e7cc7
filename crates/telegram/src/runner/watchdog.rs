//! The watchdog: asks whether anybody is there, because a mute connection looks like a quiet one for ever.

use std::sync::atomic::Ordering;

use domain::{Fault, Reason};
use grammers_client::sender::InvocationError;
use grammers_client::tl::{self, Serializable as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::account::{Account, Stage};

/// Ends with a transient fault when a ping stays unanswered.
pub(super) async fn run(account: Account, mut stop: watch::Receiver<bool>) -> Result<(), Fault> {
    tokio::select! {
        fault = watch(&account) => Err(fault),
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    }
}

async fn watch(account: &Account) -> Fault {
    let settings = account.settings();
    let mut stage = account.stage();
    let known = stage.wait_for(|stage| *stage != Stage::Fresh).await.is_ok();
    debug_assert!(known, "the account holds the other end");
    loop {
        sleep(settings.ping_every).await;
        let began = Instant::now();
        let detail = match timeout(settings.ping_timeout, answered(account)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("ping failed: {error}")),
            Err(_) => Some(format!(
                "no answer to a ping within {} s",
                settings.ping_timeout.as_secs_f32()
            )),
        };
        if let Some(detail) = detail {
            return Fault::transient(Reason::TelegramUnreachable, detail);
        }
        let us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        account.counters().ping_us.store(us, Ordering::Relaxed);
    }
}

/// A ping on a connection that has just been closed fails at once; the second one opens a new connection.
async fn answered(account: &Account) -> Result<(), InvocationError> {
    if let Err(error) = ping(account).await {
        tracing::debug!(%error, "ping failed, trying once more");
        ping(account).await?;
    }
    Ok(())
}

async fn ping(account: &Account) -> Result<(), InvocationError> {
    let ping = tl::functions::Ping { ping_id: rand::random() };
    account.link().invoke(account.home(), ping.to_bytes()).await.map(drop)
}
