//! What the class of a failure does to its child.

use super::lab::{Habits, Lab, Word, group, next_event, secs, settle, start, tell};
use crate::{Class, EventKind, Failure, State, Strategy};

#[tokio::test(start_paused = true)]
async fn a_fatal_failure_parks_the_child_for_good() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a")).child(lab.child("b"))).await;
    let mut events = root.events();
    lab.take_trace();
    tell(&root, "a", Word::Fail(Failure::fatal("session revoked"))).await;
    let parked = next_event(&mut events, |kind| matches!(kind, EventKind::Parked { .. })).await;
    assert_eq!(parked.path, "root/a");
    assert_eq!(parked.kind, EventKind::Parked { text: "session revoked".into() });
    tokio::time::sleep(secs(100_000)).await;
    assert_eq!(lab.take_trace(), ["crash a"]);
    let a = root.snapshot().find("root/a").cloned().unwrap();
    assert_eq!(a.state, State::Parked);
    assert_eq!(a.last_error.unwrap().class, Class::Fatal);
    assert_eq!(lab.alive(), ["root/b"]);
    root.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_parked_child_comes_back_when_a_human_says_so() {
    let lab = Lab::default();
    let root = start(group(Strategy::RestForOne).child(lab.child("a")).child(lab.child("b"))).await;
    tell(&root, "a", Word::Fail(Failure::fatal("no"))).await;
    tokio::time::sleep(secs(1_000)).await;
    assert!(lab.alive().is_empty(), "its juniors do not live without it");
    assert_eq!(root.snapshot().find("root/b").unwrap().state, State::Waiting);
    assert!(root.tree().retry("root/a"));
    settle().await;
    assert_eq!(lab.alive(), ["root/a", "root/b"]);
    assert!(!root.tree().retry("root/nobody/x"));
}

#[tokio::test(start_paused = true)]
async fn the_whole_of_one_for_all_waits_while_one_is_parked() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForAll).child(lab.child("a")).child(lab.child("b"))).await;
    tell(&root, "b", Word::Fail(Failure::fatal("no"))).await;
    tokio::time::sleep(secs(1_000)).await;
    assert!(lab.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_fails_fatally_at_its_first_start_is_parked() {
    let lab = Lab::default();
    let habits = Habits { fails_always: Some(Failure::fatal("bad key")), ..Habits::default() };
    let spec = group(Strategy::OneForOne).child(lab.child_with("a", habits)).child(lab.child("b"));
    let root = start(spec).await;
    assert_eq!(root.snapshot().find("root/a").unwrap().state, State::Parked);
    assert_eq!(lab.alive(), ["root/b"]);
}

#[tokio::test(start_paused = true)]
async fn an_actor_can_fail_itself_through_its_context() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a").transient())).await;
    let fail = |context: &crate::Context<Word>| context.fail(Failure::transient("lost the line"));
    tell(&root, "a", Word::Do(Box::new(fail))).await;
    let a = root.snapshot().find("root/a").cloned().unwrap();
    assert_eq!(a.incarnation, 2, "a failure, though the actor stopped politely");
    assert_eq!(a.last_error.unwrap().text, "lost the line");
}
