//! What was heard and has not taken effect yet. The place in the updates that is written down is never beyond it: a
//! process that dies asks from there, and hears again what it could not do. Time is an argument.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use grammers_client::session::types::UpdatesState;
use tokio::time::Instant;

use super::recent::Heard;

/// Whoever has not settled something by then never will; it must not hold everything else back.
const SETTLED_MAX: Duration = Duration::from_secs(120);
/// Places between which something is open; the oldest is given up beyond that.
const MARKS_MAX: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct Settling {
    /// Somebody settles what this account hears; before, everything counts as settled at once.
    is_by_hand: bool,
    n_heard: u64,
    open: BTreeMap<u64, (Heard, Instant)>,
    numbers: HashMap<Heard, u64>,
    /// Places in the updates, and how much had been heard at each.
    marks: VecDeque<(u64, UpdatesState)>,
    safe: Option<UpdatesState>,
}

// === impl Settling ===

impl Settling {
    /// From here on what is heard has to be settled; `place` is where it begins.
    pub(crate) fn by_hand(&mut self, place: UpdatesState) {
        if !std::mem::replace(&mut self.is_by_hand, true) {
            self.safe = Some(place);
        }
    }

    /// The very first place.
    pub(crate) fn begin_at(&mut self, place: UpdatesState) {
        if self.is_by_hand && self.place().is_none() {
            self.safe = Some(place);
        }
    }

    pub(crate) fn heard(&mut self, heard: &Heard, now: Instant) {
        if self.is_by_hand {
            self.n_heard += 1;
            self.open.insert(self.n_heard, (heard.clone(), now));
            self.numbers.insert(heard.clone(), self.n_heard);
        }
    }

    /// It took effect, or never will. Whether the safe place moved.
    pub(crate) fn settle(&mut self, heard: &Heard) -> bool {
        if let Some(number) = self.numbers.remove(heard) {
            self.open.remove(&number);
        }
        self.advance()
    }

    /// Everything before this place was heard.
    pub(crate) fn mark(&mut self, place: UpdatesState, now: Instant) {
        if !self.is_by_hand {
            return;
        }
        let late = |at: &Instant| now.saturating_duration_since(*at) >= SETTLED_MAX;
        while let Some(entry) = self.open.first_entry().filter(|entry| late(&entry.get().1)) {
            let (heard, _) = entry.remove();
            tracing::debug!(?heard, "heard long ago and never settled");
            self.numbers.remove(&heard);
        }
        if self.marks.len() >= MARKS_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back((self.n_heard, place));
        self.advance();
    }

    /// The place that may be written down; `None` when it is wherever the account has read to, or nowhere yet.
    pub(crate) fn place(&self) -> Option<&UpdatesState> {
        self.safe.as_ref().filter(|place| self.is_by_hand && place.pts != 0)
    }

    /// Another life hears it from the safe place on: what was open, which is news again.
    pub(crate) fn start_over(&mut self) -> Vec<Heard> {
        self.marks.clear();
        self.numbers.clear();
        std::mem::take(&mut self.open).into_values().map(|(heard, _)| heard).collect()
    }

    fn advance(&mut self) -> bool {
        let oldest = self.open.first_key_value().map_or(u64::MAX, |(number, _)| *number);
        let mut has_moved = false;
        while let Some((_, place)) = self.marks.pop_front_if(|(heard, _)| *heard < oldest) {
            self.safe = Some(place);
            has_moved = true;
        }
        has_moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(pts: i32) -> UpdatesState {
        UpdatesState { pts, ..UpdatesState::default() }
    }

    fn by_hand() -> Settling {
        let mut settling = Settling::default();
        settling.by_hand(place(1));
        settling
    }

    fn pts(settling: &Settling) -> i32 {
        settling.place().unwrap().pts
    }

    #[tokio::test(start_paused = true)]
    async fn the_place_waits_for_whatever_has_not_taken_effect() {
        let (mut settling, now) = (by_hand(), Instant::now());
        settling.heard(&Heard::Press(1), now);
        settling.mark(place(2), now);
        settling.heard(&Heard::Press(2), now);
        settling.mark(place(3), now);
        assert_eq!(pts(&settling), 1);
        assert!(!settling.settle(&Heard::Press(2)), "the first one is still open");
        assert!(settling.settle(&Heard::Press(1)));
        assert_eq!(pts(&settling), 3);
        settling.mark(place(4), now);
        assert_eq!(pts(&settling), 4, "nothing is open");
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_settles_does_not_hold_the_rest_back_for_ever() {
        let (mut settling, now) = (by_hand(), Instant::now());
        settling.heard(&Heard::Press(1), now);
        settling.mark(place(2), now + SETTLED_MAX / 2);
        assert_eq!(pts(&settling), 1);
        settling.mark(place(3), now + SETTLED_MAX);
        assert_eq!(pts(&settling), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn another_life_hears_what_was_open_once_more() {
        let (mut settling, now) = (by_hand(), Instant::now());
        settling.heard(&Heard::Press(1), now);
        settling.mark(place(2), now);
        assert_eq!(settling.start_over(), [Heard::Press(1)]);
        assert_eq!(pts(&settling), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_that_nobody_settles_for_is_written_down_as_it_reads() {
        let mut settling = Settling::default();
        settling.heard(&Heard::Press(1), Instant::now());
        settling.mark(place(2), Instant::now());
        assert_eq!(settling.place(), None);
    }
}
