//! The bot as a process, stopped in the middle of work: while many chats play, while somebody hangs, while it starts.

use std::time::Duration;

use simulator::dc::Target;
use simulator::music::Track;
use simulator::world::{ADA, ASSISTANT, BORIS, Population, SECOND_ASSISTANT, Telegram, jam};

use super::DRAIN_MAX;
use crate::origin::{Origin, Step, head};
use crate::process::{End, Process, Setup};
use crate::world::room;

/// What a second signal is given, and a busy machine's share of it.
const AT_ONCE: Duration = Duration::from_millis(500);
const N_FILES: usize = 50;
const N_DOWNLOADS: usize = 10;

fn chats() -> Vec<i64> {
    (0..N_FILES + N_DOWNLOADS).map(|n| -1_000_000_002_000 - n as i64).collect()
}

/// So many groups, each with a voice chat.
fn many(population: &mut Population) {
    population.places.extend(chats().into_iter().map(|id| room(id, &[BORIS])));
}

fn is_heard(telegram: &Telegram, chat: i64) -> bool {
    telegram
        .calls()
        .participants(chat)
        .iter()
        .any(|one| [ASSISTANT, SECOND_ASSISTANT].contains(&one.user) && one.is_connected)
}

/// A track is being played in the group.
async fn playing(setup: Setup) -> Process {
    let process = setup.start().await;
    process.say(ADA, jam(), "/play northbound");
    process.sees_in(jam(), "Now playing").await;
    process.until("the assistant is heard", || is_heard(&process.telegram, jam())).await;
    process
}

fn assert_clean(end: &End) {
    let log = end.log.join("\n");
    assert_eq!(end.status.code(), Some(0), "{log}");
    assert!(end.took < DRAIN_MAX, "after {:?}", end.took);
    assert!(end.left_behind.is_empty(), "{:?}", end.left_behind);
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}

async fn all_heard(process: &Process, chats: &[i64]) {
    for chat in chats {
        process.sees_in(*chat, "Now playing").await;
        process.until("all are heard", || is_heard(&process.telegram, *chat)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_bot_that_is_asked_to_end_lets_go_of_every_chat_and_download() {
    // half of a track, and then the connection stays open: a download that is under way
    let origin = Origin::start(|_, _| {
        let mut files = simulator::music::files().iter();
        let file = files.find(|file| file.track == Track::Harbour).expect("every track has a file");
        let length = file.bytes.len().to_string();
        let headers = [("Content-Type", file.mime), ("Content-Length", length.as_str())];
        let half = file.bytes[..file.bytes.len() / 2].to_vec();
        vec![head("200 OK", &headers), Step::Send(half), Step::Hang]
    })
    .await;
    let setup = Setup::new()
        .population(many)
        .settings(&format!("sources.allow_hosts = [{:?}]", origin.host()));
    let process = setup.start().await;
    let chats = chats();
    let (files, downloads) = chats.split_at(N_FILES);
    for chat in files {
        // enough for the time in which the others start
        for track in ["northbound", "orchard", "lantern", "meridian"] {
            process.say(ADA, *chat, &format!("/play {track}"));
        }
    }
    all_heard(&process, files).await;
    // last, for half a track is not long
    for chat in downloads {
        process.say(ADA, *chat, &format!("/play {}", origin.url("/harbour.mp3")));
    }
    all_heard(&process, downloads).await;
    assert!(files.iter().all(|chat| is_heard(&process.telegram, *chat)), "the files play on");
    assert!(origin.asked().len() >= N_DOWNLOADS, "{:?}", origin.asked());

    process.signal("-TERM");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_clean(&end);
    for chat in chats {
        let left = telegram.calls().participants(chat);
        assert!(left.is_empty(), "in {chat}: {left:?}");
    }
    let noise: Vec<&String> = end.log.iter().filter(|line| line.contains(" WARN ")).collect();
    assert!(noise.is_empty(), "{noise:#?}");
    let fault = format!("SIGTERM while {N_FILES} files and {N_DOWNLOADS} downloads play");
    record(&fault, &format!("all calls left, exit 0 after {} ms", end.took.as_millis()), "15 s");
    telegram.stop().await;
}

fn record(fault: &str, measured: &str, target: &str) {
    let row = if fault.contains("while") && fault.contains("play") { "18" } else { "19" };
    crate::figures::record(row, fault, measured, target);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_under_way_at_the_end_gets_its_answer() {
    let process = playing(Setup::new().settings("log.level = \"info,actors=debug\"")).await;
    process.telegram.dc().faults().delay_answers(Duration::from_secs(1));
    process.signal("-TERM");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_clean(&end);
    assert!(!end.log.join("\n").contains("leaving was not answered"), "{:#?}", end.log);
    assert!(telegram.calls().participants(jam()).is_empty());
    telegram.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_never_answered_holds_nobody_up_for_long() {
    let process = playing(Setup::new()).await;
    for user in [ASSISTANT, SECOND_ASSISTANT] {
        process.telegram.dc().faults().mute(Target::User(user));
    }
    process.signal("-TERM");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_clean(&end);
    let measured = format!("exit 0 after {} ms", end.took.as_millis());
    record("SIGTERM with assistants that Telegram does not answer", &measured, "15 s");
    telegram.stop().await;
}

/// The disk of the sign-ins blocks whoever writes to it: the assistant cannot put its session down, and hangs.
async fn with_a_hanging_child() -> Process {
    let process = playing(Setup::new()).await;
    let pipe = process.state_file("assistant-1.session.json.new");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("every system has mkfifo").success(), "{pipe:?}");
    process
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_hangs_is_killed_at_its_deadline() {
    let process = with_a_hanging_child().await;
    process.signal("-TERM");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_clean(&end);
    assert!(end.took > Duration::from_secs(4), "it had its time: {:?}", end.took);
    let measured = format!("killed at its deadline, exit 0 after {} ms", end.took.as_millis());
    record("SIGTERM with a child that hangs", &measured, "15 s");
    telegram.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait_for_a_child_that_hangs() {
    let process = with_a_hanging_child().await;
    process.signal("-TERM");
    process.logs("draining").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    process.signal("-INT");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_eq!(end.status.code(), Some(130), "{}", end.log.join("\n"));
    assert!(end.took < AT_ONCE, "after {:?}", end.took);
    let measured = format!("exit 130 after {} ms", end.took.as_millis());
    record("second signal while a child hangs", &measured, "500 ms");
    telegram.stop().await;
}

/// Telegram takes connections and says nothing: start-up does not get anywhere.
async fn in_the_middle_of_start_up() -> Process {
    let setup = Setup::new();
    let telegram = setup.telegram().await;
    telegram.dc().faults().mute_new_connections(true);
    let process = setup.start_in(telegram);
    process.until("it hears signals", || process.hears_signals()).await;
    process
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_in_the_middle_of_start_up_ends_it_well() {
    let process = in_the_middle_of_start_up().await;
    process.signal("-INT");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_clean(&end);
    let measured = format!("exit 0 after {} ms", end.took.as_millis());
    record("SIGINT in the middle of start-up", &measured, "15 s");
    telegram.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_signals_in_the_middle_of_start_up_end_it_at_once() {
    let process = in_the_middle_of_start_up().await;
    // both are there when it wakes up
    for name in ["-STOP", "-TERM", "-INT", "-CONT"] {
        process.signal(name);
    }
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    // nothing was there to be drained, so that may have been faster than the second signal
    let is_drained = end.log.iter().any(|line| line.contains("drained"));
    let wanted = if is_drained { 0 } else { 130 };
    assert_eq!(end.status.code(), Some(wanted), "{}", end.log.join("\n"));
    assert!(end.took < AT_ONCE, "after {:?}", end.took);
    let measured = format!("exit {wanted} after {} ms", end.took.as_millis());
    record("two signals in the middle of start-up", &measured, "500 ms");
    telegram.stop().await;
}
