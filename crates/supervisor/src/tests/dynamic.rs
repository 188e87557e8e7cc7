//! Children that come and go.

use tokio::time::Instant;

use super::lab::{Habits, Lab, PATIENT, Word, group, kill, secs, settle, start, tell};
use crate::{Backoff, ChildSpec, Dynamic, Intensity, NotStarted, Root, Strategy, SupervisorSpec};

fn chat(lab: &Lab, id: &str) -> ChildSpec {
    let pair = group(Strategy::RestForOne).child(lab.child("call")).child(lab.child("player"));
    ChildSpec::supervisor(id, pair).temporary()
}

async fn chats(lab: &Lab) -> (Root, Dynamic) {
    let (spec, chats) = SupervisorSpec::dynamic(PATIENT);
    let chats_spec = ChildSpec::supervisor("chats", spec).backoff(Backoff::NONE);
    let root = start(group(Strategy::OneForOne).child(lab.child("store")).child(chats_spec)).await;
    lab.take_trace();
    (root, chats)
}

#[tokio::test(start_paused = true)]
async fn a_child_is_started_found_and_ended_by_its_id() {
    let lab = Lab::default();
    let (root, chats) = chats(&lab).await;
    chats.start(chat(&lab, "-100")).unwrap();
    assert_eq!(chats.start(chat(&lab, "-100")), Err(NotStarted::Present));
    settle().await;
    assert_eq!(lab.take_trace(), ["start chats/-100/call", "start chats/-100/player"]);
    let player = chats.find::<Word>("-100/player").unwrap();
    assert_eq!(player.ask(Word::Ping, secs(1)).await, Ok(1));
    assert!(root.tree().find::<Word>("root/chats/-100/player").is_some());
    chats.end_and_wait("-100").await;
    assert_eq!(lab.take_trace(), ["stop chats/-100/player", "stop chats/-100/call"]);
    assert!(!chats.contains("-100"));
    assert!(chats.find::<Word>("-100/player").is_none());
    assert!(root.snapshot().find("root/chats/-100").is_none());
    assert!(!player.is_open());
    chats.start(chat(&lab, "-100")).unwrap();
    settle().await;
    assert_eq!(chats.find::<Word>("-100/player").unwrap().ask(Word::Ping, secs(1)).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_call_takes_the_player_along_and_a_crashed_player_leaves_the_call() {
    let lab = Lab::default();
    let (root, chats) = chats(&lab).await;
    chats.start(chat(&lab, "-100")).unwrap();
    settle().await;
    lab.take_trace();
    tell(&root, "chats/-100/player", Word::Crash).await;
    assert_eq!(lab.take_trace(), ["crash chats/-100/player", "start chats/-100/player"]);
    tell(&root, "chats/-100/call", Word::Crash).await;
    assert_eq!(
        lab.take_trace(),
        [
            "crash chats/-100/call",
            "stop chats/-100/player",
            "start chats/-100/call",
            "start chats/-100/player"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_child_that_ends_for_good_frees_its_id() {
    let lab = Lab::default();
    let (root, chats) = chats(&lab).await;
    chats.start(lab.child("once").temporary()).unwrap();
    chats.start(lab.child("done").transient()).unwrap();
    chats.start(lab.child("stays").transient()).unwrap();
    settle().await;
    tell(&root, "chats/once", Word::Crash).await;
    tell(&root, "chats/done", Word::Quit).await;
    tell(&root, "chats/stays", Word::Crash).await;
    assert_eq!(chats.ids_now().iter().map(|id| &**id).collect::<Vec<_>>(), ["stays"]);
    assert_eq!(lab.alive(), ["root/chats/stays", "root/store"]);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_ended_in_its_backoff_is_not_resurrected() {
    let lab = Lab::default();
    let (root, chats) = chats(&lab).await;
    chats.start(lab.child("x").backoff(Backoff::STANDARD)).unwrap();
    settle().await;
    tell(&root, "chats/x", Word::Crash).await;
    chats.end_and_wait("x").await;
    lab.take_trace();
    tokio::time::sleep(secs(10_000)).await;
    assert!(lab.take_trace().is_empty());
    chats.start(lab.child("x")).unwrap();
    settle().await;
    assert_eq!(lab.take_trace(), ["start chats/x"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_stays_taken_until_the_child_is_really_gone() {
    let lab = Lab::default();
    let (_root, chats) = chats(&lab).await;
    let slow = Habits { stop_takes: secs(3), ..Habits::default() };
    chats.start(lab.child_with("x", slow)).unwrap();
    settle().await;
    assert!(chats.end("x"));
    tokio::time::sleep(secs(2)).await;
    assert_eq!(chats.start(lab.child("x")), Err(NotStarted::Present));
    tokio::time::sleep(secs(2)).await;
    assert_eq!(chats.start(lab.child("x")), Ok(()));
    assert!(!chats.end("nobody"));
    // whoever waits for nobody does not wait
    tokio::time::timeout(secs(1), chats.end_and_wait("nobody")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dynamic_children_stop_all_at_the_same_time() {
    let lab = Lab::default();
    let (root, chats) = chats(&lab).await;
    let hung = Habits { hangs_at_stop: true, ..Habits::default() };
    for id in 0..50 {
        chats.start(lab.child_with(&id.to_string(), hung.clone())).unwrap();
    }
    settle().await;
    assert_eq!(lab.alive().len(), 51);
    let asked = Instant::now();
    root.shutdown().await;
    assert_eq!(asked.elapsed().as_secs(), 5, "one deadline for all");
    assert!(lab.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn children_may_be_handed_over_before_the_supervisor_lives_but_not_after() {
    let lab = Lab::default();
    let (spec, chats) = SupervisorSpec::dynamic(PATIENT);
    chats.start(lab.child("early")).unwrap();
    let root = start(group(Strategy::OneForOne).child(ChildSpec::supervisor("chats", spec))).await;
    assert_eq!(lab.alive(), ["root/chats/early"]);
    root.shutdown().await;
    assert_eq!(chats.start(lab.child("late")), Err(NotStarted::Down));
    assert!(chats.ids_now().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_restarted_dynamic_supervisor_begins_empty() {
    let lab = Lab::default();
    let (root, chats) = chats(&lab).await;
    chats.start(chat(&lab, "-100")).unwrap();
    settle().await;
    kill(&root, "chats");
    settle().await;
    assert_eq!(lab.alive(), ["root/store"]);
    assert!(chats.ids_now().is_empty());
    assert!(root.snapshot().find("root/chats/-100").is_none());
    chats.start(chat(&lab, "-100")).unwrap();
    settle().await;
    assert_eq!(lab.alive().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_was_asked_of_a_dying_supervisor_can_be_asked_of_its_successor() {
    let lab = Lab::default();
    let (root, chats) = chats(&lab).await;
    let before = root.snapshot().find("root/chats").unwrap().incarnation;
    // in one breath: what is asked lies in the mailbox when the kill is noticed
    kill(&root, "chats");
    chats.start(chat(&lab, "-100")).unwrap();
    settle().await;
    assert!(root.snapshot().find("root/chats").unwrap().incarnation > before);
    assert!(!chats.contains("-100"), "what was in the mailbox is gone");
    chats.start(chat(&lab, "-100")).unwrap();
    settle().await;
    assert!(chats.find::<Word>("-100/player").is_some());
    assert_eq!(lab.take_trace(), ["start chats/-100/call", "start chats/-100/player"]);
}

async fn kept_chats() -> (Root, Dynamic) {
    let (spec, chats) = SupervisorSpec::dynamic(Intensity { restarts_max: 3, within: secs(60) });
    let chats_spec =
        ChildSpec::supervisor("chats", spec.keeps_children()).backoff(Backoff::STANDARD);
    let root = start(group(Strategy::OneForOne).child(chats_spec)).await;
    (root, chats)
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_keeps_its_children_has_them_again_behind_the_same_doors() {
    let lab = Lab::default();
    let (root, chats) = kept_chats().await;
    for id in ["-300", "-100", "-200"] {
        chats.start(chat(&lab, id)).unwrap();
    }
    settle().await;
    let player = chats.find::<Word>("-100/player").unwrap();
    lab.take_trace();
    kill(&root, "chats");
    settle().await;
    assert!(lab.alive().is_empty());
    assert_eq!(chats.start(chat(&lab, "-100")), Err(NotStarted::Present), "it only waits");
    lab.take_trace();
    tokio::time::sleep(secs(10)).await;
    let started: Vec<String> =
        lab.take_trace().into_iter().filter(|line| line.ends_with("/call")).collect();
    assert_eq!(
        started,
        ["start chats/-300/call", "start chats/-100/call", "start chats/-200/call"],
        "in the order in which they were started first"
    );
    assert_eq!(player.ask(Word::Ping, secs(1)).await, Ok(2), "its second life, by the old handle");
    chats.end_and_wait("-100").await;
    assert_eq!(lab.alive().len(), 4);
    root.shutdown().await;
    assert!(lab.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_gave_up_has_the_children_again_that_it_keeps() {
    let lab = Lab::default();
    let (root, chats) = kept_chats().await;
    chats.start(lab.child("bad")).unwrap();
    chats.start(lab.child("good")).unwrap();
    settle().await;
    for _ in 0..4 {
        tell(&root, "chats/bad", Word::Crash).await;
    }
    assert!(lab.alive().is_empty(), "it gave up");
    tokio::time::sleep(secs(10)).await;
    assert_eq!(lab.alive(), ["root/chats/bad", "root/chats/good"]);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_ended_while_its_supervisor_is_down_does_not_come_back() {
    let lab = Lab::default();
    let (root, chats) = kept_chats().await;
    for id in ["before", "between", "stays"] {
        chats.start(lab.child(id)).unwrap();
    }
    settle().await;
    // in one breath: it lies in the mailbox when the kill is noticed
    kill(&root, "chats");
    chats.end("before");
    settle().await;
    chats.end("between");
    assert_eq!(chats.ids_now().iter().map(|id| &**id).collect::<Vec<_>>(), ["stays"]);
    tokio::time::sleep(secs(10)).await;
    assert_eq!(lab.alive(), ["root/chats/stays"]);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_its_dying_supervisor_did_not_read_of_is_there_with_its_successor() {
    let lab = Lab::default();
    let (root, chats) = kept_chats().await;
    let (door, handle) = crate::door::<Word>(4);
    kill(&root, "chats");
    chats.start(lab.child_behind(door, "x")).unwrap();
    settle().await;
    assert!(lab.alive().is_empty());
    tokio::time::sleep(secs(10)).await;
    assert_eq!(lab.alive(), ["root/chats/x"]);
    assert_eq!(handle.ask(Word::Ping, secs(1)).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_is_never_started_again_keeps_nobody() {
    let lab = Lab::default();
    let (root, chats) = kept_chats().await;
    let (door, handle) = crate::door::<Word>(4);
    chats.start(lab.child_behind(door, "x")).unwrap();
    settle().await;
    root.shutdown().await;
    assert!(chats.ids_now().is_empty());
    assert_eq!(handle.ask(Word::Ping, secs(1)).await, Err(crate::Unanswered::Down));
}
