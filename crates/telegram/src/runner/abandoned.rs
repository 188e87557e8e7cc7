//! Abandoned: places of the account's own sequence that were given up, and what is pushed of them all the same.
//!
//! Giving up means to take the place where Telegram is now. But what people say in that very moment is counted in that
//! place, and its push is on its way or already waits behind the reader; by its number it would pass for old news. So
//! for a while messages of those places are taken from the pushes. Time is an argument.

use std::ops::RangeInclusive;
use std::time::Duration;

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tokio::time::Instant;

use crate::account::peers::contents;

/// How long pushes may be late. What is told twice is recognised further on.
const LATE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Abandoned {
    /// The place of the first question that could not be answered; behind it places were stepped over, perhaps beyond
    /// where Telegram is.
    doubted: Option<i32>,
    places: Option<(RangeInclusive<i32>, Instant)>,
}

// === impl Abandoned ===

impl Abandoned {
    /// What comes after this place cannot be read.
    pub(super) fn doubt(&mut self, place: i32) {
        self.doubted.get_or_insert(place);
    }

    /// All could be read in the end.
    pub(super) fn trust(&mut self) {
        self.doubted = None;
    }

    /// Nothing of what came since the doubts began, up to `to`, will be asked for again.
    pub(super) fn give_up(&mut self, to: i32, now: Instant) {
        let from = self.doubted.take().unwrap_or(to);
        let first = match &self.places {
            // what was given up before may be late still
            Some((places, until)) if now < *until => from.saturating_add(1).min(*places.start()),
            _ => from.saturating_add(1),
        };
        self.places = Some((first..=to, now + LATE));
    }

    /// The messages of a push that its numbers would make old news.
    pub(super) fn rescued(&self, updates: &UpdatesLike, now: Instant) -> Vec<tl::enums::Update> {
        let (Some((places, until)), UpdatesLike::Updates(updates)) = (&self.places, updates) else {
            return Vec::new();
        };
        if now >= *until {
            return Vec::new();
        }
        let is_given_up = |update: &&tl::enums::Update| match update {
            tl::enums::Update::NewMessage(new) => places.contains(&new.pts),
            _ => false,
        };
        contents(updates).0.iter().filter(is_given_up).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(pts: i32) -> UpdatesLike {
        let message = tl::types::MessageEmpty { id: pts, peer_id: None }.into();
        let update = tl::types::UpdateNewMessage { message, pts, pts_count: 1 }.into();
        let short = tl::types::UpdateShort { update, date: 1_790_000_000 };
        UpdatesLike::Updates(short.into())
    }

    fn kept(abandoned: &Abandoned, places: RangeInclusive<i32>, now: Instant) -> Vec<i32> {
        places.filter(|pts| !abandoned.rescued(&push(*pts), now).is_empty()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_pushed_of_places_that_were_given_up_is_kept_for_a_while() {
        let (mut abandoned, now) = (Abandoned::default(), Instant::now());
        // steps led beyond where Telegram is
        for place in [10, 11, 90] {
            abandoned.doubt(place);
        }
        assert!(kept(&abandoned, 1..=20, now).is_empty());
        abandoned.give_up(14, now);
        assert_eq!(kept(&abandoned, 1..=20, now), [11, 12, 13, 14]);
        assert!(kept(&abandoned, 1..=20, now + LATE).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_be_read_in_the_end_was_not_given_up() {
        let (mut abandoned, now) = (Abandoned::default(), Instant::now());
        abandoned.doubt(3);
        abandoned.trust();
        abandoned.doubt(12);
        abandoned.give_up(14, now);
        assert_eq!(kept(&abandoned, 1..=20, now), [13, 14]);
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_twice_keeps_what_is_late_from_the_first_time() {
        let (mut abandoned, now) = (Abandoned::default(), Instant::now());
        for (place, to, at) in [(10, 12, now), (12, 14, now + LATE / 2)] {
            abandoned.doubt(place);
            abandoned.give_up(to, at);
        }
        assert_eq!(kept(&abandoned, 1..=20, now + LATE / 2), [11, 12, 13, 14]);
        abandoned.doubt(16);
        abandoned.give_up(18, now + LATE * 2);
        assert_eq!(kept(&abandoned, 1..=20, now + LATE * 2), [17, 18]);
    }
}
