//! How long MongoDB is down, what people ask meanwhile, and that it gets each record that it missed once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use simulator::listener::Listener;
use simulator::music::Track;
use simulator::world::{BORIS, jam};
use storage::{Driver, Store, Table};

use super::super::table::Noticed;
use super::{ANSWER_MAX, Server};
use crate::process::Process;

/// The environment variable with another length, in seconds.
const LENGTH: &str = "ARMEDMUSIC_OUTAGE_S";
const SHORT: u64 = 3;
const BETWEEN: Duration = Duration::from_millis(2_500);

pub(super) fn length() -> Duration {
    let named = std::env::var(LENGTH).ok();
    Duration::from_secs(named.map_or(SHORT, |named| named.parse().expect("a number of seconds")))
}

/// People go on asking until it is over, more than is played; each answer comes at once, and of all that was sent since
/// nothing is missing.
pub(super) async fn asks_on(process: &Process, listener: &Listener, for_so_long: Duration) {
    let (before, since) = (listener.packets().len(), Instant::now());
    let mut n_asked = 0;
    while since.elapsed() < for_so_long {
        let track = Track::ALL[n_asked % Track::ALL.len()].title();
        let (text, words) = match n_asked % 3 {
            0 | 1 => (format!("/play {track}"), "in the queue"),
            _ => ("/queue".to_owned(), "1. "),
        };
        let world = process.telegram.world();
        let asked = world.say(BORIS, jam(), &text).expect("he may write");
        let is_answer =
            |shown: &simulator::world::Shown| shown.id > asked && shown.text.contains(words);
        let answer = world.wait_for_message(jam(), ANSWER_MAX, is_answer).await;
        assert!(answer.is_some(), "nobody answered {text}\n{}", process.log().join("\n"));
        n_asked += 1;
        tokio::time::sleep(BETWEEN).await;
    }
    let noticed = Noticed::between(&listener.packets()[before..]);
    assert_eq!(noticed.n_missing(), 0, "of what was sent during {n_asked} commands: {noticed}");
}

/// What a store has, by table and key.
type Kept = BTreeMap<(Table, String), (u64, String)>;

async fn all((store, driver): (Store, Driver)) -> Kept {
    let reading = async {
        let mut kept = Kept::new();
        for table in Table::ALL {
            for record in store.scan(table).await.expect("it is read") {
                let value = (record.revision, record.value.to_string());
                kept.insert((table, record.key), value);
            }
        }
        store.close().await;
        kept
    };
    tokio::join!(driver.run(), reading).1
}

/// The process was killed when everything had been sent: what lies there is what lies in its file.
pub(super) async fn is_the_same(server: &Server, process: &Process) {
    let file = storage::Settings::embedded(process.state_file(""));
    let file = all(storage::open(file).await.expect("the process is gone")).await;
    let there = all(storage::open(server.alone()).await.expect("it is there")).await;
    assert!(!file.is_empty());
    assert_eq!(there, file);
}

/// What waits, as people are told it.
pub(super) async fn listed(process: &Process) -> Vec<String> {
    let asked = process.telegram.world().say(BORIS, jam(), "/queue").expect("he may write");
    let is_place = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit() || c == '…');
    let answer = || {
        let shown = process.telegram.world().messages(jam());
        let answer = shown.iter().find(|one| one.id > asked && one.text.contains("\n1. "))?;
        Some(answer.text.lines().filter(is_place).map(str::to_owned).collect())
    };
    process.until("the queue is told", || answer().is_some()).await;
    answer().expect("it was there")
}

/// What the numbers say: how many records wait, how many were sent.
pub(super) async fn numbers(process: &Process) -> (u64, u64) {
    let told = || {
        let log = process.log();
        log.iter().filter(|line| line.contains("the numbers are written down")).count()
    };
    let before = told();
    process.signal("-USR1");
    process.until("the numbers are written", || told() > before).await;
    let text = std::fs::read_to_string(process.state_file("stats.json")).expect("it was written");
    let stats: actors::Stats = serde_json::from_str(&text).expect("it is what /stats is drawn of");
    let store = stats.store.expect("it is open");
    (store.outbox, store.replayed)
}

/// Everything that waited is there, each record once; nothing else happens meanwhile.
pub(super) async fn gets_each_once(process: &Process, (waited, sent): (u64, u64)) {
    let since = Instant::now();
    loop {
        let (waits, now) = numbers(process).await;
        assert!(since.elapsed() < super::server::START_MAX, "{waits} wait still");
        if waits == 0 {
            assert_eq!(now - sent, waited, "each once");
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
