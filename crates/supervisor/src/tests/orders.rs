//! Orders to a running supervisor, where they are not Erlang's (those are in `otp`).

use std::sync::{Arc, atomic::AtomicU32};

use super::lab::{Habits, Lab, Word, group, secs, settle, start, tell};
use crate::{
    Backoff, ChildSpec, Class, Denied, Failure, Options, State, Strategy, Unanswered, start_root,
};

fn failing_once(lab: &Lab, id: &str) -> ChildSpec {
    let habits = Habits { start_fails: Arc::new(AtomicU32::new(1)), ..Habits::default() };
    lab.child_with(id, habits)
}

#[tokio::test(start_paused = true)]
async fn an_added_child_that_fails_is_retried_except_by_a_strict_supervisor() {
    for is_strict in [false, true] {
        let lab = Lab::default();
        let spec = group(Strategy::OneForOne).child(lab.child("a"));
        let root = start(if is_strict { spec.strict() } else { spec }).await;
        let added = root.tree().start_child("root", failing_once(&lab, "b"), secs(1)).await;
        assert!(matches!(added, Err(Denied::Failed(Failure { class: Class::Transient, .. }))));
        tokio::time::sleep(secs(1)).await;
        assert_eq!(lab.alive().contains(&"root/b".to_owned()), !is_strict);
        assert_eq!(root.snapshot().find("root/b").is_some(), !is_strict);
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_in_backoff_or_parked_can_be_terminated_and_started_again_by_hand() {
    let lab = Lab::default();
    let root =
        start(group(Strategy::OneForOne).child(lab.child("a").backoff(Backoff::STANDARD))).await;
    let state = || root.snapshot().find("root/a").unwrap().state.clone();
    for (failure, then) in
        [(Failure::transient("x"), State::Backoff), (Failure::fatal("x"), State::Parked)]
    {
        tell(&root, "a", Word::Fail(failure)).await;
        assert_eq!(state(), then);
        assert_eq!(root.tree().restart_child("root/a", secs(1)).await, Err(Denied::Restarting));
        assert_eq!(root.tree().terminate_child("root/a", secs(1)).await, Ok(()));
        tokio::time::sleep(secs(1_000)).await;
        assert_eq!(state(), State::Ended);
        assert_eq!(root.tree().restart_child("root/a", secs(1)).await, Ok(()));
        assert_eq!(lab.alive(), ["root/a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_to_nobody_or_without_an_answer_in_time_says_so() {
    let lab = Lab::default();
    let slow = Habits { stop_takes: secs(4), ..Habits::default() };
    let root = start(group(Strategy::OneForOne).child(lab.child_with("a", slow))).await;
    let tree = root.tree();
    for path in ["a", "root/nobody", "nobody/a", "root/a/x"] {
        assert_eq!(tree.terminate_child(path, secs(1)).await, Err(Denied::NotFound), "{path}");
    }
    let late = tree.terminate_child("root/a", secs(1)).await;
    assert_eq!(late, Err(Denied::Unanswered(Unanswered::Timeout)));
    tokio::time::sleep(secs(4)).await;
    assert!(lab.alive().is_empty(), "it is done all the same");
    root.shutdown().await;
    let gone = tree.restart_child("root/a", secs(1)).await;
    assert_eq!(gone, Err(Denied::Unanswered(Unanswered::Down)));
}

#[tokio::test(start_paused = true)]
async fn a_child_terminated_before_its_first_start_does_not_hold_up_its_juniors() {
    let lab = Lab::default();
    let slow = Habits { start_takes: secs(30), ..Habits::default() };
    let spec = group(Strategy::OneForOne)
        .child(lab.child_with("slow", slow))
        .child(lab.child("b"))
        .child(lab.child("c"));
    let root = start_root(spec, Options::default());
    tokio::time::sleep(secs(1)).await;
    assert_eq!(root.tree().terminate_child("root/b", secs(1)).await, Ok(()));
    assert!(tokio::time::timeout(secs(60), root.booted()).await.unwrap());
    settle().await;
    assert_eq!(lab.alive(), ["root/c", "root/slow"]);
}
