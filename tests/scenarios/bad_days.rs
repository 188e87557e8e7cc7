//! Bad days of the state: two processes in one directory, files that are damaged, full, or of another version. Music
//! goes on where it can; what cannot go on says so and names the fix.

mod clock;
mod files;
pub(crate) mod mongodb;
mod moving;
mod queue;
mod table;

use std::path::Path;
use std::time::Duration;

use simulator::listener::{Listener, Style};
use simulator::music::Track;
use simulator::world::{ADA, BORIS, DMITRI, jam};

use crate::process::{Process, Setup};
use crate::world::{PATIENCE, heard, room};

use table::Noticed;

/// How exactly the ear knows where a stretch of music begins and ends, and the sign of life that positions follow.
const POSITION_ERROR_MAX: Duration = Duration::from_millis(1_200);
const FILE: &str = "armedmusic.db";

/// A second group, in which both assistants are.
fn cellar() -> i64 {
    jam() - 200
}

fn with_cellar(setup: Setup) -> Setup {
    setup.population(|population| {
        population.places.push(room(cellar(), &[BORIS, DMITRI]));
    })
}

async fn listens(process: &Process, chat: i64) -> Listener {
    let calls = process.telegram.calls();
    Listener::join(calls, DMITRI, chat, Style::Native).await.expect("he may listen")
}

async fn hears(process: &Process, listener: &Listener, n: usize) {
    let so_far = listener.packets().len();
    let has = listener.wait_for_packets(so_far + n, PATIENCE).await;
    assert!(has, "{n} more packets\n{}", process.log().join("\n"));
}

/// Northbound sounds in the group, and Dmitri hears a second of it.
async fn playing(setup: Setup) -> (Process, Listener) {
    let process = setup.start().await;
    let listener = listens(&process, jam()).await;
    process.say(ADA, jam(), "/play northbound");
    process.sees_in(jam(), "Now playing").await;
    hears(&process, &listener, 50).await;
    (process, listener)
}

/// It plays when it is asked to, after whatever happened.
async fn plays(process: &Process, listener: &Listener, track: &str, of: Track) {
    process.say(ADA, jam(), &format!("/play {track}"));
    let words = format!("{track}\n0:");
    process
        .until("it plays", || {
            let shown = process.telegram.world().messages(jam());
            shown.iter().any(|one| {
                one.text.contains("Now playing") && one.text.to_lowercase().contains(&words)
            })
        })
        .await;
    let before = listener.packets().len();
    hears(process, listener, 100).await;
    let pcm = heard(&listener.packets()[before..]).pcm;
    assert!(simulator::ear::report(&pcm, of).is_some(), "{track} is heard");
}

fn overwrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).expect("it wrote the file");
    change(&mut bytes);
    std::fs::write(path, bytes).expect("the directory is ours");
}

fn lines(process: &Process, level: &str) -> Vec<String> {
    process.log().into_iter().filter(|line| line.contains(level)).collect()
}

/// What the bot says its queue is.
async fn queue(process: &Process, chat: i64) -> String {
    let asked = process.telegram.world().say(ADA, chat, "/queue").expect("she may write");
    let answer = || {
        let shown = process.telegram.world().messages(chat);
        let is_answer = |text: &str| ["▶", "⏸", "📜"].iter().any(|mark| text.starts_with(mark));
        shown.into_iter().find(|one| one.id > asked && is_answer(&one.text)).map(|one| one.text)
    };
    process.until("the queue is told", || answer().is_some()).await;
    answer().expect("it was there")
}

/// How many tracks wait, by the words of the bot: a line for each of the first, and a number for the others.
fn n_waiting(queue: &str) -> usize {
    let listed =
        queue.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
    let more = queue.lines().find_map(|line| line.strip_prefix("… and "));
    let digits = more.map(|more| more.chars().filter(char::is_ascii_digit).collect::<String>());
    listed + digits.map_or(0, |digits| digits.parse().expect("it is a number"))
}

/// How many of these the group does not know any more after a kill.
async fn n_lost(process: &mut Process, told: &[&str]) -> usize {
    process.kill_9();
    process.start_again();
    process.logs("bot signed in").await;
    let queue = queue(process, jam()).await.to_lowercase();
    told.iter().filter(|title| !queue.contains(**title)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_in_the_same_directory_refuses_and_the_first_plays_on() {
    let (mut process, listener) = playing(Setup::new()).await;
    let (code, said) = process.again("signed in").await;
    assert_eq!(code, Some(75), "{said}");
    assert!(said.contains("stop that one first"), "{said}");
    hears(&process, &listener, 50).await;
    let noticed = Noticed::between(&listener.packets());
    process.say(ADA, jam(), "/queue");
    process.sees_in(jam(), "orthbound").await;
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
    let lost = n_lost(&mut process, &["northbound"]).await;
    assert_eq!(lost, 0);
    let day = "a second process is started in the same state directory";
    table::record(
        day,
        &noticed.to_string(),
        "0",
        "the second one exits with 75 and says which process to stop",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_versions_file_is_refused_in_words_before_any_network() {
    let (mut process, _) = playing(Setup::new()).await;
    process.signal("-TERM");
    process.is_gone().await;
    // the version, where SQLite's file format has it
    overwrite(&process.state_file(FILE), |bytes| bytes[60..64].copy_from_slice(&[0, 0, 0, 99]));
    let connected = process.telegram.dc().stats().connections_opened;
    process.start_again();
    let (end, telegram) = process.ends(PATIENCE).await;
    assert_eq!(end.status.code(), Some(78), "{:#?}", end.log);
    let said = end.log.join("\n");
    assert!(said.contains("written by a newer version (layout 99"), "{said}");
    assert!(said.contains("install that version again"), "{said}");
    assert_eq!(telegram.dc().stats().connections_opened, connected, "no network");
    table::record(
        "the file was written by a newer version",
        "the bot does not come back until the operator acts; the file is left alone",
        "0",
        "exit 78 before any network: written by a newer version, install that version again, or move the file away to \
         begin anew",
    );
}
