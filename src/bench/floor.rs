//! The floor under a figure: what the same work costs on this machine, in this run, when nothing is done around it.
//!
//! A figure alone tells as much about the machine as about the program; how often it holds the floor tells more about the
//! program. Sound: decoder, resampler and encoder in a bare loop. Sending: one thread, one socket per call, one protected
//! datagram per frame, paced as the bot paces, towards a process that does nothing but receive.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::process;
use super::report::FRAME;

/// Sound that is encoded; pacing that is watched.
const SOUND: Duration = Duration::from_secs(60);
const PACED: Duration = Duration::from_secs(10);
/// So many streams are sent in one turn, and so many turns are in a frame, as with the bot's clock.
const TURN_STREAMS: u16 = 16;
const TURNS_MAX: u16 = 4;

/// In seconds of CPU per second of one stream.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Floor {
    /// Decoding, resampling, encoding; none when the sound is passed through.
    pub(super) sound: Option<f64>,
    pub(super) sending: f64,
}

// === impl Floor ===

impl Floor {
    /// Keeps this thread busy for some ten seconds.
    pub(super) fn measure(
        file: &Path,
        is_passthrough: bool,
        settings: &media::Settings,
        streams: u16,
        payload_bytes: usize,
        to: SocketAddr,
    ) -> Result<Floor> {
        let sound = if is_passthrough { None } else { Some(sound(file, settings)?) };
        Ok(Floor { sound, sending: sending(streams, payload_bytes, to)? })
    }

    pub(super) fn total(&self) -> f64 {
        self.sending + self.sound.unwrap_or_default()
    }
}

fn sound(file: &Path, settings: &media::Settings) -> Result<f64> {
    let before = process::cpu_time();
    let encoded = media::bare::transcode(file, settings, SOUND)?;
    let spent = process::cpu_time() - before;
    Ok(spent.as_secs_f64() / encoded.as_secs_f64().max(0.001))
}

fn sending(streams: u16, payload_bytes: usize, to: SocketAddr) -> Result<f64> {
    let mut bare = Vec::with_capacity(usize::from(streams));
    for _ in 0..streams {
        bare.push(group_call::bare::Bare::new(to)?);
    }
    let payload = vec![0xfc; payload_bytes];
    let (before, start) = (process::cpu_time(), Instant::now());
    let turns = streams.div_ceil(TURN_STREAMS).clamp(1, TURNS_MAX);
    let (mut next, mut sent) = (Duration::ZERO, 0u64);
    while next < PACED {
        for turn in 0..turns {
            let due = next + FRAME / u32::from(turns) * u32::from(turn);
            thread::sleep(due.saturating_sub(start.elapsed()));
            for stream in bare.iter_mut().skip(usize::from(turn)).step_by(usize::from(turns)) {
                sent += u64::from(stream.send(&payload));
            }
        }
        next += FRAME;
    }
    let spent = process::cpu_time() - before;
    anyhow::ensure!(sent > 0, "not one datagram of the floor left");
    Ok(spent.as_secs_f64() / (sent as f64 * FRAME.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_made_of_sound_and_sending() {
        let floor = Floor { sound: Some(0.005), sending: 0.001 };
        assert!((floor.total() - 0.006).abs() < 1e-9);
        assert_eq!(Floor { sound: None, ..floor }.total(), 0.001);
    }
}
