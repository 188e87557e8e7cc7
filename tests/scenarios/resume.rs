//! What survives the process: it is stopped or killed, started again, and people notice a pause.

use std::time::Duration;

use simulator::listener::{Listener, Style};
use simulator::music::Track;
use simulator::world::{ADA, BORIS, DMITRI, EVE, Population, jam, kitchen};

use crate::process::{Process, Setup};
use crate::world::{PATIENCE, heard, room};

/// How exactly the ear knows where a stretch of music begins and ends, and the sign of life that positions follow.
const POSITION_ERROR_MAX: Duration = Duration::from_millis(1_200);

/// Northbound plays in the group, Orchard waits, and Dmitri hears two seconds.
pub(crate) async fn playing(setup: Setup) -> (Process, Listener) {
    let process = setup.start().await;
    let calls = process.telegram.calls();
    let listener =
        Listener::join(calls, DMITRI, jam(), Style::Native).await.expect("he may listen");
    process.say(ADA, jam(), "/play northbound");
    process.sees_in(jam(), "Now playing").await;
    process.say(BORIS, jam(), "/play orchard");
    process.sees_in(jam(), "Number 1 in the queue").await;
    hears(&listener, 100).await;
    (process, listener)
}

pub(crate) async fn hears(listener: &Listener, n: usize) {
    let so_far = listener.packets().len();
    assert!(listener.wait_for_packets(so_far + n, PATIENCE).await, "{n} more packets");
}

pub(crate) fn texts(process: &Process, chat: i64) -> Vec<String> {
    process.telegram.world().messages(chat).into_iter().map(|shown| shown.text).collect()
}

fn panels(process: &Process) -> Vec<i32> {
    let shown = process.telegram.world().messages(jam());
    shown.into_iter().filter(|one| one.text.contains("Now playing")).map(|one| one.id).collect()
}

/// From where to where the track was heard, before and after.
fn piece(packets: &[simulator::listener::Packet]) -> (Duration, Duration) {
    let report = simulator::ear::report(&heard(packets).pcm, Track::Northbound);
    let report = report.expect("it is the track");
    (report.first, report.last)
}

/// What people heard before and after the process was away; the position it went on at.
pub(crate) async fn goes_on(process: &Process, listener: &Listener, before: usize) {
    hears(listener, 150).await;
    let packets = listener.packets();
    let ((_, broke_off), (went_on, _)) = (piece(&packets[..before]), piece(&packets[before..]));
    let error = broke_off.abs_diff(went_on);
    assert!(
        error <= POSITION_ERROR_MAX,
        "broke off at {broke_off:?}, went on at {went_on:?}\n{}",
        process.log().join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_goes_on_where_it_was_with_its_queue_and_its_panel() {
    let (mut process, listener) = playing(Setup::new()).await;
    let panel = panels(&process);
    hears(&listener, 75).await;
    process.kill_9();
    let before = listener.packets().len();
    process.start_again();
    goes_on(&process, &listener, before).await;
    assert_eq!(panels(&process), panel, "edited, not repeated: {:#?}", texts(&process, jam()));
    process.say(ADA, jam(), "/queue");
    process.sees_in(jam(), "1. orchard").await;
    // the next track is the one that waited
    process.say(ADA, jam(), "/skip");
    process
        .until("orchard sounds", || {
            texts(&process, jam()).iter().any(|text| text.contains("Now playing\norchard"))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_process_goes_on_where_it_was() {
    let (mut process, listener) = playing(Setup::new()).await;
    process.signal("-TERM");
    process.is_gone().await;
    let before = listener.packets().len();
    process.start_again();
    goes_on(&process, &listener, before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paused_stays_paused_and_goes_on_when_asked() {
    let (mut process, listener) = playing(Setup::new()).await;
    process.say(ADA, jam(), "/pause");
    process.sees_in(jam(), "Paused").await;
    process.kill_9();
    let before = listener.packets().len();
    process.start_again();
    process.logs("in the voice chat").await;
    process.say(ADA, jam(), "/queue");
    process.sees_in(jam(), "1. orchard").await;
    process.say(ADA, jam(), "/resume");
    goes_on(&process, &listener, before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_while_it_was_away_is_done_once() {
    let (mut process, _listener) = playing(Setup::new()).await;
    process.kill_9();
    process.say(ADA, jam(), "/play meridian");
    process.say(BORIS, kitchen(), "/ping");
    process.start_again();
    process.sees_in(jam(), "Number 2 in the queue").await;
    process.sees_in(kitchen(), "Here. Up").await;
    // told a second time, by the difference of another process
    process.kill_9();
    process.start_again();
    process.logs("in the voice chat").await;
    process.say(ADA, jam(), "/queue");
    process.sees_in(jam(), "1. orchard").await;
    let n = |chat, words: &str| {
        texts(&process, chat).iter().filter(|text| text.contains(words)).count()
    };
    assert_eq!(n(jam(), "Number 2 in the queue"), 1, "{:#?}", texts(&process, jam()));
    assert_eq!(n(kitchen(), "Here. Up"), 1, "{:#?}", texts(&process, kitchen()));
    let queue = texts(&process, jam()).into_iter().rfind(|text| text.contains("1. orchard"));
    let queue = queue.expect("the queue was listed");
    assert_eq!(queue.matches("eridian").count(), 1, "{queue}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_long_ago_is_answered_once_and_not_done() {
    let (mut process, _listener) =
        playing(Setup::new().settings("telegram.command_age_max_s = 1")).await;
    process.kill_9();
    for _ in 0..3 {
        process.say(ADA, jam(), "/play meridian");
    }
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    process.start_again();
    process.sees_in(jam(), "I was away when you asked").await;
    process.logs("in the voice chat").await;
    let said = texts(&process, jam());
    assert_eq!(said.iter().filter(|text| text.contains("I was away")).count(), 1, "{said:#?}");
    assert!(!said.iter().any(|text| text.contains("eridian ·")), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_chat_that_ended_meanwhile_is_told_once_and_none_is_started() {
    let (mut process, _listener) = playing(Setup::new()).await;
    process.kill_9();
    process.telegram.calls().discard(jam());
    process.start_again();
    process.sees_in(jam(), "The voice chat ended").await;
    let said = texts(&process, jam());
    assert_eq!(
        said.iter().filter(|text| text.contains("The voice chat ended")).count(),
        1,
        "{said:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chat_in_which_people_listen_goes_on_before_the_one_in_which_nobody_does() {
    // by their numbers it would be the other way round
    const EMPTY: i64 = -1_000_000_003_002;
    const HEARD: i64 = -1_000_000_003_001;
    let rooms = |population: &mut Population| {
        population.places.extend([EMPTY, HEARD].map(|id| room(id, &[DMITRI, EVE])));
    };
    let pace = "call.resume_at_once = 1\ncall.resume_every_ms = 3000";
    let mut process = Setup::new().population(rooms).settings(pace).start().await;
    let mut listeners = Vec::new();
    for user in [DMITRI, EVE] {
        let calls = process.telegram.calls();
        let listener = Listener::join(calls, user, HEARD, Style::Native).await;
        listeners.push(listener.expect("a member may listen"));
    }
    for chat in [EMPTY, HEARD] {
        process.say(ADA, chat, "/play northbound");
        process.sees_in(chat, "Now playing").await;
    }
    let beginnings = |process: &Process| -> Vec<String> {
        let log = process.log().into_iter();
        log.filter(|line| line.contains("player goes on")).collect()
    };
    hears(&listeners[0], 100).await;
    process.kill_9();
    process.start_again();
    process.until("both go on", || beginnings(&process).len() == 2).await;
    let went_on = beginnings(&process);
    assert!(went_on[0].contains(&HEARD.to_string()), "{went_on:#?}");
}
