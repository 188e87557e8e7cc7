//! Children that do not depend on each other: one level, started and stopped together.

use std::time::Duration;

use tokio::time::Instant;

use super::lab::{Habits, Lab, Word, group, secs, start, tell};
use crate::{ChildSpec, Strategy};

fn slow(lab: &Lab, id: &str, start: u64, stop: u64) -> ChildSpec {
    let habits = Habits { start_takes: secs(start), stop_takes: secs(stop), ..Habits::default() };
    lab.child_with(id, habits).deadline(secs(30))
}

#[tokio::test(start_paused = true)]
async fn a_level_starts_together_after_its_elders_and_stops_together_before_them() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        let lab = Lab::default();
        let spec = group(strategy)
            .child(slow(&lab, "a", 1, 1))
            .together([slow(&lab, "b", 5, 4), slow(&lab, "c", 4, 5), slow(&lab, "d", 3, 3)])
            .child(slow(&lab, "e", 1, 1));
        let asked = Instant::now();
        let root = start(spec).await;
        assert_eq!(lab.take_trace(), ["start a", "start d", "start c", "start b", "start e"]);
        assert_eq!(asked.elapsed().as_secs(), 1 + 5 + 1);
        let asked = Instant::now();
        root.shutdown().await;
        assert_eq!(lab.take_trace(), ["stop e", "stop d", "stop b", "stop c", "stop a"]);
        assert_eq!(asked.elapsed().as_secs(), 1 + 5 + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn one_deadline_is_enough_for_a_level() {
    let lab = Lab::default();
    let hung = || Habits { hangs_at_stop: true, ..Habits::default() };
    let level = ["a", "b", "c"].map(|id| lab.child_with(id, hung()).deadline(secs(5)));
    let root = start(group(Strategy::OneForOne).together(level)).await;
    let asked = Instant::now();
    root.shutdown().await;
    assert_eq!(asked.elapsed().as_secs(), 5);
    assert!(lab.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn in_rest_for_one_the_siblings_of_a_level_do_not_fall_with_each_other() {
    let lab = Lab::default();
    let spec = group(Strategy::RestForOne)
        .child(lab.child("a"))
        .together([lab.child("b"), lab.child("c")])
        .child(lab.child("d"));
    let root = start(spec).await;
    lab.take_trace();
    tell(&root, "b", Word::Crash).await;
    assert_eq!(lab.take_trace(), ["crash b", "stop d", "start b", "start d"]);
    tell(&root, "a", Word::Crash).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let trace = lab.take_trace();
    assert_eq!(trace[..2], ["crash a", "stop d"]);
    let mut level = trace[2..4].to_vec();
    level.sort();
    assert_eq!(level, ["stop b", "stop c"]);
    assert_eq!(trace[4..], ["start a", "start b", "start c", "start d"]);
}
