//! Performs an inquiry within one task: several questions under way at once, none of which outlives it.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use domain::Fault;
use domain::inquiry::{Effect, Input, Inquiry, Verdict};
use domain::timeline::{Hindrance, Timeline};
use tokio::time::Instant;

/// What somebody said, judged.
pub(crate) enum Taste<T> {
    Good(T),
    Poor(Option<Fault>),
    Failed(Fault),
    Hindered(Hindrance),
}

pub(crate) type Asking<T> = Pin<Box<dyn Future<Output = Taste<T>> + Send>>;

/// Who won and with what, and what it went through.
pub(crate) type Caught<T> = (Result<(usize, T), Fault>, Timeline);

/// Runs the inquiry to its end. `ask` puts the question to a seat; `slow` hears of those who had their time and did
/// not use it. Dropping the future drops all questions.
pub(crate) async fn pursue<T>(
    mut inquiry: Inquiry,
    mut ask: impl FnMut(usize) -> Asking<T>,
    mut slow: impl FnMut(usize, Duration),
) -> Caught<T> {
    let began = Instant::now();
    let mut asked: Vec<(usize, Instant, Asking<T>)> = Vec::new();
    let mut caught = None;
    let mut effects = inquiry.handle(Input::Begin, Duration::ZERO);
    loop {
        for effect in effects {
            match effect {
                Effect::Ask(seat) => asked.push((seat, Instant::now(), ask(seat))),
                Effect::CallOff(seat, is_slow) => {
                    let Some(at) = asked.iter().position(|(of, ..)| *of == seat) else { continue };
                    let (_, since, _) = asked.swap_remove(at);
                    if is_slow {
                        slow(seat, since.elapsed());
                    }
                }
                Effect::Done(Verdict::Lost(fault)) => return (Err(fault), inquiry.into_timeline()),
                Effect::Done(Verdict::Won(seat)) => {
                    let won = caught.take().map(|answer| (seat, answer));
                    let lost = || Fault::transient(domain::Reason::Internal, "an answer got lost");
                    return (won.ok_or_else(lost), inquiry.into_timeline());
                }
            }
        }
        let wakes_at = inquiry.wakes_at().unwrap_or_default();
        let said = tokio::time::timeout_at(began + wakes_at, first(&mut asked)).await;
        let input = match said {
            Err(_) => Input::Woke,
            Ok((seat, Taste::Good(answer))) => {
                caught = Some(answer);
                Input::Good(seat)
            }
            Ok((seat, Taste::Poor(fault))) => Input::Poor(seat, fault),
            Ok((seat, Taste::Failed(fault))) => Input::Failed(seat, fault),
            Ok((seat, Taste::Hindered(hindrance))) => Input::Hindered(seat, hindrance),
        };
        effects = inquiry.handle(input, began.elapsed());
    }
}

/// The first of them that answers; nobody's answer is waited for for ever.
async fn first<T>(asked: &mut Vec<(usize, Instant, Asking<T>)>) -> (usize, Taste<T>) {
    std::future::poll_fn(|context| {
        for at in 0..asked.len() {
            if let Poll::Ready(taste) = asked[at].2.as_mut().poll(context) {
                let (seat, ..) = asked.swap_remove(at);
                return Poll::Ready((seat, taste));
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::Reason;
    use domain::inquiry::{Seat, Settings};
    use domain::timeline::{Step, Then};

    use super::*;

    fn inquiry(n: usize) -> Inquiry {
        let seats = (0..n)
            .map(|at| Seat { who: format!("s{at}"), p95: None, is_doubtful: false })
            .collect();
        Inquiry::new(Settings::STANDARD, Step::Search, seats)
    }

    #[tokio::test(start_paused = true)]
    async fn nine_hang_and_the_tenth_answers_within_seconds_and_nobody_is_left_asked() {
        let alive = Arc::new(AtomicUsize::new(0));
        struct Alive(Arc<AtomicUsize>);
        impl Drop for Alive {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let counted = alive.clone();
        let ask = move |seat: usize| -> Asking<&'static str> {
            counted.fetch_add(1, Ordering::SeqCst);
            let alive = Alive(counted.clone());
            Box::pin(async move {
                let _alive = alive;
                if seat < 9 {
                    std::future::pending::<()>().await;
                }
                Taste::Good("found")
            })
        };
        let mut n_slow = 0;
        let began = Instant::now();
        let (outcome, timeline) = pursue(inquiry(10), ask, |_, _| n_slow += 1).await;
        assert_eq!(outcome.unwrap(), (9, "found"));
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert_eq!(alive.load(Ordering::SeqCst), 0, "questions under way");
        assert_eq!(n_slow, 9);
        assert_eq!(timeline.0.len(), 10);
        assert_eq!(timeline.0[9].then, Then::Taken);
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_the_fault_comes_at_once() {
        let fault = Fault::refused(Reason::NotFound, "none");
        let ask = |_| -> Asking<()> {
            let fault = fault.clone();
            Box::pin(async move { Taste::Failed(fault) })
        };
        let began = Instant::now();
        let (outcome, _) = pursue(inquiry(10), ask, |_, _| {}).await;
        assert_eq!(outcome.unwrap_err().reason, Reason::NotFound);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
