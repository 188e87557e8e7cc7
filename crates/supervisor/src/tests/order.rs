//! Starts in order, stops in reverse, deadlines, and no orphan.

use std::sync::{Arc, atomic::AtomicU32};

use tokio::time::Instant;

use super::lab::{Habits, Lab, Word, find, group, kill, secs, settle, start, tell};
use crate::{ChildSpec, Ending, EventKind, Exit, Shutdown, Strategy};

fn hung() -> Habits {
    Habits { hangs_at_stop: true, ..Habits::default() }
}

#[tokio::test(start_paused = true)]
async fn a_hung_child_is_killed_at_its_deadline_and_its_elders_stop_after_it() {
    let lab = Lab::default();
    let spec = group(Strategy::OneForOne)
        .child(lab.child("a"))
        .child(lab.child_with("b", hung()).deadline(secs(10)))
        .child(lab.child("c"));
    let root = start(spec).await;
    lab.take_trace();
    let asked = Instant::now();
    assert_eq!(root.shutdown().await, Exit::Normal);
    assert_eq!(asked.elapsed().as_secs(), 10);
    assert_eq!(lab.take_trace(), ["stop c", "killed b", "stop a"]);
}

#[tokio::test(start_paused = true)]
async fn a_child_without_a_deadline_is_waited_for_and_a_brutal_one_is_not_asked() {
    let lab = Lab::default();
    let slow = Habits { stop_takes: secs(3600), ..Habits::default() };
    let spec = group(Strategy::OneForOne)
        .child(lab.child_with("slow", slow).shutdown(Shutdown::Infinity))
        .child(lab.child("brutal").shutdown(Shutdown::BrutalKill));
    let root = start(spec).await;
    lab.take_trace();
    let asked = Instant::now();
    root.shutdown().await;
    assert_eq!(asked.elapsed().as_secs(), 3600);
    assert_eq!(lab.take_trace(), ["killed brutal", "stop slow"]);
}

#[tokio::test(start_paused = true)]
async fn a_draining_child_finishes_its_mailbox_and_a_stopping_one_does_not() {
    let lab = Lab::default();
    let spec = group(Strategy::OneForOne)
        .child(lab.child("drain"))
        .child(lab.child("stop").ending(Ending::Stop));
    let root = start(spec).await;
    lab.take_trace();
    for (path, work) in [("drain", 2), ("stop", 1)] {
        let handle = find(&root, path);
        handle.send(Word::Work(secs(work))).unwrap();
        handle.send(Word::Said("said")).unwrap();
    }
    settle().await;
    root.shutdown().await;
    assert_eq!(lab.take_trace(), ["stop stop", "said", "stop drain"]);
    let lost = root.snapshot().find("root/stop").unwrap().mailbox.lost;
    assert_eq!(lost, 1, "what was skipped is counted");
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_holds_up_its_juniors_but_not_the_supervisor() {
    let lab = Lab::default();
    let slow = Habits { start_takes: secs(30), ..Habits::default() };
    let spec = group(Strategy::OneForOne)
        .child(lab.child("a"))
        .child(lab.child_with("slow", slow))
        .child(lab.child("c"));
    let root = crate::start_root(spec, crate::Options::default());
    tokio::time::sleep(secs(1)).await;
    assert_eq!(lab.take_trace(), ["start a"]);
    tell(&root, "a", Word::Crash).await;
    assert_eq!(lab.take_trace(), ["crash a", "start a"], "while the slow one still starts");
    assert!(root.booted().await);
    settle().await;
    assert_eq!(lab.take_trace(), ["start slow", "start c"]);
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_is_told_to_end_while_it_starts_leaves_nothing() {
    let lab = Lab::default();
    let slow = Habits { start_takes: secs(30), ..Habits::default() };
    let spec = group(Strategy::OneForOne)
        .child(lab.child("a"))
        .child(lab.child_with("slow", slow).deadline(secs(5)))
        .child(lab.child("never"));
    let root = crate::start_root(spec, crate::Options::default());
    tokio::time::sleep(secs(1)).await;
    let asked = Instant::now();
    assert_eq!(root.shutdown().await, Exit::Normal);
    assert_eq!(asked.elapsed().as_secs(), 5);
    assert_eq!(lab.take_trace(), ["start a", "unborn slow", "stop a"]);
    assert!(lab.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_counts_and_is_tried_again_without_holding_up_the_others() {
    let lab = Lab::default();
    let habits = Habits {
        start_fails: Arc::new(AtomicU32::new(2)),
        start_panics: Arc::new(AtomicU32::new(1)),
        ..Habits::default()
    };
    let slowly = crate::Backoff { initial: secs(5), max: secs(5), ..crate::Backoff::NONE };
    let spec = group(Strategy::OneForOne)
        .child(lab.child_with("a", habits).backoff(slowly))
        .child(lab.child("b"));
    let root = start(spec).await;
    assert_eq!(lab.take_trace(), ["unborn a", "start b"]);
    assert_eq!(root.snapshot().find("root/a").unwrap().failures, 1);
    tokio::time::sleep(secs(30)).await;
    assert_eq!(lab.take_trace(), ["unborn a", "unborn a", "start a"]);
    let a = root.snapshot().find("root/a").cloned().unwrap();
    assert_eq!((a.incarnation, a.restarts, a.failures), (4, 3, 3));
    assert!(a.last_error.unwrap().text.contains("cannot start"));
}

#[tokio::test(start_paused = true)]
async fn a_start_closure_that_panics_is_a_failed_start() {
    let lab = Lab::default();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let spec = ChildSpec::worker("a", move |_: crate::Context<()>| -> (Quiet, ()) {
        assert!(counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0, "not today");
        (Quiet, ())
    });
    let root = start(group(Strategy::OneForOne).child(spec.backoff(crate::Backoff::NONE))).await;
    let a = root.snapshot().find("root/a").cloned().unwrap();
    assert_eq!(a.incarnation, 2);
    assert!(a.last_error.unwrap().text.contains("not today"));
    assert!(lab.take_trace().is_empty());
}

struct Quiet;

impl ractor::Actor for Quiet {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(
        &self,
        _: ractor::ActorRef<()>,
        (): (),
    ) -> Result<(), ractor::ActorProcessingErr> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_supervisor_leaves_no_orphan_and_its_successor_waits_for_the_last() {
    let lab = Lab::default();
    let inner = group(Strategy::OneForOne)
        .child(lab.child("plain"))
        .child(lab.child_with("ending", hung()).shutdown(Shutdown::Infinity));
    let inner = ChildSpec::supervisor("s", inner).backoff(crate::Backoff::NONE);
    let root = start(group(Strategy::OneForOne).child(inner)).await;
    // ractor does not kill what is already ending: without our own walk this one would stay
    tell(&root, "s/ending", Word::Quit).await;
    lab.take_trace();
    kill(&root, "s");
    settle().await;
    let trace = lab.take_trace();
    assert_eq!(trace[2..], ["start s/plain", "start s/ending"]);
    assert!(trace[..2].contains(&"killed s/plain".to_owned()));
    assert!(trace[..2].contains(&"killed s/ending".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_root_takes_its_tree_with_it() {
    let lab = Lab::default();
    let inner = ChildSpec::supervisor("s", group(Strategy::OneForOne).child(lab.child("x")));
    let root = start(group(Strategy::OneForOne).child(inner)).await;
    assert_eq!(lab.alive(), ["root/s/x"]);
    drop(root);
    settle().await;
    assert!(lab.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_grace_that_runs_out_kills_what_is_left() {
    let lab = Lab::default();
    let spec = lab.child_with("a", hung()).shutdown(Shutdown::Infinity);
    let root = start(group(Strategy::OneForOne).child(spec)).await;
    let asked = Instant::now();
    root.shutdown_within(secs(20)).await;
    assert_eq!(asked.elapsed().as_secs(), 20);
    assert!(lab.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn exits_before_the_start_was_reported_are_not_lost() {
    let lab = Lab::default();
    let always = Habits { fails_always: Some(crate::Failure::transient("x")), ..Habits::default() };
    let slowly = crate::Backoff { initial: secs(1), max: secs(1), ..crate::Backoff::NONE };
    let spec = lab.child_with("a", always).backoff(slowly);
    let root = start(group(Strategy::OneForOne).child(spec)).await;
    let mut events = root.events();
    tokio::time::sleep(secs(3)).await;
    assert_eq!(lab.take_trace().iter().filter(|line| *line == "start a").count(), 4);
    let mut exits = 0;
    while let Some(event) = events.try_next() {
        exits += u32::from(matches!(event.kind, EventKind::Exited { .. }));
    }
    assert_eq!(exits, 3);
}

/// ractor reports an end before the state of a crashed actor is dropped; on real threads a
/// successor could then meet what its predecessor still owns.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_real_threads_no_life_overlaps_the_next() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    for life in 1..200_u64 {
        let alive = loop {
            match find(&root, "a").ask(Word::Ping, secs(30)).await {
                Ok(incarnation) if incarnation == life => break true,
                Ok(incarnation) => assert!(incarnation < life, "{incarnation} after {life}"),
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert!(alive);
        match life % 3 {
            0 => kill(&root, "a"),
            1 => find(&root, "a").send(Word::Crash).unwrap(),
            _ => find(&root, "a").send(Word::Panic).unwrap(),
        }
    }
    root.shutdown().await;
    let trace = lab.take_trace();
    assert!(trace.iter().all(|line| !line.starts_with("TWO")), "{trace:?}");
    assert!(lab.alive().is_empty());
}
