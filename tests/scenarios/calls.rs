//! Voice chats: getting in, being heard, and staying in whatever Telegram does.

mod changing;
mod ending;
mod entering;
mod reception;
mod staying;
mod styles;

use std::time::Duration;

use simulator::listener::{Listener, Packet, Style};
use simulator::music::Track;
use simulator::sfu::{PeerStats, Reason};
use simulator::world::{ADA, ASSISTANT, DMITRI, jam};

use super::world::{PATIENCE, Running, World, heard};

/// How exactly the ear knows where a stretch of music begins and ends.
const GRAIN: Duration = Duration::from_millis(200);

/// Northbound plays in the group, and Dmitri hears two seconds of it.
async fn playing(world: World) -> (Running, Listener) {
    playing_for(world, Style::Native).await
}

async fn playing_for(world: World, style: Style) -> (Running, Listener) {
    let running = world.start().await;
    let listener = running.listener_as(DMITRI, jam(), style).await;
    running.say(ADA, "/play northbound");
    hears_more(&running, &listener, 100).await;
    (running, listener)
}

/// Dmitri hears `n` more packets.
async fn hears_more(running: &Running, listener: &Listener, n: usize) {
    let so_far = listener.packets().len();
    if !listener.wait_for_packets(so_far + n, PATIENCE).await {
        panic!(
            "{} of {n} packets came; the group reads {:#?}",
            listener.packets().len() - so_far,
            running.texts()
        );
    }
}

/// How one source was heard; a join is a source.
fn pieces(packets: &[Packet]) -> Vec<simulator::ear::Report> {
    let mut sources: Vec<(u32, Vec<Packet>)> = Vec::new();
    for packet in packets {
        match sources.iter_mut().find(|(ssrc, _)| *ssrc == packet.ssrc) {
            Some((_, own)) => own.push(packet.clone()),
            None => sources.push((packet.ssrc, vec![packet.clone()])),
        }
    }
    let report = |(ssrc, packets): (u32, Vec<Packet>)| {
        let report = simulator::ear::report(&heard(&packets).pcm, Track::Northbound);
        report.unwrap_or_else(|| panic!("source {ssrc} was not heard in {} packets", packets.len()))
    };
    sources.into_iter().map(report).collect()
}

/// The music sounded from its start, well, and without a jump.
fn assert_sounds(running: &Running, packets: &[Packet]) {
    let pieces = pieces(packets);
    let [piece] = &pieces[..] else { panic!("more than one source: {pieces:?}") };
    assert!(piece.correlation_median > 0.95, "{piece:?}");
    assert!(piece.jumps == 0 || running.has_stalled(), "{piece:?}");
    assert!(piece.first < Duration::from_secs(1), "{piece:?}");
}

/// The music went on with another source where it had been: nothing twice, and no more than `gap_max` unheard.
fn assert_goes_on(packets: &[Packet], gap_max: Duration) {
    let pieces = pieces(packets);
    assert_eq!(pieces.len(), 2, "one source before and one after: {pieces:?}");
    assert!(pieces.iter().all(|piece| piece.correlation_median > 0.95), "{pieces:?}");
    let (before, after) = (pieces[0].last, pieces[1].first);
    assert!(after + GRAIN >= before, "heard twice: {pieces:?}");
    assert!(after <= before + gap_max + GRAIN, "left out: {pieces:?}");
}

/// What the media server knows of the assistant.
fn at_the_server(running: &Running) -> PeerStats {
    let stats = running.telegram().sfu().stats(jam());
    stats.into_iter().find(|peer| peer.user == ASSISTANT).expect("the assistant is connected")
}

/// The server found nothing wrong with any packet. (Lateness is the machine's and not looked at.)
fn assert_flawless(stats: &PeerStats) {
    for reason in [
        Reason::Malformed,
        Reason::NotAuthentic,
        Reason::Replayed,
        Reason::WrongPayloadType,
        Reason::UndeclaredSource,
        Reason::NoAudioLevel,
        Reason::SilentLevel,
        Reason::Unstamped,
        Reason::BadOpus,
        Reason::Muted,
        Reason::ForceMuted,
        Reason::SequenceGap,
    ] {
        assert_eq!(stats.count(reason), 0, "{reason:?}: {stats:?}");
    }
}
