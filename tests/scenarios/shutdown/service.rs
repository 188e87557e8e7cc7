//! The bot as a service: what the service manager is told, and the unit that tells it how to treat us.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use simulator::world::{ADA, jam};

use super::DRAIN_MAX;
use crate::process::{Process, ServiceManager, Setup};
use crate::world::PATIENCE;

/// Waits for a message with this line; what came meanwhile is gathered.
async fn hears(manager: &ServiceManager, heard: &mut Vec<String>, line: &str) {
    let since = Instant::now();
    loop {
        heard.extend(manager.heard());
        if heard.iter().any(|message| message.lines().any(|one| one == line)) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "not told {line:?}: {heard:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn told_to(manager: &ServiceManager, watchdog: Duration) -> Setup {
    Setup::new()
        .environment("NOTIFY_SOCKET", &manager.address())
        .environment("WATCHDOG_USEC", &watchdog.as_micros().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_hears_of_start_work_life_and_end() {
    let manager = ServiceManager::new();
    let process = told_to(&manager, Duration::from_secs(2)).start().await;
    let mut heard = Vec::new();
    hears(&manager, &mut heard, "READY=1").await;
    hears(&manager, &mut heard, "STATUS=0 playing, 3 sessions").await;
    assert!(!heard.iter().any(|message| message.contains("STOPPING")), "{heard:#?}");

    process.say(ADA, jam(), "/play northbound");
    hears(&manager, &mut heard, "STATUS=1 playing, 3 sessions").await;
    heard.clear();
    hears(&manager, &mut heard, "WATCHDOG=1").await;
    heard.clear();
    hears(&manager, &mut heard, "WATCHDOG=1").await;

    process.signal("-TERM");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_eq!(end.status.code(), Some(0), "{}", end.log.join("\n"));
    heard.extend(manager.heard());
    let stopping: Vec<&String> =
        heard.iter().filter(|message| message.contains("STOPPING=1")).collect();
    let first = stopping.first().unwrap_or_else(|| panic!("not told of the end: {heard:#?}"));
    let more = first.lines().find_map(|line| line.strip_prefix("EXTEND_TIMEOUT_USEC="));
    let more: u64 = more.and_then(|more| more.parse().ok()).expect("it asks for time");
    assert!(more >= 15_000_000, "{more}");
    assert!(first.lines().any(|line| line.starts_with("STATUS=draining")), "{first}");
    telegram.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_that_we_are_ready_while_accounts_sign_in() {
    let manager = ServiceManager::new();
    let setup = told_to(&manager, Duration::from_secs(2));
    let telegram = setup.telegram().await;
    telegram.dc().faults().mute_new_connections(true);
    let process = setup.settings("telegram.call_timeout_s = 5").start_in(telegram);
    let mut heard = Vec::new();
    hears(&manager, &mut heard, "STATUS=0 playing, 0 sessions").await;
    assert!(!heard.concat().contains("READY"), "{heard:#?}");
    // what has failed once is in its supervisor's hands: degraded, and ready to be talked about
    hears(&manager, &mut heard, "READY=1").await;
    let ready = heard.iter().find(|message| message.contains("READY")).expect("it was heard");
    assert!(ready.contains("waits to be tried again"), "{ready}");
    process.signal("-TERM");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_eq!(end.status.code(), Some(0), "{}", end.log.join("\n"));
    telegram.stop().await;
}

/// A datagram socket's queue is short (net.unix.max_dgram_qlen); once it is full, sending blocks.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_that_does_not_listen_hangs_nobody() {
    let manager = ServiceManager::new();
    let process: Process = told_to(&manager, Duration::from_millis(40)).start().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    process.say(ADA, jam(), "/play northbound");
    process.sees_in(jam(), "Now playing").await;
    process.signal("-TERM");
    let (end, telegram) = process.ends(DRAIN_MAX).await;
    assert_eq!(end.status.code(), Some(0), "{}", end.log.join("\n"));
    let n_waiting = manager.heard().len();
    assert!(n_waiting > 5, "its queue was full: {n_waiting}");
    telegram.stop().await;
}

// === the unit ===

const UNIT: &str = include_str!("../../../config/armedmusic.service");

fn value(key: &str) -> Option<&'static str> {
    UNIT.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

#[test]
fn the_unit_agrees_with_the_program() {
    assert_eq!(value("Type"), Some("notify"));
    assert_eq!(value("KillMode"), Some("mixed"));
    assert_eq!(value("Restart"), Some("on-failure"));
    assert_eq!(value("RestartPreventExitStatus"), Some("78"));
    let stop: u64 = value("TimeoutStopSec").and_then(|s| s.parse().ok()).expect("in seconds");
    assert!(stop > armedmusic::run::LAST_RESORT.as_secs(), "{stop}");
    // $STATE_DIRECTORY and $CACHE_DIRECTORY are below these, and nobody else reads what is in them
    for kind in ["State", "Cache"] {
        assert_eq!(value(&format!("{kind}Directory")), Some("armedmusic"), "{kind}");
        assert_eq!(value(&format!("{kind}DirectoryMode")), Some("0700"), "{kind}");
    }
    assert!(value("WatchdogSec").is_some() && value("NotifyAccess") == Some("main"));
}

/// Runs `systemd-analyze` on the unit as it would be installed; nothing where there is no systemd.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn analyze(arguments: &[&str], edit: impl Fn(String) -> String) -> Option<std::process::Output> {
    let folder = tempfile::tempdir().expect("the system has a temporary directory");
    let path = folder.path().join("armedmusic.service");
    std::fs::write(&path, edit(UNIT.to_owned())).expect("the directory is ours");
    let output = Command::new("systemd-analyze").args(arguments).arg(&path).output();
    output.inspect_err(|error| eprintln!("skipped, no systemd-analyze here: {error}")).ok()
}

#[test]
fn systemd_knows_every_directive_of_the_unit() {
    // it wants to see the program, wherever that is now
    let program = env!("CARGO_BIN_EXE_armedmusic");
    assert!(Path::new(program).is_file());
    let here = |unit: String| unit.replace("/usr/local/bin/armedmusic", program);
    let Some(output) = analyze(&["verify", "--man=no"], here) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    let about_us: Vec<&str> = said.lines().filter(|line| line.contains("armedmusic")).collect();
    assert!(output.status.success() && about_us.is_empty(), "{said}");
}

#[test]
fn the_unit_is_closed_to_what_it_does_not_need() {
    let Some(output) =
        analyze(&["security", "--offline=true", "--threshold=15", "--no-pager"], |unit| unit)
    else {
        return;
    };
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{}", out.lines().last().unwrap_or_default());
    assert!(output.status.success(), "{out}\n{err}");
}
