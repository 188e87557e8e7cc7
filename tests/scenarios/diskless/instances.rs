//! Two instances on one MongoDB: a deploy that starts the new one before it stops the old one, a crash, a machine that was
//! cut off.

use std::time::{Duration, Instant};

use simulator::world::{ADA, jam};
use storage::{Claim, Lease, Table};

use super::super::parts::free_port;
use super::super::process::{Process, Setup};
use super::super::resume::{goes_on, hears, playing};
use super::super::world::PATIENCE;
use super::{KEY, Server, errors};

const WAITS: &str = "another instance serves; waiting until it ends";
const GOES_ON: &str = "the other instance has ended, going on";
/// At once, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

fn n(process: &Process, words: &str) -> usize {
    process.log().iter().filter(|line| line.contains(words)).count()
}

fn connections(process: &Process) -> u64 {
    process.telegram.dc().stats().connections_opened
}

/// It was asked to end while it waited.
async fn ends_at_once(process: Process) {
    process.signal("-TERM");
    let (end, _) = process.ends(PATIENCE).await;
    assert_eq!(end.status.code(), Some(0), "{:#?}", end.log);
    assert!(end.took < AT_ONCE, "{:?}", end.took);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_instance_waits_until_the_first_has_drained_and_goes_on_at_its_place() {
    let Some(server) = Server::start().await else { return };
    let (mut first, listener) = playing(server.nowhere()).await;
    let connected = connections(&first);
    let second = server.nowhere().start_in(first.telegram.clone());
    second.logs(WAITS).await;
    let third = server.nowhere().start_in(first.telegram.clone());
    third.logs(WAITS).await;
    ends_at_once(third).await;
    hears(&listener, 150).await;
    assert_eq!(connections(&first), connected, "one login, one connection");
    assert_eq!(n(&second, WAITS), 1, "{:#?}", second.log());
    first.signal("-TERM");
    first.is_gone().await;
    let gone = Instant::now();
    let before = listener.packets().len();
    second.logs(GOES_ON).await;
    assert!(gone.elapsed() < AT_ONCE, "it was given back, after {:?}", gone.elapsed());
    goes_on(&second, &listener, before).await;
    second.say(ADA, jam(), "/queue");
    second.sees_in(jam(), "1. orchard").await;
    assert_eq!(errors(&second), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_instance_takes_over_when_the_first_was_killed() {
    let Some(server) = Server::start().await else { return };
    let (mut first, listener) = playing(server.nowhere()).await;
    let second = server.nowhere().start_in(first.telegram.clone());
    second.logs(WAITS).await;
    hears(&listener, 150).await;
    assert_eq!(n(&second, GOES_ON), 0, "{:#?}", second.log());
    first.kill_9();
    let before = listener.packets().len();
    second.logs(GOES_ON).await;
    goes_on(&second, &listener, before).await;
    assert_eq!(errors(&second), Vec::<String>::new());
}

/// Another instance, of which nothing is there but its wish.
async fn takes(server: &Server) -> Lease {
    let lease = Lease::of(&server.store(), rand::random()).expect("there is no directory");
    let since = Instant::now();
    while lease.claim().await.expect("MongoDB is there") == Claim::Theirs {
        assert!(since.elapsed() < PATIENCE, "nobody raises it and nobody gets it");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    lease
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_lost_its_lease_ends_and_writes_nothing_more() {
    let Some(server) = Server::start().await else { return };
    let (process, listener) = playing(server.nowhere()).await;
    hears(&listener, 50).await;
    // neither it nor its way to MongoDB is alive for a while
    process.signal("-STOP");
    let other = takes(&server).await;
    let tables = [Table::Playback, Table::Beats, Table::Commands, Table::Sessions];
    let mut before = Vec::new();
    for table in tables {
        before.push(server.table(table).await);
    }
    process.signal("-CONT");
    let (end, _) = process.ends(PATIENCE).await;
    assert_eq!(end.status.code(), Some(75), "{:#?}", end.log);
    let errors: Vec<&String> = end.log.iter().filter(|line| line.contains(" ERROR ")).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains("let one instance run"), "{errors:#?}");
    for (table, before) in tables.into_iter().zip(before) {
        assert_eq!(server.table(table).await, before, "it wrote into {table}");
    }
    other.give_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_mongodb_nobody_connects_and_a_signal_ends_the_waiting() {
    let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", free_port());
    let setup = Setup::new()
        .settings("storage.engine = \"mongodb\"\nstorage.mongodb_timeout_ms = 1000")
        .environment("MONGODB_URI", &uri)
        .environment("STATE_KEY", KEY);
    let telegram = setup.telegram().await;
    let process = setup.start_in(telegram);
    process.logs("without it nobody knows whether another instance is connected").await;
    assert_eq!(connections(&process), 0);
    assert_eq!(errors(&process), Vec::<String>::new());
    ends_at_once(process).await;
}
