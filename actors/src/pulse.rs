//! The pulse: a sign of life from everybody on whom music and answers depend, asked for in a round trip.

use std::time::Duration;

use ractor::Message;
use supervisor::{Handle, Reply, State, Unanswered};
use tokio::time::{Instant, sleep};

use crate::root::Tree;
use crate::root::assistants::assistant;
use crate::root::bot;

/// Between two looks at clocks that have not answered, and two knocks at a full mailbox.
const AGAIN: Duration = Duration::from_millis(20);

/// Who gave no sign of life.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pulse {
    pub silent: Vec<String>,
}

// === impl Pulse ===

impl Pulse {
    pub fn is_whole(&self) -> bool {
        self.silent.is_empty()
    }
}

// === impl Tree ===

impl Tree {
    /// Asks the root supervisor, the audio clocks and every account that is signed in; each may take `within`.
    pub async fn pulse(&self, within: Duration) -> Pulse {
        let mut silent = Vec::new();
        if self.root().ping(within).await.is_err() {
            silent.push("root".to_owned());
        }
        silent.extend(self.silent_clocks(within).await);
        let snapshot = self.root().snapshot();
        let mut accounts =
            vec![("root/bot".to_owned(), answers(&self.bot, bot::Msg::Ping, within).await)];
        for (number, assistant) in self.assistants.handles().enumerate() {
            let path = format!("root/assistants/{}", number + 1);
            accounts.push((path, answers(&assistant, assistant::Msg::Ping, within).await));
        }
        for (path, does_answer) in accounts {
            // who is not up is in its supervisor's hands
            let is_up = snapshot.find(&path).is_some_and(|child| child.state == State::Ready);
            if is_up && !does_answer {
                silent.push(path);
            }
        }
        Pulse { silent }
    }

    async fn silent_clocks(&self, within: Duration) -> Vec<String> {
        let until = Instant::now() + within;
        let before = self.engine().beats();
        loop {
            let now = self.engine().beats();
            let silent: Vec<String> =
                silent(&before, &now).map(|number| format!("audio clock {number}")).collect();
            if silent.is_empty() || Instant::now() >= until {
                return silent;
            }
            sleep(AGAIN).await;
        }
    }
}

/// The clocks that have not beaten since `before`.
fn silent<'a>(before: &'a [u64], now: &'a [u64]) -> impl Iterator<Item = usize> + 'a {
    before.iter().zip(now).enumerate().filter(|(_, (then, now))| now <= then).map(|(at, _)| at)
}

/// Whether an actor handles messages. One between two lives is not asked; one whose mailbox is full gets its time.
async fn answers<M: Message>(
    handle: &Handle<M>,
    question: fn(Reply<()>) -> M,
    within: Duration,
) -> bool {
    let until = Instant::now() + within;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match handle.ask(question, left).await {
            Ok(()) | Err(Unanswered::Down | Unanswered::Dropped) => return true,
            Err(Unanswered::Full) if !left.is_zero() => sleep(AGAIN).await,
            Err(Unanswered::Full | Unanswered::Timeout) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_has_not_beaten_since_is_silent() {
        assert_eq!(silent(&[3, 7, 1], &[4, 7, 2, 0]).collect::<Vec<_>>(), [1]);
        assert_eq!(silent(&[], &[1]).count(), 0);
    }
}
