//! A system clock that jumps. It is the real program's: a small library is laid before the C library's own clock, which
//! the compiler that linked this test makes; without one there is nothing to do, and that is said.

use std::path::Path;
use std::process::Command;

use simulator::music::Track;
use simulator::world::{ADA, BORIS, jam};

use super::table::{Noticed, record};
use super::{POSITION_ERROR_MAX, hears, lines, n_lost, playing};
use crate::parts;
use crate::process::{Process, Setup};
use crate::world::heard;

struct Clock(tempfile::TempDir);

// === impl Clock ===

impl Clock {
    fn new() -> Option<Clock> {
        let folder = tempfile::tempdir().expect("the system has a temporary directory");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/bad_days/clock.c");
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("clock.so"))
            .arg(source)
            .status();
        if !made.is_ok_and(|status| status.success()) {
            parts::skipped("no cc here that makes a clock");
            return None;
        }
        let clock = Clock(folder);
        clock.is_moved_by(0);
        Some(clock)
    }

    fn of(&self, setup: Setup) -> Setup {
        let at = |name: &str| self.0.path().join(name).display().to_string();
        setup.environment("LD_PRELOAD", &at("clock.so")).environment("CLOCK_MOVED_BY", &at("by"))
    }

    fn is_moved_by(&self, seconds: i64) {
        let (new, by) = (self.0.path().join("new"), self.0.path().join("by"));
        std::fs::write(&new, seconds.to_string()).expect("the directory is ours");
        std::fs::rename(new, by).expect("the directory is ours");
    }
}

/// The hour at which a line was written.
fn hour(line: &str) -> i64 {
    let (_, time) = line.split_once('T').expect("lines begin with their time");
    time[..2].parse().expect("an hour is a number")
}

fn hours_later(process: &Process, before: i64) -> i64 {
    let log = process.log();
    (hour(log.last().expect("it said something")) - before).rem_euclid(24)
}

async fn survives(day: &str, seconds: i64, hours: [i64; 2]) {
    let Some(clock) = Clock::new() else { return };
    let (mut process, listener) = playing(clock.of(Setup::new())).await;
    let before = hour(process.log().last().expect("it said something"));
    let so_far = listener.packets().len();
    clock.is_moved_by(seconds);
    hears(&process, &listener, 100).await;
    let noticed = Noticed::between(&listener.packets()[so_far..]);
    // once more, and what is written then is the last that the process writes
    clock.is_moved_by(2 * seconds);
    process.say(BORIS, jam(), "/play orchard");
    process.sees_in(jam(), "Number 1 in the queue").await;
    process.kill_9();
    let cut = listener.packets().len();
    process.start_again();
    process.logs("bot signed in").await;
    assert!(
        hours.contains(&hours_later(&process, before)),
        "the clock jumped: {:#?}",
        process.log()
    );
    hears(&process, &listener, 150).await;
    let packets = listener.packets();
    let piece = |packets: &[simulator::listener::Packet]| {
        simulator::ear::report(&heard(packets).pcm, Track::Northbound).expect("it is the track")
    };
    let (broke_off, went_on) = (piece(&packets[..cut]).last, piece(&packets[cut..]).first);
    let error = broke_off.abs_diff(went_on);
    assert!(error <= POSITION_ERROR_MAX, "{broke_off:?} and then {went_on:?}");
    process.say(ADA, jam(), "/play meridian");
    process.sees_in(jam(), "Number 2 in the queue").await;
    let lost = n_lost(&mut process, &["northbound", "orchard", "meridian"]).await;
    assert_eq!(lost, 0);
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
    let noticed = format!(
        "{noticed}; a process that is killed then goes on {} ms beside where it was",
        error.as_millis()
    );
    record(day, &noticed, "0", "nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_an_hour_ahead_moves_no_position_and_makes_no_command_old() {
    survives("the clock jumps an hour ahead", 3_600, [2, 3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_an_hour_back_moves_no_position_and_loses_no_command() {
    survives("the clock jumps an hour back", -3_600, [22, 23]).await;
}
