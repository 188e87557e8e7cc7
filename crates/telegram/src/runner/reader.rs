//! The reader: updates in Telegram's order. The sequences are grammers' message boxes; the questions that fill their
//! gaps are asked here, so that an answer which cannot be read is a case like any other.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use domain::{Class, Fault, Reason};
use grammers_client::session::Session as _;
use grammers_client::session::types::{UpdateState, UpdatesState};
use grammers_client::session::updates::{
    MessageBoxes, PrematureEndReason, State, UpdateAndPeers, UpdatesLike,
};
use grammers_client::tl;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use super::abandoned::Abandoned;
use super::poison::{self, Cure, Poison};
use super::pump::channels_of;
use super::unsettled::Unsettled;
use crate::account::peers::contents;
use crate::account::{Account, constructor};
use crate::fault::CallError;

/// Events of a channel in one answer (core.telegram.org/method/updates.getChannelDifference).
const BOT_LIMIT: i32 = 100_000;
const USER_LIMIT: i32 = 100;

/// How many events of a channel are fetched that was never heard of before; commands among them may be fresh.
const UNKNOWN_BACK: i32 = 50;

/// Of so many it is remembered that they are new.
const STRANGERS_MAX: usize = 1_000;

/// Refusals that mean "later", although their code does not say so.
const LATER: &[&str] = &["PERSISTENT_TIMESTAMP_OUTDATED"];

pub(super) type Batch = (Vec<tl::enums::Update>, Vec<tl::enums::User>, Vec<tl::enums::Chat>);

pub(super) struct Reader<'a> {
    account: &'a Account,
    boxes: MessageBoxes,
    ordered: mpsc::Receiver<UpdatesLike>,
    poison: Poison,
    channel_poison: Poison,
    abandoned: Abandoned,
    unsettled: Unsettled,
    /// Channels that are asked from before we knew them.
    strangers: BTreeSet<i64>,
    /// What was given out last was handed on whole.
    is_handed_on: bool,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    /// Goes on from the place that the session remembers; signing in found one if there was none.
    pub(super) fn new(account: &'a Account, ordered: mpsc::Receiver<UpdatesLike>) -> Reader<'a> {
        let boxes = MessageBoxes::load(account.session().place());
        let (poison, channel_poison) = (Poison::default(), Poison::default());
        Reader {
            account,
            boxes,
            ordered,
            poison,
            channel_poison,
            abandoned: Abandoned::default(),
            unsettled: Unsettled::default(),
            strangers: BTreeSet::new(),
            is_handed_on: true,
        }
    }

    /// The next updates. After a fault the same is asked again; nothing is lost by it.
    pub(super) async fn next(&mut self) -> Result<Batch, Fault> {
        loop {
            let deadline = self.boxes.check_deadlines();
            let batch = if let Some(request) = self.boxes.get_difference() {
                self.difference(request).await?
            } else if let Some(request) = self.boxes.get_channel_difference() {
                self.channel_difference(request).await?
            } else if let Some(channels) = self.unsettled.take(Instant::now()) {
                self.ask_for_gaps(channels)
            } else {
                let deadline = self.unsettled.due().into_iter().fold(deadline.into(), Instant::min);
                match timeout_at(deadline, self.ordered.recv()).await {
                    Ok(Some(updates)) => self.take(updates),
                    Ok(None) => {
                        let detail = "the pump ended";
                        return Err(Fault::transient(Reason::Internal, detail));
                    }
                    Err(_) => None,
                }
            };
            if let Some((updates, users, chats)) = batch {
                self.is_handed_on = false;
                return Ok((updates.into_iter().map(|(update, _)| update).collect(), users, chats));
            }
        }
    }

    /// As if the connection had been lost and the channels had become too much.
    fn ask_for_gaps(&mut self, channels: BTreeSet<i64>) -> Option<UpdateAndPeers> {
        let updates = channels
            .into_iter()
            .map(|channel_id| tl::types::UpdateChannelTooLong { channel_id, pts: None }.into());
        let all = tl::types::Updates {
            updates: updates.collect(),
            users: Vec::new(),
            chats: Vec::new(),
            date: 0,
            seq: 0,
        };
        self.guarded(|boxes| {
            // there is nothing to be given out; both only mark what has to be asked for
            drop(boxes.process_updates(UpdatesLike::ConnectionClosed));
            drop(boxes.process_updates(UpdatesLike::Updates(all.into())));
        });
        None
    }

    /// What [`Reader::next`] gave was handed on.
    pub(super) fn handed_on(&mut self) {
        self.is_handed_on = true;
    }

    /// Writes the place down in the session, unless a part of what came before it is still in our hands.
    pub(super) async fn sync(&self) {
        if !self.boxes.is_empty() && self.is_handed_on {
            let state = self.boxes.session_state();
            self.account.session().mark(state.clone());
            let state = UpdateState::All(state);
            let Ok(()) = self.account.session().memory().set_update_state(state).await;
        }
    }

    fn take(&mut self, mut updates: UpdatesLike) -> Option<UpdateAndPeers> {
        if let UpdatesLike::Updates(
            tl::enums::Updates::Updates(tl::types::Updates { updates, .. })
            | tl::enums::Updates::Combined(tl::types::UpdatesCombined { updates, .. }),
        ) = &mut updates
        {
            self.keep_places(updates);
        }
        let (taken, channels) = (count(&updates), channels_of(&updates));
        let rescued = self.rescued(&updates);
        let given = self.guarded(|boxes| boxes.process_updates(updates).ok()).flatten();
        if let Some((given, _, _)) = &given {
            self.unsettled.note(taken, given.len(), &channels, Instant::now());
        }
        let Some((updates, users, chats)) = rescued else { return given };
        let mut all = given.unwrap_or_default();
        all.0.extend(updates);
        all.1.extend(users);
        all.2.extend(chats);
        Some(all)
    }

    /// Messages of places that were given up, and who is in them.
    fn rescued(&self, updates: &UpdatesLike) -> Option<UpdateAndPeers> {
        let rescued = self.abandoned.rescued(updates, Instant::now());
        let UpdatesLike::Updates(all) = updates else { return None };
        if rescued.is_empty() {
            return None;
        }
        tracing::info!(account = ?self.account, count = rescued.len(), "messages of a gap that was given up came by themselves");
        let (_, users, chats) = contents(all);
        let now = self.boxes.session_state();
        let at = State { date: now.date, seq: now.seq, message_box: None };
        let updates = rescued.into_iter().map(|update| (update, at.clone())).collect();
        Some((updates, users.to_vec(), chats.to_vec()))
    }

    /// "Too much happened in this channel, ask for it" names the place where the channel is now, and asking from there
    /// would bring nothing. A known channel is asked from where we are, an unknown one from a little before.
    fn keep_places(&mut self, updates: &mut [tl::enums::Update]) {
        let mut state: Option<UpdatesState> = None;
        for update in updates {
            if let tl::enums::Update::ChannelTooLong(update) = update {
                let state = state.get_or_insert_with(|| self.boxes.session_state());
                let is_known = state.channels.iter().any(|channel| channel.id == update.channel_id);
                let before = |pts: i32| pts.saturating_sub(UNKNOWN_BACK).max(1);
                update.pts = update.pts.filter(|_| !is_known).map(before);
                if update.pts.is_some() && self.strangers.len() < STRANGERS_MAX {
                    self.strangers.insert(update.channel_id);
                }
            }
        }
    }

    /// The boxes add up numbers that came from outside, and may panic over them. Then they are made anew from what
    /// was written down last, and the difference tells the rest once more.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut MessageBoxes) -> T) -> Option<T> {
        let boxes = &mut self.boxes;
        match catch_unwind(AssertUnwindSafe(|| work(boxes))) {
            Ok(done) => Some(done),
            Err(_) => {
                tracing::warn!(account = ?self.account, "an update with impossible numbers, the sequences are read anew");
                let saved = self.account.session().memory().lock().updates.clone();
                self.boxes = MessageBoxes::load(saved);
                None
            }
        }
    }

    // === the account's own sequence ===

    async fn difference(
        &mut self,
        mut request: tl::functions::updates::GetDifference,
    ) -> Result<Option<UpdateAndPeers>, Fault> {
        request.pts_limit = self.poison.limit();
        // Channels that moved since then are named in the answer, but dates are whole seconds: what was said in the same
        // second would not be told. What is told twice is recognised.
        request.date = request.date.saturating_sub(1).max(1);
        let answer = match self.ask(&request).await {
            Ok(answer) => answer,
            Err(error) if is_poison(&error) => {
                self.abandoned.doubt(request.pts);
                let cure = self.poison.unreadable(Instant::now());
                self.cure(&request, cure, &error).await?;
                return Ok(None);
            }
            Err(error) => return Err(error.fault),
        };
        let mut answer = answer;
        let is_all = match &mut answer {
            tl::enums::updates::Difference::Difference(all) => {
                self.keep_places(&mut all.other_updates);
                true
            }
            tl::enums::updates::Difference::Slice(slice) => {
                self.keep_places(&mut slice.other_updates);
                false
            }
            tl::enums::updates::Difference::Empty(_)
            | tl::enums::updates::Difference::TooLong(_) => true,
        };
        self.poison.readable(is_all);
        if is_all {
            self.abandoned.trust();
        }
        Ok(self.guarded(|boxes| boxes.apply_difference(answer)))
    }

    async fn cure(
        &mut self,
        request: &tl::functions::updates::GetDifference,
        cure: Cure,
        error: &CallError,
    ) -> Result<(), Fault> {
        let account = self.account;
        let (mut at, detail) = (self.place(request), &error.fault.detail);
        match cure {
            Cure::Slice(limit) => tracing::debug!(?account, detail, limit, "unreadable difference"),
            Cure::Step => {
                tracing::warn!(
                    ?account,
                    detail,
                    pts = request.pts + 1,
                    "an unreadable update was stepped over"
                );
                at.pts += 1;
                self.skip(at, false);
            }
            Cure::GiveUp => {
                let now = account.place_now().await?;
                tracing::error!(
                    ?account,
                    detail,
                    from = request.pts,
                    to = now.pts,
                    "unreadable updates were given up, what was said meanwhile is lost; update this program"
                );
                self.abandoned.give_up(now.pts, Instant::now());
                self.skip(now, true);
            }
        }
        sleep(poison::PAUSE).await;
        Ok(())
    }

    /// The place that a question begins with.
    fn place(&self, request: &tl::functions::updates::GetDifference) -> tl::types::updates::State {
        let (pts, qts, date) = (request.pts, request.qts, request.date);
        let seq = self.boxes.session_state().seq;
        tl::types::updates::State { pts, qts, date, seq, unread_count: 0 }
    }

    /// Moves the sequence to this place as if an answer had led there.
    fn skip(&mut self, to: tl::types::updates::State, is_all: bool) {
        self.account.counters().skipped_gaps.fetch_add(1, Ordering::Relaxed);
        let pts = to.pts;
        let step = tl::types::updates::DifferenceSlice {
            new_messages: Vec::new(),
            new_encrypted_messages: Vec::new(),
            other_updates: Vec::new(),
            chats: Vec::new(),
            users: Vec::new(),
            intermediate_state: to.into(),
        };
        self.guarded(|boxes| {
            boxes.apply_difference(step.into());
            if is_all {
                boxes.apply_difference(tl::types::updates::DifferenceTooLong { pts }.into());
            }
        });
    }

    // === channels ===

    async fn channel_difference(
        &mut self,
        mut request: tl::functions::updates::GetChannelDifference,
    ) -> Result<Option<UpdateAndPeers>, Fault> {
        let tl::enums::InputChannel::Channel(channel) = &request.channel else {
            unreachable!("the boxes name channels by their number")
        };
        let id = channel.channel_id;
        let Ok(channel) = self.account.input_channel(id) else {
            tracing::debug!(id, "a channel that was not met properly is not followed");
            self.leave(PrematureEndReason::Banned);
            return Ok(None);
        };
        request.channel = channel;
        let is_bot = self.account.session().memory().lock().is_bot;
        let usual = if is_bot { BOT_LIMIT } else { USER_LIMIT };
        request.limit = self.channel_poison.limit().unwrap_or(usual);
        match self.ask(&request).await {
            Ok(mut answer) => {
                use tl::enums::updates::ChannelDifference::{Difference, Empty, TooLong};
                if self.strangers.remove(&id) {
                    without_history(&mut answer);
                }
                let is_all = match &answer {
                    Difference(answer) => answer.r#final,
                    Empty(answer) => answer.r#final,
                    TooLong(answer) => answer.r#final,
                };
                self.channel_poison.readable(is_all);
                Ok(self.guarded(|boxes| boxes.apply_channel_difference(answer)))
            }
            Err(error) if LATER.iter().any(|name| error.is(name)) || is_internal(&error) => {
                tracing::debug!(id, %error, "the channel's difference is asked for later");
                self.leave(PrematureEndReason::TemporaryServerIssues);
                Ok(None)
            }
            Err(error) if error.fault.reason == Reason::Unreadable => {
                self.cure_channel(id, request.pts, &error).await;
                Ok(None)
            }
            // not in it any more, or its place is unknown to the server
            Err(error) if error.fault.class == Class::Refused => {
                tracing::info!(id, %error, "the channel is not followed any more");
                self.leave(PrematureEndReason::Banned);
                Ok(None)
            }
            Err(error) => Err(error.fault),
        }
    }

    async fn cure_channel(&mut self, id: i64, pts: i32, error: &CallError) {
        let account = self.account;
        let detail = &error.fault.detail;
        match self.channel_poison.unreadable(Instant::now()) {
            Cure::Slice(limit) => {
                tracing::debug!(?account, id, detail, limit, "unreadable difference")
            }
            Cure::Step => {
                tracing::warn!(
                    ?account,
                    channel = id,
                    detail,
                    pts = pts + 1,
                    "an unreadable update was stepped over"
                );
                account.counters().skipped_gaps.fetch_add(1, Ordering::Relaxed);
                let step = tl::types::updates::ChannelDifferenceEmpty {
                    r#final: false,
                    pts: pts + 1,
                    timeout: None,
                };
                self.guarded(|boxes| boxes.apply_channel_difference(step.into()));
            }
            Cure::GiveUp => {
                tracing::error!(
                    ?account,
                    channel = id,
                    detail,
                    from = pts,
                    "unreadable updates of a channel were given up, what was said meanwhile is lost; update this program"
                );
                account.counters().skipped_gaps.fetch_add(1, Ordering::Relaxed);
                self.leave(PrematureEndReason::Banned);
            }
        }
        sleep(poison::PAUSE).await;
    }

    fn leave(&mut self, reason: PrematureEndReason) {
        self.guarded(|boxes| boxes.end_channel_difference(reason));
    }

    async fn ask<R: tl::RemoteCall>(&self, request: &R) -> Result<R::Return, CallError> {
        let body = request.to_bytes();
        let asked = constructor(&body);
        let answer = self.account.call_raw(body).await?;
        self.account.read(asked, &answer)
    }
}

/// What people asked in a channel before we knew it may be fresh; who came and went there then is history, and told as
/// news it would undo what happened since.
fn without_history(answer: &mut tl::enums::updates::ChannelDifference) {
    if let tl::enums::updates::ChannelDifference::Difference(answer) = answer {
        answer.new_messages.retain(|new| matches!(new, tl::enums::Message::Message(_)));
        answer.other_updates.clear();
    }
}

/// How many updates of a container the boxes should give out.
fn count(updates: &UpdatesLike) -> usize {
    let UpdatesLike::Updates(updates) = updates else { return 0 };
    let is_told =
        |update: &&tl::enums::Update| !matches!(update, tl::enums::Update::ChannelTooLong(_));
    contents(updates).0.iter().filter(is_told).count()
}

/// The same question would bring the same answer for ever.
fn is_poison(error: &CallError) -> bool {
    error.fault.class == Class::Refused
}

fn is_internal(error: &CallError) -> bool {
    error.rpc.as_ref().is_some_and(|rpc| rpc.code >= 500)
}
