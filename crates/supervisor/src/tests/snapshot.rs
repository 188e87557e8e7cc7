//! The tree as plain data.

use super::lab::{Lab, Word, find, group, secs, settle, start, tell};
use crate::{Backoff, ChildSpec, Failure, Kind, Snapshot, State, Strategy};

#[tokio::test(start_paused = true)]
async fn a_snapshot_lists_the_tree_in_start_order_and_survives_json() {
    let lab = Lab::default();
    let inner = group(Strategy::OneForOne).child(lab.child("z")).child(lab.child("y"));
    let spec = group(Strategy::OneForOne)
        .child(lab.child("b"))
        .child(ChildSpec::supervisor("s", inner))
        .child(lab.child("a"));
    let root = start(spec).await;
    let snapshot = root.snapshot();
    let paths: Vec<&str> = snapshot.children.iter().map(|child| child.path.as_str()).collect();
    assert_eq!(paths, ["root", "root/b", "root/s", "root/s/z", "root/s/y", "root/a"]);
    assert_eq!(snapshot.find("root/s").unwrap().kind, Kind::Supervisor);
    assert_eq!(snapshot.find("root/s").unwrap().state, State::Ready);
    let json = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
}

#[tokio::test(start_paused = true)]
async fn a_child_says_how_it_is_and_its_supervisor_says_the_rest() {
    let lab = Lab::default();
    let slowly = Backoff { initial: secs(100), max: secs(100), ..Backoff::NONE };
    let root = start(group(Strategy::OneForOne).child(lab.child("a").backoff(slowly))).await;
    let a = || root.snapshot().find("root/a").cloned().unwrap();
    assert_eq!(a().state, State::Starting);
    tell(&root, "a", Word::Ready).await;
    assert_eq!(a().state, State::Ready);
    tell(&root, "a", Word::Degraded("one of two lines")).await;
    assert_eq!(a().state, State::Degraded("one of two lines".into()));
    tokio::time::sleep(secs(10)).await;
    assert!(a().uptime_ms.is_some_and(|ms| ms >= 10_000));
    tell(&root, "a", Word::Fail(Failure::transient("key 0123456789abcdef0123456789abcdef"))).await;
    tokio::time::sleep(secs(40)).await;
    let child = a();
    assert_eq!(child.state, State::Backoff);
    assert!(child.next_retry_in_ms.is_some_and(|ms| (59_000..=60_000).contains(&ms)));
    assert_eq!((child.uptime_ms, child.failures, child.restarts), (None, 1, 0));
    let error = child.last_error.unwrap();
    assert_eq!(error.text, "key …");
    assert!((40_000..41_000).contains(&error.ago_ms));
    tokio::time::sleep(secs(100)).await;
    assert_eq!((a().state, a().incarnation, a().restarts), (State::Starting, 2, 1));
    find(&root, "a").send(Word::Work(secs(3))).unwrap();
    settle().await;
    let stopping = async {
        tokio::time::sleep(secs(1)).await;
        a().state
    };
    let (_, state) = tokio::join!(root.shutdown(), stopping);
    assert_eq!(state, State::Draining);
    assert_eq!(a().state, State::Ended);
    assert_eq!(root.snapshot().find("root").unwrap().state, State::Ended);
}
