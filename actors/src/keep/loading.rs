//! What an earlier process left, read once.

mod signs;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::callback::Generation;
use domain::event::Via;
use domain::player::{End, Obeyed, Player, Settings};
use domain::{ChatId, Fault, MessageId};
use storage::schema::{self, Beat, Done, Page, Playback};
use storage::{Record, Store, Table, Write};

use super::{Keep, Keeps, Kept, lock, unix_seconds};
use signs::Signs;

/// Nobody repeats a command that is older; Telegram keeps no updates for longer.
const DONE_KEPT_S: i64 = 48 * 3_600;
/// Removed at once at most; the rest goes at the next start.
const PRUNED_MAX: usize = 10_000;

/// A chat that an earlier process played in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resume {
    pub(crate) chat: ChatId,
    pub(crate) username: Option<String>,
    pub(crate) is_paused: bool,
    /// Who was in the voice chat beside the assistant.
    pub(crate) listeners: u32,
    pub(crate) page: Page,
    pub(crate) generation: Generation,
    /// Something new plays there already.
    pub(crate) is_beside: bool,
}

// === impl Resume ===

impl Resume {
    fn of(chat: ChatId, playback: &Playback) -> Resume {
        Resume {
            chat,
            username: playback.username.clone(),
            is_paused: playback.rules.is_paused,
            listeners: playback.anchor.listeners,
            page: playback.page.clone(),
            generation: Generation(playback.generation),
            is_beside: false,
        }
    }
}

// === impl Keeps ===

impl Keeps {
    /// Reads what there is; the chats to go on in, those that sound first. Only the first time: what a later life of the
    /// bot would find is what this process wrote, so it gets those whose turn has not come yet.
    pub(crate) async fn load(&self, store: &Store, rules: Settings) -> Result<Vec<ChatId>, Fault> {
        if *self.0.is_loaded.borrow() {
            return Ok(self.left());
        }
        let (playbacks, beats) =
            (store.scan(Table::Playback).await?, store.scan(Table::Beats).await?);
        let commands = store.scan(Table::Commands).await?;
        let since = self.obeyed();
        let stale = self.commands(commands);
        let signs = Signs::of(beats);
        let mut needed = HashSet::new();
        for (chat, (revision, _)) in &signs.anchors {
            // without a record that can be read it is still what the next sign has to be newer than
            if let Ok(chat) = chat.parse().map(ChatId) {
                let keep = self.of(chat);
                let mut inner = keep.lock();
                inner.revision = inner.revision.max(*revision);
            }
        }
        let mut resumes = Vec::new();
        let mut aside = stale;
        for record in playbacks {
            let Ok(chat) = record.key.parse().map(ChatId) else { continue };
            let (revision, text) = (record.revision, record.value.clone());
            let mut playback = match schema::read::<Playback>(record.value) {
                Ok(playback) => playback,
                Err(fault) => {
                    tracing::warn!(%chat, %fault, "what was playing here cannot be read and is put aside");
                    let keep = self.of(chat);
                    let mut inner = keep.lock();
                    inner.revision = inner.revision.max(revision);
                    let key = format!("{chat}!unreadable");
                    aside.push(Write::put(Table::Playback, key, revision, text));
                    continue;
                }
            };
            let mut newest = revision;
            if let Some((revision, anchor)) = signs.anchors.get(&record.key) {
                newest = newest.max(*revision);
                if *revision > record.revision && anchor.attempt == playback.anchor.attempt {
                    playback.anchor = *anchor;
                }
            }
            if playback.anchor.is_moving && !playback.rules.is_empty() {
                needed.insert(playback.anchor.run);
            }
            let last = signs.last_for(&playback.anchor);
            let keep = self.of(chat);
            if keep.is_used() {
                let since = since.get(&chat).cloned().unwrap_or_default();
                resumes.extend(keep.put_beside(chat, newest, playback, &since, rules));
                aside.extend(keep.lock().anew());
            } else {
                resumes.extend(keep.take_over(chat, newest, playback, last, rules));
            }
        }
        aside.extend(signs.without(&needed));
        self.0.is_loaded.send_replace(true);
        lock(&self.0.left).extend(resumes.into_iter().map(|resume: Resume| (resume.chat, resume)));
        if !aside.is_empty()
            && let Err(fault) = store.commit(aside).await
        {
            tracing::debug!(%fault, "old records were not tidied up");
        }
        Ok(self.left())
    }

    /// What people asked of this process.
    fn obeyed(&self) -> HashMap<ChatId, Obeyed> {
        let chats = lock(&self.0.chats);
        chats.iter().map(|(chat, keep)| (*chat, keep.lock().obeyed.clone())).collect()
    }

    /// Where most people wait for it first, where nothing sounds last.
    fn left(&self) -> Vec<ChatId> {
        let left = lock(&self.0.left);
        let mut left: Vec<(bool, Reverse<u32>, ChatId)> = left
            .values()
            .map(|resume| (resume.is_paused, Reverse(resume.listeners), resume.chat))
            .collect();
        left.sort_unstable();
        left.into_iter().map(|(_, _, chat)| chat).collect()
    }

    /// Takes note of what was obeyed; what is too old to matter.
    fn commands(&self, records: Vec<Record>) -> Vec<Write> {
        let oldest = unix_seconds() - DONE_KEPT_S;
        let mut done: Vec<(i64, ChatId, Via)> = Vec::new();
        let mut stale = Vec::new();
        for record in records {
            let at = schema::read::<Done>(record.value).map_or(0, |done| done.at);
            match parse(&record.key).filter(|_| at >= oldest) {
                Some((chat, via)) => done.push((at, chat, via)),
                None if stale.len() < PRUNED_MAX => {
                    stale.push(Write::remove(Table::Commands, record.key, record.revision + 1));
                }
                None => {}
            }
        }
        done.sort_unstable_by_key(|(at, chat, _)| (*at, *chat));
        for (_, chat, via) in done {
            self.of(chat).is_new(via);
        }
        stale
    }
}

// === impl Keep ===

impl Keep {
    /// Whether something plays here already, or did, because the store was away when we began.
    fn is_used(&self) -> bool {
        let inner = self.lock();
        inner.kept.is_some() || inner.written.is_some()
    }

    /// What lies there at this revision waits behind what plays, unless somebody stopped everything since.
    fn put_beside(
        &self,
        chat: ChatId,
        revision: u64,
        left: Playback,
        since: &Obeyed,
        rules: Settings,
    ) -> Option<Resume> {
        let mut inner = self.lock();
        inner.revision = inner.revision.max(revision);
        inner.forget_written();
        if inner.is_stopped || left.rules.is_empty() {
            return None;
        }
        let resume = Resume { is_beside: true, ..Resume::of(chat, &left) };
        inner.put_beside(left, since, rules);
        Some(resume)
    }

    fn take_over(
        &self,
        chat: ChatId,
        revision: u64,
        playback: Playback,
        last: Option<Beat>,
        rules: Settings,
    ) -> Option<Resume> {
        let mut inner = self.lock();
        inner.revision = revision;
        inner.page = playback.page.clone();
        inner.manner = playback.manner.clone();
        inner.listeners = playback.anchor.listeners;
        let resume = Resume::of(chat, &playback);
        let snapshot = playback.rules.clone();
        if snapshot.is_empty() {
            inner.written = Some(playback);
            return None;
        }
        let current = snapshot.current.as_ref();
        let length = current.and_then(|current| current.duration).unwrap_or(Duration::MAX);
        let anchor = playback.anchor;
        let is_of_current =
            anchor.attempt.is_some() && anchor.attempt == current.map(|c| c.attempt);
        let position = if is_of_current {
            last.map_or(Duration::from_millis(anchor.position_ms), |last| {
                anchor.position_when(last)
            })
        } else {
            current.map_or(Duration::ZERO, |current| current.from)
        };
        inner.written = Some(playback);
        inner.kept = Some(Kept {
            rules: Player::restored(rules, snapshot),
            generation: resume.generation,
            position: position.min(length),
            end: End::Restarted,
        });
        Some(resume)
    }
}

fn parse(key: &str) -> Option<(ChatId, Via)> {
    let (chat, via) = key.split_once('/')?;
    let via = match via.split_at_checked(1)? {
        ("m", id) => Via::Message(MessageId(id.parse().ok()?)),
        ("b", query) => Via::Button(query.parse().ok()?),
        _ => return None,
    };
    Some((ChatId(chat.parse().ok()?), via))
}

#[cfg(test)]
mod tests;
