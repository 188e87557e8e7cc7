//! `bench resolve`: how long a member waits when outside services hang or are down, with the whole bot in the simulated
//! Telegram and ten services beside it on loopback.
//!
//! Every play asks for another take of a track, so that nothing is answered from memory. The services that hang come
//! first in the order of asking and the one that answers comes last: the worst case.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use domain::league::{Health, Line};
use serde::Serialize;
use simulator::listener::{Listener, Style};
use simulator::services::{Mood, Service};
use simulator::world::{ADA, DMITRI, jam};

use super::conditions::{Conditions, Moment};
use super::play::{quiet, say};
use super::report::conditions_table;
use super::statistics::{Spread, spread};
use crate::cli::{ResolveBench, SimulatorOptions};
use crate::simulated::{Folder, Simulated, Wishes, services};

/// A look-up may take 90 s, and what it is told in some more.
const PATIENCE: Duration = Duration::from_secs(110);
/// Failures in a row that open a breaker; asked for at the same time, for whoever failed twice is asked last.
const FAILURES: u32 = 5;
/// Waiting for all to be given up takes half a minute.
const SLOW_MAX: u16 = 3;
/// Takes beyond those that are measured.
const BESIDE: u32 = 100_000;

#[derive(Debug, Serialize)]
struct Figures {
    hanging: u8,
    cases: Vec<Case>,
    conditions: Conditions,
}

#[derive(Debug, Serialize)]
struct Case {
    what: String,
    /// Until when: the first packet in another member's ear, or the bot's answer.
    until: &'static str,
    took: Option<Spread>,
    /// What the bot answered, where nothing could be played.
    said: Option<String>,
}

/// The bot with ten services and somebody who listens.
struct Stage {
    services: Vec<Service>,
    simulated: Simulated,
    listener: Listener,
    /// Nothing is found at home.
    _home: Folder,
}

pub(super) async fn run(options: &ResolveBench) -> Result<()> {
    let begin = Moment::now(None)?;
    let cases = measure(options).await?;
    let (_, conditions) = begin.until(&Moment::now(None)?);
    let figures = Figures { hanging: options.hanging, cases, conditions };
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print!("{}", table(&figures));
    }
    Ok(())
}

async fn measure(options: &ResolveBench) -> Result<Vec<Case>> {
    let (plays, n) = (options.plays, options.hanging);
    let hanging = usize::from(n);
    let some = move |at| if at < hanging { Mood::Hangs } else { Mood::Answers };
    let (hang, down) = (|_| Mood::Hangs, |_| Mood::Breaks);
    let slow = plays.min(SLOW_MAX);
    Ok(vec![
        heard("all ten answer".to_owned(), later(plays, |_| Mood::Answers, false).await?),
        heard(format!("{n} of ten hang, first play of all"), first(plays, some).await?),
        heard(format!("{n} of ten hang, their breakers open"), later(plays, some, true).await?),
        told("all ten hang, first play of all", answers(slow, hang, false).await?),
        told("all ten hang, breakers open", answers(plays, hang, true).await?),
        told("all ten break connections, first play of all", answers(plays, down, false).await?),
        told("all ten break connections, breakers open", answers(plays, down, true).await?),
    ])
}

/// Each play is the first one of a bot that knows nothing yet of anybody.
async fn first(plays: u16, mood: impl Fn(usize) -> Mood + Copy) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    for take in 0..plays {
        let stage = Stage::start(mood).await?;
        let heard = stage.play(u32::from(take) + 1).await;
        stage.end().await;
        took.push(heard?);
    }
    Ok(took)
}

/// The plays of one bot, after the breakers have opened if they should.
async fn later(plays: u16, mood: impl Fn(usize) -> Mood, is_open: bool) -> Result<Vec<Duration>> {
    let stage = Stage::start(mood).await?;
    let measured = async {
        if is_open {
            stage.open_breakers().await?;
            stage.command("/stop")?;
            quiet(&stage.listener).await;
        }
        let mut took = Vec::new();
        for take in 0..plays {
            took.push(stage.play(u32::from(take) + 1).await?);
            stage.command("/skip")?;
            quiet(&stage.listener).await;
        }
        Ok(took)
    };
    let measured = measured.await;
    stage.end().await;
    measured
}

/// How soon it is told that nothing can be played, and in which words.
async fn answers(
    asks: u16,
    mood: impl Fn(usize) -> Mood + Copy,
    is_open: bool,
) -> Result<Vec<(Duration, String)>> {
    let mut told = Vec::new();
    let mut open = None;
    for take in 0..asks {
        let stage = match open.take() {
            Some(stage) => stage,
            None => Stage::start(mood).await?,
        };
        if is_open && take == 0 {
            stage.open_breakers().await?;
        }
        let answered = stage.answer(u32::from(take) + 1).await;
        match is_open {
            true => open = Some(stage),
            false => stage.end().await,
        }
        told.push(answered?);
    }
    if let Some(stage) = open {
        stage.end().await;
    }
    Ok(told)
}

fn heard(what: String, took: Vec<Duration>) -> Case {
    Case { what, until: "first packet", took: spread(&took), said: None }
}

fn told(what: &str, told: Vec<(Duration, String)>) -> Case {
    let (took, mut said): (Vec<Duration>, Vec<String>) = told.into_iter().unzip();
    Case { what: what.to_owned(), until: "answer", took: spread(&took), said: said.pop() }
}

// === impl Stage ===

impl Stage {
    async fn start(mood: impl Fn(usize) -> Mood) -> Result<Stage> {
        let outside = Service::start_all(mood).await.context("loopback has no free ports")?;
        let home = Folder::new()?;
        let simulator = SimulatorOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            quiet_ms: 0,
            record: None,
            home: Vec::new(),
        };
        let wishes = Wishes {
            options: &simulator,
            music: Some(home.path()),
            allow_hosts: &services::hosts(&outside),
            refresh: Duration::from_secs(5),
            settings: &services::settings(&outside),
            environment: &services::environment(),
        };
        let simulated = Simulated::start(&wishes).await.context("the bot could not start")?;
        let listener =
            Listener::join(simulated.telegram.calls(), DMITRI, jam(), Style::Native).await;
        let listener = listener.context("nobody can listen")?;
        Ok(Stage { services: outside, simulated, listener, _home: home })
    }

    fn command(&self, text: &str) -> Result<()> {
        say(&self.simulated, text)
    }

    async fn play(&self, take: u32) -> Result<Duration> {
        self.listener.take_packets();
        let asked = Instant::now();
        self.command(&format!("/play Harbour {take}"))?;
        if !self.listener.wait_for_packets(1, PATIENCE).await {
            bail!("take {take} was not heard");
        }
        let packets = self.listener.take_packets();
        let first = packets.first().context("a packet came and went")?;
        Ok(first.arrival.saturating_duration_since(asked))
    }

    async fn answer(&self, take: u32) -> Result<(Duration, String)> {
        let world = self.simulated.telegram.world();
        let asked_at = Instant::now();
        let asked = match world.say(ADA, jam(), &format!("/play Harbour {take}")) {
            Ok(asked) => asked,
            Err(refusal) => bail!("Telegram refused: {refusal:?}"),
        };
        let is_answer = |shown: &simulator::world::Shown| {
            shown.reply_to == Some(asked) && shown.text.starts_with('⚠')
        };
        let said = world.wait_for_message(jam(), PATIENCE, is_answer).await;
        let said = said.context("the bot does not say that there is nothing")?;
        Ok((asked_at.elapsed(), said.text))
    }

    /// Asks so often at the same time that whoever does not answer is left alone afterwards.
    async fn open_breakers(&self) -> Result<()> {
        for take in 0..FAILURES {
            self.command(&format!("/play Harbour {}", BESIDE + take))?;
        }
        let are_open = async {
            while !self.are_open() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, are_open).await.context("the breakers do not open")
    }

    fn are_open(&self) -> bool {
        let lines = self.simulated.tree.stats().services;
        let is_open = |line: &Line| matches!(line.health, Health::LeftAlone { .. });
        self.services
            .iter()
            .filter(|one| !one.is(Mood::Answers) && one.shape().is_searched())
            .all(|one| lines.iter().any(|line| line.service == one.shape().name() && is_open(line)))
    }

    async fn end(mut self) {
        self.listener.leave().await;
        self.simulated.stop().await;
    }
}

fn table(figures: &Figures) -> String {
    let mut out = String::from(
        "from /play to the first packet that another member hears, or to the bot's answer\n",
    );
    for case in &figures.cases {
        let took = case.took.map_or("–".to_owned(), |took| took.to_string());
        out += &format!("{:<46}{:<14}{took}\n", case.what, case.until);
        if let Some(said) = &case.said {
            out += &format!("  {said}\n");
        }
    }
    out + &conditions_table(&figures.conditions, None)
}
