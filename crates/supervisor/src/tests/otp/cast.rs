//! The cast: workers that do what the script says, and the record of what happened.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::{ChildSpec, Context, Exit, launch::Report};

#[derive(Clone, Default)]
pub(super) struct Cast {
    trace: Arc<Mutex<Vec<String>>>,
    /// For each worker: how many lives there are, and how often it was started.
    alive: Arc<Mutex<BTreeMap<String, u32>>>,
    starts: Arc<Mutex<BTreeMap<String, Arc<AtomicU32>>>>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Habits {
    pub(super) start_takes: Duration,
    pub(super) stop_takes: Duration,
    /// It does not end when it is asked to.
    pub(super) is_deaf: bool,
    /// From which start to which it fails.
    pub(super) fails: (u32, u32),
}

pub(super) enum Cue {
    Crash,
    Quit,
    Shutdown,
    Busy(Duration),
    Hang,
}

impl Cast {
    pub(super) fn note(&self, line: impl Into<String>) {
        self.trace.lock().unwrap().push(line.into());
    }

    pub(super) fn trace(&self) -> Vec<String> {
        self.trace.lock().unwrap().clone()
    }

    pub(super) fn alive(&self) -> Vec<String> {
        let alive = self.alive.lock().unwrap();
        alive.iter().filter(|(_, lives)| **lives > 0).map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn worker(&self, name: &str, habits: Habits) -> ChildSpec {
        let cast = self.clone();
        ChildSpec::worker(name, move |context| (Worker, (cast.clone(), habits, context)))
    }

    /// Notes the starts and ends of a supervisor.
    pub(super) fn watched(&self, name: &str, mut spec: ChildSpec) -> ChildSpec {
        let (cast, name, start) = (self.clone(), name.to_owned(), spec.start.clone());
        spec.start = Arc::new(move |mut launch| {
            cast.note(format!("start {name}"));
            let (cast, name, report) = (cast.clone(), name.clone(), launch.report.clone());
            launch.report = Arc::new(move |told| {
                if let Report::Ended { exit, .. } = &told {
                    cast.ended(&name, exit);
                }
                report(told);
            });
            start(launch)
        });
        spec
    }

    pub(super) fn ended(&self, name: &str, exit: &Exit) {
        let why = match exit {
            Exit::Normal | Exit::GaveUp => "shutdown",
            Exit::Killed => "killed",
            Exit::NotStarted(_) => "failed_start",
            Exit::Failed(_) => "crash",
        };
        self.note(format!("exit {name} {why}"));
    }

    fn count_start(&self, name: &str) -> u32 {
        let mut starts = self.starts.lock().unwrap();
        starts.entry(name.to_owned()).or_default().fetch_add(1, SeqCst) + 1
    }

    fn live(&self, name: &str) -> Life {
        *self.alive.lock().unwrap().entry(name.to_owned()).or_default() += 1;
        self.note(format!("start {name}"));
        Life { cast: self.clone(), name: name.to_owned(), ending: "killed" }
    }
}

struct Life {
    cast: Cast,
    name: String,
    ending: &'static str,
}

impl Drop for Life {
    fn drop(&mut self) {
        *self.cast.alive.lock().unwrap().get_mut(&self.name).unwrap() -= 1;
        self.cast.note(format!("exit {} {}", self.name, self.ending));
    }
}

struct Worker;

struct Mind {
    life: Life,
    habits: Habits,
    /// How it ends when it is its own idea.
    quits: Option<&'static str>,
}

impl Actor for Worker {
    type Msg = Cue;
    type State = Mind;
    type Arguments = (Cast, Habits, Context<Cue>);

    async fn pre_start(
        &self,
        _: ActorRef<Cue>,
        (cast, habits, context): Self::Arguments,
    ) -> Result<Mind, ActorProcessingErr> {
        let start = cast.count_start(context.id());
        tokio::time::sleep(habits.start_takes).await;
        let (first, last) = habits.fails;
        if (first..=last).contains(&start) {
            cast.note(format!("fail {}", context.id()));
            return Err("refused".into());
        }
        context.ready();
        Ok(Mind { life: cast.live(context.id()), habits, quits: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Cue>,
        cue: Cue,
        mind: &mut Mind,
    ) -> Result<(), ActorProcessingErr> {
        match cue {
            Cue::Crash => {
                mind.life.ending = "crash";
                return Err("crash".into());
            }
            Cue::Quit => mind.quits = Some("normal"),
            Cue::Shutdown => mind.quits = Some("shutdown"),
            Cue::Busy(time) => tokio::time::sleep(time).await,
            Cue::Hang => std::future::pending().await,
        }
        if mind.quits.is_some() {
            myself.stop(None);
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Cue>, mind: &mut Mind) -> Result<(), ActorProcessingErr> {
        if mind.quits != Some("normal") {
            if mind.habits.is_deaf {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(mind.habits.stop_takes).await;
        }
        mind.life.ending = mind.quits.unwrap_or("shutdown");
        Ok(())
    }
}
