//! What the server counts about each participant.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Why a packet was dropped, or what was odd about one that was forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Not RTP version 2, or cut short.
    Malformed,
    /// The SRTP tag did not verify.
    NotAuthentic,
    /// The SRTP index was seen before.
    Replayed,
    /// Audio on another payload type than 111.
    WrongPayloadType,
    /// A source that the join payload did not name.
    UndeclaredSource,
    /// No header extension 1 (RFC 6464): the real server takes such a source for silent.
    NoAudioLevel,
    /// Level 127 with the voice bit unset: silence, by the client's own word.
    SilentLevel,
    /// Counted, not dropped: no header extension 2 (abs-send-time) or 3 (transport-wide sequence number), by which the
    /// real server judges the way.
    Unstamped,
    /// No payload, or bytes that no Opus decoder takes (RFC 6716).
    BadOpus,
    /// The participant muted itself and still sends.
    Muted,
    /// An administrator muted the participant.
    ForceMuted,
    /// SCTP is required and not up.
    NoSctp,
    /// A padding-only packet of a bandwidth probe; swallowed, not an error.
    Probe,
    /// Counted, not dropped while its source is heard: padding between packets of Opus, as browsers probe with. It takes
    /// a sequence number, so that whoever does not get it has lost a packet.
    Padding,
    /// Video: taken, not forwarded.
    Video,
    /// Lost on purpose.
    Lost,
    /// Counted, not dropped: the sequence number did not follow the last one.
    SequenceGap,
    /// Counted, not dropped: the timestamp advanced by something else than the duration of the last packet, with no
    /// silence to explain it.
    TimestampStep,
    /// Counted, not dropped: more packets at once than real time allows.
    Burst,
}

/// One source of one participant.
#[derive(Clone, Debug, Default)]
pub struct SourceStats {
    pub ssrc: u32,
    /// Packets that passed every check.
    pub packets: u64,
    pub bytes: u64,
    pub first: Option<Instant>,
    pub last: Option<Instant>,
    /// Sequence numbers never seen.
    pub lost: u64,
    /// Audio carried, by the packets' own durations.
    pub duration: Duration,
    /// Time between arrivals of consecutive packets without silence between them.
    pub spacing: Spacing,
    pub reasons: BTreeMap<Reason, u64>,
}

impl SourceStats {
    /// How often this reason was counted.
    pub fn count(&self, reason: Reason) -> u64 {
        self.reasons.get(&reason).copied().unwrap_or(0)
    }
}

/// One participant.
#[derive(Clone, Debug)]
pub struct PeerStats {
    pub peer: super::PeerId,
    pub room: i64,
    pub user: i64,
    pub is_connected: bool,
    pub is_sctp_up: bool,
    /// It declared `active`, as web clients do.
    pub is_active: bool,
    /// From join to the end of the DTLS handshake.
    pub connected_after: Option<Duration>,
    /// The SRTP profile, as RFC 5764 and RFC 7714 name it.
    pub srtp: Option<String>,
    /// Packets forwarded to this participant.
    pub forwarded: u64,
    /// RTCP packets received from it.
    pub rtcp: u64,
    /// STUN requests refused: wrong user name, integrity or fingerprint.
    pub stun_refused: u64,
    pub sources: Vec<SourceStats>,
}

impl PeerStats {
    /// How often this reason was counted over all sources.
    pub fn count(&self, reason: Reason) -> u64 {
        self.sources.iter().map(|source| source.count(reason)).sum()
    }
}

const BUCKETS: usize = 2_000;
const BUCKET: Duration = Duration::from_micros(100);

/// A histogram of times between packets: 0.1 ms steps up to 200 ms.
#[derive(Clone)]
pub struct Spacing {
    counts: Vec<u32>,
    total: u64,
    max: Duration,
}

impl Default for Spacing {
    fn default() -> Self {
        Spacing { counts: vec![0; BUCKETS], total: 0, max: Duration::ZERO }
    }
}

impl std::fmt::Debug for Spacing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "p50 {:?} p99 {:?} max {:?} of {}",
            self.quantile(0.5),
            self.quantile(0.99),
            self.max,
            self.total
        )
    }
}

impl Spacing {
    pub fn add(&mut self, gap: Duration) {
        let at = (gap.as_micros() / BUCKET.as_micros()) as usize;
        self.counts[at.min(BUCKETS - 1)] += 1;
        self.total += 1;
        self.max = self.max.max(gap);
    }

    /// The spacing that this share of packets (0.0 to 1.0) did not exceed, to 0.1 ms.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted && seen > 0 {
                return (BUCKET * (at as u32 + 1)).min(self.max);
            }
        }
        self.max
    }

    pub fn max(&self) -> Duration {
        self.max
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many spacings fell into each step of 0.1 ms: the step's lower end, and their number. Empty steps are left
    /// out; the last step holds everything from 199.9 ms.
    pub fn steps(&self) -> impl Iterator<Item = (Duration, u32)> {
        let counted = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(|(at, count)| (BUCKET * at as u32, *count))
    }
}
