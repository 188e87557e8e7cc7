//! What `bench calls` found, for machines and for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use media::{FrameStats, Ready};
use serde::Serialize;

use super::conditions::{Conditions, Spent};
use super::floor::Floor;
use super::spacing::Deviation;

/// The ideal time between packets.
pub(super) const FRAME: Duration = Duration::from_millis(20);

#[derive(Debug, Serialize)]
pub(super) struct Figures {
    pub(super) calls: u16,
    /// `native` or `web`.
    pub(super) style: String,
    pub(super) file: String,
    pub(super) source: Source,
    pub(super) window_s: f64,
    pub(super) cpu: Cpu,
    pub(super) floor: Floor,
    pub(super) memory: MemoryUse,
    /// The most threads seen.
    pub(super) threads: u64,
    pub(super) frames: Frames,
    /// Of the clock, frame by frame, when it hands them to the network.
    pub(super) lateness: Deviation,
    pub(super) packets: Packets,
    pub(super) encoder: Encoder,
    pub(super) clock_lateness_max_ms: f64,
    /// Tracks that ended and were begun again within the window.
    pub(super) repeats: u64,
    pub(super) conditions: Conditions,
}

#[derive(Debug, Serialize)]
pub(super) struct Source {
    pub(super) codec: &'static str,
    pub(super) is_passthrough: bool,
    pub(super) is_ffmpeg: bool,
    pub(super) sample_rate: u32,
    pub(super) channels: u8,
    pub(super) duration_s: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Cpu {
    /// Of all threads of this process.
    pub(super) seconds: f64,
    /// Of sound that was sent.
    pub(super) stream_seconds: f64,
    pub(super) per_stream_second: f64,
    /// Share of it spent in the kernel (0 to 1).
    pub(super) system_share: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct MemoryUse {
    pub(super) rss_one_kib: u64,
    pub(super) rss_all_kib: u64,
    pub(super) pss_one_kib: u64,
    pub(super) pss_all_kib: u64,
    pub(super) rss_per_further_call_kib: Option<f64>,
    pub(super) pss_per_further_call_kib: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Frames {
    pub(super) sent: u64,
    /// Silence because the ring was empty.
    pub(super) nulled: u64,
    /// Given up because the clock was late.
    pub(super) deficit: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Packets {
    pub(super) sent: u64,
    /// On our side: queue full.
    pub(super) dropped: u64,
    /// Accepted by the media server.
    pub(super) arrived: u64,
    pub(super) refused: u64,
    /// Sequence numbers that never came.
    pub(super) lost: u64,
    pub(super) spacing: Deviation,
    /// What the server noted, by reason.
    pub(super) oddities: BTreeMap<String, u64>,
    /// SRTP profiles, by number of calls.
    pub(super) srtp: BTreeMap<String, u16>,
    /// Cores that the media server kept busy; not counted anywhere else.
    pub(super) server_cores: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Encoder {
    /// Thousandths of real time that one encoder takes.
    pub(super) load_permille: u32,
    /// Share of the window in which encoders ran at the lower complexity (0 to 1).
    pub(super) reduced_share: f64,
}

// === impl Source ===

impl Source {
    pub(super) fn of(ready: &Ready) -> Source {
        Source {
            codec: ready.codec,
            is_passthrough: ready.is_passthrough,
            is_ffmpeg: ready.is_ffmpeg,
            sample_rate: ready.sample_rate,
            channels: ready.channels,
            duration_s: ready.duration.map(|duration| duration.as_secs_f64()),
        }
    }

    fn way(&self) -> &'static str {
        match (self.is_passthrough, self.is_ffmpeg) {
            (true, _) => "passthrough",
            (false, true) => "ffmpeg",
            (false, false) => "transcoding",
        }
    }
}

// === impl Cpu ===

impl Cpu {
    pub(super) fn of(spent: &Spent, frames_sent: u64) -> Cpu {
        let seconds = spent.cpu.as_secs_f64();
        let stream_seconds = frames_sent as f64 * FRAME.as_secs_f64();
        let per_stream_second = if frames_sent > 0 { seconds / stream_seconds } else { 0.0 };
        Cpu { seconds, stream_seconds, per_stream_second, system_share: spent.system_share }
    }
}

// === impl Frames ===

impl Frames {
    pub(super) fn between(before: FrameStats, after: FrameStats) -> Frames {
        Frames {
            sent: after.sent - before.sent,
            nulled: after.nulled - before.nulled,
            deficit: after.deficit - before.deficit,
        }
    }
}

/// For people.
pub(super) fn table(figures: &Figures) -> String {
    let Figures { cpu, memory, frames, packets, encoder, source, conditions, .. } = figures;
    let mut out = String::new();
    let mut row = |name: &str, value: String| {
        writeln!(out, "{name:<28}{value}").expect("a string takes everything");
    };
    row(
        "calls",
        format!(
            "{} × {} ({}, {}; {} style)",
            figures.calls,
            figures.file,
            source.codec,
            source.way(),
            figures.style
        ),
    );
    row("measured", format!("{:.1} s, after the calls had settled", figures.window_s));
    row(
        "CPU per stream-second",
        format!(
            "{:.5} s ({:.3} s for {:.1} s of sound, {:.0} % of it in the kernel)",
            cpu.per_stream_second,
            cpu.seconds,
            cpu.stream_seconds,
            cpu.system_share * 100.0
        ),
    );
    row("floor on this machine", floor_of(figures));
    let further = |kib: Option<f64>| {
        kib.map_or_else(|| "–".to_owned(), |kib| format!("{:.2} MiB", kib / 1_024.0))
    };
    row(
        "memory per further call",
        format!(
            "{} RSS, {} PSS",
            further(memory.rss_per_further_call_kib),
            further(memory.pss_per_further_call_kib)
        ),
    );
    row(
        "memory at 1 / all",
        format!(
            "{:.1} / {:.1} MiB RSS",
            memory.rss_one_kib as f64 / 1_024.0,
            memory.rss_all_kib as f64 / 1_024.0
        ),
    );
    row("threads", figures.threads.to_string());
    let spacing = packets.spacing;
    row(
        "packets off their 20 ms",
        format!(
            "p50 {:.2} · p99 {:.2} · max {:.2} ms (of {}, ± 0.05 ms)",
            spacing.p50_ms, spacing.p99_ms, spacing.max_ms, spacing.of_packets
        ),
    );
    let lateness = figures.lateness;
    row(
        "frames late when sent",
        format!(
            "p50 {:.2} · p99 {:.2} · max {:.2} ms (of {}, ± 0.05 ms)",
            lateness.p50_ms, lateness.p99_ms, lateness.max_ms, lateness.of_packets
        ),
    );
    row(
        "packets",
        format!(
            "{} sent, {} arrived (counted a moment apart), {} lost, {} dropped, {} refused",
            packets.sent, packets.arrived, packets.lost, packets.dropped, packets.refused
        ),
    );
    if !packets.oddities.is_empty() {
        row("noted by the server", format!("{:?}", packets.oddities));
    }
    row(
        "frames",
        format!("{} sent, {} nulled, {} deficit", frames.sent, frames.nulled, frames.deficit),
    );
    row(
        "encoder",
        format!(
            "{:.1} % of real time each; reduced complexity {:.0} % of the time",
            f64::from(encoder.load_permille) / 10.0,
            encoder.reduced_share * 100.0
        ),
    );
    row("clock late at most", format!("{:.1} ms, since the start", figures.clock_lateness_max_ms));
    row("file begun again", format!("{} times (SRTP {})", figures.repeats, names(&packets.srtp)));
    out + &conditions_table(conditions, Some(packets.server_cores))
}

fn floor_of(figures: &Figures) -> String {
    let floor = figures.floor;
    let sound = floor.sound.map_or_else(String::new, |sound| {
        format!("{sound:.5} s to decode, resample and encode + ")
    });
    format!(
        "{:.5} s ({sound}{:.5} s to protect and send); the calls cost {:.2} times as much",
        floor.total(),
        floor.sending,
        figures.cpu.per_stream_second / floor.total()
    )
}

/// What every report ends with.
pub(super) fn conditions_table(conditions: &Conditions, server_cores: Option<f64>) -> String {
    let mut out = String::new();
    let mut row = |name: &str, value: String| {
        writeln!(out, "{name:<28}{value}").expect("a string takes everything");
    };
    row(
        "machine",
        format!(
            "{} cores, {}; {} build of {}",
            conditions.cores, conditions.processor, conditions.build, conditions.version
        ),
    );
    let server = server_cores
        .map_or_else(String::new, |cores| format!("; media server {cores:.2} cores, not counted"));
    row(
        "load",
        format!(
            "{:.2} before, {:.2} after; others kept {:.2} cores busy{server}",
            conditions.load_before[0], conditions.load_after[0], conditions.busy_with_others
        ),
    );
    out
}

fn names(profiles: &BTreeMap<String, u16>) -> String {
    profiles.keys().cloned().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_second_is_fifty_frames() {
        let spent = Spent {
            wall: Duration::from_secs(10),
            cpu: Duration::from_millis(500),
            system_share: 0.25,
            helper: Duration::ZERO,
        };
        let cpu = Cpu::of(&spent, 5_000);
        assert!((cpu.stream_seconds - 100.0).abs() < 1e-9);
        assert!((cpu.per_stream_second - 0.005).abs() < 1e-9);
        assert_eq!(Cpu::of(&spent, 0).per_stream_second, 0.0);
    }
}
