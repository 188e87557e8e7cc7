//! Two real clients through the server, and everything a bad client can do to it.

mod bad;

use std::time::Duration;

use super::*;
use crate::listener::Style;
use crate::listener::client::Client;

const ROOM: i64 = -100;
/// Generous: the machine may be busy with other tests.
const SOON: Duration = Duration::from_secs(20);
/// 20 ms of CELT, full band, mono; the content matters to no rule.
const OPUS: [u8; 4] = [0xf8, 0x11, 0x22, 0x33];

fn server(change: impl FnOnce(&mut SfuSettings)) -> Sfu {
    let mut settings = SfuSettings::loopback();
    change(&mut settings);
    Sfu::start(settings).unwrap()
}

async fn joined(sfu: &Sfu, user: i64, style: Style, policy: SrtpPolicy) -> (Client, PeerId) {
    let client = Client::bind(style, policy).unwrap();
    let (peer, answer) = sfu.join(ROOM, user, &JoinPayload::parse(&client.payload()).unwrap());
    client.connect(&answer).unwrap();
    (client, peer)
}

async fn connected(sfu: &Sfu, user: i64, style: Style) -> (Client, PeerId) {
    let (client, peer) = joined(sfu, user, style, SrtpPolicy::Any).await;
    assert!(client.wait_connected(SOON).await, "{style:?} did not connect");
    assert!(until(|| sfu.is_connected(peer)).await, "the last flight of {style:?} did not arrive");
    (client, peer)
}

async fn until(wanted: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + SOON;
    while !wanted() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    wanted()
}

async fn speech_is_forwarded(ice: IceMode, srtp: SrtpPolicy, speaks: Style, listens: Style) {
    let sfu = server(|settings| (settings.ice, settings.srtp) = (ice, srtp));
    let (speaker, peer) = connected(&sfu, 1, speaks).await;
    let (listener, _) = connected(&sfu, 2, listens).await;
    for _ in 0..30 {
        speaker.send_opus(&OPUS, 960, 20, true);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(
        listener.wait(SOON, |listener| listener.n_packets() >= 30).await,
        "{} came",
        listener.n_packets()
    );
    let packets = listener.packets();
    for pair in packets.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq.wrapping_add(1));
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(960));
    }
    assert!(
        packets.iter().all(|packet| packet.ssrc == speaker.ssrc() && packet.payload[..] == OPUS)
    );
    assert!(packets.iter().all(|packet| packet.level == Some(20) && packet.voice));
    let stats = sfu.stats(ROOM);
    let stats = stats.iter().find(|stats| stats.peer == peer).unwrap();
    assert_eq!(stats.sources[0].packets, 30);
    assert!(stats.srtp.as_ref().unwrap().contains(if srtp == SrtpPolicy::CmOnly {
        "CM"
    } else {
        "GCM"
    }));
    assert_eq!(speaker.n_packets(), 0, "nobody hears himself");
}

#[tokio::test]
async fn speech_passes_a_lite_server_between_native_clients() {
    speech_is_forwarded(IceMode::Lite, SrtpPolicy::GcmOnly, Style::Native, Style::Native).await;
}

#[tokio::test]
async fn speech_passes_a_lite_server_between_web_and_native() {
    speech_is_forwarded(IceMode::Lite, SrtpPolicy::GcmOnly, Style::Web, Style::Native).await;
}

#[tokio::test]
async fn speech_passes_a_full_server_between_native_and_web() {
    speech_is_forwarded(IceMode::Full, SrtpPolicy::GcmOnly, Style::Native, Style::Web).await;
}

#[tokio::test]
async fn speech_passes_a_controlling_server_between_native_clients() {
    speech_is_forwarded(IceMode::FullControlling, SrtpPolicy::Any, Style::Native, Style::Native)
        .await;
}

#[tokio::test]
async fn speech_passes_with_counter_mode_alone() {
    speech_is_forwarded(IceMode::Lite, SrtpPolicy::CmOnly, Style::Native, Style::Web).await;
}
