//! The pump: takes updates off the sockets the moment they come, so that answers behind them never wait.
//!
//! What does not fit behind it is dropped here, counted, and asked for again when there is room: the account's own
//! sequence by a feigned reconnection, a channel's by a feigned "too long". The same heals what this build could not
//! read (the channels whose numbers stand in the bytes, else the ones heard last), and what was missed while the
//! connection was down (the ones heard last; the others' gaps show with their next message).

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Fault, Reason};
use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::account::Account;
use crate::account::peers::contents;
use crate::link::News;

/// How often lost updates are asked for at most: a storm of unreadable ones must not become a storm of requests.
const HEAL_EVERY: Duration = Duration::from_millis(500);

/// How many channels are remembered as heard lately, and how many of them are asked after something unreadable.
const RECENT_MAX: usize = 64;
const SUSPECTS_MAX: usize = 16;

/// How many channels may wait to be asked.
const LOST_MAX: usize = 1_000;

/// What is missing and has to be asked for.
#[derive(Debug, Default)]
struct Missing {
    common: bool,
    channels: BTreeSet<i64>,
}

/// Ends when asked to, or with a fault when the pool is gone.
pub(super) async fn run(
    account: Account,
    mut news: mpsc::Receiver<News>,
    ordered: mpsc::Sender<UpdatesLike>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Fault> {
    let mut missing = Missing::default();
    let mut recent = VecDeque::new();
    let mut healed_at: Option<Instant> = None;
    let mut tick = interval(HEAL_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
            one = news.recv() => match one {
                Some(one) => take(&account, one, &ordered, &mut missing, &mut recent),
                None => return Err(Fault::transient(Reason::TelegramUnreachable, "the sockets are gone")),
            },
            _ = tick.tick(), if missing.is_any() => {}
        }
        if missing.is_any()
            && healed_at.is_none_or(|at| at.elapsed() >= HEAL_EVERY)
            && missing.heal(&ordered)
        {
            healed_at = Some(Instant::now());
        }
    }
}

fn take(
    account: &Account,
    one: News,
    ordered: &mpsc::Sender<UpdatesLike>,
    missing: &mut Missing,
    recent: &mut VecDeque<i64>,
) {
    let counters = account.counters();
    counters.updates.fetch_add(1, Ordering::Relaxed);
    let updates = match one {
        News::Updates(updates) => *updates,
        News::Unreadable { bytes, error, is_answer } => {
            counters.malformed.fetch_add(1, Ordering::Relaxed);
            if !is_answer {
                account.session().unreadable().note(&bytes, &error, "push");
            }
            missing.common = true;
            let mut channels = account.session().memory().lock().channels_in(&bytes);
            if channels.is_empty() {
                channels.extend(recent.iter().rev().take(SUSPECTS_MAX));
            }
            missing.channels.extend(channels);
            return;
        }
        News::Closed => {
            missing.common = true;
            missing.channels.extend(recent.iter());
            return;
        }
    };
    for channel in channels_of(&updates) {
        recent.retain(|known| *known != channel);
        recent.push_back(channel);
        if recent.len() > RECENT_MAX {
            recent.pop_front();
        }
    }
    // nobody reads when the account is ending
    if let Err(TrySendError::Full(updates)) = ordered.try_send(updates) {
        let count = counters.overflowed.fetch_add(1, Ordering::Relaxed);
        if count.is_multiple_of(1_000) {
            tracing::warn!(count = count + 1, "updates do not fit and will be asked for again");
        }
        missing.common = true;
        if missing.channels.len() < LOST_MAX {
            missing.channels.extend(channels_of(&updates));
        }
    }
}

/// The channels whose sequence a container moves.
pub(super) fn channels_of(updates: &UpdatesLike) -> Vec<i64> {
    let UpdatesLike::Updates(updates) = updates else { return Vec::new() };
    let (updates, _, _) = contents(updates);
    let channel = |update: &tl::enums::Update| match update {
        tl::enums::Update::NewChannelMessage(new) => of_message(&new.message),
        tl::enums::Update::EditChannelMessage(edited) => of_message(&edited.message),
        tl::enums::Update::ChannelTooLong(update) => Some(update.channel_id),
        tl::enums::Update::DeleteChannelMessages(update) => Some(update.channel_id),
        _ => None,
    };
    updates.iter().filter_map(channel).collect()
}

fn of_message(message: &tl::enums::Message) -> Option<i64> {
    match message {
        tl::enums::Message::Message(message) => channel_of(&message.peer_id),
        tl::enums::Message::Service(message) => channel_of(&message.peer_id),
        tl::enums::Message::Empty(_) => None,
    }
}

fn channel_of(peer: &tl::enums::Peer) -> Option<i64> {
    match peer {
        tl::enums::Peer::Channel(peer) => Some(peer.channel_id),
        _ => None,
    }
}

// === impl Missing ===

impl Missing {
    fn is_any(&self) -> bool {
        self.common || !self.channels.is_empty()
    }

    /// Asks for what is missing once half of the queue is free; whether it did.
    fn heal(&mut self, ordered: &mpsc::Sender<UpdatesLike>) -> bool {
        if ordered.capacity() < ordered.max_capacity().div_ceil(2) {
            return false;
        }
        if self.common {
            self.common = ordered.try_send(UpdatesLike::ConnectionClosed).is_err();
        }
        while let Some(channel_id) = self.channels.pop_first() {
            let update = tl::types::UpdateChannelTooLong { channel_id, pts: None }.into();
            let container = tl::types::UpdateShort { update, date: 0 };
            if ordered.try_send(UpdatesLike::Updates(container.into())).is_err() {
                self.channels.insert(channel_id);
                break;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(ordered: &mut mpsc::Receiver<UpdatesLike>) -> Vec<String> {
        let mut kinds = Vec::new();
        while let Ok(updates) = ordered.try_recv() {
            kinds.push(match &updates {
                UpdatesLike::ConnectionClosed => "common".to_owned(),
                other => format!("{:?}", channels_of(other)),
            });
        }
        kinds
    }

    #[test]
    fn what_was_dropped_is_asked_for_when_there_is_room() {
        let (sender, mut receiver) = mpsc::channel(8);
        let mut missing = Missing { common: true, channels: BTreeSet::from([3, 7]) };
        for _ in 0..5 {
            sender.try_send(UpdatesLike::MalformedUpdates).unwrap();
        }
        assert!(!missing.heal(&sender), "not while the queue is nearly full");
        assert!(missing.is_any());
        while receiver.try_recv().is_ok() {}
        assert!(missing.heal(&sender));
        assert!(!missing.is_any());
        assert_eq!(kinds(&mut receiver), ["common", "[3]", "[7]"]);
    }

    #[test]
    fn what_does_not_fit_into_the_request_is_asked_for_later() {
        let (sender, mut receiver) = mpsc::channel(2);
        let mut missing = Missing { common: true, channels: BTreeSet::from([3, 7]) };
        assert!(missing.heal(&sender));
        assert_eq!(kinds(&mut receiver), ["common", "[3]"]);
        assert!(missing.heal(&sender));
        assert_eq!(kinds(&mut receiver), ["[7]"]);
    }
}
