//! What the log says, and what it must not say.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::lab::{Habits, Lab, Word, find, group, secs, start, tell};
use crate::{Backoff, Failure, Options, Strategy, start_root};

const SECRET: &str = "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";

/// Keeps every line as `LEVEL field=value ...`.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("supervisor")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let level: &Level = event.metadata().level();
        let mut line = Line(level.to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Lines {
    fn with(&self, parts: &[&str]) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let is_one = |line: &&String| parts.iter().all(|part| line.contains(part));
        lines.iter().filter(is_one).cloned().collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_of_failures_is_one_critical_error_and_the_child_is_tried_on() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let lab = Lab::default();
    let habits = Habits { fails_always: Some(Failure::transient("x")), ..Habits::default() };
    let steady = Backoff { jitter: 0.0, ..Backoff::STANDARD };
    let spec = group(Strategy::OneForOne).child(lab.child_with("a", habits).backoff(steady));
    let _root = start_root(spec, Options::default());
    tokio::time::sleep(secs(5 + 10 + 20 + 40 - 1)).await;
    assert_eq!(lines.with(&["critical"]), Vec::<String>::new(), "four failures are no alarm");
    tokio::time::sleep(secs(10_000)).await;
    let critical = lines.with(&["ERROR", "critical=true", "path=\"root/a\"", "failures=5"]);
    assert_eq!(critical.len(), 1, "{critical:?}");
    assert_eq!(lines.with(&["ERROR"]).len(), 1);
    assert!(lines.with(&["delay_ms=300000"]).len() > 20, "and it is tried every 300 s");
}

#[tokio::test(start_paused = true)]
async fn a_parked_child_is_an_error_that_says_what_to_do() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let lab = Lab::default();
    let root = start(group(Strategy::OneForOne).child(lab.child("a"))).await;
    tell(&root, "a", Word::Fail(Failure::fatal("the key was revoked"))).await;
    let errors = lines.with(&["ERROR"]);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("the key was revoked") && errors[0].contains("mend what its error says")
    );
}

/// Panics carry whatever was formatted into them: in handlers, starts, tasks and actors' ends.
#[tokio::test(start_paused = true)]
async fn no_secret_reaches_the_log_the_events_or_the_snapshot() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let lab = Lab::default();
    let slowly = Backoff { initial: secs(9), max: secs(9), ..Backoff::NONE };
    let spec = group(Strategy::OneForOne)
        .child(lab.child("a").backoff(slowly))
        .child(lab.child("b").backoff(slowly))
        .child(lab.child("c"));
    let root = start(spec).await;
    let mut events = root.events();
    let panic = |_: &crate::Context<Word>| panic!("token {SECRET}");
    find(&root, "a").send(Word::Do(Box::new(panic))).unwrap();
    let task = |context: &crate::Context<Word>| {
        context.tasks().spawn_quiet(async { panic!("token {SECRET}") });
    };
    find(&root, "b").send(Word::Do(Box::new(task))).unwrap();
    let degrade = |context: &crate::Context<Word>| context.degraded(format!("token {SECRET}"));
    tell(&root, "c", Word::Do(Box::new(degrade))).await;
    let start = crate::ChildSpec::worker("d", |_: crate::Context<()>| -> (Never, ()) {
        panic!("token {SECRET}")
    });
    let answer = root.tree().start_child("root", start.backoff(slowly), secs(1)).await;
    assert!(answer.unwrap_err().to_string().contains("token …"));
    tell(&root, "c", Word::Fail(Failure::fatal(format!("token {SECRET}")))).await;
    let snapshot = root.snapshot();
    for path in ["root/a", "root/b", "root/c", "root/d"] {
        let text = snapshot.find(path).unwrap().last_error.as_ref().unwrap().text.clone();
        assert!(text.contains("token …"), "{path}: {text}");
    }
    let mut said = serde_json::to_string(&snapshot).unwrap();
    while let Some(event) = events.try_next() {
        said.push_str(&serde_json::to_string(&event).unwrap());
    }
    said.push_str(&lines.with(&[]).concat());
    assert!(said.matches("token …").count() >= 8, "{said}");
    assert!(!said.contains(SECRET), "{said}");
}

struct Never;

impl ractor::Actor for Never {
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
async fn a_redactor_that_panics_hides_the_text_and_harms_nobody() {
    let lab = Lab::default();
    let redact = |_: &str| -> String { panic!("a bug in the redactor") };
    let spec = group(Strategy::OneForOne).child(lab.child("a"));
    let root = start_root(spec, Options { redact, ..Options::default() });
    root.booted().await;
    tell(&root, "a", Word::Panic).await;
    let a = root.snapshot().find("root/a").cloned().unwrap();
    assert_eq!((a.incarnation, a.last_error.unwrap().text.as_str()), (2, "…"));
    root.shutdown().await;
}
