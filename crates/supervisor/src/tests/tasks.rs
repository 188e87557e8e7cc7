//! Tasks live and die with their owner.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
};

use tokio::time::Instant;

use super::lab::{Habits, Lab, Word, find, group, kill, secs, settle, start, tell};
use crate::{Context, Root, Strategy};

/// Notes when it is dropped: then the task is really gone.
struct Trace(Lab, &'static str);

impl Drop for Trace {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

async fn with_context(root: &Root, action: impl FnOnce(&Context<Word>) + Send + 'static) {
    tell(root, "a", Word::Do(Box::new(action))).await;
}

/// Starts a task that never ends by itself.
async fn endless(root: &Root, lab: &Lab) {
    let trace = Trace(lab.clone(), "task gone");
    with_context(root, move |context| {
        context.tasks().spawn_quiet(async move {
            let _trace = trace;
            std::future::pending::<()>().await;
        });
    })
    .await;
}

fn running(root: &Root) -> u64 {
    root.snapshot().find("root/a").unwrap().tasks.running
}

#[tokio::test(start_paused = true)]
async fn the_output_of_a_task_comes_back_as_a_message() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    lab.take_trace();
    with_context(&root, |context| {
        context.tasks().spawn(async {
            tokio::time::sleep(secs(3)).await;
            Word::Said("answer")
        });
        context.tasks().send_after(secs(1), Word::Said("later"));
        context.tasks().thread(|_| Word::Said("from a thread"));
    })
    .await;
    tokio::time::sleep(secs(4)).await;
    let mut trace = lab.take_trace();
    trace.sort();
    assert_eq!(trace, ["answer", "from a thread", "later"]);
    assert_eq!(running(&root), 0);
}

#[tokio::test(start_paused = true)]
async fn however_the_owner_ends_its_tasks_are_gone_before_its_successor_comes() {
    for ending in ["crash", "panic", "stop", "killed"] {
        let lab = Lab::default();
        let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
        endless(&root, &lab).await;
        assert_eq!(running(&root), 1);
        lab.take_trace();
        match ending {
            "crash" => tell(&root, "a", Word::Crash).await,
            "panic" => tell(&root, "a", Word::Panic).await,
            "stop" => tell(&root, "a", Word::Quit).await,
            _ => kill(&root, "a"),
        }
        settle().await;
        let trace = lab.take_trace();
        assert_eq!(trace.len(), 3, "{trace:?}");
        assert!(trace[..2].contains(&"task gone".to_owned()), "{ending}: {trace:?}");
        assert_eq!(trace[2], "start a");
        assert_eq!(running(&root), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_task_fails_its_owner() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a").transient())).await;
    with_context(&root, |context| {
        context.tasks().spawn_quiet(async { panic!("deep inside") });
    })
    .await;
    let a = root.snapshot().find("root/a").cloned().unwrap();
    assert_eq!((a.incarnation, a.failures), (2, 1));
    assert!(a.last_error.unwrap().text.contains("deep inside"));
    assert_eq!(a.tasks.panicked, 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_task_can_be_a_message_instead() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    lab.take_trace();
    with_context(&root, |context| {
        context.tasks().spawn_or(async { panic!("deep inside") }, |_| Word::Said("fault"));
    })
    .await;
    assert_eq!(lab.take_trace(), ["fault"]);
    assert_eq!(root.snapshot().find("root/a").unwrap().tasks.panicked, 1);
}

#[tokio::test(start_paused = true)]
async fn work_that_must_finish_is_awaited_at_a_clean_end_within_the_deadline() {
    for (takes, expected, last) in [(3, 3.0, "saved"), (60, 5.0, "killed")] {
        let lab = Lab::default();
        let root = start(group(Strategy::OneForOne).child(lab.child("a").deadline(secs(5)))).await;
        endless(&root, &lab).await;
        let noted = lab.clone();
        with_context(&root, move |context| {
            context.tasks().finish(async move {
                tokio::time::sleep(secs(takes)).await;
                noted.note("saved");
            });
        })
        .await;
        let asked = Instant::now();
        root.shutdown().await;
        assert_eq!(asked.elapsed().as_secs_f64().round(), expected);
        let was_saved = lab.take_trace().contains(&"saved".to_owned());
        assert_eq!(was_saved, last == "saved");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_does_not_wait_for_work_that_wants_to_finish() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    let trace = Trace(lab.clone(), "task gone");
    with_context(&root, move |context| {
        context.tasks().finish(async move {
            let _trace = trace;
            tokio::time::sleep(secs(1_000)).await;
        });
    })
    .await;
    lab.take_trace();
    tell(&root, "a", Word::Crash).await;
    assert_eq!(lab.take_trace().last().unwrap(), "start a");
    assert_eq!(running(&root), 0);
}

#[tokio::test]
async fn a_thread_is_asked_to_quit_and_awaited_before_a_successor_comes() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    let noted = lab.clone();
    let runs = Arc::new(AtomicBool::new(false));
    let flag = runs.clone();
    find(&root, "a")
        .send(Word::Do(Box::new(move |context| {
            context.tasks().thread(move |quit| {
                flag.store(true, SeqCst);
                while !quit.is_asked() {
                    std::thread::yield_now();
                }
                noted.note("thread gone");
                Word::Said("too late")
            });
        })))
        .unwrap();
    while !runs.load(SeqCst) {
        tokio::task::yield_now().await;
    }
    lab.take_trace();
    let handle = find(&root, "a");
    handle.send(Word::Crash).unwrap();
    while handle.ask(Word::Ping, secs(30)).await != Ok(2) {
        tokio::task::yield_now().await;
    }
    assert_eq!(lab.take_trace(), ["crash a", "thread gone", "start a"]);
    root.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn ticks_come_in_their_period_and_stop_with_the_task() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    lab.take_trace();
    let (sender, receiver) = std::sync::mpsc::channel();
    with_context(&root, move |context| {
        let ticks = context.tasks().every(secs(1), || Word::Said("tick"));
        sender.send(ticks).unwrap();
    })
    .await;
    let ticks = receiver.recv().unwrap();
    tokio::time::sleep(secs(5)).await;
    assert_eq!(lab.take_trace().len(), 5);
    assert!(!ticks.is_finished());
    ticks.abort();
    tokio::time::sleep(secs(5)).await;
    assert!(lab.take_trace().is_empty());
    assert!(ticks.is_finished());
    assert_eq!(running(&root), 0);
}

#[tokio::test(start_paused = true)]
async fn a_context_that_outlives_its_life_can_do_nothing() {
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    let (sender, receiver) = std::sync::mpsc::channel();
    with_context(&root, move |context| sender.send(context.clone()).unwrap()).await;
    let old = receiver.recv().unwrap();
    tell(&root, "a", Word::Crash).await;
    lab.take_trace();
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    old.tasks().spawn_quiet(async move {
        counted.fetch_add(1, SeqCst);
    });
    old.ready();
    assert!(!old.tell_self(Word::Said("ghost")));
    old.fail(crate::Failure::fatal("ghost"));
    settle().await;
    assert_eq!(count.load(SeqCst), 0);
    assert!(lab.take_trace().is_empty());
    assert_eq!(root.snapshot().find("root/a").unwrap().state, crate::State::Starting);
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_takes_its_tasks_with_it() {
    let lab = Lab::default();
    let habits = Habits { start_fails: Arc::new(AtomicU32::new(1)), ..Habits::default() };
    let root = start(group(Strategy::OneForOne).child(lab.child_with("a", habits))).await;
    assert_eq!(lab.take_trace(), ["unborn a", "start a"]);
    assert_eq!(running(&root), 0);
}

/// The runtime has only so many threads for blocking work: who waits for one must not be waited for.
#[test]
fn a_thread_that_never_got_its_turn_does_not_hold_up_the_end_of_its_owner() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_time().worker_threads(2).max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let lab = Lab::default();
        let spec = group(Strategy::OneForOne).children(["a", "b"].map(|id| lab.child(id)));
        let root = start(spec).await;
        for path in ["a", "b"] {
            let thread = |context: &Context<Word>| {
                context.tasks().thread(|quit| {
                    // a runtime waits for its threads: a failed test has to end too
                    let began = std::time::Instant::now();
                    while !quit.is_asked() && began.elapsed() < secs(90) {
                        std::thread::sleep(std::time::Duration::from_millis(1));
                    }
                    Word::Said("quit")
                });
            };
            find(&root, path).send(Word::Do(Box::new(thread))).unwrap();
            assert_eq!(find(&root, path).ask(Word::Ping, secs(30)).await, Ok(1));
        }
        // b's thread waits for the one that a has
        kill(&root, "b");
        let asked = Instant::now();
        while find(&root, "b").ask(Word::Ping, secs(30)).await != Ok(2) {
            assert!(asked.elapsed() < secs(60), "b does not come back");
            tokio::task::yield_now().await;
        }
        root.shutdown().await;
        assert!(lab.alive().is_empty());
    });
}
