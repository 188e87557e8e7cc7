//! Bad days of the state: two processes in one directory, files that are damaged, full, or of another version. Music
//! goes on where it can; what cannot go on says so and names the fix.

mod mongodb;

use std::path::Path;
use std::time::Duration;

use simulator::listener::{Listener, Style};
use simulator::music::Track;
use simulator::world::{
    ADA, ASSISTANT, BORIS, BOT, DMITRI, Place, PlaceKind, SECOND_ASSISTANT, jam, kitchen,
};

use storage::{Table, Write};

use crate::process::{Process, Setup};
use crate::world::{PATIENCE, heard};

/// How exactly the ear knows where a stretch of music begins and ends, and the sign of life that positions follow.
const POSITION_ERROR_MAX: Duration = Duration::from_millis(1_200);
const FILE: &str = "armedmusic.db";

/// A second group, in which both assistants are.
fn cellar() -> i64 {
    jam() - 200
}

fn with_cellar(setup: Setup) -> Setup {
    setup.population(|population| {
        population.places.push(Place {
            id: cellar(),
            kind: PlaceKind::Supergroup,
            title: "Cellar".to_owned(),
            username: None,
            creator: ADA,
            admins: vec![BOT],
            anonymous: vec![],
            members: vec![BORIS, DMITRI, ASSISTANT, SECOND_ASSISTANT],
            voice_chat: true,
            linked: None,
        });
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

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_in_the_same_directory_refuses_and_the_first_plays_on() {
    let (process, listener) = playing(Setup::new()).await;
    let (code, said) = process.again("signed in").await;
    assert_eq!(code, Some(75), "{said}");
    assert!(said.contains("stop that one first"), "{said}");
    hears(&process, &listener, 50).await;
    process.say(ADA, jam(), "/queue");
    process.sees_in(jam(), "orthbound").await;
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_put_aside_and_the_bot_plays() {
    let damages: [(&str, fn(&mut Vec<u8>)); 2] = [
        ("cut off in the middle", |bytes| bytes.truncate(bytes.len() / 2 + 100)),
        ("overwritten", |bytes| bytes.iter_mut().for_each(|byte| *byte = 0x5a)),
    ];
    let mut process = Setup::new().start().await;
    let listener = listens(&process, jam()).await;
    process.say(ADA, jam(), "/play northbound");
    process.sees_in(jam(), "Now playing").await;
    for (n, (what, damage)) in damages.into_iter().enumerate() {
        process.say(ADA, jam(), "/stop");
        process.until("it is stopped", || stops(&process) == n + 1).await;
        process.signal("-TERM");
        process.is_gone().await;
        overwrite(&process.state_file(FILE), damage);
        process.start_again();
        process.logs("the state's file was damaged").await;
        let told = lines(&process, "ERROR");
        assert_eq!(told.len(), 1, "{what}: {told:#?}");
        assert!(told[0].contains("import a backup"), "{what}: {told:#?}");
        process.logs("bot signed in").await;
        let (track, of) = [("orchard", Track::Orchard), ("meridian", Track::Meridian)][n];
        plays(&process, &listener, track, of).await;
    }
    let folder = process.state_file("");
    let names = std::fs::read_dir(folder).expect("the directory is ours");
    let aside =
        names.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).filter(|name| {
            name.contains(".broken-") && !name.contains("-wal") && !name.contains("-shm")
        });
    assert_eq!(aside.count(), damages.len(), "both are kept for whoever wants to look");
}

fn stops(process: &Process) -> usize {
    let shown = process.telegram.world().messages(jam());
    shown.iter().filter(|one| one.text.contains("stopped the music")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_empties_one_chat_and_another_goes_on() {
    let (mut process, _) = playing(with_cellar(Setup::new())).await;
    let listener = listens(&process, cellar()).await;
    process.say(ADA, cellar(), "/play orchard");
    process.sees_in(cellar(), "Now playing").await;
    hears(&process, &listener, 50).await;
    process.signal("-TERM");
    process.is_gone().await;
    overwrite(&process.state_file(FILE), |bytes| {
        // the last time that the chat's record says it: what was there before may be free room of the file
        let words = b"\"title\":\"northbound\"";
        let places: Vec<usize> = bytes
            .windows(words.len())
            .enumerate()
            .filter_map(|(at, here)| here.eq_ignore_ascii_case(words).then_some(at))
            .collect();
        assert!(!places.is_empty(), "the chat's record is in the file");
        places.into_iter().for_each(|at| bytes[at + words.len() - 3] ^= 1);
    });
    let before = listener.packets().len();
    process.start_again();
    process.logs("a record is damaged and was put aside").await;
    assert_eq!(lines(&process, "a record is damaged").len(), 1);
    assert!(lines(&process, "a record is damaged")[0].contains("WARN"));
    hears(&process, &listener, 50).await;
    let pcm = heard(&listener.packets()[before..]).pcm;
    assert!(simulator::ear::report(&pcm, Track::Orchard).is_some(), "the cellar goes on");
    process.say(ADA, jam(), "/queue");
    process.sees_in(jam(), "Nothing plays and nothing waits").await;
    // and a start is a start
    process.say(ADA, jam(), "/play meridian");
    process.sees_in(jam(), "Now playing\nArmed Ensemble — Meridian").await;
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
}

/// Takes all the room that the settings leave, or gives it back.
async fn fill(directory: &Path, size_max_bytes: u64, is_full: bool) {
    let settings = storage::Settings::embedded(directory);
    let limited = storage::Settings { size_max_bytes: Some(size_max_bytes), ..settings };
    let (store, driver) = storage::open(limited).await.expect("nobody else is there");
    let filling = async {
        let old = store.scan(Table::History).await.expect("it is read");
        let remove = |old: storage::Record| Write::remove(old.table, old.key, old.revision + 1);
        if !is_full {
            store.commit(old.into_iter().map(remove).collect()).await.expect("there is room now");
        }
        let mut n_bytes = if is_full { 64 << 10 } else { 0 };
        for n in 0.. {
            if n_bytes == 0 {
                break;
            }
            let value = serde_json::json!({ "filling": "x".repeat(n_bytes) });
            let write = Write::put(Table::History, format!("filling {n}"), 1, value);
            if store.commit(vec![write]).await.is_err() {
                n_bytes /= 2;
            }
        }
        store.close().await;
    };
    let (outcome, ()) = tokio::join!(driver.run(), filling);
    outcome.expect("it is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn music_goes_on_while_nothing_can_be_written_and_is_kept_again_when_there_is_room() {
    let (mut process, listener) = playing(Setup::new().settings("storage.size_max_mib = 1")).await;
    process.signal("-TERM");
    process.is_gone().await;
    let directory = process.state_file("");
    fill(&directory, 1 << 20, true).await;
    process.start_again();
    process.logs("in the voice chat").await;
    let before = listener.packets().len();
    // longer than the room that is left in what is there already
    for _ in 0..20 {
        process.say(BORIS, jam(), "/play orchard");
    }
    process.sees_in(jam(), "Number 20 in the queue").await;
    hears(&process, &listener, 100).await;
    let pcm = heard(&listener.packets()[before..]).pcm;
    assert!(simulator::ear::report(&pcm, Track::Northbound).is_some(), "it is still the track");
    process.logs("state cannot be written, music goes on").await;
    let told = lines(&process, "ERROR");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("make room"), "{told:#?}");
    process.signal("-TERM");
    process.is_gone().await;
    fill(&directory, 1 << 20, false).await;
    process.start_again();
    process.logs("in the voice chat").await;
    process.say(ADA, jam(), "/play meridian");
    process.sees_in(jam(), "eridian").await;
    process.kill_9();
    process.start_again();
    process.logs("in the voice chat").await;
    process.say(ADA, jam(), "/queue");
    process.sees_in(jam(), "Meridian · Ada").await;
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
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
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_assistant_returns_to_its_chat_after_a_kill() {
    let (mut process, _) = playing(with_cellar(Setup::new())).await;
    // the first is busy in the other group
    let listener = listens(&process, cellar()).await;
    process.say(ADA, cellar(), "/play orchard");
    process.sees_in(cellar(), "Now playing").await;
    hears(&process, &listener, 50).await;
    let serves = |process: &Process, chat, who| {
        let calls = process.telegram.calls();
        calls.participants(chat).iter().any(|one| one.user == who)
    };
    assert!(serves(&process, cellar(), SECOND_ASSISTANT) && serves(&process, jam(), ASSISTANT));
    process.kill_9();
    process.start_again();
    hears(&process, &listener, 100).await;
    process.until("both go on", || n_joined(&process) == 2).await;
    assert!(serves(&process, cellar(), SECOND_ASSISTANT), "{}", process.log().join("\n"));
    assert!(!serves(&process, cellar(), ASSISTANT), "{}", process.log().join("\n"));
}

fn n_joined(process: &Process) -> usize {
    lines(process, "in the voice chat").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_becomes_a_supergroup_takes_its_music_along() {
    let setup = Setup::new().population(|population| {
        let group = population.places.iter_mut().find(|place| place.id == kitchen());
        let group = group.expect("it is in every population");
        group.voice_chat = true;
        group.members.extend([DMITRI, ASSISTANT]);
    });
    let mut process = setup.start().await;
    let listener = listens(&process, kitchen()).await;
    process.say(ADA, kitchen(), "/play northbound");
    process.sees_in(kitchen(), "Now playing\nArmed Ensemble — Northbound").await;
    process.say(BORIS, kitchen(), "/play orchard");
    process.sees_in(kitchen(), "Number 1 in the queue").await;
    hears(&process, &listener, 100).await;
    let n_said = process.telegram.world().messages(kitchen()).len();
    let before = listener.packets().len();
    let to = process.telegram.upgrade(kitchen()).expect("it is a basic group");
    process.sees_in(to, "Now playing\nArmed Ensemble — Northbound").await;
    hears(&process, &listener, 150).await;
    let packets = listener.packets();
    // what was still on its way belongs to the piece before
    let report = simulator::ear::report(&heard(&packets).pcm, Track::Northbound);
    let report = report.expect("it is the track");
    let piece = |packets: &[simulator::listener::Packet]| {
        simulator::ear::report(&heard(packets).pcm, Track::Northbound).expect("it is the track")
    };
    let (broke_off, went_on) = (piece(&packets[..before]).last, piece(&packets[before..]).first);
    let error = broke_off.abs_diff(went_on);
    assert!(error <= POSITION_ERROR_MAX, "{broke_off:?} and then {went_on:?}: {report:?}");
    process.say(ADA, to, "/queue");
    process.sees_in(to, "1. orchard").await;
    // the upgrade itself is the last word of the old chat
    assert_eq!(process.telegram.world().messages(kitchen()).len(), n_said + 1);
    let refused = process.telegram.world().say(ADA, kitchen(), "/queue").expect_err("it is over");
    assert_eq!(refused.name, "CHAT_ID_INVALID");
    process.say(ADA, to, "/skip");
    process.sees_in(to, "Now playing\norchard").await;
    hears(&process, &listener, 50).await;
    process.kill_9();
    let before = listener.packets().len();
    process.start_again();
    process.logs("going on where it was left chats=1").await;
    hears(&process, &listener, 100).await;
    let pcm = heard(&listener.packets()[before..]).pcm;
    assert!(simulator::ear::report(&pcm, Track::Orchard).is_some(), "a restart finds the new chat");
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
}
