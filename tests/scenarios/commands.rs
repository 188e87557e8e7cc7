//! What people type and what they see of it: the first words, the line that moves, the pause, the next track.

use std::time::Duration;

use simulator::ear::{self, Report, Sound};
use simulator::listener::{Listener, Packet};
use simulator::music::{self, Track};
use simulator::world::{ADA, BORIS, BOT, Shown, jam};

use super::stats::privately;
use super::world::{PATIENCE, Running, World, heard};

/// How exactly the ear knows where a stretch of music begins and ends.
const GRAIN: Duration = Duration::from_millis(200);

/// Every command that people are promised.
const COMMANDS: [&str; 8] =
    ["/play", "/pause", "/resume", "/skip", "/stop", "/queue", "/stats", "/ping"];

/// The bot's answer to a message of the group.
async fn answer(running: &Running, message: i32) -> Shown {
    let is_answer = |shown: &Shown| shown.from == Some(BOT) && shown.reply_to == Some(message);
    let found = running.world().wait_for_message(jam(), PATIENCE, is_answer).await;
    found.unwrap_or_else(|| panic!("no answer to {message}: {:#?}", running.texts()))
}

/// Waits for the panel of this track, saying so.
async fn panel(running: &Running, head: &str, track: Track) -> Shown {
    let title = track.title().to_lowercase();
    let is_panel =
        |shown: &Shown| shown.text.contains(head) && shown.text.to_lowercase().contains(&title);
    let found = running.world().wait_for_message(jam(), PATIENCE, is_panel).await;
    found.unwrap_or_else(|| panic!("no {head:?} of {track:?}: {:#?}", running.texts()))
}

/// What stands on the line of a panel: the time, the place of the dot, and the length.
fn line(panel: &Shown) -> (Duration, usize, String) {
    let line = panel.text.lines().find(|line| line.contains('●'));
    let line = line.unwrap_or_else(|| panic!("no line: {panel:?}"));
    let [clock, bar, length] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{line:?} is no line")
    };
    let (minutes, seconds) = clock.split_once(':').expect("minutes and seconds");
    let number = |digits: &str| digits.parse::<u64>().expect("a clock has digits");
    let dot = bar.chars().position(|cell| cell == '●').expect("the dot is on the bar");
    (Duration::from_secs(number(minutes) * 60 + number(seconds)), dot, length.to_owned())
}

fn report(packets: &[Packet], track: Track) -> Report {
    let report = ear::report(&heard(packets).pcm, track);
    report.unwrap_or_else(|| panic!("{track:?} was not heard in {} packets", packets.len()))
}

/// Waits until no more packets come, and for two seconds more.
async fn falls_silent(listener: &Listener) {
    let mut n = listener.packets().len();
    while listener.wait_for_packets(n + 1, Duration::from_secs(2)).await {
        n = listener.packets().len();
        // a track lasts less than a thousand packets: nobody paused it
        assert!(n < 800, "it plays on");
    }
}

// === the first words ===

#[tokio::test(flavor = "multi_thread")]
async fn a_start_in_private_greets_by_name_and_says_how_to_begin() {
    let running = World::new().start().await;
    let greeting = privately(&running, ADA, "/start").await;
    assert!(greeting.text.contains("Hello, Ada!"), "{greeting:?}");
    assert!(greeting.text.contains("Add me to a group"), "{greeting:?}");
    assert!(greeting.html.contains("<code>/play a song</code>"), "{greeting:?}");
    let told = privately(&running, ADA, "/play northbound").await;
    assert!(told.text.contains("Music plays in groups"), "{told:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_in_a_group_says_that_the_bot_is_there() {
    let running = World::new().start().await;
    let asked = running.say(BORIS, "/start@armed_music_bot");
    let told = answer(&running, asked).await;
    assert!(told.text.contains("I am here"), "{told:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn help_names_every_command_and_who_may_give_it() {
    for (settings, who) in [
        ("", "Administrators control it; whoever asked for a track may skip it."),
        (r#"chat.controls = "everyone""#, "Everybody may control it, too."),
    ] {
        let running = World::new().settings(settings).start().await;
        let help = answer(&running, running.say(BORIS, "/help")).await;
        for command in COMMANDS {
            assert!(help.text.contains(command), "{command}: {help:?}");
        }
        assert!(help.text.ends_with(who), "{help:?}");
        let private = privately(&running, BORIS, "/help").await;
        assert_eq!(private.text, help.text);
        running.end().await;
    }
}

// === the panel ===

#[tokio::test(flavor = "multi_thread")]
async fn the_line_of_the_panel_moves_with_the_music() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    let first = panel(&running, "Now playing", Track::Northbound).await;
    let (mut lines, mut texts) = (vec![line(&first)], 1);
    while texts < 4 {
        let last = lines[lines.len() - 1].clone();
        let moved = running.world().wait_for_message(jam(), PATIENCE, |shown| {
            shown.id == first.id && shown.text.contains("Now playing") && line(shown) != last
        });
        let moved = moved.await.unwrap_or_else(|| panic!("it stands still after {lines:?}"));
        lines.push(line(&moved));
        texts += 1;
    }
    assert!(lines.is_sorted(), "it goes forward: {lines:?}");
    assert!(lines[3].0 >= lines[0].0 + Duration::from_secs(2), "{lines:?}");
    assert!(lines[3].1 > lines[0].1, "the dot moves, too: {lines:?}");
    assert!(lines.iter().all(|(_, _, length)| length == "0:17"), "{lines:?}");
    // what it says is what is heard
    running.say(ADA, "/pause");
    let paused = panel(&running, "Paused\n", Track::Northbound).await;
    falls_silent(&listener).await;
    let (said, last) = (line(&paused).0, report(&listener.packets(), Track::Northbound).last);
    assert!(said.abs_diff(last) < Duration::from_millis(1_500), "{said:?}, heard to {last:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn music_that_is_paused_is_silent_and_goes_on_where_it_was() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    // one is decoded, the other one passed through
    for track in [Track::Harbour, Track::Northbound] {
        drop(listener.take_packets());
        running.say(ADA, &format!("/play {}", track.title()));
        assert!(listener.wait_for_packets(100, PATIENCE).await, "it plays");
        running.say(ADA, "/pause");
        panel(&running, "Paused\n", track).await;
        falls_silent(&listener).await;
        let before = report(&listener.take_packets(), track);
        running.say(ADA, "/resume");
        assert!(listener.wait_for_packets(100, PATIENCE).await, "it goes on");
        let after = report(&listener.packets(), track);
        // neither left out nor heard twice
        assert!(after.first.abs_diff(before.last) <= 2 * GRAIN, "{before:?}, {after:?}");
        assert!(after.correlation_median > 0.95, "{after:?}");
        running.say(ADA, "/stop");
        running.until_idle().await;
    }
    running.end().await;
}

// === one after the other ===

#[tokio::test(flavor = "multi_thread")]
async fn the_next_track_begins_by_itself_when_one_has_ended() {
    let folder = tempfile::tempdir().expect("the system has a temporary directory");
    let bytes = |track| music::files().iter().find(|file| file.track == track).unwrap().bytes;
    // four seconds of it (128 kbit/s)
    let short = &bytes(Track::Harbour)[..64_000];
    std::fs::write(folder.path().join("first.mp3"), short).expect("the directory is ours");
    let long = bytes(Track::Orchard);
    std::fs::write(folder.path().join("orchard.webm"), long).expect("the directory is ours");
    let running = World::new().music(folder.path()).start().await;
    let listener = running.listener().await;
    running.say(ADA, "/play first");
    running.say(BORIS, "/play orchard");
    running.sees("Number 1 in the queue, for Boris").await;
    let next = panel(&running, "Now playing", Track::Orchard).await;
    assert!(next.text.contains("Boris"), "{next:?}");
    let ended = panel(&running, "Played", Track::Harbour).await;
    assert_eq!(ended.buttons, [] as [Vec<_>; 0], "{ended:?}");
    let so_far = listener.packets().len();
    assert!(listener.wait_for_packets(so_far + 150, PATIENCE).await, "it is heard");
    let packets = listener.packets();
    let (first, second) = (report(&packets, Track::Harbour), report(&packets, Track::Orchard));
    assert!(first.last > Duration::from_secs(3), "to its end: {first:?}");
    assert!(second.first < Duration::from_secs(1), "from its start: {second:?}");
    let segments = ear::identify(&heard(&packets).pcm);
    let tracks = segments.iter().filter_map(|segment| match segment.sound {
        Sound::Track(track) => Some(track),
        _ => None,
    });
    let mut order: Vec<Track> = tracks.collect();
    order.dedup();
    assert_eq!(order, [Track::Harbour, Track::Orchard], "{segments:#?}");
    running.end().await;
}
