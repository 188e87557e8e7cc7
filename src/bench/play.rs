//! `bench play`: how long a member waits for music, with the whole bot in the simulated Telegram.
//!
//! Two cases for each track: the assistant must join first, and the assistant still lingers in the voice chat.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use simulator::listener::{Listener, Style};
use simulator::music::Track;
use simulator::world::{ADA, ASSISTANT, DMITRI, SECOND_ASSISTANT, jam};

use super::conditions::{Conditions, Moment};
use super::report::conditions_table;
use super::statistics::{Spread, spread};
use crate::cli::{PlayOptions, SimulatorOptions};
use crate::simulated::{Simulated, Wishes};

/// How long the bot may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a skip some frames of silence follow; then the line is quiet.
const QUIET: Duration = Duration::from_millis(500);
/// How often things are looked at that tell nothing by themselves.
const LOOK: Duration = Duration::from_millis(5);

/// One that is decoded, and one that is sent as it is.
const TRACKS: [Track; 2] = [Track::Harbour, Track::Northbound];

#[derive(Debug, Serialize)]
struct Figures {
    cases: Vec<Case>,
    conditions: Conditions,
}

#[derive(Debug, Serialize)]
struct Case {
    track: &'static str,
    /// From the /play to the first packet in another member's ear, when the assistant has to join.
    joining: Option<Spread>,
    /// Of that, from the join's answer to the end of the DTLS handshake.
    joining_ice_and_dtls: Option<Spread>,
    /// The same when the assistant is in the voice chat already.
    lingering: Option<Spread>,
}

pub(super) async fn run(options: &PlayOptions) -> Result<()> {
    let simulator = SimulatorOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        quiet_ms: 0,
        record: None,
        home: Vec::new(),
    };
    let wishes = Wishes {
        options: &simulator,
        music: None,
        allow_hosts: &[],
        refresh: Duration::from_secs(5),
        settings: "",
        environment: &[],
    };
    let mut simulated = Simulated::start(&wishes).await.context("the bot could not start")?;
    let measured = measure(&simulated, options.runs).await;
    simulated.stop().await;
    let figures = measured?;
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print!("{}", table(&figures));
    }
    Ok(())
}

async fn measure(simulated: &Simulated, runs: u16) -> Result<Figures> {
    until(|| is_ready(simulated)).await.context("bot and assistant do not sign in")?;
    let listener = Listener::join(simulated.telegram.calls(), DMITRI, jam(), Style::Native)
        .await
        .context("nobody can listen")?;
    let begin = Moment::now(None)?;
    let mut cases = Vec::new();
    for track in TRACKS {
        let (mut joining, mut transport, mut lingering) = (vec![], vec![], vec![]);
        for _ in 0..runs {
            joining.push(first_packet(simulated, &listener, track).await?);
            transport.extend(connected_after(simulated));
            say(simulated, "/skip")?;
            quiet(&listener).await;
            lingering.push(first_packet(simulated, &listener, track).await?);
            say(simulated, "/stop")?;
            until(|| is_idle(simulated)).await.context("the assistant does not leave")?;
            quiet(&listener).await;
        }
        cases.push(Case {
            track: track.title(),
            joining: spread(&joining),
            joining_ice_and_dtls: spread(&transport),
            lingering: spread(&lingering),
        });
    }
    let (_, conditions) = begin.until(&Moment::now(None)?);
    listener.leave().await;
    Ok(Figures { cases, conditions })
}

/// From a member's words to the first packet.
async fn first_packet(
    simulated: &Simulated,
    listener: &Listener,
    track: Track,
) -> Result<Duration> {
    listener.take_packets();
    let asked = Instant::now();
    say(simulated, &format!("/play {}", track.title()))?;
    if !listener.wait_for_packets(1, PATIENCE).await {
        bail!("{} was not heard", track.title());
    }
    let packets = listener.take_packets();
    let first = packets.first().context("a packet came and went")?;
    Ok(first.arrival.saturating_duration_since(asked))
}

/// How long the media server took to have the assistant.
fn connected_after(simulated: &Simulated) -> Option<Duration> {
    let peers = simulated.telegram.sfu().stats(jam());
    let is_assistant = |user| user == ASSISTANT || user == SECOND_ASSISTANT;
    peers.iter().find(|peer| is_assistant(peer.user))?.connected_after
}

pub(super) fn say(simulated: &Simulated, text: &str) -> Result<()> {
    match simulated.telegram.world().say(ADA, jam(), text) {
        Ok(_) => Ok(()),
        Err(refusal) => bail!("Telegram refused {text:?}: {refusal:?}"),
    }
}

/// Waits until nothing has been heard for a moment.
pub(super) async fn quiet(listener: &Listener) {
    listener.take_packets();
    loop {
        tokio::time::sleep(QUIET).await;
        if listener.take_packets().is_empty() {
            return;
        }
    }
}

fn is_ready(simulated: &Simulated) -> bool {
    let snapshot = simulated.tree.root().snapshot();
    let is_up = |path| {
        let child = snapshot.find(path);
        child.is_some_and(|child| matches!(child.state, supervisor::State::Ready))
    };
    is_up("root/bot") && is_up("root/assistants/1")
}

fn is_idle(simulated: &Simulated) -> bool {
    simulated.tree.root().snapshot().find(&format!("root/chats/{}", jam())).is_none()
}

async fn until(is_so: impl Fn() -> bool) -> Result<()> {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(LOOK).await;
        }
    };
    Ok(tokio::time::timeout(PATIENCE, waiting).await?)
}

fn table(figures: &Figures) -> String {
    let mut out = String::from("from /play to the first packet that another member hears\n");
    let shown = |spread: Option<Spread>| spread.map_or("–".to_owned(), |it| it.to_string());
    for case in &figures.cases {
        let rows = [
            ("the assistant joins first", case.joining),
            ("  of that, ICE and DTLS", case.joining_ice_and_dtls),
            ("the assistant is there", case.lingering),
        ];
        out += &format!("{}\n", case.track);
        for (name, spread) in rows {
            out += &format!("  {name:<26}{}\n", shown(spread));
        }
    }
    out + &conditions_table(&figures.conditions, None)
}
