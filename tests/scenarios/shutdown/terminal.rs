//! The bot as somebody starts it by hand: terminals are closed, and pipes are not read.

use std::path::Path;

use simulator::world::{ADA, jam};

use super::DRAIN_MAX;
use crate::process::{Process, Setup};

const PROGRAM: &str = env!("CARGO_BIN_EXE_armedmusic");

/// The bot, started by a shell that does something before.
async fn started_by(shell: &str) -> Process {
    let setup = Setup::new();
    let telegram = setup.telegram().await;
    setup.start_as(telegram, Path::new("/bin/sh"), |command, config| {
        let folder = config.parent().expect("it lies in a folder");
        command.current_dir(folder).args(["-c", &format!("{shell}; exec \"$0\" \"$@\""), PROGRAM]);
        command.args([Path::new("run"), Path::new("--config"), config]);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_stops_neither_the_music_nor_the_end() {
    // a pipe that is full to the brim, and stays so
    let full = "mkfifo log && exec 2<>log && dd if=/dev/zero bs=4096 count=16 >&2 2>/dev/null";
    let process = started_by(full).await;
    process.say(ADA, jam(), "/play northbound");
    process.sees_in(jam(), "Now playing").await;
    process.say(ADA, jam(), "/pause");
    process.sees_in(jam(), "Paused").await;
    process.signal("-TERM");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_eq!(end.status.code(), Some(0));
    telegram.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_is_closed_ends_the_process_well() {
    let setup = Setup::new();
    let telegram = setup.telegram().await;
    // these tests may be under nohup themselves
    let process = setup.start_as(telegram, Path::new("env"), |command, config| {
        command.args(["--default-signal=HUP", PROGRAM, "run", "--config"]).arg(config);
    });
    process.logs("bot signed in").await;
    // from the system, and from the shell
    process.signal("-HUP");
    process.signal("-HUP");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    let log = end.log.join("\n");
    assert_eq!(end.status.code(), Some(0), "{log}");
    assert!(log.contains("drained"), "{log}");
    telegram.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_nohup_a_terminal_may_be_closed() {
    let process = started_by("trap '' HUP").await;
    process.logs("bot signed in").await;
    process.signal("-HUP");
    process.say(ADA, jam(), "/ping");
    process.sees_in(jam(), "Up for").await;
    process.signal("-TERM");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_eq!(end.status.code(), Some(0), "{}", end.log.join("\n"));
    telegram.stop().await;
}
