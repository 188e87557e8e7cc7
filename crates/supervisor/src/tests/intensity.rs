//! Too many restarts: a supervisor gives up to its parent, and the parent decides.

use super::lab::{Lab, PATIENT, Word, group, next_event, secs, settle, start, tell};
use crate::{Backoff, ChildSpec, EventKind, Exit, Intensity, Strategy, SupervisorSpec};

fn three_in_five(lab: &Lab) -> SupervisorSpec {
    SupervisorSpec::new(Strategy::OneForOne, Intensity::new(3, secs(5)))
        .children(["a", "b", "c"].map(|id| lab.child(id)))
}

#[tokio::test(start_paused = true)]
async fn three_restarts_are_borne_and_the_fourth_ends_the_supervisor() {
    let lab = Lab::default();
    let root = start(three_in_five(&lab)).await;
    for _ in 0..3 {
        tell(&root, "b", Word::Crash).await;
    }
    lab.take_trace();
    tell(&root, "b", Word::Crash).await;
    assert_eq!(root.wait().await, Exit::GaveUp);
    assert_eq!(lab.take_trace(), ["crash b", "stop c", "stop a"]);
    assert!(lab.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn restarts_that_are_long_ago_do_not_count() {
    let lab = Lab::default();
    let root = start(three_in_five(&lab)).await;
    for _ in 0..20 {
        tell(&root, "b", Word::Crash).await;
        tokio::time::sleep(secs(2)).await;
    }
    assert_eq!(lab.alive(), ["root/a", "root/b", "root/c"]);
}

#[tokio::test(start_paused = true)]
async fn the_parent_restarts_a_permanent_supervisor_that_gave_up() {
    let lab = Lab::default();
    let child = ChildSpec::supervisor("s", three_in_five(&lab)).backoff(Backoff::NONE);
    let root = start(SupervisorSpec::new(Strategy::OneForOne, PATIENT).child(child)).await;
    let mut events = root.events();
    for _ in 0..4 {
        tell(&root, "s/b", Word::Crash).await;
    }
    let gave_up = next_event(&mut events, |kind| *kind == EventKind::GaveUp).await;
    assert_eq!(gave_up.path, "root/s");
    let exited = next_event(&mut events, |k| *k == EventKind::Exited { exit: Exit::GaveUp }).await;
    assert_eq!(exited.path, "root/s");
    settle().await;
    let trace = lab.take_trace();
    let end = ["crash s/b", "stop s/c", "stop s/a", "start s/a", "start s/b", "start s/c"];
    assert_eq!(trace[trace.len() - 6..], end);
    let snapshot = root.snapshot();
    assert_eq!(snapshot.find("root/s").unwrap().incarnation, 2);
    assert_eq!(snapshot.find("root/s/b").unwrap().incarnation, 5, "lives are counted on");
    // the new supervisor has its whole patience again
    tell(&root, "s/b", Word::Crash).await;
    assert_eq!(root.snapshot().find("root/s").unwrap().incarnation, 2);
}

#[tokio::test(start_paused = true)]
async fn a_temporary_or_transient_supervisor_that_gave_up_stays_away() {
    for rule in [ChildSpec::temporary as fn(_) -> _, ChildSpec::transient] {
        gave_up_for_good(rule).await;
    }
}

async fn gave_up_for_good(rule: fn(ChildSpec) -> ChildSpec) {
    let lab = Lab::default();
    let child = rule(ChildSpec::supervisor("s", three_in_five(&lab)));
    let root = start(group(Strategy::OneForOne).child(child)).await;
    for _ in 0..4 {
        tell(&root, "s/b", Word::Crash).await;
    }
    tokio::time::sleep(secs(3600)).await;
    assert!(lab.alive().is_empty());
    assert!(root.tree().find::<Word>("root/s/b").is_some_and(|handle| !handle.is_open()));
}

#[tokio::test(start_paused = true)]
async fn giving_up_climbs_to_the_root() {
    let lab = Lab::default();
    let once = Intensity::new(1, secs(60));
    let inner = SupervisorSpec::new(Strategy::OneForOne, once).child(lab.child("x"));
    let inner = ChildSpec::supervisor("s", inner).backoff(Backoff::NONE);
    let spec = SupervisorSpec::new(Strategy::OneForOne, once).child(lab.child("a")).child(inner);
    let root = start(spec).await;
    for _ in 0..4 {
        tell(&root, "s/x", Word::Crash).await;
    }
    assert_eq!(root.wait().await, Exit::GaveUp);
    assert!(lab.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn ends_of_temporary_and_finished_children_are_no_restarts() {
    let lab = Lab::default();
    let spec = SupervisorSpec::new(Strategy::OneForOne, Intensity::new(0, secs(5)))
        .child(lab.child("a").temporary())
        .child(lab.child("b").transient())
        .child(lab.child("c"));
    let root = start(spec).await;
    tell(&root, "a", Word::Crash).await;
    tell(&root, "b", Word::Quit).await;
    assert_eq!(lab.alive(), ["root/c"]);
}
