//! Poison: a difference that cannot be read, and the way around the one event in it that is to blame.
//!
//! The same question would bring the same answer for ever, and everything behind it would wait. So the slice that is
//! asked for becomes smaller until it is one event, that event is stepped over, and the rest is read as ever. When
//! even that does not help, the gap is given up: the place becomes where Telegram is now.

use std::time::Duration;

use tokio::time::Instant;

/// Sizes of the slices, one after the other.
const LIMITS: [i32; 3] = [16, 4, 1];

/// How many places are stepped over, and how long that may take: old news is worth less than new.
const STEPS_MAX: u32 = 64;
const CURE_MAX: Duration = Duration::from_secs(6);

/// Between two questions.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// What is to be done about an answer that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cure {
    /// Ask again from the same place, for so many events.
    Slice(i32),
    /// Step over this place: the next question is from the one after it.
    Step,
    GiveUp,
}

/// One sequence's illness.
#[derive(Debug, Default)]
pub(super) struct Poison {
    ill: Option<Illness>,
}

#[derive(Debug)]
struct Illness {
    since: Instant,
    limit: Option<i32>,
    steps: u32,
    has_stepped: bool,
}

// === impl Poison ===

impl Poison {
    /// How many events to ask for; `None` for as many as usual.
    pub(super) fn limit(&self) -> Option<i32> {
        self.ill.as_ref().and_then(|ill| ill.limit)
    }

    pub(super) fn unreadable(&mut self, now: Instant) -> Cure {
        let fresh = Illness { since: now, limit: None, steps: 0, has_stepped: false };
        let ill = self.ill.get_or_insert(fresh);
        let smaller = LIMITS.iter().find(|limit| ill.limit.is_none_or(|now| **limit < now));
        match smaller {
            _ if ill.steps >= STEPS_MAX || now - ill.since >= CURE_MAX => {
                self.ill = None;
                Cure::GiveUp
            }
            Some(limit) => {
                ill.limit = Some(*limit);
                Cure::Slice(*limit)
            }
            None => {
                ill.steps += 1;
                ill.has_stepped = true;
                Cure::Step
            }
        }
    }

    /// An answer could be read: behind a stepped-over place the questions are as large as ever.
    pub(super) fn readable(&mut self, is_all: bool) {
        if let Some(ill) = &mut self.ill
            && std::mem::take(&mut ill.has_stepped)
        {
            ill.limit = None;
        }
        if is_all {
            self.ill = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `0..end` of which some places are unreadable; what was read, and how many questions that took.
    fn read(end: i32, is_bad: impl Fn(i32) -> bool) -> (Vec<i32>, u32) {
        let (mut poison, mut place, mut got, mut asked) = (Poison::default(), 0, Vec::new(), 0);
        let now = Instant::now();
        while place < end {
            asked += 1;
            let until = end.min(place + poison.limit().unwrap_or(1_000));
            if (place..until).any(&is_bad) {
                match poison.unreadable(now + PAUSE * asked) {
                    Cure::Slice(_) => {}
                    Cure::Step => place += 1,
                    Cure::GiveUp => break,
                }
            } else {
                got.extend(place..until);
                place = until;
                poison.readable(place == end);
            }
        }
        (got, asked)
    }

    #[tokio::test(start_paused = true)]
    async fn one_bad_event_costs_itself_alone() {
        let (got, asked) = read(100, |event| event == 50);
        assert_eq!(got, (0..100).filter(|event| *event != 50).collect::<Vec<i32>>());
        assert!(asked < 15, "{asked} questions");
    }

    #[tokio::test(start_paused = true)]
    async fn several_bad_events_cost_themselves_alone() {
        let (got, _) = read(60, |event| event % 20 == 7);
        assert_eq!(got, (0..60).filter(|event| event % 20 != 7).collect::<Vec<i32>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_sequence_without_anything_readable_is_given_up_in_time() {
        let (got, asked) = read(100_000, |_| true);
        assert!(got.is_empty(), "{got:?}");
        assert!(PAUSE * asked < Duration::from_secs(8), "{asked} questions");
        // slow answers do not make it longer
        let mut poison = Poison::default();
        let began = Instant::now();
        assert_eq!(poison.unreadable(began), Cure::Slice(16));
        assert_eq!(poison.unreadable(began + CURE_MAX), Cure::GiveUp);
    }
}
