//! From packets to sound: puts them in order, fills short gaps as a phone would, keeps pauses as silence.

use opus::{Channels, Decoder};

use super::{Counts, Heard, Packet};
use crate::music::SAMPLE_RATE;

/// The longest frame of Opus, in samples at 48 kHz: 120 ms (RFC 6716).
const FRAME_MAX: usize = 5760;

/// Longer gaps are silence, as on a phone: 200 ms.
const CONCEAL_MAX: u64 = 9600;

/// Longer gaps are another stream, not a pause: 10 minutes.
const GAP_MAX: u64 = 600 * SAMPLE_RATE as u64;

/// Decodes packets, given in the order of arrival; short losses are concealed by the codec, pauses are silence.
pub fn decode(packets: &[Packet]) -> Heard {
    let (ordered, mut counts) = ordered(packets);
    let Ok(mut decoder) = Decoder::new(SAMPLE_RATE, Channels::Stereo) else {
        counts.undecodable = counts.received;
        return Heard { pcm: Vec::new(), counts };
    };
    let mut pcm = Vec::new();
    let mut frame = vec![0.0; FRAME_MAX * 2];
    // the timestamp and sequence number that follow without a gap
    let mut expected: Option<(u32, i64)> = None;
    for (sequence, packet) in ordered {
        if let Some((timestamp, following)) = expected {
            let gap = u64::from(packet.timestamp.wrapping_sub(timestamp));
            if sequence > following && gap <= CONCEAL_MAX {
                conceal(&mut decoder, gap as usize, &mut pcm);
            } else if gap <= GAP_MAX {
                pcm.resize(pcm.len() + gap as usize * 2, 0.0);
            }
        }
        expected = Some((packet.timestamp, sequence));
        // to the codec an empty packet is a lost one, and it would imagine one
        let decoded = match packet.payload.as_slice() {
            [] => None,
            payload => decoder.decode_float(payload, &mut frame, false).ok(),
        };
        let Some(samples) = decoded else {
            counts.undecodable += 1;
            continue;
        };
        pcm.extend_from_slice(&frame[..samples * 2]);
        expected = Some((packet.timestamp.wrapping_add(samples as u32), sequence + 1));
    }
    Heard { pcm, counts }
}

/// Fills a gap with what the codec imagines.
fn conceal(decoder: &mut Decoder, mut samples: usize, pcm: &mut Vec<f32>) {
    while samples > 0 {
        // concealment comes in steps of 2.5 ms
        let step = samples.min(960) / 120 * 120;
        let mut frame = vec![0.0; step.max(1) * 2];
        let made =
            if step == 0 { 0 } else { decoder.decode_float(&[], &mut frame, false).unwrap_or(0) };
        if made == 0 {
            pcm.resize(pcm.len() + samples * 2, 0.0);
            return;
        }
        pcm.extend_from_slice(&frame[..made * 2]);
        samples = samples.saturating_sub(made);
    }
}

/// Packets by their unwrapped sequence number, without copies.
fn ordered(packets: &[Packet]) -> (Vec<(i64, &Packet)>, Counts) {
    let mut counts = Counts::default();
    let mut numbered: Vec<(i64, &Packet)> = Vec::with_capacity(packets.len());
    let mut newest: Option<i64> = None;
    let mut seen = std::collections::HashSet::new();
    for packet in packets {
        let sequence = match newest {
            None => i64::from(packet.sequence),
            // the nearest number with these 16 bits
            Some(newest) => newest + i64::from(packet.sequence.wrapping_sub(newest as u16) as i16),
        };
        if !seen.insert(sequence) {
            counts.duplicated += 1;
            continue;
        }
        if newest.is_some_and(|newest| sequence < newest) {
            counts.reordered += 1;
        }
        newest = newest.max(Some(sequence));
        numbered.push((sequence, packet));
    }
    numbered.sort_by_key(|(sequence, _)| *sequence);
    counts.received = numbered.len() as u64;
    if let (Some(first), Some(last)) = (numbered.first(), numbered.last()) {
        counts.lost = (last.0 - first.0 + 1) as u64 - counts.received;
    }
    (numbered, counts)
}
