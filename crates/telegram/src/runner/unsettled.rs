//! Unsettled: updates that the message boxes took and did not give out.
//!
//! They wait for an earlier one that may still come, and after half a second the boxes should ask for it. When two such
//! gaps follow each other closely, the boxes of grammers-session 0.11 forget the second one for a quarter of an hour
//! (its timer is put off when the first one's runs out). So whatever stays inside for longer is asked for from here.
//! Time is an argument.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

/// A little longer than the boxes' own patience, which goes first.
const PATIENCE: Duration = Duration::from_millis(700);

#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// How many went in and did not come out.
    inside: usize,
    /// The channels among those that did not come out at once; the account's own sequence is always suspected.
    channels: BTreeSet<i64>,
    due: Option<Instant>,
}

// === impl Unsettled ===

impl Unsettled {
    /// The boxes took so many, which move these channels, and gave so many out.
    pub(super) fn note(&mut self, taken: usize, given: usize, channels: &[i64], now: Instant) {
        self.inside = (self.inside + taken).saturating_sub(given);
        if self.inside == 0 {
            *self = Unsettled::default();
        } else if given < taken {
            self.channels.extend(channels);
            self.due = Some(now + PATIENCE);
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What to ask for when the patience is over; once.
    pub(super) fn take(&mut self, now: Instant) -> Option<BTreeSet<i64>> {
        self.due.filter(|due| now >= *due)?;
        Some(std::mem::take(self).channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_stays_inside_is_asked_for_once() {
        let mut unsettled = Unsettled::default();
        let now = Instant::now();
        unsettled.note(2, 1, &[7], now);
        assert_eq!(unsettled.take(now + PATIENCE / 2), None);
        assert_eq!(unsettled.take(now + PATIENCE), Some(BTreeSet::from([7])));
        assert_eq!(unsettled.take(now + PATIENCE * 2), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_that_closes_by_itself_is_not_asked_for() {
        let mut unsettled = Unsettled::default();
        let now = Instant::now();
        unsettled.note(1, 0, &[7], now);
        unsettled.note(1, 2, &[7], now);
        assert_eq!((unsettled.due(), unsettled.take(now + PATIENCE)), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn the_patience_begins_anew_with_every_gap() {
        let mut unsettled = Unsettled::default();
        let now = Instant::now();
        unsettled.note(1, 0, &[1], now);
        unsettled.note(1, 0, &[2], now + PATIENCE / 2);
        assert_eq!(unsettled.take(now + PATIENCE), None);
        assert_eq!(unsettled.take(now + PATIENCE * 2), Some(BTreeSet::from([1, 2])));
    }
}
