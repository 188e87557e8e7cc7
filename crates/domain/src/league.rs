//! How every instance of every service has been doing: success, usual times, wins, breaker, limit. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::breaker::{self, Breaker, Outcome, Status};
use crate::limit::Bucket;
use crate::timeline::{Hindrance, ms};
use crate::{Class, Fault};

/// Answers that are looked back on.
const WINDOW: usize = 100;
/// Fewer say nothing about what is usual.
const USUAL_MIN: usize = 5;
/// So many failures in a row put an instance behind the others, for so long.
const UNWELL_FAILURES: u32 = 2;
const UNWELL: Duration = Duration::from_secs(60);
/// Whatever a service asks for, it is looked after within this.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// One instance.
#[derive(Debug)]
pub struct Instance {
    pub service: &'static str,
    pub instance: String,
    /// How long each of the last answers took; `None` for a failure.
    window: VecDeque<Option<Duration>>,
    n_wins: u64,
    breaker: Breaker,
    bucket: Option<Bucket>,
    waits_until: Duration,
    /// Failures in a row, and when the last of them was.
    failing: (u32, Duration),
}

/// Where in the order of asking an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Well,
    /// It failed and was let be for a while; one question may find out whether it answers again.
    OnTrial,
    /// Asked after all others.
    Unwell,
}

#[derive(Debug, Default)]
pub struct League(Vec<Instance>);

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub service: String,
    pub instance: String,
    /// Of the last hundred.
    pub n_asked: usize,
    pub n_answered: usize,
    pub p50_ms: Option<u64>,
    pub p95_ms: Option<u64>,
    pub n_wins: u64,
    pub health: Health,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Good,
    /// One question is under way to find out.
    Probed,
    /// Not asked for so long.
    LeftAlone {
        for_s: u64,
    },
}

// === impl Instance ===

impl Instance {
    pub fn new(
        service: &'static str,
        instance: impl Into<String>,
        limit: Option<Bucket>,
    ) -> Instance {
        Instance {
            service,
            instance: instance.into(),
            window: VecDeque::new(),
            n_wins: 0,
            breaker: Breaker::new(breaker::Settings::STANDARD),
            bucket: limit,
            waits_until: Duration::ZERO,
            failing: (0, Duration::ZERO),
        }
    }

    /// The time within which so many of a hundred answers came.
    fn percentile(&self, of: usize) -> Option<Duration> {
        let mut took: Vec<Duration> = self.window.iter().flatten().copied().collect();
        took.sort_unstable();
        let index = (took.len() * of).div_ceil(100).saturating_sub(1);
        took.get(index).copied()
    }

    fn note(&mut self, took: Option<Duration>) {
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(took);
    }

    fn n_answered(&self) -> usize {
        self.window.iter().flatten().count()
    }

    fn health(&self, now: Duration) -> Health {
        let left =
            |until: Duration| Health::LeftAlone { for_s: seconds(until.saturating_sub(now)) };
        match self.breaker.status() {
            Status::Open { until } if until > now => left(until),
            _ if self.waits_until > now => left(self.waits_until),
            Status::HalfOpen | Status::Open { .. } => Health::Probed,
            Status::Closed => Health::Good,
        }
    }

    fn line(&self, now: Duration) -> Line {
        Line {
            service: self.service.to_owned(),
            instance: self.instance.clone(),
            n_asked: self.window.len(),
            n_answered: self.n_answered(),
            p50_ms: self.percentile(50).map(ms),
            p95_ms: self.percentile(95).map(ms),
            n_wins: self.n_wins,
            health: self.health(now),
        }
    }
}

// === impl League ===

impl League {
    pub fn new(instances: Vec<Instance>) -> League {
        League(instances)
    }

    /// Whether the instance may be asked at `now`; if so it counts as asked.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&mut self, at: usize, now: Duration) -> Result<(), Hindrance> {
        let Some(instance) = self.0.get_mut(at) else { return Err(Hindrance::Busy) };
        if instance.waits_until > now {
            return Err(Hindrance::AskedToWait { for_s: seconds(instance.waits_until - now) });
        }
        if let Some(bucket) = &mut instance.bucket {
            bucket.take(now).map_err(|_| Hindrance::Busy)?;
        }
        instance.breaker.admit(now).map_err(|wait| Hindrance::Failing { for_s: seconds(wait) })
    }

    /// What came of a question, and after how long. True when the breaker opened or closed by it.
    pub fn came(
        &mut self,
        at: usize,
        fault: Option<&Fault>,
        took: Duration,
        now: Duration,
    ) -> Option<Status> {
        let instance = self.0.get_mut(at)?;
        let before = instance.breaker.status();
        let class = fault.map(|fault| fault.class);
        let outcome = match class {
            // that it has nothing, or refuses, is an answer
            None | Some(Class::Refused) => Outcome::Answered,
            // it lives, and says when it wants to be asked again
            Some(Class::FloodWait(wait)) => {
                instance.waits_until = now + wait.min(WAIT_MAX);
                Outcome::Answered
            }
            Some(Class::Transient | Class::Fatal) => Outcome::Failed,
        };
        let is_well = outcome == Outcome::Answered && !matches!(class, Some(Class::FloodWait(_)));
        instance.note(is_well.then_some(took));
        instance.failing = if is_well { (0, now) } else { (instance.failing.0 + 1, now) };
        instance.breaker.came(outcome, now);
        let after = instance.breaker.status();
        let is_news = std::mem::discriminant(&before) != std::mem::discriminant(&after);
        is_news.then_some(after)
    }

    pub fn won(&mut self, at: usize) {
        if let Some(instance) = self.0.get_mut(at) {
            instance.n_wins += 1;
        }
    }

    /// What is usual for it; `None` while too few answers are known.
    pub fn p95(&self, at: usize) -> Option<Duration> {
        let instance = self.0.get(at)?;
        (instance.n_answered() >= USUAL_MIN).then(|| instance.percentile(95)).flatten()
    }

    /// Whether it failed lately, so that others are asked before it.
    pub fn standing(&self, at: usize, now: Duration) -> Standing {
        let Some(instance) = self.0.get(at) else { return Standing::Unwell };
        let (n_failures, last) = instance.failing;
        let is_left_alone = matches!(instance.health(now), Health::LeftAlone { .. });
        match n_failures {
            ..UNWELL_FAILURES => Standing::Well,
            _ if is_left_alone || now < last + UNWELL => Standing::Unwell,
            _ => Standing::OnTrial,
        }
    }

    pub fn table(&self, now: Duration) -> Vec<Line> {
        self.0.iter().map(|instance| instance.line(now)).collect()
    }

    pub fn get(&self, at: usize) -> Option<&Instance> {
        self.0.get(at)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whole seconds, and never none of them for something that is left.
fn seconds(left: Duration) -> u64 {
    left.as_millis().div_ceil(1_000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    fn league() -> League {
        let limited = Bucket::new(1, SECOND);
        League::new(vec![
            Instance::new("piped", "one.example", None),
            Instance::new("piped", "two.example", Some(limited)),
        ])
    }

    fn down() -> Fault {
        Fault::transient(Reason::Unreachable, "refused")
    }

    #[test]
    fn usual_times_are_known_after_some_answers_and_follow_the_last_hundred() {
        let mut league = league();
        for ms in [10, 20, 30, 40] {
            league.came(0, None, ms * MS, SECOND);
        }
        assert_eq!(league.p95(0), None, "four answers say nothing");
        league.came(0, None, 50 * MS, SECOND);
        assert_eq!(league.p95(0), Some(50 * MS));
        for ms in 101..=200 {
            league.came(0, None, ms * MS, SECOND);
        }
        let line = &league.table(SECOND)[0];
        assert_eq!((line.p50_ms, line.p95_ms), (Some(150), Some(195)));
        assert_eq!((line.n_asked, line.n_answered), (100, 100));
    }

    #[test]
    fn an_instance_that_fails_is_put_behind_then_left_alone_and_its_sibling_is_not() {
        let mut league = league();
        for n in 1..=5 {
            assert_eq!(league.admit(0, SECOND), Ok(()));
            league.came(0, Some(&down()), MS, SECOND);
            let standing = if n >= 2 { Standing::Unwell } else { Standing::Well };
            assert_eq!(league.standing(0, SECOND), standing);
        }
        assert_eq!(league.admit(0, SECOND), Err(Hindrance::Failing { for_s: 30 }));
        assert_eq!(league.table(11 * SECOND)[0].health, Health::LeftAlone { for_s: 20 });
        assert_eq!(league.admit(1, SECOND), Ok(()));
        // later it is probed, and an answer makes it well again
        assert_eq!(league.admit(0, 31 * SECOND), Ok(()));
        assert!(matches!(league.came(0, None, MS, 31 * SECOND), Some(Status::Closed)));
        assert_eq!(league.standing(0, 31 * SECOND), Standing::Well);
        assert_eq!(league.table(31 * SECOND)[0].health, Health::Good);
    }

    #[test]
    fn an_instance_that_was_unwell_is_on_trial_until_it_answers() {
        let mut league = league();
        for _ in 0..2 {
            league.came(0, Some(&down()), MS, SECOND);
        }
        assert_eq!(league.standing(0, 60 * SECOND), Standing::Unwell);
        assert_eq!(league.standing(0, 61 * SECOND), Standing::OnTrial);
        league.came(0, Some(&down()), MS, 61 * SECOND);
        assert_eq!(league.standing(0, 62 * SECOND), Standing::Unwell, "the trial went wrong");
        league.came(0, None, MS, 121 * SECOND);
        assert_eq!(league.standing(0, 121 * SECOND), Standing::Well);
        // nobody is tried who may not be asked
        for (n, at) in [(5, 200), (1, 230), (1, 290)] {
            for _ in 0..n {
                assert_eq!(league.admit(0, at * SECOND), Ok(()));
                league.came(0, Some(&down()), MS, at * SECOND);
            }
        }
        assert_eq!(league.standing(0, 409 * SECOND), Standing::Unwell, "left alone until 410");
        assert_eq!(league.standing(0, 410 * SECOND), Standing::OnTrial);
    }

    #[test]
    fn an_instance_that_asks_to_wait_is_left_alone_that_long_and_not_called_broken() {
        let mut league = league();
        let wait = Fault::flood_wait(20 * SECOND, "429");
        assert_eq!(league.came(0, Some(&wait), MS, SECOND), None);
        assert_eq!(league.admit(0, 2 * SECOND), Err(Hindrance::AskedToWait { for_s: 19 }));
        assert_eq!(league.table(2 * SECOND)[0].health, Health::LeftAlone { for_s: 19 });
        assert_eq!(league.admit(0, 21 * SECOND), Ok(()));
        // what nobody would wait for is looked after within the hour
        league.came(0, Some(&Fault::flood_wait(86_400 * SECOND, "429")), MS, 21 * SECOND);
        assert_eq!(league.admit(0, 3_621 * SECOND), Ok(()));
    }

    #[test]
    fn a_limit_is_kept_and_a_refusal_is_an_answer() {
        let mut league = league();
        assert_eq!(league.admit(1, SECOND), Ok(()));
        assert_eq!(league.admit(1, SECOND), Err(Hindrance::Busy));
        assert_eq!(league.admit(1, 2 * SECOND), Ok(()));
        let refused = Fault::refused(Reason::NotFound, "no such song");
        for _ in 0..10 {
            league.came(1, Some(&refused), MS, 2 * SECOND);
        }
        assert_eq!(league.table(2 * SECOND)[1].health, Health::Good);
        league.won(1);
        assert_eq!(league.table(2 * SECOND)[1].n_wins, 1);
    }
}
