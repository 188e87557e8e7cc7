//! How long failed children wait, and when they are forgiven.

use tokio::time::Instant;

use super::lab::{Habits, Lab, Word, group, next_event, secs, settle, start, tell};
use crate::{
    Backoff, ChildSpec, EventKind, Failure, Options, RestartBudget, Root, State, Strategy,
    start_root,
};

const STEADY: Backoff = Backoff { jitter: 0.0, ..Backoff::STANDARD };

fn failing(lab: &Lab, backoff: Backoff) -> ChildSpec {
    let habits = Habits { fails_always: Some(Failure::transient("x")), ..Habits::default() };
    lab.child_with("a", habits).backoff(backoff)
}

/// Seconds between the starts of a child that always fails.
async fn gaps(backoff: Backoff, n: usize) -> Vec<u64> {
    let lab = Lab::default();
    let root =
        start_root(group(Strategy::OneForOne).child(failing(&lab, backoff)), Options::default());
    let mut events = root.events();
    let mut gaps = Vec::new();
    let mut before = None;
    while gaps.len() < n {
        let is_start = |kind: &_| matches!(kind, EventKind::Started | EventKind::Restarted);
        while next_event(&mut events, is_start).await.path != "root/a" {}
        let now = Instant::now();
        gaps.extend(before.replace(now).map(|before| (now - before).as_secs()));
    }
    gaps
}

#[tokio::test(start_paused = true)]
async fn a_child_that_always_fails_is_tried_less_and_less_often() {
    assert_eq!(gaps(STEADY, 9).await, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
}

#[tokio::test(start_paused = true)]
async fn with_a_first_immediate_restart_the_waiting_begins_at_the_second() {
    let backoff = Backoff { first_immediate: true, ..STEADY };
    assert_eq!(gaps(backoff, 5).await, [0, 5, 10, 20, 40]);
}

#[tokio::test(start_paused = true)]
async fn jitter_spreads_the_real_delays() {
    let gaps = gaps(Backoff { max: secs(5), ..Backoff::STANDARD }, 40).await;
    assert!(gaps.iter().all(|gap| (4..=6).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap != gaps[0]), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn the_fifth_failure_in_a_row_is_critical_and_it_is_still_tried() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(failing(&lab, STEADY))).await;
    let mut events = root.events();
    let critical = next_event(&mut events, |kind| matches!(kind, EventKind::Critical { .. })).await;
    assert_eq!(critical.kind, EventKind::Critical { failures: 5 });
    assert_eq!(critical.incarnation, 5);
    next_event(&mut events, |kind| *kind == EventKind::Restarted).await;
}

async fn failures(root: &Root) -> u32 {
    settle().await;
    root.snapshot().find("root/a").unwrap().failures
}

#[tokio::test(start_paused = true)]
async fn only_a_long_time_of_health_forgives() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a").backoff(STEADY))).await;
    for (health, failures_then) in [(0, 1), (599, 2), (601, 1), (30, 2)] {
        tell(&root, "a", Word::Ready).await;
        tokio::time::sleep(secs(health)).await;
        tell(&root, "a", Word::Crash).await;
        assert_eq!(failures(&root).await, failures_then, "after {health} healthy seconds");
        tokio::time::sleep(secs(400)).await;
    }
    // not ready, or not without a break: no health
    tokio::time::sleep(secs(5_000)).await;
    tell(&root, "a", Word::Crash).await;
    assert_eq!(failures(&root).await, 3);
    tokio::time::sleep(secs(400)).await;
    tell(&root, "a", Word::Ready).await;
    tokio::time::sleep(secs(500)).await;
    tell(&root, "a", Word::Degraded("half of it")).await;
    tell(&root, "a", Word::Ready).await;
    tokio::time::sleep(secs(500)).await;
    assert_eq!(failures(&root).await, 3);
    tokio::time::sleep(secs(101)).await;
    assert_eq!(failures(&root).await, 0, "forgiven already while it lives");
    tell(&root, "a", Word::Crash).await;
    assert_eq!(failures(&root).await, 1);
}

#[tokio::test(start_paused = true)]
async fn time_in_backoff_is_not_health() {
    let lab = Lab::default();
    let backoff = Backoff { reset_after: secs(60), ..STEADY };
    let root = start(group(Strategy::OneForOne).child(failing(&lab, backoff))).await;
    tokio::time::sleep(secs(3_000)).await;
    assert!(failures(&root).await > 10);
}

#[tokio::test(start_paused = true)]
async fn an_ordered_wait_is_kept_and_a_second_more() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    lab.take_trace();
    tell(&root, "a", Word::Fail(Failure::wait(secs(42), "flood"))).await;
    let a = root.snapshot().find("root/a").cloned().unwrap();
    assert_eq!(a.state, State::Backoff);
    assert!(a.next_retry_in_ms.is_some_and(|ms| (42_900..=43_000).contains(&ms)));
    tokio::time::sleep(secs(42)).await;
    assert_eq!(lab.take_trace(), ["crash a"]);
    tokio::time::sleep(secs(2)).await;
    assert_eq!(lab.take_trace(), ["start a"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_waits_for_the_one_that_failed() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let lab = Lab::default();
        let spec = group(strategy).child(lab.child("a").backoff(STEADY)).child(lab.child("b"));
        let root = start(spec).await;
        lab.take_trace();
        tell(&root, "a", Word::Crash).await;
        assert_eq!(lab.take_trace(), ["crash a", "stop b"]);
        tokio::time::sleep(secs(4)).await;
        assert!(lab.take_trace().is_empty());
        tokio::time::sleep(secs(2)).await;
        assert_eq!(lab.take_trace(), ["start a", "start b"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tree_ends_at_once_while_children_wait_out_their_backoff() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(failing(&lab, STEADY))).await;
    tokio::time::sleep(secs(100)).await;
    lab.take_trace();
    let asked = Instant::now();
    root.shutdown().await;
    assert!(asked.elapsed() < secs(1));
    tokio::time::sleep(secs(1_000)).await;
    assert!(lab.take_trace().is_empty(), "no timer brings it back");
}

#[tokio::test(start_paused = true)]
async fn restarts_of_the_whole_tree_share_one_budget() {
    let lab = Lab::default();
    let ids = ["a", "b", "c", "d", "e", "f"];
    let spec = |ids: &[&str]| {
        group(Strategy::OneForOne).children(ids.iter().map(|id| lab.child(id)).collect::<Vec<_>>())
    };
    let spec = group(Strategy::OneForOne)
        .child(ChildSpec::supervisor("s", spec(&ids[..3])))
        .child(ChildSpec::supervisor("t", spec(&ids[3..])));
    let budget = RestartBudget { burst: 2, per_second: 1.0 };
    let root = start_root(spec, Options { restart_budget: budget, ..Options::default() });
    root.booted().await;
    assert_eq!(lab.alive().len(), 6, "first starts are free");
    for path in ["s/a", "s/b", "s/c", "t/d", "t/e", "t/f"] {
        super::lab::find(&root, path).send(Word::Crash).unwrap();
    }
    settle().await;
    let mut alive = vec![lab.alive().len()];
    for _ in 0..4 {
        tokio::time::sleep(secs(1)).await;
        alive.push(lab.alive().len());
    }
    assert_eq!(alive, [2, 3, 4, 5, 6]);
}
