//! Playback: from a command to a listener's ear.

use std::time::Duration;

use simulator::music::Track;
use simulator::world::ADA;

use super::world::{PATIENCE, World, heard};

#[tokio::test(flavor = "multi_thread")]
async fn a_member_asks_for_a_song_and_another_member_hears_it() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    running.sees("Now playing").await;
    assert!(listener.wait_for_packets(300, PATIENCE).await, "six seconds of it");
    running.say(ADA, "/stop");
    running.sees("stopped the music").await;
    let heard = heard(&listener.take_packets());
    let report = simulator::ear::report(&heard.pcm, Track::Northbound).expect("it was heard");
    assert!(report.heard >= Duration::from_secs(5), "{report:?}");
    assert!(report.correlation_median > 0.95, "{report:?}");
    assert!(report.jumps == 0 || running.has_stalled(), "{report:?}");
    running.until_idle().await;
    running.end().await;
}
