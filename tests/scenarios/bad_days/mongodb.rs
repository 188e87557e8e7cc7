//! MongoDB beside the state directory, on its bad days. It is SecantusDB, a server in a process of its own; where it is
//! not installed these tests have nothing to do and say so.

mod outage;
mod server;
pub(crate) mod wire;

use std::time::{Duration, Instant};

use simulator::listener::Listener;
use simulator::music::Track;
use simulator::world::{ADA, BORIS, jam};

use super::table::{Noticed, record, told};
use super::{hears, lines, n_lost, playing};
use crate::process::{Process, Setup};
use crate::world::heard;

use server::Server;

/// An answer does not wait for MongoDB.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// While it is away people ask for more, and get it at once; what the listener noticed of it.
async fn goes_on(process: &Process, listener: &Listener) -> Noticed {
    let noticed = plays_on(process, listener).await;
    rests(process).await;
    noticed
}

async fn plays_on(process: &Process, listener: &Listener) -> Noticed {
    let (before, since) = (listener.packets().len(), Instant::now());
    process.say(BORIS, jam(), "/play orchard");
    process.sees_in(jam(), "Number 1 in the queue").await;
    assert!(since.elapsed() < ANSWER_MAX, "an answer waited for MongoDB");
    hears(process, listener, 100).await;
    let packets = &listener.packets()[before..];
    let track = simulator::ear::report(&heard(packets).pcm, Track::Northbound);
    assert!(track.is_some(), "the music went on");
    Noticed::between(packets)
}

/// A server takes its time, and a track that ended would not be asked for.
async fn rests(process: &Process) {
    process.say(ADA, jam(), "/pause");
    process.sees_in(jam(), "Paused").await;
}

/// The file kept it all, and MongoDB, if it may, has it too.
async fn closes(process: &mut Process, day: &str, noticed: Noticed, told: &str) {
    let lost = n_lost(process, &["northbound", "orchard"]).await;
    assert_eq!(lost, 0);
    record(day, &noticed.to_string(), "0", told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_is_down_at_the_start_gets_everything_later() {
    let Some(mut server) = Server::find() else { return };
    let (mut process, listener) = playing(server.setup("")).await;
    process.logs("MongoDB is away").await;
    let told = told(&process, "MongoDB is away");
    let noticed = goes_on(&process, &listener).await;
    server.begin(&[]).await;
    process.logs("MongoDB is there and gets what it has missed").await;
    server.gets(&process, "orchard").await;
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
    closes(&mut process, "MongoDB is down at the start", noticed, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_dies_in_the_middle_stops_nothing_and_gets_what_it_missed() {
    let Some(mut server) = Server::find() else { return };
    server.begin(&["--sync-on-commit"]).await;
    let setup = server.setup("").settings("chat.queue_max = 500");
    let (mut process, listener) = playing(setup).await;
    server.gets(&process, "northbound").await;
    server.kill();
    let before = listener.packets().len();
    plays_on(&process, &listener).await;
    process.logs("MongoDB is away").await;
    let told = told(&process, "MongoDB is away");
    outage::asks_on(&process, &listener, outage::length()).await;
    let noticed = Noticed::between(&listener.packets()[before..]);
    rests(&process).await;
    let listed = outage::listed(&process).await;
    let waits = outage::numbers(&process).await;
    server.begin(&["--sync-on-commit"]).await;
    outage::gets_each_once(&process, waits).await;
    assert!(server.has("orchard").await);
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
    process.kill_9();
    outage::is_the_same(&server, &process).await;
    process.start_again();
    process.logs("bot signed in").await;
    assert_eq!(outage::listed(&process).await, listed);
    record("MongoDB dies in the middle", &noticed.to_string(), "0", &told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_mongodb_delays_no_answer_and_gets_everything() {
    let Some(mut server) = Server::find() else { return };
    server.begin(&[]).await;
    let way = server.behind().await;
    let (mut process, listener) = playing(way.setup()).await;
    server.gets(&process, "northbound").await;
    way.takes(Duration::from_secs(2));
    let noticed = goes_on(&process, &listener).await;
    server.gets(&process, "orchard").await;
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
    closes(&mut process, "MongoDB takes 2 s for every operation", noticed, "nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_is_not_primary_gets_everything_when_it_is_again() {
    let Some(mut server) = Server::find() else { return };
    server.begin(&["--enable-test-commands"]).await;
    let (mut process, listener) = playing(server.setup("")).await;
    server.gets(&process, "northbound").await;
    server.is_primary(false);
    let noticed = goes_on(&process, &listener).await;
    process.logs("MongoDB is away").await;
    let told = told(&process, "MongoDB is away");
    assert!(!server.has("orchard").await, "it took a write although it is not primary");
    server.is_primary(true);
    server.gets(&process, "orchard").await;
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
    closes(&mut process, "MongoDB is not primary", noticed, &told).await;
}

/// Everything goes on, and the operator is told once what to mend.
async fn is_for_the_operator(setup: Setup, day: &str, words: &str) {
    let (mut process, listener) = playing(setup).await;
    process.logs("MongoDB does not get what is kept").await;
    let noticed = goes_on(&process, &listener).await;
    let errors = lines(&process, "ERROR");
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains(words) && !errors[0].contains("hunter2"), "{errors:#?}");
    let told = format!("{}: {words}", told(&process, "MongoDB does not get what is kept"));
    closes(&mut process, day, noticed, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_refuses_the_password_is_for_the_operator_and_the_directory_keeps_the_state()
{
    let Some(mut server) = Server::find() else { return };
    server.begin(&["--auth"]).await;
    let words = "MongoDB refuses the user or the password in MONGODB_URI";
    is_for_the_operator(server.setup("dj:hunter2@"), "MongoDB refuses the password", words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_is_too_old_is_for_the_operator_and_the_directory_keeps_the_state() {
    let (port, _server) = wire::version_3_6().await;
    let uri = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
    let setup = Setup::new().environment("MONGODB_URI", &uri);
    is_for_the_operator(setup, "MongoDB is too old", "this MongoDB is too old").await;
}
