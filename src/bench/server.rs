//! The media server in a process of its own: one JSON object per line on stdin, one answer per line on stdout.
//!
//! Every call is a room of its own, so nothing is forwarded and the server costs as little as it can.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::thread;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use simulator::sfu::{JoinPayload, PeerStats, Reason, Sfu, SfuSettings};

use super::spacing::Spacings;

/// The only member of every room.
const MEMBER: i64 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// Admit the client with this join payload.
    Join { room: u16, payload: String },
    /// What was counted so far over the rooms 1 to `rooms`.
    Count { rooms: u16 },
    /// Take datagrams at a port of their own, and do nothing with them.
    Drain,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// The first line: it listens.
    Ready,
    Joined(Value),
    Counted(Counts),
    Draining(SocketAddr),
    Refused(String),
}

/// What the server received, since the calls joined.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) connected: u16,
    /// Packets that passed every check.
    pub(super) packets: u64,
    /// Sequence numbers that never came.
    pub(super) lost: u64,
    /// Packets refused, and the oddities of those accepted, by reason.
    pub(super) reasons: BTreeMap<String, u64>,
    /// SRTP profiles in use.
    pub(super) srtp: BTreeMap<String, u16>,
    pub(super) spacings: Spacings,
}

/// The child process: serves until stdin ends.
pub(super) fn serve() -> Result<()> {
    let sfu = Sfu::start(SfuSettings::loopback()).context("the media server cannot start")?;
    let mut out = std::io::stdout();
    let mut say = move |answer: &Answer| -> Result<()> {
        writeln!(out, "{}", serde_json::to_string(answer)?)?;
        Ok(out.flush()?)
    };
    say(&Answer::Ready)?;
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(ask) => obey(&sfu, ask),
            Err(error) => Answer::Refused(error.to_string()),
        };
        say(&answer)?;
    }
    Ok(())
}

fn obey(sfu: &Sfu, ask: Ask) -> Answer {
    match ask {
        Ask::Join { room, payload } => match JoinPayload::parse(&payload) {
            Ok(payload) => Answer::Joined(sfu.join(i64::from(room), MEMBER, &payload).1),
            Err(bad) => Answer::Refused(format!("{bad:?}")),
        },
        Ask::Count { rooms } => {
            let mut counts = Counts::default();
            for room in 1..=rooms {
                sfu.stats(i64::from(room)).iter().for_each(|peer| counts.add(peer));
            }
            Answer::Counted(counts)
        }
        Ask::Drain => match drain() {
            Ok(address) => Answer::Draining(address),
            Err(error) => Answer::Refused(error.to_string()),
        },
    }
}

/// A thread that receives until the process ends.
fn drain() -> std::io::Result<SocketAddr> {
    let socket = UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let address = socket.local_addr()?;
    thread::Builder::new().name("drain".to_owned()).spawn(move || {
        let mut buffer = [0; 2048];
        while socket.recv(&mut buffer).is_ok() {}
    })?;
    Ok(address)
}

// === impl Counts ===

impl Counts {
    fn add(&mut self, peer: &PeerStats) {
        self.connected += u16::from(peer.is_connected);
        if let Some(profile) = &peer.srtp {
            *self.srtp.entry(profile.clone()).or_default() += 1;
        }
        for source in &peer.sources {
            self.packets += source.packets;
            self.lost += source.lost;
            for (step, packets) in source.spacing.steps() {
                self.spacings.add(step, u64::from(packets));
            }
            for (reason, n) in &source.reasons {
                *self.reasons.entry(format!("{reason:?}")).or_default() += n;
            }
        }
    }

    /// Packets that came and were refused.
    pub(super) fn refused(&self) -> u64 {
        const ODD: [Reason; 3] = [Reason::SequenceGap, Reason::TimestampStep, Reason::Burst];
        let is_odd = |name: &str| ODD.iter().any(|reason| format!("{reason:?}") == name);
        self.reasons.iter().filter(|(name, _)| !is_odd(name)).map(|(_, n)| n).sum()
    }

    /// What was counted since `earlier`.
    pub(super) fn since(&self, earlier: &Counts) -> Counts {
        let before = |name: &String| earlier.reasons.get(name).copied().unwrap_or(0);
        let reasons = self.reasons.iter().map(|(name, n)| (name.clone(), n - before(name).min(*n)));
        Counts {
            connected: self.connected,
            packets: self.packets.saturating_sub(earlier.packets),
            lost: self.lost.saturating_sub(earlier.lost),
            reasons: reasons.filter(|(_, n)| *n > 0).collect(),
            srtp: self.srtp.clone(),
            spacings: self.spacings.since(&earlier.spacings),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(packets: u64, reasons: &[(&str, u64)]) -> Counts {
        let reasons = reasons.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        Counts { packets, reasons, ..Counts::default() }
    }

    #[test]
    fn a_window_forgets_what_was_counted_before() {
        let earlier = counts(100, &[("Replayed", 1), ("SequenceGap", 2)]);
        let later = counts(150, &[("Replayed", 1), ("SequenceGap", 3), ("BadOpus", 4)]);
        let window = later.since(&earlier);
        assert_eq!(window, counts(50, &[("SequenceGap", 1), ("BadOpus", 4)]));
    }

    #[test]
    fn odd_packets_were_not_refused() {
        let counts = counts(9, &[("SequenceGap", 3), ("TimestampStep", 2), ("Burst", 1)]);
        assert_eq!(counts.refused(), 0);
        assert_eq!(super::tests::counts(9, &[("Burst", 1), ("NoAudioLevel", 7)]).refused(), 7);
    }

    #[test]
    fn questions_and_answers_fit_one_line() {
        let ask = Ask::Join { room: 3, payload: "{\n}".into() };
        let line = serde_json::to_string(&ask).unwrap();
        assert!(!line.contains('\n'));
        assert!(matches!(serde_json::from_str(&line).unwrap(), Ask::Join { room: 3, .. }));
        let line = serde_json::to_string(&Answer::Counted(counts(1, &[]))).unwrap();
        assert!(matches!(serde_json::from_str(&line).unwrap(), Answer::Counted(_)));
    }
}
