//! Handles: through restarts, bounded, counted.

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::lab::{Habits, Lab, Word, find, group, kill, secs, settle, start, tell};
use crate::{Backoff, ChildSpec, Context, Failure, Strategy, Unanswered, Undelivered, door};

#[tokio::test(start_paused = true)]
async fn a_handle_reaches_every_incarnation() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    let handle = find(&root, "a");
    for life in 1..5 {
        assert_eq!(handle.ask(Word::Ping, secs(1)).await, Ok(life));
        handle.send(Word::Panic).unwrap();
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn between_two_lives_messages_come_back() {
    let lab = Lab::default();
    let slowly = Backoff { initial: secs(5), max: secs(5), ..Backoff::NONE };
    let root = start(group(Strategy::OneForOne).child(lab.child("a").backoff(slowly))).await;
    let handle = find(&root, "a");
    tell(&root, "a", Word::Crash).await;
    let back = handle.send(Word::Said("hello"));
    assert!(matches!(back, Err(Undelivered::Down(Word::Said("hello")))));
    assert_eq!(handle.ask(Word::Ping, secs(1)).await, Err(Unanswered::Down));
    tokio::time::sleep(secs(6)).await;
    assert_eq!(handle.ask(Word::Ping, secs(1)).await, Ok(2));
    root.shutdown().await;
    assert_eq!(handle.ask(Word::Ping, secs(1)).await, Err(Unanswered::Down));
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_refuses_and_counts() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    let handle = find(&root, "a");
    handle.send(Word::Work(secs(60))).unwrap();
    settle().await;
    let bound = root.snapshot().find("root/a").unwrap().mailbox.bound;
    for _ in 0..bound {
        handle.send(Word::Said("later")).unwrap();
    }
    for _ in 0..3 {
        assert!(matches!(handle.send(Word::Crash), Err(Undelivered::Full(Word::Crash))));
    }
    let mailbox = root.snapshot().find("root/a").cloned().unwrap().mailbox;
    assert_eq!((mailbox.depth, mailbox.peak, mailbox.refused), (bound, bound, 3));
    tokio::time::sleep(secs(10)).await;
    let busy = root.snapshot().find("root/a").unwrap().mailbox.busy_for_ms;
    assert!(busy.is_some_and(|ms| (10_000..11_000).contains(&ms)), "{busy:?}");
    tokio::time::sleep(secs(60)).await;
    let mailbox = root.snapshot().find("root/a").cloned().unwrap().mailbox;
    assert_eq!((mailbox.depth, mailbox.peak, mailbox.busy_for_ms), (0, bound, None));
    assert_eq!(mailbox.handled, bound as u64 + 1);
    handle.send(Word::Said("again")).unwrap();
}

#[tokio::test(start_paused = true)]
async fn messages_queued_at_a_crash_are_lost_and_counted_and_the_bound_is_whole_again() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    let handle = find(&root, "a");
    handle.send(Word::Hang).unwrap();
    for _ in 0..7 {
        handle.send(Word::Said("never")).unwrap();
    }
    settle().await;
    kill(&root, "a");
    settle().await;
    let mailbox = root.snapshot().find("root/a").cloned().unwrap().mailbox;
    assert_eq!((mailbox.depth, mailbox.lost, mailbox.busy_for_ms), (0, 7, None));
    assert!(!lab.take_trace().contains(&"never".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn siblings_know_each_other_before_they_live_and_first_messages_wait() {
    let (door, echo) = door::<Heard>(2);
    echo.send(Heard("first")).unwrap();
    echo.send(Heard("second")).unwrap();
    assert!(matches!(echo.send(Heard("third")), Err(Undelivered::Full(_))));
    let lab = Lab::default();
    let noted = lab.clone();
    let spec = ChildSpec::behind(door, "echo", move |context| (Echo, (noted.clone(), context)));
    let root = start(group(Strategy::OneForOne).child(spec)).await;
    assert_eq!(lab.take_trace(), ["first", "second"]);
    echo.send(Heard("third")).unwrap();
    settle().await;
    assert_eq!(lab.take_trace(), ["third"]);
    assert!(root.tree().find::<Word>("root/echo").is_none(), "it hears other messages");
    assert!(root.tree().find::<Heard>("root/echo").is_some());
    assert!(root.tree().find::<Heard>("root/nobody").is_none());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_at_the_door_of_a_child_that_will_not_come() {
    let lab = Lab::default();
    let hopeless = Habits { start_takes: secs(3), ..Habits::default() };
    let root = start(group(Strategy::OneForOne).child(lab.child("elder"))).await;
    let first = root.tree().find::<Word>("root/elder").unwrap();
    first.send(Word::Fail(Failure::fatal("no"))).unwrap();
    settle().await;
    assert!(matches!(first.send(Word::Ready), Err(Undelivered::Down(_))));
    let (spec, chats) = crate::SupervisorSpec::dynamic(crate::Intensity::ENDLESS);
    let spec = ChildSpec::supervisor("chats", spec);
    let _root = start(group(Strategy::OneForOne).child(spec)).await;
    chats.start(lab.child_with("x", hopeless).shutdown(crate::Shutdown::BrutalKill)).unwrap();
    settle().await;
    let waiting = chats.find::<Word>("x").unwrap();
    waiting.send(Word::Ready).unwrap();
    chats.end_and_wait("x").await;
    assert!(matches!(waiting.send(Word::Ready), Err(Undelivered::Down(_))));
}

struct Heard(&'static str);

struct Echo;

impl Actor for Echo {
    type Msg = Heard;
    type State = (Lab, Context<Heard>);
    type Arguments = (Lab, Context<Heard>);

    async fn pre_start(
        &self,
        _: ActorRef<Heard>,
        args: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(args)
    }

    async fn handle(
        &self,
        _: ActorRef<Heard>,
        Heard(text): Heard,
        (lab, _): &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        lab.note(text);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_ends_at_its_time() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    let handle = find(&root, "a");
    handle.send(Word::Work(secs(60))).unwrap();
    assert_eq!(handle.ask(Word::Ping, secs(5)).await, Err(Unanswered::Timeout));
    let asking = handle.clone();
    let dropped = asking.ask(Word::Ping, secs(500));
    let killing = async {
        settle().await;
        kill(&root, "a");
    };
    let (answer, ()) = tokio::join!(dropped, killing);
    assert_eq!(answer, Err(Unanswered::Dropped));
}

#[tokio::test(start_paused = true)]
async fn a_ping_goes_through_the_root_itself_and_fails_when_it_is_gone() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    // a busy child is no reason for the root not to answer
    find(&root, "a").send(Word::Hang).unwrap();
    assert!(root.ping(secs(1)).await.is_ok_and(|trip| trip < secs(1)));
    let tree = root.tree().clone();
    let handled = || tree.snapshot().find("root").unwrap().mailbox.handled;
    let before = handled();
    tree.ping(secs(1)).await.unwrap();
    settle().await;
    assert_eq!(handled(), before + 1, "it was the root's own handler");
    root.kill();
    root.wait().await;
    assert_eq!(tree.ping(secs(1)).await, Err(Unanswered::Down));
}
