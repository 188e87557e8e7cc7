//! Who served which chat last: it is in the group already, and people know it. Kept in the store, so that the same one
//! returns after a restart.

use std::collections::HashMap;
use std::time::Duration;

use domain::ChatId;
use domain::call::Seat;
use storage::schema::{self, Assignment};
use storage::{Record, Table, Write};
use tokio::time::Instant;

/// Chats whose last assistant is remembered; beyond it all are assigned anew.
const REMEMBERED_MAX: usize = 10_000;
/// After a start a chat waits so long for the assistant it knows, before another one enters.
const RETURN_MAX: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(crate) struct Remembered {
    chats: HashMap<ChatId, Last>,
    /// Known from an earlier process, and not all of them signed in yet.
    awaited_until: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Last {
    /// `None` when the chat moved away, or its assistant is no longer configured.
    seat: Option<Seat>,
    revision: u64,
}

// === impl Remembered ===

impl Remembered {
    /// What this process knows is newer.
    pub(crate) fn restore(&mut self, records: Vec<Record>, n_seats: usize) {
        for record in records {
            let (Ok(chat), Ok(Assignment { assistant })) =
                (record.key.parse().map(ChatId), schema::read(record.value))
            else {
                tracing::debug!(key = record.key, "nobody knows who served there");
                continue;
            };
            let seat = usize::try_from(assistant).ok().and_then(|number| number.checked_sub(1));
            let seat = seat.filter(|seat| *seat < n_seats).map(Seat);
            self.chats.entry(chat).or_insert(Last { seat, revision: record.revision });
        }
        self.awaited_until.get_or_insert_with(|| Instant::now() + RETURN_MAX);
    }

    pub(crate) fn of(&self, chat: ChatId) -> Option<Seat> {
        self.chats.get(&chat).and_then(|last| last.seat)
    }

    /// Whether the assistant of this chat may just be signing in.
    pub(crate) fn is_awaited(&self, chat: ChatId) -> bool {
        self.of(chat).is_some() && self.awaited_until.is_some_and(|until| Instant::now() < until)
    }

    /// This one serves the chat now; what has to be written of that.
    pub(crate) fn note(&mut self, chat: ChatId, seat: Seat) -> Option<Write> {
        if self.of(chat) == Some(seat) {
            return None;
        }
        if self.chats.len() >= REMEMBERED_MAX && !self.chats.contains_key(&chat) {
            // the numbers of what is written stay, or nothing newer would be taken
            self.chats.values_mut().for_each(|last| last.seat = None);
        }
        let last = self.chats.entry(chat).or_insert(Last { seat: None, revision: 0 });
        (last.seat, last.revision) = (Some(seat), last.revision + 1);
        let assistant = u32::try_from(seat.0 + 1).unwrap_or(u32::MAX);
        let value = schema::write(&Assignment { assistant });
        Some(Write::put(Table::Assignments, chat.to_string(), last.revision, value))
    }

    /// The chat has another id now.
    pub(crate) fn moved(&mut self, from: ChatId, to: ChatId) -> Vec<Write> {
        let Some(last) = self.chats.get_mut(&from) else { return Vec::new() };
        let Some(seat) = last.seat.take() else { return Vec::new() };
        last.revision += 1;
        let gone = Write::remove(Table::Assignments, from.to_string(), last.revision);
        [Some(gone), self.note(to, seat)].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: ChatId = ChatId(-7);
    const OTHER: ChatId = ChatId(-8);

    fn records(writes: impl IntoIterator<Item = Write>) -> Vec<Record> {
        let record = |write| match write {
            Write::Put { table, key, revision, value } => {
                Some(Record { table, key, revision, value })
            }
            Write::Remove { .. } => None,
        };
        writes.into_iter().filter_map(record).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_assistant_returns_and_is_waited_for_a_moment() {
        let mut before = Remembered::default();
        let written = before.note(CHAT, Seat(1)).expect("it is new");
        assert_eq!(before.note(CHAT, Seat(1)), None, "nothing changed");
        assert!(!before.is_awaited(CHAT), "nobody left");
        let mut after = Remembered::default();
        after.restore(records([written]), 2);
        assert_eq!(after.of(CHAT), Some(Seat(1)));
        assert!(after.is_awaited(CHAT) && !after.is_awaited(OTHER));
        tokio::time::advance(RETURN_MAX).await;
        assert!(!after.is_awaited(CHAT));
        let Some(Write::Put { revision, .. }) = after.note(CHAT, Seat(0)) else {
            panic!("it is new")
        };
        assert_eq!(revision, 2, "newer than what was written");
    }

    #[tokio::test]
    async fn an_assistant_that_is_gone_from_the_settings_is_not_waited_for() {
        let mut before = Remembered::default();
        let written = before.note(CHAT, Seat(4)).expect("it is new");
        let mut after = Remembered::default();
        after.restore(records([written]), 2);
        assert_eq!((after.of(CHAT), after.is_awaited(CHAT)), (None, false));
    }

    #[tokio::test]
    async fn more_chats_than_are_remembered_are_assigned_anew_and_written_as_newer() {
        let mut remembered = Remembered::default();
        for chat in 0..=REMEMBERED_MAX as i64 {
            remembered.note(ChatId(chat), Seat(0));
        }
        assert_eq!(remembered.of(ChatId(0)), None);
        let Some(Write::Put { revision, .. }) = remembered.note(ChatId(0), Seat(0)) else {
            panic!("it was forgotten")
        };
        assert_eq!(revision, 2);
    }

    #[tokio::test]
    async fn a_chat_that_moves_takes_its_assistant_along() {
        let mut remembered = Remembered::default();
        remembered.note(CHAT, Seat(1));
        assert_eq!(remembered.moved(CHAT, OTHER).len(), 2, "one goes, one comes");
        assert_eq!((remembered.of(CHAT), remembered.of(OTHER)), (None, Some(Seat(1))));
        assert_eq!(remembered.moved(CHAT, OTHER), [], "once");
    }
}
