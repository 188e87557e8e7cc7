//! Questions to an actor that may be between two lives: asked again until the deadline.

use std::time::Duration;

use supervisor::{Handle, Reply, Unanswered};
use tokio::time::Instant;

/// Between two tries; a first new life is there within moments, a second one after seconds.
const PAUSE: Duration = Duration::from_millis(250);

/// Asks until there is an answer, at most `within`. For questions that may be asked twice: one that was dropped may
/// have been dealt with.
///
/// # Errors
/// Why the last try got no answer.
pub(crate) async fn ask<M: ractor::Message, T: Send + 'static>(
    handle: &Handle<M>,
    question: impl Fn(Reply<T>) -> M,
    within: Duration,
) -> Result<T, Unanswered> {
    let deadline = Instant::now() + within;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match handle.ask(&question, left).await {
            Ok(answer) => return Ok(answer),
            Err(Unanswered::Timeout) => return Err(Unanswered::Timeout),
            Err(unanswered) if left <= PAUSE => return Err(unanswered),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
