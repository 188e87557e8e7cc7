//! A laboratory: probes that do what they are told, and a record of who lived when.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::{
    Backoff, ChildSpec, Context, Door, Event, EventKind, Events, Failure, Handle, Intensity,
    Options, Reply, Root, Strategy, SupervisorSpec, start_root,
};

type Action = Box<dyn FnOnce(&Context<Word>) + Send>;

/// What a probe may be told.
pub(super) enum Word {
    /// End with an error.
    Crash,
    Panic,
    /// End normally.
    Quit,
    Fail(Failure),
    /// Never return from the handler.
    Hang,
    /// Be busy for a while.
    Work(Duration),
    Ready,
    Degraded(&'static str),
    Ping(Reply<u64>),
    /// Do something with the context.
    Do(Action),
    /// Block the thread of the runtime.
    Block(Duration),
    Said(&'static str),
}

/// How a probe behaves.
#[derive(Clone, Default)]
pub(super) struct Habits {
    /// So many starts fail.
    pub(super) start_fails: Arc<AtomicU32>,
    /// So many starts panic.
    pub(super) start_panics: Arc<AtomicU32>,
    /// `pre_start` takes this long.
    pub(super) start_takes: Duration,
    /// `post_stop` never returns.
    pub(super) hangs_at_stop: bool,
    /// `post_stop` takes this long.
    pub(super) stop_takes: Duration,
    /// The drop of the state blocks its thread this long.
    pub(super) lingers: Duration,
    /// Every life ends at once, with this failure.
    pub(super) fails_always: Option<Failure>,
}

#[derive(Clone, Default)]
pub(super) struct Lab {
    trace: Arc<Mutex<Vec<String>>>,
    alive: Arc<Mutex<HashMap<String, u32>>>,
}

impl Lab {
    pub(super) fn child(&self, id: &str) -> ChildSpec {
        self.child_with(id, Habits::default())
    }

    /// A child without backoff, so that what happens is what Erlang does.
    pub(super) fn child_with(&self, id: &str, habits: Habits) -> ChildSpec {
        let lab = self.clone();
        ChildSpec::worker(id, move |context| (Probe, (lab.clone(), habits.clone(), context)))
            .backoff(Backoff::NONE)
    }

    pub(super) fn child_behind(&self, door: Door<Word>, id: &str) -> ChildSpec {
        let lab = self.clone();
        let start = move |context| (Probe, (lab.clone(), Habits::default(), context));
        ChildSpec::behind(door, id, start).backoff(Backoff::NONE)
    }

    pub(super) fn note(&self, text: impl fmt::Display) {
        self.trace.lock().unwrap().push(text.to_string());
    }

    /// What has happened since the last look.
    pub(super) fn take_trace(&self) -> Vec<String> {
        std::mem::take(&mut self.trace.lock().unwrap())
    }

    pub(super) fn alive(&self) -> Vec<String> {
        let alive = self.alive.lock().unwrap();
        let mut paths: Vec<String> =
            alive.iter().filter(|(_, lives)| **lives > 0).map(|(path, _)| path.clone()).collect();
        paths.sort();
        paths
    }

    fn live(&self, path: &str, lingers: Duration) -> Life {
        let mut alive = self.alive.lock().unwrap();
        let lives = alive.entry(path.to_owned()).or_default();
        *lives += 1;
        if *lives > 1 {
            self.note(format!("TWO INCARNATIONS of {path}"));
        }
        Life { lab: self.clone(), path: path.to_owned(), ending: "killed", lingers }
    }
}

/// One life, from the first moment of `pre_start` to the drop of the state.
pub(super) struct Life {
    lab: Lab,
    path: String,
    ending: &'static str,
    lingers: Duration,
}

impl Drop for Life {
    fn drop(&mut self) {
        std::thread::sleep(self.lingers);
        *self.lab.alive.lock().unwrap().get_mut(&self.path).unwrap() -= 1;
        self.lab.note(format!("{} {}", self.ending, short(&self.path)));
    }
}

fn short(path: &str) -> &str {
    path.strip_prefix("root/").unwrap_or(path)
}

struct Probe;

struct Mind {
    life: Life,
    habits: Habits,
    context: Context<Word>,
}

impl Actor for Probe {
    type Msg = Word;
    type State = Mind;
    type Arguments = (Lab, Habits, Context<Word>);

    async fn pre_start(
        &self,
        _: ActorRef<Word>,
        (lab, habits, context): Self::Arguments,
    ) -> Result<Mind, ActorProcessingErr> {
        let mut life = lab.live(context.path(), habits.lingers);
        life.ending = "unborn";
        tokio::time::sleep(habits.start_takes).await;
        if habits.start_fails.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok() {
            return Err("will not start".into());
        }
        if habits.start_panics.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok() {
            panic!("cannot start");
        }
        life.ending = "killed";
        lab.note(format!("start {}", short(context.path())));
        Ok(Mind { life, habits, context })
    }

    async fn post_start(
        &self,
        _: ActorRef<Word>,
        mind: &mut Mind,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(failure) = mind.habits.fails_always.clone() {
            mind.life.ending = "crash";
            return Err(failure.into());
        }
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Word>,
        word: Word,
        mind: &mut Mind,
    ) -> Result<(), ActorProcessingErr> {
        match word {
            Word::Crash => {
                mind.life.ending = "crash";
                return Err("told to crash".into());
            }
            Word::Panic => {
                mind.life.ending = "crash";
                panic!("told to panic");
            }
            Word::Fail(failure) => {
                mind.life.ending = "crash";
                return Err(failure.into());
            }
            Word::Quit => myself.stop(None),
            Word::Hang => std::future::pending().await,
            Word::Work(time) => tokio::time::sleep(time).await,
            Word::Ready => mind.context.ready(),
            Word::Degraded(text) => mind.context.degraded(text),
            Word::Ping(reply) => {
                reply.send(mind.context.incarnation());
            }
            Word::Do(action) => action(&mind.context),
            Word::Block(time) => std::thread::sleep(time),
            Word::Said(text) => mind.life.lab.note(text),
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Word>,
        mind: &mut Mind,
    ) -> Result<(), ActorProcessingErr> {
        if mind.habits.hangs_at_stop {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(mind.habits.stop_takes).await;
        mind.life.ending = "stop";
        Ok(())
    }
}

/// The seeds of a test with random scripts: `SEED` is the only one, or `SCRIPTS` says how many.
pub(super) fn seeds(count: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCRIPTS").unwrap_or(count),
    }
}

/// Much patience: no test is about giving up unless it says so.
pub(super) const PATIENT: Intensity = Intensity::ENDLESS;

pub(super) fn group(strategy: Strategy) -> SupervisorSpec {
    SupervisorSpec::new(strategy, PATIENT)
}

pub(super) async fn start(spec: SupervisorSpec) -> Root {
    let root = start_root(spec, Options { seed: Some(1), ..Options::default() });
    root.booted().await;
    settle().await;
    root
}

/// Waits until nothing moves: the paused clock goes on only when every task is idle.
pub(super) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn find(root: &Root, path: &str) -> Handle<Word> {
    root.tree().find(&format!("root/{path}")).expect("there is a probe at this path")
}

pub(super) async fn tell(root: &Root, path: &str, word: Word) {
    find(root, path).send(word).unwrap();
    settle().await;
}

/// Kills the actor at `path` from outside.
pub(super) fn kill(root: &Root, path: &str) {
    let node = root.tree().node(&format!("root/{path}")).expect("there is a child at this path");
    let cell = node.live.borrow().clone();
    cell.expect("the child is running").kill();
}

pub(super) async fn next_event(events: &mut Events, is_it: impl Fn(&EventKind) -> bool) -> Event {
    loop {
        let event = events.next().await.expect("the tree is there");
        if is_it(&event.kind) {
            return event;
        }
    }
}
