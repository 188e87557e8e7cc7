//! `armedmusic demo`: a short scripted session in the simulated Telegram, and what a listening member really heard.
#![allow(clippy::print_stdout, reason = "what the demo prints is what it is for")]

mod outside;
mod transcript;
mod verdict;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use simulator::listener::{Listener, Style};
use simulator::music::Track;
use simulator::world::{ADA, BOT, DMITRI, Shown, World, jam};

use crate::chaos;
use crate::cli::DemoOptions;
use crate::run::fail;
use crate::simulated::{Simulated, Wishes, in_runtime, serve_demo};
use outside::Outside;
use transcript::Transcript;

/// How long the script waits for anything the bot should do.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long parts of the first and the last track are heard; the second one sounds to its end.
const FIRST_HEARD: Duration = Duration::from_secs(6);
const PAUSED: Duration = Duration::from_secs(2);
const LAST_HEARD: Duration = Duration::from_secs(8);
/// The now-playing line moves this often: faster than Telegram would like, so that it can be seen moving.
const REFRESH: Duration = Duration::from_secs(2);

/// What is played from the folder: three containers of five, so that decoding and passthrough are both heard.
const PLAYED: [Track; 3] = [Track::Harbour, Track::Orchard, Track::Meridian];
/// What is not in the folder.
const ELSEWHERE: Track = Track::Northbound;

pub fn run(options: &DemoOptions) -> ExitCode {
    let wishes = Wishes {
        options: &options.simulator,
        music: options.music.as_deref(),
        allow_hosts: &options.allow_host,
        refresh: REFRESH,
        settings: "",
        environment: &[],
    };
    if options.chaos {
        return chaos::run(&chaos::Options {
            seed: options.seed,
            n_chats: options.chats.max(1),
            length: Duration::from_secs(options.seconds),
            every: Duration::from_millis(options.every_ms.max(10)),
        });
    }
    if options.serve {
        return serve_demo(&wishes);
    }
    in_runtime(async {
        match session(&wishes).await {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => fail("not everything was heard as it should be"),
            Err(error) => fail(&format!("{error:#}")),
        }
    })
}

/// The whole session; whether everything was heard.
async fn session(wishes: &Wishes<'_>) -> Result<bool> {
    println!("ArmedMusic in a box: a simulated Telegram, the bot, and Dmitri, who listens.\n");
    let outside = Outside::start().await.context("the outside services could not start")?;
    let (settings, hosts) = (outside.settings(), outside.hosts(wishes.allow_hosts));
    let wishes = Wishes {
        music: wishes.music.or(Some(outside.music())),
        settings: &settings,
        allow_hosts: &hosts,
        ..*wishes
    };
    let mut simulated = Simulated::start(&wishes).await.context("the demo could not start")?;
    let telegram = &simulated.telegram;
    let transcript = Transcript::start(telegram.world(), telegram.population());
    let listener = Listener::join(telegram.calls(), DMITRI, jam(), Style::Native)
        .await
        .context("Dmitri could not join the voice chat")?;

    let played = script(telegram.world(), &transcript, &listener, &outside).await;
    transcript.settle(Duration::from_millis(500)).await;
    transcript.stop();
    let packets = listener.take_packets();
    let services = simulated.tree.stats().services;
    let is_heard =
        played.is_ok() && verdict::print(&packets, &[&PLAYED[..], &[ELSEWHERE]].concat());
    outside::print(&services);

    listener.leave().await;
    simulated.stop().await;
    played.map(|()| is_heard)
}

/// What Ada types, and what must come of it.
async fn script(
    world: &World,
    transcript: &Transcript,
    listener: &Listener,
    outside: &Outside,
) -> Result<()> {
    say(world, BOT, "/start")?;
    private_answer(world).await?;
    from_the_folder(world, transcript).await?;
    from_elsewhere(world, transcript, listener, outside).await?;
    say(world, jam(), "/stop")?;
    expect(world, "the end", |shown| shown.text.starts_with('⏹') && shown.text.contains("stopped"))
        .await?;
    Ok(())
}

/// Three tracks of the music folder, with everything that can be done to them.
async fn from_the_folder(world: &World, transcript: &Transcript) -> Result<()> {
    let say = |chat: i64, text: &str| say(world, chat, text);

    let [first, second, third] = PLAYED;
    say(jam(), &format!("/play {}", first.title()))?;
    say(jam(), &format!("/play {}", second.title()))?;
    say(jam(), &format!("/play {}", third.title()))?;
    now_playing(world, first).await?;
    say(jam(), "/queue")?;
    expect(world, "the queue with two waiting tracks", |shown| {
        shown.text.contains("2. ") && names(shown, third)
    })
    .await?;
    transcript.settle(FIRST_HEARD).await;

    say(jam(), "/pause")?;
    expect(world, "the pause", |shown| shown.text.starts_with("⏸ Paused by")).await?;
    transcript.settle(PAUSED).await;
    say(jam(), "/resume")?;
    expect(world, "the music going on", |shown| shown.text.contains("plays on")).await?;
    transcript.settle(FIRST_HEARD / 2).await;

    say(jam(), "/skip")?;
    now_playing(world, second).await?;
    // to its very end, and the next one by itself
    let rest = second.duration() + PATIENCE;
    now_playing_within(world, third, rest).await?;
    transcript.settle(LAST_HEARD).await;
    say(jam(), "/skip")
}

/// A track that only outside services have, while the one that is asked first hangs.
async fn from_elsewhere(
    world: &World,
    transcript: &Transcript,
    listener: &Listener,
    outside: &Outside,
) -> Result<()> {
    // what was skipped ends with some frames of silence
    transcript.settle(PAUSED).await;
    outside.hang();
    transcript.note("invidious, which is asked first, hangs from now on");
    let n_before = listener.packets().len();
    let asked = Instant::now();
    say(world, jam(), &format!("/play {}", ELSEWHERE.title()))?;
    if !listener.wait_for_packets(n_before + 1, PATIENCE).await {
        bail!("{} was not heard", ELSEWHERE.title());
    }
    let first = listener.packets().get(n_before).map(|packet| packet.arrival);
    let after = first.unwrap_or(asked).saturating_duration_since(asked);
    now_playing(world, ELSEWHERE).await?;
    transcript.note(&format!("it sounds {} ms after it was asked for", after.as_millis()));
    transcript.settle(LAST_HEARD).await;
    say(world, jam(), "/why")?;
    expect(world, "that nothing went wrong", |shown| shown.text.contains("Nothing has gone wrong"))
        .await
}

fn say(world: &World, chat: i64, text: &str) -> Result<()> {
    match world.say(ADA, chat, text) {
        Ok(_) => Ok(()),
        Err(refusal) => bail!("Telegram refused {text:?}: {refusal:?}"),
    }
}

async fn private_answer(world: &World) -> Result<()> {
    let found = world.wait_for(PATIENCE, |world| {
        world.messages_of(ADA, BOT).into_iter().find(|shown| shown.from == Some(BOT))
    });
    found.await.map(|_| ()).context("the bot did not answer /start in private")
}

async fn now_playing(world: &World, track: Track) -> Result<()> {
    now_playing_within(world, track, PATIENCE).await
}

async fn now_playing_within(world: &World, track: Track, within: Duration) -> Result<()> {
    let is_panel = |shown: &Shown| shown.text.contains("Now playing") && names(shown, track);
    if world.wait_for_message(jam(), within, is_panel).await.is_none() {
        bail!("{} did not begin to play", track.title());
    }
    Ok(())
}

/// A file without tags is called by its name, so case says nothing.
fn names(shown: &Shown, track: Track) -> bool {
    shown.text.to_lowercase().contains(&track.title().to_lowercase())
}

async fn expect(world: &World, what: &str, is_it: impl Fn(&Shown) -> bool) -> Result<()> {
    if world.wait_for_message(jam(), PATIENCE, is_it).await.is_none() {
        bail!("the bot did not show {what}");
    }
    Ok(())
}
