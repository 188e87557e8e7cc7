//! The pace at which chats go on after a restart: each of them joins a voice chat, and Telegram dislikes haste.

use std::time::Duration;

/// So many at once, then one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub at_once: usize,
    pub every: Duration,
}

// === impl Pace ===

impl Pace {
    /// Lets each go at its time, in the order given.
    pub(crate) async fn walk<T>(self, all: Vec<T>, mut go: impl FnMut(T)) {
        for (n, one) in all.into_iter().enumerate() {
            if n >= self.at_once {
                tokio::time::sleep(self.every).await;
            }
            go(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fifty_chats_go_on_in_their_order_at_the_pace_that_was_set() {
        let pace = Pace { at_once: 10, every: Duration::from_millis(200) };
        let (since, mut went) = (Instant::now(), Vec::new());
        pace.walk((0..50).collect(), |chat: u32| went.push((chat, since.elapsed()))).await;
        assert!(went.iter().map(|(chat, _)| *chat).eq(0..50), "none is left out, none overtakes");
        let n_before = |ms| went.iter().filter(|(_, at)| *at < Duration::from_millis(ms)).count();
        assert_eq!((n_before(1), n_before(195)), (10, 10), "ten at once");
        // never more than five in any second after that
        for second in 0..8 {
            assert_eq!(n_before(1_195 + second * 1_000) - n_before(195 + second * 1_000), 5);
        }
        assert_eq!(n_before(8_100), 50);
    }
}
