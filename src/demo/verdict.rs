//! What the listening member heard, judged against the music as it was made.

use std::collections::HashSet;

use simulator::ear::{self, Packet};
use simulator::listener;
use simulator::music::Track;

/// Less than this was not really heard.
const HEARD_MIN_S: f32 = 5.0;
/// Median correlation of half-second windows with the source: lossy codecs stay above it, anything wrong falls below.
const CORRELATION_MIN: f32 = 0.9;
/// Loopback loses nothing; a busy machine may.
const LOST_MAX_SHARE: f64 = 0.01;

/// Prints the verdict; whether every track was heard.
pub(super) fn print(packets: &[listener::Packet], tracks: &[Track]) -> bool {
    let sources: HashSet<u32> = packets.iter().map(|packet| packet.ssrc).collect();
    if sources.len() > 1 {
        println!("\nThe assistant had to join {} times.", sources.len());
    }
    let own: Vec<Packet> = packets
        .iter()
        .map(|packet| Packet {
            sequence: packet.seq,
            timestamp: packet.timestamp,
            payload: packet.payload.to_vec(),
        })
        .collect();
    let heard = ear::decode(&own);
    let counts = heard.counts;
    println!(
        "\nWhat Dmitri heard: {} packets, {} lost, {} out of order.",
        counts.received, counts.lost, counts.reordered
    );
    println!(
        "{:<12} {:>8} {:>16} {:>12} {:>8}",
        "track", "seconds", "from – to", "correlation", ""
    );
    let mut are_all_heard =
        counts.received > 0 && (counts.lost as f64) <= counts.received as f64 * LOST_MAX_SHARE;
    for track in tracks {
        let Some(report) = ear::report(&heard.pcm, *track) else {
            println!("{:<12} {:>8}", track.title(), "nothing");
            are_all_heard = false;
            continue;
        };
        let is_heard = report.heard.as_secs_f32() >= HEARD_MIN_S
            && report.correlation_median >= CORRELATION_MIN;
        are_all_heard &= is_heard;
        println!(
            "{:<12} {:>8.1} {:>7.1} – {:>5.1} s {:>12.4} {:>8}",
            track.title(),
            report.heard.as_secs_f32(),
            report.first.as_secs_f32(),
            report.last.as_secs_f32(),
            report.correlation_median,
            if is_heard { "heard" } else { "NOT HEARD" },
        );
    }
    are_all_heard
}
