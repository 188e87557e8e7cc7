//! Lives and deaths: whatever actor of a chat dies, the music goes on where it was.

mod between;
mod supervisors;

use std::time::{Duration, Instant};

use simulator::listener::{Listener, Packet};
use simulator::music::Track;
use simulator::world::{ADA, ASSISTANT, BORIS, jam};

use crate::figures;
use crate::world::{PATIENCE, Running, World, heard};

/// How exactly the ear knows where a stretch of music begins and ends.
const GRAIN: Duration = Duration::from_millis(200);

fn path(of: &str) -> String {
    format!("root/chats/{}/{of}", jam())
}

/// Northbound plays in the group, and Dmitri hears two seconds of it.
async fn playing() -> (Running, Listener) {
    let running = World::new().start().await;
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    hears_more(&listener, 100).await;
    (running, listener)
}

async fn hears_more(listener: &Listener, n: usize) {
    let so_far = listener.packets().len();
    assert!(listener.wait_for_packets(so_far + n, PATIENCE).await, "{n} more packets");
}

/// Kills a child and waits for its next life.
async fn dies(running: &Running, path: &str) {
    let tree = running.inside.tree.root();
    let life = || tree.snapshot().find(path).map(|child| (child.incarnation, child.state.clone()));
    let (before, _) = life().expect("it lives");
    assert!(tree.tree().kill(path), "{path} can be killed");
    running
        .until("it lives again", || {
            life().is_some_and(|(now, state)| now > before && state == supervisor::State::Ready)
        })
        .await;
}

/// Where the music was when it broke off and where it went on, by the longest pause between two packets.
fn around_the_gap(packets: &[Packet]) -> (Duration, Duration, Duration) {
    let gap = |at: &usize| packets[*at].arrival - packets[*at - 1].arrival;
    let at = (1..packets.len()).max_by_key(gap).expect("there are packets");
    let piece = |packets: &[Packet]| {
        let report = simulator::ear::report(&heard(packets).pcm, Track::Northbound);
        report.expect("it is the track")
    };
    (piece(&packets[..at]).last, piece(&packets[at..]).first, gap(&at))
}

fn assert_goes_on_in_place(packets: &[Packet], gap_max: Duration) -> (Duration, Duration) {
    let (before, after, gap) = around_the_gap(packets);
    let error = after.abs_diff(before);
    assert!(
        error <= Duration::from_secs(1) + GRAIN,
        "broke off at {before:?}, went on at {after:?}"
    );
    assert!(gap <= gap_max, "silence of {gap:?}");
    (error, gap)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_that_dies_in_the_middle_of_a_track_goes_on_where_it_was() {
    let (running, listener) = playing().await;
    running.say(BORIS, "/play orchard");
    running.sees("Number 1 in the queue").await;
    dies(&running, &path("player")).await;
    hears_more(&listener, 100).await;
    let (error, gap) = assert_goes_on_in_place(&listener.packets(), Duration::from_secs(7));
    figures::record(
        "1",
        "a player dies in the middle of a track",
        &format!(
            "gap {} ms, position error {} ms, tracks lost 0",
            gap.as_millis(),
            error.as_millis()
        ),
        "gap ≤ 7 s, position error ≤ 1 s, tracks lost 0",
    );
    running.sees("Sorry, a hiccup. The music goes on at 0:0").await;
    let panels: Vec<String> =
        running.texts().into_iter().filter(|text| text.contains("Now playing")).collect();
    assert_eq!(panels.len(), 1, "the panel goes on: {panels:#?}");
    // what waited, waits still; the buttons that people see still work
    let panel = running.sees("Now playing").await;
    let skip = panel.button("⏭").expect("a button to skip");
    running
        .world()
        .press(ADA, jam(), panel.id, &skip, PATIENCE)
        .await
        .expect("a press is answered");

    running
        .until("the second track plays", || {
            running
                .texts()
                .iter()
                .any(|text| text.contains("Now playing") && text.contains("orchard"))
        })
        .await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_player_that_dies_stays_paused() {
    let (running, listener) = playing().await;
    running.say(ADA, "/pause");
    running.sees("Paused").await;
    dies(&running, &path("player")).await;
    running.sees("Sorry, a hiccup").await;
    listener.take_packets();
    // pausing sends a few frames of silence and then nothing
    tokio::time::sleep(Duration::from_millis(400)).await;
    listener.take_packets();
    assert!(!listener.wait_for_packets(1, Duration::from_millis(400)).await, "it is paused");
    running.say(ADA, "/resume");
    assert!(listener.wait_for_packets(50, PATIENCE).await, "it goes on");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_dies_is_joined_again_and_the_music_goes_on_where_it_was() {
    let (running, listener) = playing().await;
    let old = running.assistant().expect("it plays").ssrc;
    dies(&running, &path("call")).await;
    running
        .until("the assistant is back", || {
            running.assistant().is_some_and(|own| own.ssrc != old && own.is_connected)
        })
        .await;
    hears_more(&listener, 100).await;
    let (error, gap) = assert_goes_on_in_place(&listener.packets(), Duration::from_secs(7));
    figures::record(
        "1",
        "a call dies in the middle of a track",
        &format!("gap {} ms, position error {} ms", gap.as_millis(), error.as_millis()),
        "gap ≤ 7 s, position error ≤ 1 s",
    );
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_that_dies_leaves_the_music_playing() {
    let (running, listener) = playing().await;
    let old = running.assistant().expect("it plays").ssrc;
    dies(&running, "root/assistants/1").await;
    hears_more(&listener, 50).await;
    let packets = listener.take_packets();
    assert!(packets.iter().all(|packet| packet.ssrc == old), "nobody had to rejoin");
    let gap = packets.windows(2).map(|two| two[1].arrival - two[0].arrival).max();
    assert!(gap < Some(Duration::from_secs(1)), "{gap:?}");
    // and the next life can leave the call that the first one joined
    running.say(ADA, "/stop");
    running.until("it left", || running.assistant().is_none()).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_that_kills_its_player_three_times_is_skipped_with_a_word() {
    let (running, listener) = playing().await;
    running.say(BORIS, "/play orchard");
    running.sees("Number 1 in the queue").await;
    let since = Instant::now();
    for _ in 0..3 {
        dies(&running, &path("player")).await;
    }
    running.sees("Northbound: Something went wrong on my side").await;
    running
        .until("the next track plays", || {
            running
                .texts()
                .iter()
                .any(|text| text.contains("Now playing") && text.contains("orchard"))
        })
        .await;
    figures::record(
        "2",
        "a track kills its player every time",
        &format!(
            "skipped after 3 deaths and {} s, the rest of the queue plays",
            since.elapsed().as_secs()
        ),
        "restarts ≤ 3, other tracks lost 0",
    );
    let before = listener.packets().len();
    assert!(listener.wait_for_packets(before + 50, PATIENCE).await, "the next one is heard");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_beside_one_that_dies_does_not_notice() {
    let (running, listener) = playing().await;
    let kitchen = simulator::world::kitchen();
    running.telegram().calls().start_call(kitchen);
    running.world().say(ADA, kitchen, "/play orchard").expect("Ada may write there");
    running.sees_in(kitchen, "Now playing").await;
    listener.take_packets();
    let beside = format!("root/chats/{kitchen}");
    dies(&running, &format!("{beside}/player")).await;
    dies(&running, &format!("{beside}/call")).await;
    running.sees_in(kitchen, "Sorry, a hiccup").await;
    hears_more(&listener, 50).await;
    let packets = listener.take_packets();
    let own = running.telegram().calls().participants(jam());
    let own = own.iter().find(|one| one.user == ASSISTANT).expect("it plays here").ssrc;
    assert!(packets.iter().all(|packet| packet.ssrc == own));
    let numbers: Vec<u16> = packets.iter().map(|packet| packet.seq).collect();
    assert!(numbers.windows(2).all(|two| two[1] == two[0].wrapping_add(1)), "no packet is missing");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_given_while_a_player_is_dead_are_carried_out_once() {
    let (running, _listener) = playing().await;
    let tree = running.inside.tree.root();
    assert!(tree.tree().kill(&path("player")));
    running.say(BORIS, "/play orchard");
    running.sees("Number 1 in the queue").await;
    running.say(ADA, "/queue");
    let shown = running.sees("1. orchard").await;
    assert!(!shown.text.contains("2. "), "{}", shown.text);
    running.end().await;
}

/// Opening a pipe that nobody writes to blocks for ever, as a decoder in an endless loop would.
#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_decoder_is_told_and_left_behind_and_nobody_else_notices() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    simulator::music::write_to(folder.path()).expect("the music is written");
    let stuck = folder.path().join("stuck.flac");
    let meridian = std::fs::read_dir(folder.path()).expect("it is there").flatten();
    let meridian =
        meridian.map(|entry| entry.path()).find(|path| path.extension() == Some("flac".as_ref()));
    std::fs::copy(meridian.expect("one of them is flac"), &stuck).expect("copied");
    let running =
        World::new().music(folder.path()).settings("audio.stuck_after_s = 3").start().await;
    let kitchen = simulator::world::kitchen();
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    hears_more(&listener, 50).await;
    running.telegram().calls().start_call(kitchen);
    let say = |text: &str| running.world().say(ADA, kitchen, text).expect("Ada may write there");
    say("/play northbound");
    running.sees_in(kitchen, "Now playing").await;
    say("/play stuck");
    running.sees_in(kitchen, "Number 1 in the queue").await;
    say("/play orchard");
    running.sees_in(kitchen, "Number 2 in the queue").await;
    // it was an ordinary file when it was found
    std::fs::remove_file(&stuck).expect("removed");
    let made = std::process::Command::new("mkfifo").arg(&stuck).status().expect("mkfifo is there");
    assert!(made.success());
    listener.take_packets();
    say("/skip");
    let since = Instant::now();
    running.sees_in(kitchen, "answers too slowly").await;
    let noticed = since.elapsed();
    running.sees_in(kitchen, "orchard\n0:0").await;
    hears_more(&listener, 50).await;
    let packets = listener.take_packets();
    let numbers: Vec<u16> = packets.iter().map(|packet| packet.seq).collect();
    assert!(numbers.windows(2).all(|two| two[1] == two[0].wrapping_add(1)), "no packet is missing");
    figures::record(
        "3",
        "a decoder hangs",
        &format!("noticed after {} ms of 3,000, packets lost beside it 0", noticed.as_millis()),
        "noticed, other chats play on",
    );
    // lets the thread go
    let _writer = std::fs::OpenOptions::new().write(true).open(&stuck);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_outlives_the_death_of_everybody_who_does_it() {
    let running = World::new().start().await;
    for child in ["files", "resolver"] {
        assert!(running.inside.tree.root().tree().kill(&format!("root/extractors/{child}")));
    }
    running.say(ADA, "/play northbound");
    running.sees("Now playing").await;
    assert!(!running.texts().iter().any(|text| text.contains('⚠')), "{:#?}", running.texts());
    running.end().await;
}

/// The same as `armedmusic demo --chaos`, in small.
#[tokio::test(flavor = "multi_thread")]
async fn chats_in_which_something_dies_all_the_time_lose_no_track() {
    World::install_provider();
    let options = armedmusic::chaos::Options {
        seed: 7,
        n_chats: 4,
        length: Duration::from_secs(20),
        every: Duration::from_millis(1_500),
    };
    let report = armedmusic::chaos::rehearse(&options, |_| {}).await.expect("it can be rehearsed");
    assert!(report.is_good(), "{report}");
    assert!(report.faults.values().sum::<u64>() >= 8, "{report}");
    assert!(report.tracks_sounded >= 4, "{report}");
}
