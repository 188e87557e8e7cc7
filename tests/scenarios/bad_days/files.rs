//! The state's file on its bad days: damaged, full, not to be written.

use std::path::Path;
use std::process::Command;

use simulator::music::Track;
use simulator::world::{ADA, BORIS, jam};
use storage::{Table, Write};

use super::table::{self, Noticed, record};
use super::{
    FILE, cellar, hears, lines, listens, n_lost, n_waiting, overwrite, playing, plays, queue,
    with_cellar,
};
use crate::process::{Process, Setup};
use crate::world::{PATIENCE, heard};

/// Two tracks are known to the group, the file is damaged between two processes, and the bot plays on or anew; as many as
/// are left in the file.
async fn is_damaged(day: &str, damage: fn(&mut Vec<u8>), n_left: usize) {
    let (mut process, listener) = playing(Setup::new()).await;
    process.say(BORIS, jam(), "/play orchard");
    process.sees_in(jam(), "Number 1 in the queue").await;
    process.signal("-TERM");
    process.is_gone().await;
    overwrite(&process.state_file(FILE), damage);
    process.start_again();
    process.logs("the state's file was damaged").await;
    process.logs("bot signed in").await;
    let errors = lines(&process, "ERROR");
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains("import a backup"), "{errors:#?}");
    let queue = queue(&process, jam()).await.to_lowercase();
    let n_kept = ["northbound", "orchard"].iter().filter(|title| queue.contains(**title)).count();
    assert_eq!(n_kept, n_left, "{queue}");
    let noticed = if queue.contains("northbound") {
        hears(&process, &listener, 50).await;
        "the restart alone"
    } else {
        plays(&process, &listener, "meridian", Track::Meridian).await;
        "silence until somebody asks again"
    };
    let folder = std::fs::read_dir(process.state_file("")).expect("the directory is ours");
    let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let aside = names.filter(|name| {
        name.contains(".broken-") && !name.contains("-wal") && !name.contains("-shm")
    });
    assert_eq!(aside.count(), 1, "it is kept for whoever wants to look");
    let lost = format!("{} of 2; a MongoDB, if there is one, gives them back", 2 - n_kept);
    record(day, noticed, &lost, &table::told(&process, "the state's file was damaged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_cut_off_is_put_aside_and_the_bot_plays() {
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2 + 100);
    is_damaged("the file was cut off in the middle", cut, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_overwritten_is_put_aside_and_the_bot_plays() {
    let overwritten = |bytes: &mut Vec<u8>| bytes.fill(0x5a);
    is_damaged("the file was overwritten with rubbish", overwritten, 0).await;
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
    let noticed = Noticed::between(&listener.packets()[before.saturating_sub(1)..]);
    record(
        "a bit flips in a chat's record",
        &format!(
            "in that chat silence until somebody asks again; in the others the restart alone: {noticed}"
        ),
        "that one record, which is kept aside",
        &table::told(&process, "a record is damaged"),
    );
    assert!(queue(&process, jam()).await.contains("Nothing plays and nothing waits"));
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
    process.sees_in(jam(), "a restart would forget it").await;
    hears(&process, &listener, 100).await;
    let pcm = heard(&listener.packets()[before..]).pcm;
    assert!(simulator::ear::report(&pcm, Track::Northbound).is_some(), "it is still the track");
    process.logs("state cannot be written, music goes on").await;
    let told = lines(&process, "ERROR");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("make room"), "{told:#?}");
    let noticed = Noticed::between(&listener.packets()[before..]);
    let words = table::told(&process, "state cannot be written");
    process.signal("-TERM");
    process.is_gone().await;
    fill(&directory, 1 << 20, false).await;
    process.start_again();
    process.logs("in the voice chat").await;
    // what could not be written is not there, and what can be is
    let n_kept = n_waiting(&queue(&process, jam()).await);
    process.say(ADA, jam(), "/play meridian");
    process.sees_in(jam(), "eridian").await;
    assert_eq!(n_lost(&mut process, &["northbound"]).await, 0);
    assert_eq!(n_waiting(&queue(&process, jam()).await), n_kept + 1);
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
    let lost = format!(
        "{} of 20 that were asked for while it was full, if the process ends meanwhile; none from before, none after",
        20 - n_kept
    );
    record("the disk is full", &noticed.to_string(), &lost, &words);
}

/// Lets the process be somebody who may write nothing but temporary files; root could write anywhere.
async fn start_as_nobody(setup: Setup) -> Process {
    use std::os::unix::fs::PermissionsExt as _;
    let telegram = setup.telegram().await;
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n");
    let program = Path::new(env!("CARGO_BIN_EXE_armedmusic"));
    let starter = if is_root { Path::new("setpriv") } else { program };
    setup.start_as(telegram, starter, |command, config| {
        let folder = config.parent().expect("it lies in a directory");
        let may = |name: &str, mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.join(name), mode).expect("the directory is ours");
        };
        for (name, mode) in [("", 0o755), ("tmp", 0o777), ("state", 0o555)] {
            may(name, mode);
        }
        if is_root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
        }
        command.args([Path::new("run"), Path::new("--config"), config]);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_that_cannot_be_written_is_told_at_once() {
    let process = start_as_nobody(Setup::new()).await;
    let (end, telegram) = process.ends(PATIENCE).await;
    let said = end.log.join("\n");
    assert_eq!(end.status.code(), Some(78), "{said}");
    assert!(said.contains("Permission denied") && said.contains("give this user"), "{said}");
    assert_eq!(telegram.dc().stats().connections_opened, 0, "no network");
    record(
        "the state directory cannot be written",
        "the bot does not come back until the operator acts",
        "0",
        "exit 78 before any network: give this user the right to write in state.directory",
    );
}
