//! Both styles against every kind of media server.

use simulator::listener::Style;
use simulator::sfu::{IceMode, Reason, SrtpPolicy};

use super::{assert_flawless, assert_sounds, at_the_server, hears_more, playing, playing_for};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_lite_server_hears_a_native_client() {
    let (running, listener) = playing(World::new()).await;
    hears_more(&running, &listener, 50).await;
    let stats = at_the_server(&running);
    assert!(!stats.is_active, "native comes first: {stats:?}");
    assert!(stats.is_sctp_up, "{stats:?}");
    assert!(stats.srtp.as_deref().is_some_and(|profile| profile.contains("GCM")), "{stats:?}");
    assert_flawless(&stats);
    assert_sounds(&running, &listener.take_packets());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_insists_on_controlling_hears_a_native_client() {
    let (running, listener) =
        playing(World::new().sfu(|sfu| sfu.ice = IceMode::FullControlling)).await;
    let stats = at_the_server(&running);
    assert!(!stats.is_active, "{stats:?}");
    assert_flawless(&stats);
    assert_sounds(&running, &listener.take_packets());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_hears_a_native_client() {
    let (running, listener) = playing(World::new().sfu(|sfu| sfu.ice = IceMode::Full)).await;
    let stats = at_the_server(&running);
    assert!(!stats.is_active, "{stats:?}");
    assert_flawless(&stats);
    assert_sounds(&running, &listener.take_packets());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_knows_only_the_old_cipher_is_served_with_it() {
    let (running, listener) = playing(World::new().sfu(|sfu| sfu.srtp = SrtpPolicy::CmOnly)).await;
    let stats = at_the_server(&running);
    assert!(stats.srtp.as_deref().is_some_and(|profile| profile.contains("CM")), "{stats:?}");
    assert!(!stats.srtp.as_deref().is_some_and(|profile| profile.contains("GCM")), "{stats:?}");
    assert!(!stats.is_active, "native style can it, without a second join: {stats:?}");
    assert_flawless(&stats);
    assert_sounds(&running, &listener.take_packets());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_data_channel_first_gets_it() {
    let (running, listener) = playing(World::new().sfu(|sfu| sfu.require_sctp = true)).await;
    let stats = at_the_server(&running);
    assert!(stats.is_sctp_up && !stats.is_active, "{stats:?}");
    // what was sent while the channel opened is lost, and that is a moment
    assert!(stats.count(Reason::NoSctp) < 50, "{stats:?}");
    assert_flawless(&stats);
    assert_sounds(&running, &listener.take_packets());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rtcp_that_nobody_can_read_does_no_harm() {
    let (running, listener) = playing(World::new().sfu(|sfu| sfu.broken_rtcp = true)).await;
    // it comes every second
    hears_more(&running, &listener, 100).await;
    assert_eq!(running.texts().iter().filter(|text| text.contains('⏳')).count(), 0);
    let packets = listener.take_packets();
    assert!(packets.iter().all(|packet| packet.ssrc == packets[0].ssrc), "it had to rejoin");
    assert_sounds(&running, &packets);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_native_clients_cannot_connect_the_web_style_does() {
    for ice in [IceMode::Lite, IceMode::Full] {
        let world = World::new().settings("call.connect_s = 2").sfu(|sfu| {
            sfu.ignore_passive = true;
            sfu.ice = ice;
        });
        let (running, listener) = playing_for(world, Style::Web).await;
        let stats = at_the_server(&running);
        assert!(stats.is_active, "{stats:?}");
        assert!(stats.is_sctp_up, "{stats:?}");
        assert_flawless(&stats);
        assert_sounds(&running, &listener.take_packets());
        running.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_style_can_the_old_cipher_too() {
    let world = World::new().settings("call.connect_s = 2").sfu(|sfu| {
        sfu.ignore_passive = true;
        sfu.srtp = SrtpPolicy::CmOnly;
    });
    let (running, listener) = playing_for(world, Style::Web).await;
    let stats = at_the_server(&running);
    assert!(stats.is_active, "{stats:?}");
    assert!(!stats.srtp.as_deref().is_some_and(|profile| profile.contains("GCM")), "{stats:?}");
    assert_flawless(&stats);
    assert_sounds(&running, &listener.take_packets());
    running.end().await;
}
