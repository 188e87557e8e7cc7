//! One login, one connection: two of them at once cost the account that login (AUTH_KEY_DUPLICATED).

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use simulator::world::{ASSISTANT, BOT, Population, Telegram};
use telegram::{Secret, Session, Settings};
use tokio::task::JoinSet;

use super::{all_answered, hasty, is_ready_again, key_of, lives, obeyed_once, one_connection_each};
use crate::figures;
use crate::process::Setup;
use crate::world::PATIENCE;

/// How often a session is restarted; the published figure is from `ARMEDMUSIC_RESTARTS=1000`.
fn restarts() -> u32 {
    std::env::var("ARMEDMUSIC_RESTARTS").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_with_the_same_session_refuses_to_start() {
    let running = hasty().start().await;
    let (asked, _) = all_answered(&running, "before").await;
    let opened = || running.telegram().dc().stats().connections_opened;
    let before = opened();
    let folder = running.inside.folder.path();
    let config = folder.join("second.toml");
    let text = format!(
        "state.directory = {:?}\ntelegram.datacenters = [\"2={}\"]\n",
        folder.join("state").display().to_string(),
        running.telegram().address(),
    );
    std::fs::write(&config, text).expect("the folder can be written");
    let secrets = [
        ("API_ID", "12345".to_owned()),
        ("API_HASH", "0123456789abcdef0123456789abcdef".to_owned()),
        ("BOT_TOKEN", format!("{BOT}:SIMULATED-TOKEN-OF-TELEGRAM-IN-A-BOX")),
        ("BOT_SESSION", running.telegram().session_string(BOT)),
        ("STRING_SESSION", running.telegram().session_string(ASSISTANT)),
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_armedmusic"));
    command.args(["run", "--config"]).arg(&config).env_clear().envs(secrets.clone());
    let ended = tokio::task::spawn_blocking(move || command.output()).await;
    let ended = ended.expect("it was waited for").expect("cargo built it");
    let text = String::from_utf8(ended.stderr).expect("it writes text");
    assert_eq!(ended.status.code(), Some(75), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("bot.session.json"), "it names the session: {text}");
    assert!(text.contains(&format!("process {}", std::process::id())), "it names us: {text}");
    for (name, secret) in &secrets[1..] {
        assert!(!text.contains(secret.as_str()), "{name} in {text}");
    }
    assert_eq!(opened(), before, "the second one never connected");
    obeyed_once(&running, &asked).await;
    one_connection_each(&running);
    running.end().await;
    figures::record(
        "7",
        "a second process on the same session",
        "exit 75, one line with the file and the other's process; 0 connections of it",
        "refuses",
    );
}

/// Somebody starts it once more from another folder: the locks beside its files are other ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_with_the_same_logins_in_another_directory_refuses_to_start() {
    let first = Setup::new().start().await;
    let opened = || first.telegram.dc().stats().connections_opened;
    let before = opened();
    let folder = tempfile::tempdir().expect("the disk has room");
    let second = |word: &str, state: &Path| {
        let config = folder.path().join("second.toml");
        let text = format!("state.directory = {state:?}\nextractors.order = []\n");
        std::fs::write(&config, text).expect("it has room");
        let mut command = Command::new(env!("CARGO_BIN_EXE_armedmusic"));
        command.args([word, "--config"]).arg(&config).env_clear();
        command.envs(armedmusic::simulated::secrets(&first.telegram));
        let mut command = tokio::process::Command::from(command);
        let ended = command.kill_on_drop(true).output();
        let ended = tokio::time::timeout(Duration::from_secs(20), ended);
        async move { ended.await.expect("it ends by itself").expect("cargo built it") }
    };
    let ended = second("run", &folder.path().join("state")).await;
    let text = String::from_utf8(ended.stderr).expect("it writes text");
    assert_eq!(ended.status.code(), Some(75), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("another state.directory"), "{text}");
    // settings may be checked beside a bot that runs, its own among them
    for state in [folder.path().join("state"), first.state_file("")] {
        let ended = second("check", &state).await;
        let text = String::from_utf8(ended.stderr).expect("it writes text");
        assert_eq!(ended.status.code(), Some(0), "{text}");
    }
    assert_eq!(opened(), before, "the second one never connected");
    first.signal("-TERM");
    let (end, telegram) = first.ends(PATIENCE).await;
    assert_eq!(end.status.code(), Some(0), "{}", end.log.join("\n"));
    telegram.stop().await;
}

/// Fast restarts of a session, each ended in another way: politely, killed, killed while its successor starts.
#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_login_never_overlap() {
    let box_of_telegram = simulator::world::Settings {
        population: Population::small(),
        ..simulator::world::Settings::loopback()
    };
    let telegram = Telegram::start(box_of_telegram).await.expect("the box starts");
    let folder = tempfile::tempdir().expect("the disk has room");
    let path = folder.path().join("assistant-1.session.json");
    let string = Secret::new(telegram.session_string(ASSISTANT));
    let session = Session::import(&string, Some(&path)).expect("the string is good");
    let settings = Settings {
        datacenters: vec![(2, telegram.address())],
        ..Settings::new(12345, "0123456789abcdef0123456789abcdef")
    };
    let since = Instant::now();
    let mut lives = JoinSet::new();
    for life in 0..restarts() {
        let (account, _updates, runner) = telegram::connect(settings.clone(), session.clone());
        let run = lives.spawn(runner.run());
        account.me().await.expect("the login is good");
        match life % 3 {
            0 => account.close(),
            1 => {
                run.abort();
                while lives.join_next().await.is_some() {}
            }
            _ => run.abort(),
        }
    }
    while lives.join_next().await.is_some() {}
    let took = since.elapsed();
    let stats = telegram.dc().stats();
    let of_key = &stats.keys[&simulator::dc::Dc::key_id(&telegram.account_session(ASSISTANT))];
    let (opened, peak) = (of_key.connections_opened, of_key.live_peak);
    telegram.stop().await;
    assert!(opened >= u64::from(restarts()), "{opened} connections");
    assert_eq!(peak, 1, "two connections of one login at once");
    figures::record(
        "7",
        "restarts of a session as fast as they go, a third closed, two thirds killed",
        &format!(
            "{} restarts in {:.1} s, {opened} connections, overlapping: 0",
            restarts(),
            took.as_secs_f32()
        ),
        "0 overlaps in 1,000 restarts",
    );
}

/// The same through the tree: the actor dies, its supervisor starts the next one.
#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_that_dies_and_starts_again_was_disconnected_before() {
    const PATH: &str = "root/assistants/1";
    let running = hasty().start().await;
    let tree = running.inside.tree.root();
    for _ in 0..6 {
        let life = lives(&running, PATH);
        assert!(tree.tree().kill(PATH));
        running
            .until("it fell", || {
                tree.snapshot()
                    .find(PATH)
                    .is_some_and(|child| child.state == supervisor::State::Backoff)
            })
            .await;
        assert!(tree.tree().retry(PATH));
        running.until("it lives again", || lives(&running, PATH) > life).await;
        is_ready_again(&running, PATH).await;
    }
    let stats = running.telegram().dc().stats();
    assert!(stats.keys[&key_of(&running, ASSISTANT)].connections_opened >= 7);
    one_connection_each(&running);
    running.end().await;
}

/// A process that stands still holds its login; one that is gone holds nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_keeps_its_login_and_a_killed_one_gives_it_back_at_once() {
    let process = Setup::new().start().await;
    process.signal("-STOP");
    let (code, text) = process.again("assistant signed in").await;
    assert_eq!(code, Some(75), "{text}");
    process.signal("-KILL");
    process.until("the killed one is dead", || process.is_dead()).await;
    let since = Instant::now();
    let (_, text) = process.again("bot signed in").await;
    assert!(text.contains("bot signed in"), "{text}");
    let back = since.elapsed();
    for (key, of_key) in &process.telegram.dc().stats().keys {
        assert!(of_key.live_peak <= 1, "{key:?} was connected twice: {of_key:?}");
    }
    figures::record(
        "34",
        "the process that holds the logins is frozen, then killed",
        &format!(
            "a second one refused with 75; after the kill signed in within {} ms; overlaps 0",
            back.as_millis()
        ),
        "double owner never",
    );
    let (_, telegram) = process.ends(PATIENCE).await;
    telegram.stop().await;
}
