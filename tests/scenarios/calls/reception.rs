//! How the media server receives us: its reports end up in /stats.

use simulator::listener::Style;
use simulator::world::{ADA, jam};

use super::{at_the_server, playing_for};
use crate::stats::all_pages;
use crate::world::World;

const N_PACKETS: u64 = 500;

/// Plays some 500 packets, of which the network loses this share; what /stats says then, in numbers and in words: lost
/// on the way in thousandths, and the page.
async fn reported(style: Style, loss: f64) -> (u32, String) {
    let world = World::new().environment("OWNER_ID", ADA).sfu(|sfu| sfu.loss = loss);
    let world = match style {
        Style::Native => world,
        Style::Web => world.settings("call.connect_s = 2").sfu(|sfu| sfu.ignore_passive = true),
    };
    let (running, _listener) = playing_for(world, style).await;
    assert_eq!(at_the_server(&running).is_active, style == Style::Web);
    // enough to play until it is told
    for track in ["orchard", "lantern", "harbour"] {
        running.say(ADA, &format!("/play {track}"));
    }
    let line = || {
        let stats = running.inside.tree.stats();
        let chat = stats.chats.into_iter().find(|chat| chat.chat == jam());
        chat.and_then(|chat| chat.line).expect("it is in the voice chat")
    };
    running.until("enough is sent", || line().packets_sent >= N_PACKETS).await;
    // reported every second
    let lost = at_the_server(&running).sources[0].lost;
    let is_told = || line().reception.is_some_and(|said| said.packets_lost >= lost);
    running.until(&format!("the server reports to {style:?}"), is_told).await;
    let said = line().reception.expect("it was there a moment ago");
    assert!(said.packets_lost <= at_the_server(&running).sources[0].lost, "{said:?}");
    // a clock thread sends them, and a busy machine delays some
    assert!(said.jitter_us < 100_000, "{said:?}");
    let page = all_pages(&running, ADA).await.concat();
    running.end().await;
    (said.lost_permille, page)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenth_of_the_packets_lost_is_shown_as_a_tenth_in_either_style() {
    let (native, web) = tokio::join!(reported(Style::Native, 0.1), reported(Style::Web, 0.1));
    for (permille, page) in [native, web] {
        // chance may deal a little more or less
        assert!((60..=140).contains(&permille), "{permille}");
        let shown = ["6.", "7.", "8.", "9.", "10.", "11.", "12.", "13.", "14."];
        let shown = shown.iter().any(|share| page.contains(&format!("lost on the way {share}")));
        assert!(shown, "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_lost_is_shown_as_nothing() {
    let (native, web) = tokio::join!(reported(Style::Native, 0.0), reported(Style::Web, 0.0));
    for (permille, page) in [native, web] {
        assert_eq!(permille, 0);
        assert!(page.contains("lost on the way 0.0 % (0.0 % lately), jitter "), "{page}");
    }
}
