//! Decisions without a runtime: what the tree cannot be brought to do on a paused clock.

use std::time::Duration;

use rand::{SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use super::lab::secs;
use crate::{
    AutoShutdown, Backoff, EventKind, Exit, Failure, Intensity, Restart, Shutdown, Strategy,
    machine::{Effect, Env, Input, Machine, Manner, Rules},
};

fn rules(shutdown: Shutdown) -> Rules {
    Rules {
        restart: Restart::Permanent,
        shutdown,
        backoff: Backoff::NONE,
        level: 0,
        is_significant: false,
    }
}

fn feed(machine: &mut Machine, input: Input, now: Instant) -> Vec<Effect> {
    let token = &mut |_| Duration::ZERO;
    machine.on(input, &mut Env { now, rng: &mut StdRng::seed_from_u64(1), token })
}

fn one(shutdown: Shutdown, now: Instant) -> Machine {
    let manner = Manner {
        strategy: Strategy::OneForOne,
        intensity: Intensity::ENDLESS,
        auto_shutdown: AutoShutdown::Never,
        is_dynamic: false,
        is_strict: false,
    };
    let mut machine = Machine::new(manner, [(7, rules(shutdown), 0)]);
    let start = Effect::Start { key: 7, incarnation: 1 };
    assert_eq!(feed(&mut machine, Input::Boot, now), [start]);
    feed(&mut machine, Input::Started { key: 7, incarnation: 1 }, now);
    machine
}

#[test]
fn a_killed_child_that_does_not_die_is_reported_once_and_waited_for() {
    let now = Instant::now();
    let mut machine = one(Shutdown::Deadline(secs(5)), now);
    let asked = feed(&mut machine, Input::Shutdown, now);
    assert!(asked.contains(&Effect::Stop { key: 7 }), "{asked:?}");
    assert_eq!(machine.wakes_at(now), Some(now + secs(5)));
    let late = now + secs(5);
    assert_eq!(feed(&mut machine, Input::Tick, late), [Effect::Kill { key: 7 }]);
    let stuck = machine.wakes_at(late).expect("somebody must be told");
    let told = feed(&mut machine, Input::Tick, stuck);
    assert_eq!(told, [Effect::Tell { key: 7, incarnation: 1, kind: EventKind::Stuck }]);
    assert_eq!(machine.wakes_at(stuck), None);
    let ended = Input::Ended { key: 7, incarnation: 1, exit: Exit::Killed, healthy_for: None };
    let end = feed(&mut machine, ended, stuck);
    assert_eq!(end.last(), Some(&Effect::Exit { exit: Exit::Normal }));
}

#[test]
fn late_reports_about_earlier_lives_change_nothing() {
    let now = Instant::now();
    let mut machine = one(Shutdown::BrutalKill, now);
    let failed = || Exit::Failed(Failure::transient("x"));
    let ended =
        |incarnation| Input::Ended { key: 7, incarnation, exit: failed(), healthy_for: None };
    let again = feed(&mut machine, ended(1), now);
    assert_eq!(again.last(), Some(&Effect::Start { key: 7, incarnation: 2 }));
    assert_eq!(feed(&mut machine, ended(1), now), []);
    assert_eq!(feed(&mut machine, Input::Started { key: 7, incarnation: 1 }, now), []);
    assert_eq!(feed(&mut machine, Input::Tick, now), []);
}
