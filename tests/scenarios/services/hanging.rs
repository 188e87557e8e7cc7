//! Ten services of which most hang: whoever hangs is found out and left alone, whoever answers is heard, and when
//! nobody does, that is told without asking anybody.

use armedmusic::simulated::services as box_settings;
use domain::league::Health;
use simulator::services::{Mood, Service};
use simulator::world::{ADA, BORIS};

use super::super::world::{PATIENCE, Running, World};
use super::{answered, nothing_at_home};

/// So many failures in a row open a breaker.
const FAILURES: usize = 5;

async fn bot_with(services: &[Service], home: &tempfile::TempDir, settings: &str) -> Running {
    let mut world = World::new().music(home.path()).settings(settings);
    for host in box_settings::hosts(services) {
        world = world.allow_host(&host);
    }
    for (name, value) in box_settings::environment() {
        world = world.environment(name, value);
    }
    world.settings(&box_settings::settings(services)).start().await
}

/// Whether everybody who hangs, and can be searched, is left alone.
fn are_left_alone(running: &Running, services: &[Service]) -> bool {
    let lines = running.inside.tree.stats().services;
    let is_left_alone = |service: &Service| {
        let line = lines.iter().find(|line| line.service == service.shape().name());
        line.is_some_and(|line| matches!(line.health, Health::LeftAlone { .. }))
    };
    let mut hanging =
        services.iter().filter(|one| one.is(Mood::Hangs) && one.shape().is_searched());
    hanging.all(is_left_alone)
}

fn n_asked(services: &[Service]) -> Vec<usize> {
    services.iter().filter(|one| one.is(Mood::Hangs)).map(Service::n_asked).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_of_ten_hang_and_the_music_plays_and_whoever_hangs_is_left_alone() {
    let mood = |at| if at < 9 { Mood::Hangs } else { Mood::Answers };
    let services = Service::start_all(mood).await.expect("loopback has free ports");
    let home = nothing_at_home();
    let running = bot_with(&services, &home, "").await;
    let listener = running.listener().await;
    // at the same time, for whoever failed twice is asked after the others
    for take in 1..=FAILURES {
        running.say(ADA, &format!("/play Harbour {take}"));
    }
    running.sees("Now playing").await;
    assert!(listener.wait_for_packets(10, PATIENCE).await, "it plays");
    running.until("the breakers open", || are_left_alone(&running, &services)).await;
    let before = n_asked(&services);
    assert!(before.iter().sum::<usize>() >= 8 * FAILURES, "{before:?}");
    let asked = running.say(BORIS, "/play Harbour 99");
    let said = answered(&running, asked).await;
    assert!(said.contains("Harbour 99"), "{said}");
    assert_eq!(n_asked(&services), before, "nobody who is left alone is asked");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_hang_and_are_left_alone_that_is_told_without_asking_them() {
    let services = Service::start_all(|_| Mood::Hangs).await.expect("loopback has free ports");
    let home = nothing_at_home();
    let running = bot_with(&services, &home, "sources.answer_max_s = 2").await;
    let asked: Vec<i32> =
        (1..=FAILURES).map(|take| running.say(ADA, &format!("/play Harbour {take}"))).collect();
    for asked in asked {
        let said = answered(&running, asked).await;
        assert!(said.contains("too slowly") || said.contains("does not answer"), "{said}");
    }
    running.until("the breakers open", || are_left_alone(&running, &services)).await;
    let before = n_asked(&services);
    let asked = running.say(BORIS, "/play Harbour 99");
    let said = answered(&running, asked).await;
    assert!(said.contains("does not answer"), "{said}");
    assert_eq!(n_asked(&services), before, "nobody is asked while the breakers are open");
    running.end().await;
}
