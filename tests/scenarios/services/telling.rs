//! What people and operators are told: /why, the league, the command line.

use std::process::Command;

use simulator::world::{ADA, BORIS, BOT, jam};

use super::super::stats::all_pages;
use super::super::world::{PATIENCE, World};
use super::{answered, breaking, gateway, nothing_at_home, working};

#[tokio::test(flavor = "multi_thread")]
async fn why_tells_what_went_wrong_and_who_was_asked() {
    let (breaking, home) = (breaking().await, nothing_at_home());
    let running = World::new()
        .music(home.path())
        .allow_host(&breaking.host())
        .settings(&format!("extractors.piped.urls = [\"http://{}\"]", breaking.host()))
        .settings(&gateway(&breaking, &["piped", "gateway"]))
        .start()
        .await;
    running.say(BORIS, "/why");
    running.sees("Nothing has gone wrong here").await;
    let asked = running.say(ADA, "/play far away nobody");
    let said = answered(&running, asked).await;
    let asked = running.say(BORIS, "/why");
    let why = answered(&running, asked).await;
    for words in
        ["far away nobody", "piped at", "gateway at", "could not be reached", "Nobody was left"]
    {
        assert!(why.contains(words), "{words:?} is not in {why}");
    }
    let reason = said.trim_start_matches("⚠️ ");
    assert!(why.contains(reason), "{reason:?} is not in {why}");
    // another chat's failures are nobody's business
    running.world().say(ADA, BOT, "/why").expect("people may write to bots");
    let shown = running.world().wait_for(PATIENCE, |world| {
        world.messages_of(ADA, BOT).into_iter().find(|shown| shown.text.contains("in groups"))
    });
    assert!(shown.await.is_some());
    assert!(running.texts().len() >= 5, "{}", jam());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_how_every_service_is_doing() {
    let (breaking, origin, home) = (breaking().await, working().await, nothing_at_home());
    let running = World::new()
        .environment("OWNER_ID", ADA)
        .music(home.path())
        .allow_host(&breaking.host())
        .allow_host(&origin.host())
        .settings(&format!("extractors.piped.urls = [\"http://{}\"]", breaking.host()))
        .settings(&gateway(&origin, &["piped", "gateway"]))
        .start()
        .await;
    running.say(ADA, "/play far away nobody");
    running.sees("Now playing").await;
    let pages = all_pages(&running, ADA).await.join("\n");
    let line = |name: &str| {
        let found = pages.lines().find(|line| line.contains(name) && line.contains('🏆'));
        found.unwrap_or_else(|| panic!("no {name} in {pages}")).to_owned()
    };
    assert!(line("piped").contains(" 0 %"), "{pages}");
    assert!(line("gateway").contains("100 %") && !line("gateway").contains("🏆 0"), "{pages}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_tells_the_timeline_without_telegram() {
    let (breaking, origin, folder) = (breaking().await, working().await, nothing_at_home());
    let config = folder.path().join("armedmusic.toml");
    let settings = format!(
        "sources.allow_hosts = [{:?}, {:?}]\nextractors.piped.urls = [\"http://{}\"]\n{}",
        breaking.host(),
        origin.host(),
        breaking.host(),
        gateway(&origin, &["piped", "gateway"]),
    );
    std::fs::write(&config, settings).expect("the disk has room");
    let run = |more: &'static [&'static str]| {
        let (config, directory) = (config.clone(), folder.path().to_owned());
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_armedmusic"));
            command.env_clear().current_dir(directory).args(["resolve", "--config"]).arg(config);
            command.args(more).output().expect("cargo built it")
        })
    };
    let output = run(&["--json", "far", "away", "nobody"]).await.expect("it ran");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_str(&told).expect("it is JSON");
    assert_eq!(told["tracks"][0]["title"], "Far Away");
    assert_eq!(told["stream"]["kind"], "file");
    let rows = told["timeline"].as_array().expect("there is a timeline");
    let of = |name: &str| {
        let found =
            rows.iter().find(|row| row["who"].as_str().is_some_and(|w| w.starts_with(name)));
        found.unwrap_or_else(|| panic!("no {name} in {told}"))
    };
    assert_eq!(of("gateway")["then"], "taken");
    assert_eq!(of("piped")["came"]["fault"]["reason"], "unreachable");
    let output = run(&["nothing", "like", "it"]).await.expect("it ran");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("gateway at") && told.contains("nothing: "), "{told}");
}
