//! The language of the scenarios; tests/otp/README.md explains it.

use std::time::Duration;

use crate::{
    AutoShutdown, Backoff, ChildSpec, Intensity, Restart, Shutdown, Strategy, SupervisorSpec,
    tests::otp::cast::{Cast, Habits},
};

pub(super) struct Scenario {
    pub(super) root: Part,
    pub(super) script: Vec<Step>,
}

/// One child as it is written.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) kind: Kind,
    pub(super) name: String,
    restart: Restart,
    shutdown: Shutdown,
    strategy: Strategy,
    intensity: Intensity,
    auto_shutdown: AutoShutdown,
    is_significant: bool,
    habits: Habits,
    /// What the children of a dynamic supervisor are like.
    template: Option<Box<Part>>,
    pub(super) children: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Worker,
    Supervisor,
    Dynamic,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) words: Vec<String>,
    /// Whether to go on only when nothing moves any more.
    pub(super) waits: bool,
}

impl Scenario {
    pub(super) fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        let at = lines.iter().position(|line| *line == "script").expect("there is a script");
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut tree = lines[..at].iter().map(|line| (depth(line), words(line))).peekable();
        let (_, first) = tree.next().expect("there is a root");
        assert_eq!(first[0], "root");
        let mut root = Part::new(Kind::Supervisor, "root");
        root.read(&first[1..]);
        root.children = children(&mut tree, 1);
        assert!(tree.next().is_none(), "the indentation is wrong");
        let script = lines[at + 1..].iter().map(|line| Step::parse(line)).collect();
        Self { root, script }
    }
}

fn depth(line: &str) -> usize {
    (line.len() - line.trim_start().len()) / 2
}

fn children(
    lines: &mut std::iter::Peekable<impl Iterator<Item = (usize, Vec<String>)>>,
    depth: usize,
) -> Vec<Part> {
    let mut parts = Vec::new();
    while let Some((_, words)) = lines.next_if(|(at, _)| *at == depth) {
        let mut part = Part::parse(&words);
        part.children = children(lines, depth + 1);
        parts.push(part);
    }
    parts
}

impl Step {
    fn parse(line: &str) -> Self {
        let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let waits = words.last().is_none_or(|word| word != "&");
        words.retain(|word| word != "&");
        let waits = waits && words[0] != "sleep";
        Self { words, waits }
    }
}

impl Part {
    fn new(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            restart: Restart::Permanent,
            shutdown: Shutdown::Infinity,
            strategy: Strategy::OneForOne,
            intensity: Intensity::new(1, Duration::from_secs(5)),
            auto_shutdown: AutoShutdown::Never,
            is_significant: false,
            habits: Habits::default(),
            template: None,
            children: Vec::new(),
        }
    }

    pub(super) fn parse(words: &[String]) -> Self {
        let kind = match words[0].as_str() {
            "worker" => Kind::Worker,
            "supervisor" => Kind::Supervisor,
            "dynamic" => Kind::Dynamic,
            other => panic!("what is a {other}?"),
        };
        let mut part = Self::new(kind, &words[1]);
        let own = words.iter().position(|word| word == "of").unwrap_or(words.len());
        part.read(&words[2..own]);
        if kind == Kind::Dynamic {
            let mut template = Self::new(Kind::Worker, "");
            template.read(&words[own + 1..]);
            part.template = Some(Box::new(template));
        }
        part
    }

    fn read(&mut self, words: &[String]) {
        let mut words = words.iter().map(String::as_str);
        let millis =
            |word: Option<&str>| Duration::from_millis(word.and_then(|w| w.parse().ok()).unwrap());
        while let Some(word) = words.next() {
            match word {
                "permanent" => self.restart = Restart::Permanent,
                "transient" => self.restart = Restart::Transient,
                "temporary" => self.restart = Restart::Temporary,
                "brutal_kill" => self.shutdown = Shutdown::BrutalKill,
                "infinity" => self.shutdown = Shutdown::Infinity,
                "one_for_one" => self.strategy = Strategy::OneForOne,
                "one_for_all" => self.strategy = Strategy::OneForAll,
                "rest_for_one" => self.strategy = Strategy::RestForOne,
                "any_significant" => self.auto_shutdown = AutoShutdown::AnySignificant,
                "all_significant" => self.auto_shutdown = AutoShutdown::AllSignificant,
                "significant" => self.is_significant = true,
                "deaf" => self.habits.is_deaf = true,
                "slow" => self.habits.start_takes = millis(words.next()),
                "ends" => self.habits.stop_takes = millis(words.next()),
                "fails" => self.habits.fails = pair(words.next().unwrap(), '-'),
                word if word.contains('/') => {
                    let (most, period) = pair(word, '/');
                    self.intensity = Intensity::new(most, Duration::from_secs(period.into()));
                }
                word => self.shutdown = Shutdown::Deadline(millis(Some(word))),
            }
        }
    }

    /// The real thing, by Erlang's rules: no backoff, and first starts must succeed.
    pub(super) fn supervisor_spec(&self, cast: &Cast) -> SupervisorSpec {
        let spec = match self.kind {
            Kind::Dynamic => SupervisorSpec::dynamic(self.intensity).0,
            _ => SupervisorSpec::new(self.strategy, self.intensity),
        };
        let children = self.children.iter().map(|part| part.child_spec(cast));
        spec.strict().auto_shutdown(self.auto_shutdown).children(children)
    }

    pub(super) fn child_spec(&self, cast: &Cast) -> ChildSpec {
        let spec = match self.kind {
            Kind::Worker => cast.worker(&self.name, self.habits),
            _ => cast.watched(
                &self.name,
                ChildSpec::supervisor(self.name.as_str(), self.supervisor_spec(cast)),
            ),
        };
        let spec = if self.is_significant { spec.significant() } else { spec };
        spec.restart(self.restart).shutdown(self.shutdown).backoff(Backoff::NONE)
    }

    /// A child of this dynamic supervisor.
    pub(super) fn dynamic_child(&self, name: &str) -> Option<Part> {
        let template = self.template.as_ref()?;
        Some(Self { name: name.to_owned(), ..(**template).clone() })
    }

    /// This one and all below.
    pub(super) fn all(&self) -> Vec<&Part> {
        let below = self.children.iter().flat_map(Part::all);
        std::iter::once(self).chain(below).collect()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Part> {
        self.all().into_iter().find(|part| part.name == name)
    }

    /// The supervisor of a child; that of `d1` is the dynamic supervisor `d`.
    pub(super) fn parent_of(&self, name: &str) -> Option<&Part> {
        let all = self.all();
        let written = all.iter().find(|part| part.children.iter().any(|c| c.name == name));
        let dynamic = || {
            let is_owner = |part: &&&Part| {
                part.kind == Kind::Dynamic && part.name != name && name.starts_with(&part.name)
            };
            all.iter().find(is_owner)
        };
        written.or_else(dynamic).copied()
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        match self.parent_of(name) {
            // one that was added at the root is written nowhere
            None if name == "root" => name.to_owned(),
            None => format!("root/{name}"),
            Some(parent) => format!("{}/{name}", self.path_of(&parent.name)),
        }
    }

    pub(super) fn is_below(&self, name: &str, above: &str) -> bool {
        self.path_of(name).starts_with(&format!("{}/", self.path_of(above)))
    }
}

fn pair(word: &str, between: char) -> (u32, u32) {
    let (first, second) = word.split_once(between).unwrap();
    (first.parse().unwrap(), second.parse().unwrap())
}
