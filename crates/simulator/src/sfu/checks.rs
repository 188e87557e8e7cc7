//! The rules a packet must keep to be heard, and what is measured about those that do.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::reports::{Block, Ledger};
use super::rtp::{self, Header};
use super::stats::{Reason, SourceStats};

const PROBE: u8 = 105;
const CLOCK: u64 = 48_000;
/// Longer than any packet lasts and shorter than any pause worth the name: beyond it a timestamp may jump.
const SILENCE: Duration = Duration::from_millis(250);
const BURST: Duration = Duration::from_millis(10);

/// One source of one participant.
pub(crate) struct Source {
    pub(crate) stats: SourceStats,
    last: Option<Last>,
    /// Arrivals within the last [`BURST`].
    recent: VecDeque<Instant>,
    /// Sequence numbers expected so far.
    expected: u64,
    received: u64,
    ledger: Ledger,
}

struct Last {
    seq: u16,
    timestamp: u32,
    samples: u32,
    arrival: Instant,
}

impl Source {
    pub(crate) fn new(ssrc: u32) -> Source {
        let stats = SourceStats { ssrc, ..SourceStats::default() };
        Source {
            stats,
            last: None,
            recent: VecDeque::new(),
            expected: 0,
            received: 0,
            ledger: Ledger::default(),
        }
    }

    pub(crate) fn count(&mut self, reason: Reason) {
        *self.stats.reasons.entry(reason).or_insert(0) += 1;
    }

    /// Measures an authentic Opus packet, whether it will be forwarded or not.
    pub(crate) fn follow(&mut self, header: &Header, samples: u32, burst_max: u32, now: Instant) {
        self.measure_continuity(header, now);
        self.ledger.note(header, now);
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|first| now.duration_since(*first) > BURST) {
            self.recent.pop_front();
        }
        if self.recent.len() > burst_max as usize {
            self.count(Reason::Burst);
        }
        self.received += 1;
        self.stats.lost = self.expected.saturating_sub(self.received);
        self.last =
            Some(Last { seq: header.seq, timestamp: header.timestamp, samples, arrival: now });
    }

    /// Notes a packet of padding: it has a number of its own, and its time is that of the packet before it.
    pub(crate) fn pad(&mut self, header: &Header) {
        self.count(Reason::Padding);
        let Some(last) = &mut self.last else { return };
        let step = header.seq.wrapping_sub(last.seq) as i16;
        if step > 0 {
            last.seq = header.seq;
            self.expected += step as u64;
        }
        self.received += 1;
        self.stats.lost = self.expected.saturating_sub(self.received);
    }

    /// What its sender is told about it from time to time.
    pub(crate) fn report(&mut self) -> Option<Block> {
        self.ledger.block(self.stats.ssrc, self.expected, self.received)
    }

    /// Counts a packet that passed [`judge`] and is forwarded.
    pub(crate) fn take(&mut self, payload: &[u8], samples: u32, now: Instant) {
        let stats = &mut self.stats;
        stats.packets += 1;
        stats.bytes += payload.len() as u64;
        stats.duration += Duration::from_micros(u64::from(samples) * 1_000_000 / CLOCK);
        stats.first.get_or_insert(now);
        stats.last = Some(now);
    }

    fn measure_continuity(&mut self, header: &Header, now: Instant) {
        let Some(last) = &self.last else {
            self.expected = 1;
            return;
        };
        let seq_step = header.seq.wrapping_sub(last.seq) as i16;
        let time_step = header.timestamp.wrapping_sub(last.timestamp) as i32;
        let gap = now.saturating_duration_since(last.arrival);
        let is_silence = gap > SILENCE;
        let is_off_grid = time_step != last.samples as i32 && !(is_silence && time_step > 0);
        if seq_step > 0 {
            self.expected += seq_step as u64;
        }
        if seq_step != 1 {
            self.count(Reason::SequenceGap);
        } else if is_off_grid {
            self.count(Reason::TimestampStep);
        }
        if !is_silence {
            self.stats.spacing.add(gap);
        }
    }
}

/// What the rules say about one authentic packet of a declared audio source.
///
/// Returns its payload and how many samples it lasts, or why it is not forwarded.
pub(crate) fn judge<'a>(header: &Header, plain: &'a [u8]) -> Result<(&'a [u8], u32), Reason> {
    let payload = header.payload(plain).ok_or(Reason::Malformed)?;
    if header.payload_type == PROBE && payload.is_empty() {
        return Err(Reason::Probe);
    }
    if header.payload_type != rtp::OPUS {
        return Err(Reason::WrongPayloadType);
    }
    if header.has_padding && payload.is_empty() {
        return Err(Reason::Padding);
    }
    let (level, voice) = header.level.ok_or(Reason::NoAudioLevel)?;
    if level == 127 && !voice {
        return Err(Reason::SilentLevel);
    }
    let samples = rtp::opus_samples(payload).ok_or(Reason::BadOpus)?;
    Ok((payload, samples))
}
