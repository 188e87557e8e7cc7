//! Kills at random instants: single actors of a bot under load die, hundreds of them, and in the end there is as much of
//! everything as in the beginning.
//!
//! The bot is a process of its own, so that its descriptors and its memory are its own and not the box's. It is this
//! test binary once more, which runs the tree and does to it what it is ordered to ([`victim`]).

mod victim;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use simulator::world::{ADA, ASSISTANT, BORIS, BOT, Population, SECOND_ASSISTANT};

use crate::process::{Process, Setup};
use crate::world::room;

/// The environment variable with another number of kills.
const KILLS: &str = "ARMEDMUSIC_KILLS";
const N_KILLS: usize = 300;
const N_CHATS: usize = 60;
/// Between two commands of people, all chats together.
const COMMAND_EVERY: Duration = Duration::from_millis(40);
/// Whatever is ordered is done by then, but for the kills, which take as long as they take.
const DONE_MAX: Duration = Duration::from_secs(120);
/// What the allocator may keep of a load that is over.
const KEPT_KIB_MAX: u64 = 48 * 1024;
/// The media server's own deadlines are 20 and 30 s.
const LEFT_MAX: Duration = Duration::from_secs(60);
/// Connections that are being closed or opened at the moment of counting.
const FDS_SLACK: usize = 2;

/// What there is of everything when nothing plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    actors: usize,
    /// Everybody but those who are ready.
    unwell: Vec<String>,
    tasks: u64,
    streams: usize,
    threads: usize,
    fds: usize,
    rss_kib: u64,
}

/// How many died, by what they were.
type Killed = BTreeMap<String, usize>;

fn chats() -> impl Iterator<Item = i64> + Clone {
    (0..N_CHATS).map(|n| -1_000_000_005_000 - n as i64)
}

fn rooms(population: &mut Population) {
    population.places.extend(chats().map(|id| room(id, &[BORIS])));
}

/// People start and stop music all the time.
struct People {
    n: usize,
}

// === impl People ===

impl People {
    /// Someone says something in the next chat.
    fn go_on(&mut self, process: &Process) {
        let (round, at) = (self.n / N_CHATS, self.n % N_CHATS);
        self.n += 1;
        let chat = chats().nth(at).expect("there are as many");
        let text = match round % 3 {
            0 => "/play northbound",
            1 => "/play harbour",
            _ => "/stop",
        };
        process.say(ADA, chat, text);
    }

    fn stop(process: &Process) {
        chats().for_each(|chat| process.say(ADA, chat, "/stop"));
    }
}

/// Gives the victim an order and goes on with life until it is carried out.
async fn order<T: for<'a> Deserialize<'a>>(
    process: &Process,
    order: &str,
    content: &str,
    within: Duration,
    mut meanwhile: impl FnMut(&Process),
) -> T {
    let answer = process.state_file(&format!("{order}.done"));
    std::fs::write(process.state_file("new"), content).expect("the folder is ours");
    std::fs::rename(process.state_file("new"), process.state_file(order)).expect("it is ours");
    let since = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(&answer) {
            std::fs::remove_file(&answer).expect("it is ours");
            return serde_json::from_str(&text).expect("it writes what we read");
        }
        assert!(since.elapsed() < within, "{order}: not done\n{}", process.log().join("\n"));
        meanwhile(process);
        tokio::time::sleep(COMMAND_EVERY).await;
    }
}

/// Everything comes to rest, and is counted.
async fn count(process: &Process) -> Count {
    let mut next = Instant::now();
    let stop = |process: &Process| {
        if Instant::now() >= next {
            next = Instant::now() + Duration::from_secs(3);
            People::stop(process);
        }
    };
    order(process, "count", "", DONE_MAX, stop).await
}

fn assert_nothing_left(process: &Process, before: &Count, after: &Count) {
    assert_eq!(after.unwell, Vec::<String>::new());
    assert_eq!(after.actors, before.actors, "actors");
    assert_eq!(after.tasks, before.tasks, "tasks of actors");
    assert_eq!(after.streams, 0, "streams of the audio engine");
    assert!(after.threads <= before.threads + FDS_SLACK, "{before:?} {after:?}");
    assert!(after.fds <= before.fds + FDS_SLACK, "{before:?} {after:?}");
    assert!(after.rss_kib <= before.rss_kib + KEPT_KIB_MAX, "{before:?} {after:?}");
    for user in [BOT, ASSISTANT, SECOND_ASSISTANT] {
        assert_eq!(process.telegram.dc().sessions_of(user).len(), 1, "connections of {user}");
    }
}

/// Who was killed together with its assistant in the middle of a join could not leave; the media server drops who does
/// not come within 20 s.
async fn everybody_left(process: &Process) {
    let since = Instant::now();
    for chat in chats() {
        loop {
            let left = process.telegram.calls().participants(chat);
            if left.is_empty() {
                break;
            }
            assert!(since.elapsed() < LEFT_MAX, "in the voice chat of {chat}: {left:?}");
            tokio::time::sleep(COMMAND_EVERY).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn actors_killed_by_the_hundred_leave_nothing_behind() {
    let n_kills = std::env::var(KILLS).ok().and_then(|n| n.parse().ok()).unwrap_or(N_KILLS);
    let setup = Setup::new().population(rooms).settings(
        "chat.linger_s = 1\ntelegram.retry_first_s = 1\ntelegram.retry_max_s = 1\nlog.level = \"warn\"",
    );
    let telegram = setup.telegram().await;
    let program = std::env::current_exe().expect("this program is a file");
    let process = setup.start_as(telegram, &program, victim::arrange);
    let mut people = People { n: 0 };
    // as much as at any time later, so that what is kept for the next load is there before
    let () = order(&process, "rest", "6", DONE_MAX, |process| people.go_on(process)).await;
    let before = count(&process).await;
    let () = order(&process, "rest", "6", DONE_MAX, |process| people.go_on(process)).await;
    let since = Instant::now();
    let within = DONE_MAX + Duration::from_secs(1) * n_kills as u32;
    let content = format!("{n_kills}");
    let killed: Killed =
        order(&process, "kill", &content, within, |process| people.go_on(process)).await;
    let took = since.elapsed();
    let after = count(&process).await;
    eprintln!("{killed:?} in {took:?}\nbefore {before:?}\nafter  {after:?}");
    let n_killed: usize = killed.values().sum();
    assert_eq!(n_killed, n_kills);
    assert_nothing_left(&process, &before, &after);
    everybody_left(&process).await;
    for kind in ["call", "player", "chat", "assistant", "bot", "extractor", "supervisor"] {
        assert!(killed.contains_key(kind), "nobody of {kind}: {killed:?}");
    }
    crate::figures::record(
        "1",
        &format!("single actors die at random instants, {N_CHATS} chats busy"),
        &format!(
            "{n_killed} kills in {} s; actors {} and {}, descriptors {} and {}, memory {} and {} MiB before and after",
            took.as_secs(),
            before.actors,
            after.actors,
            before.fds,
            after.fds,
            before.rss_kib >> 10,
            after.rss_kib >> 10,
        ),
        "no orphan, no leak",
    );
    let () = order(&process, "end", "", DONE_MAX, |_| {}).await;
    let (end, telegram) = process.ends(Duration::from_secs(30)).await;
    assert!(end.status.success(), "{}", end.log.join("\n"));
    let panics: Vec<&String> = end.log.iter().filter(|line| line.contains("panicked at")).collect();
    assert!(panics.is_empty(), "{panics:#?}");
    telegram.stop().await;
}

/// Not a test by itself: the process in which the kills happen.
#[test]
fn the_bot_that_is_killed_is_this_program_too() {
    if let Some(config) = std::env::var_os(victim::CONFIG) {
        victim::run(Path::new(&config));
    }
}
