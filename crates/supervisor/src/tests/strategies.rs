//! Who falls with whom, and who comes back. The traces are those of Erlang/OTP.

use super::lab::{Lab, Word, group, kill, settle, start, tell};
use crate::{ChildSpec, Exit, Strategy};

fn three(lab: &Lab, strategy: Strategy) -> crate::SupervisorSpec {
    group(strategy).children(["a", "b", "c"].map(|id| lab.child(id)))
}

async fn trace_of_crash(strategy: Strategy) -> (Vec<String>, Vec<String>) {
    let lab = Lab::default();
    let root = start(three(&lab, strategy)).await;
    assert_eq!(lab.take_trace(), ["start a", "start b", "start c"]);
    tell(&root, "b", Word::Crash).await;
    let crash = lab.take_trace();
    assert_eq!(root.shutdown().await, Exit::Normal);
    (crash, lab.take_trace())
}

#[tokio::test(start_paused = true)]
async fn one_for_one_restarts_only_the_one_that_failed() {
    let (crash, end) = trace_of_crash(Strategy::OneForOne).await;
    assert_eq!(crash, ["crash b", "start b"]);
    assert_eq!(end, ["stop c", "stop b", "stop a"]);
}

#[tokio::test(start_paused = true)]
async fn one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() {
    let (crash, end) = trace_of_crash(Strategy::OneForAll).await;
    assert_eq!(crash, ["crash b", "stop c", "stop a", "start a", "start b", "start c"]);
    assert_eq!(end, ["stop c", "stop b", "stop a"]);
}

#[tokio::test(start_paused = true)]
async fn rest_for_one_restarts_the_failed_one_and_its_juniors() {
    let (crash, end) = trace_of_crash(Strategy::RestForOne).await;
    assert_eq!(crash, ["crash b", "stop c", "start b", "start c"]);
    assert_eq!(end, ["stop c", "stop b", "stop a"]);
}

/// What happens to a single child that is told `word`, or killed.
async fn after(rules: impl Fn(ChildSpec) -> ChildSpec, word: Option<Word>) -> Vec<String> {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(rules(lab.child("a")))).await;
    lab.take_trace();
    match word {
        Some(word) => tell(&root, "a", word).await,
        None => {
            kill(&root, "a");
            settle().await;
        }
    }
    lab.take_trace()
}

#[tokio::test(start_paused = true)]
async fn a_permanent_child_comes_back_from_every_end() {
    for (word, ending) in
        [(Some(Word::Crash), "crash a"), (Some(Word::Quit), "stop a"), (None, "killed a")]
    {
        assert_eq!(after(ChildSpec::permanent, word).await, [ending, "start a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_transient_child_comes_back_only_from_an_abnormal_end() {
    assert_eq!(after(ChildSpec::transient, Some(Word::Quit)).await, ["stop a"]);
    assert_eq!(after(ChildSpec::transient, Some(Word::Panic)).await, ["crash a", "start a"]);
    assert_eq!(after(ChildSpec::transient, None).await, ["killed a", "start a"]);
}

#[tokio::test(start_paused = true)]
async fn a_temporary_child_never_comes_back() {
    assert_eq!(after(ChildSpec::temporary, Some(Word::Crash)).await, ["crash a"]);
    assert_eq!(after(ChildSpec::temporary, None).await, ["killed a"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_restart_revives_the_finished_but_not_the_temporary() {
    let lab = Lab::default();
    let spec = group(Strategy::OneForAll).children([
        lab.child("done").transient(),
        lab.child("once").temporary(),
        lab.child("b"),
    ]);
    let root = start(spec).await;
    tell(&root, "done", Word::Quit).await;
    lab.take_trace();
    tell(&root, "b", Word::Crash).await;
    assert_eq!(lab.take_trace(), ["crash b", "stop once", "start done", "start b"]);
    assert_eq!(lab.alive(), ["root/b", "root/done"]);
}

#[tokio::test(start_paused = true)]
async fn supervisors_are_children_and_their_subtrees_start_and_stop_as_one() {
    let lab = Lab::default();
    let inner = group(Strategy::OneForOne).child(lab.child("x")).child(lab.child("y"));
    let spec = group(Strategy::RestForOne)
        .child(lab.child("a"))
        .child(ChildSpec::supervisor("s", inner))
        .child(lab.child("z"));
    let root = start(spec).await;
    assert_eq!(lab.take_trace(), ["start a", "start s/x", "start s/y", "start z"]);
    tell(&root, "a", Word::Crash).await;
    assert_eq!(
        lab.take_trace(),
        [
            "crash a",
            "stop z",
            "stop s/y",
            "stop s/x",
            "start a",
            "start s/x",
            "start s/y",
            "start z"
        ]
    );
    root.shutdown().await;
    assert_eq!(lab.take_trace(), ["stop z", "stop s/y", "stop s/x", "stop a"]);
}
