//! Nobody outlives their supervisor, whatever dies when.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::lab::{Habits, Lab, Word, find, group, kill, next_event, secs, settle, start, tell};
use crate::{Backoff, ChildSpec, EventKind, Root, Shutdown, Strategy};

/// What the child is doing when its supervisor dies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Doing {
    Nothing,
    /// Asked to end, with much in its mailbox.
    Draining,
    /// In a `post_stop` that never returns.
    HangingAtTheEnd,
    /// In a handler that never returns.
    HangingInWork,
    /// In a `pre_start` that takes long.
    Starting,
}

const ALL: [Doing; 5] = [
    Doing::Nothing,
    Doing::Draining,
    Doing::HangingAtTheEnd,
    Doing::HangingInWork,
    Doing::Starting,
];

/// A child whose restart blows up in the hands of its supervisor.
fn bomb(lab: &Lab) -> ChildSpec {
    let mut spec = lab.child("bomb");
    let (start, before) = (spec.start.clone(), Mutex::new(None));
    spec.start = Arc::new(move |launch| {
        let parent = launch.parent.as_ref().map(ractor::ActorCell::get_id);
        let is_restart = before.lock().unwrap().replace(parent) == Some(parent);
        assert!(!is_restart, "a bug in the supervisor itself");
        start(launch)
    });
    spec
}

/// `root/s` over `x`, which does what it is said, `y` and the bomb.
async fn scene(lab: &Lab, doing: Doing) -> Root {
    let habits = Habits {
        hangs_at_stop: doing == Doing::HangingAtTheEnd,
        start_takes: if doing == Doing::Starting { secs(50) } else { Duration::ZERO },
        ..Habits::default()
    };
    let spec = group(Strategy::OneForOne)
        .child(lab.child_with("x", habits).shutdown(Shutdown::Infinity))
        .child(lab.child("y"))
        .child(bomb(lab));
    let s = ChildSpec::supervisor("s", spec).backoff(Backoff::NONE);
    let root = start(group(Strategy::OneForOne).child(s)).await;
    let x = find(&root, "s/x");
    match doing {
        Doing::Nothing => {}
        Doing::Draining => {
            for _ in 0..5 {
                x.send(Word::Work(secs(100))).unwrap();
            }
            let x = root.tree().node("root/s/x").unwrap().live.borrow().clone().unwrap();
            x.drain().unwrap();
        }
        Doing::HangingAtTheEnd => x.send(Word::Quit).unwrap(),
        Doing::HangingInWork => x.send(Word::Hang).unwrap(),
        Doing::Starting => x.send(Word::Crash).unwrap(),
    }
    settle().await;
    root
}

fn is_twin(line: &str) -> bool {
    line.starts_with("TWO")
}

async fn all_is_well(root: &Root, lab: &Lab, case: &str) {
    tokio::time::sleep(secs(60)).await;
    let trace = lab.take_trace();
    assert!(!trace.iter().any(|line| is_twin(line)), "{case}: {trace:?}");
    let (_, starts) = trace.split_at(trace.iter().rposition(|line| line == "start s/x").unwrap());
    assert_eq!(starts, ["start s/x", "start s/y", "start s/bomb"], "{case}");
    assert_eq!(lab.alive(), ["root/s/bomb", "root/s/x", "root/s/y"], "{case}");
    assert_eq!(root.snapshot().find("root/s").unwrap().incarnation, 2, "{case}");
    root.shutdown_within(secs(5)).await;
    assert!(lab.alive().is_empty(), "{case}: {:?}", lab.alive());
}

#[tokio::test(start_paused = true)]
async fn a_killed_supervisor_takes_its_children_along_whatever_they_are_doing() {
    for doing in ALL {
        let lab = Lab::default();
        let root = scene(&lab, doing).await;
        kill(&root, "s");
        all_is_well(&root, &lab, &format!("killed, {doing:?}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_panics_takes_its_children_along_whatever_they_are_doing() {
    for doing in ALL {
        let lab = Lab::default();
        let root = scene(&lab, doing).await;
        tell(&root, "s/bomb", Word::Crash).await;
        all_is_well(&root, &lab, &format!("panicked, {doing:?}")).await;
        let error = root.snapshot().find("root/s").unwrap().last_error.clone().unwrap();
        assert!(error.text.contains("a bug in the supervisor itself"), "{}", error.text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_root_that_is_killed_at_any_moment_leaves_nobody() {
    for millis in (0..3_000).step_by(150) {
        let lab = Lab::default();
        let slow = Habits { start_takes: secs(1), stop_takes: secs(1), ..Habits::default() };
        let inner = group(Strategy::OneForAll)
            .child(lab.child_with("x", slow.clone()))
            .child(lab.child_with("y", slow));
        let spec = group(Strategy::RestForOne)
            .child(lab.child("a"))
            .child(ChildSpec::supervisor("s", inner));
        let root = crate::start_root(spec, crate::Options::default());
        tokio::time::sleep(Duration::from_millis(millis / 2)).await;
        if let Some(a) = root.tree().find::<Word>("root/a") {
            a.send(Word::Crash).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(millis / 2)).await;
        root.kill();
        root.wait().await;
        assert!(lab.alive().is_empty(), "after {millis} ms: {:?}", lab.alive());
        tokio::time::sleep(secs(100)).await;
        assert!(lab.alive().is_empty(), "after {millis} ms somebody came back");
    }
}

/// No kill reaches code that blocks: its successor waits, and so does that of its supervisor.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_child_hung_in_blocking_code_is_waited_for_when_its_supervisor_dies() {
    let lab = Lab::default();
    let inner = group(Strategy::OneForOne).child(lab.child("x")).child(lab.child("y"));
    let s = ChildSpec::supervisor("s", inner).backoff(Backoff::NONE);
    let root = start(group(Strategy::OneForOne).child(s)).await;
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (entered, has_entered) = tokio::sync::oneshot::channel();
    let block = move |_: &crate::Context<Word>| {
        entered.send(()).unwrap();
        released.recv().unwrap();
    };
    find(&root, "s/x").send(Word::Do(Box::new(block))).unwrap();
    has_entered.await.unwrap();
    lab.take_trace();
    let mut events = root.events();
    kill(&root, "s");
    while lab.alive() != ["root/s/x"] {
        tokio::task::yield_now().await;
    }
    assert!(root.ping(secs(30)).await.is_ok(), "the rest of the tree goes on");
    assert_eq!(lab.take_trace(), ["killed s/y"], "no successor beside the blocked one");
    release.send(()).unwrap();
    next_event(&mut events, |kind| *kind == EventKind::Restarted).await;
    while find(&root, "s/y").ask(Word::Ping, secs(30)).await != Ok(2) {
        tokio::task::yield_now().await;
    }
    let trace = lab.take_trace();
    assert_eq!(trace, ["killed s/x", "start s/x", "start s/y"]);
    root.shutdown().await;
    assert!(lab.alive().is_empty());
}

/// The clock cannot be paused beside a blocked thread, so this one lets real time pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_left_of_a_dead_supervisor_and_does_not_die_is_told_of() {
    let lab = Lab::default();
    let s = ChildSpec::supervisor("s", group(Strategy::OneForOne).child(lab.child("x")));
    let root = start(group(Strategy::OneForOne).child(s)).await;
    let mut events = root.events();
    find(&root, "s/x").send(Word::Block(secs(11))).unwrap();
    while root.snapshot().find("root/s/x").unwrap().mailbox.busy_for_ms.is_none() {
        tokio::task::yield_now().await;
    }
    kill(&root, "s");
    let stuck = next_event(&mut events, |kind| *kind == EventKind::Stuck).await;
    assert_eq!(stuck.path, "root/s/x");
    root.kill();
    root.wait().await;
    assert!(lab.alive().is_empty());
}
