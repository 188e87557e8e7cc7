//! The verdict on every packet that a participant sends, and what it is sent.

use std::net::SocketAddr;
use std::time::Instant;

use super::super::SfuSettings;
use super::super::checks::{self, Source};
use super::super::rtp::{self, Header};
use super::super::stats::Reason;
use super::{Heard, Peer};

/// Sources of one participant that are counted; the rest share the last place.
const SOURCES_MAX: usize = 32;

impl Peer {
    /// The verdict on an RTP datagram: what is to be forwarded, or nothing.
    pub(crate) fn hear(
        &mut self,
        datagram: &[u8],
        settings: &SfuSettings,
        now: Instant,
    ) -> Option<Heard> {
        self.last_packet = now;
        let Some(header) = Header::parse(datagram) else {
            self.source(self.payload.ssrc).count(Reason::Malformed);
            return None;
        };
        let opened = match &mut self.srtp {
            Some((incoming, _)) => incoming.open_rtp(datagram, &header),
            None => Err(Reason::NotAuthentic),
        };
        let plain = match opened {
            Ok(plain) => plain,
            Err(reason) => {
                self.source(header.ssrc).count(reason);
                return None;
            }
        };
        if let Some(seq) = header.transport_seq {
            self.feedback.note(header.ssrc, seq, now);
        }
        match self.verdict(&header, &plain, settings, now) {
            Ok(samples) => samples.map(|samples| Heard { plain, header, samples }),
            Err(reason) => {
                self.source(header.ssrc).count(reason);
                None
            }
        }
    }

    /// How long a packet lasts that is to be forwarded, or why it is not; nothing for one that was counted already.
    fn verdict(
        &mut self,
        header: &Header,
        plain: &[u8],
        settings: &SfuSettings,
        now: Instant,
    ) -> Result<Option<u32>, Reason> {
        if settings.require_sctp && !self.is_sctp_up {
            return Err(Reason::NoSctp);
        }
        let is_video =
            self.payload.groups.iter().any(|(_, all)| all.contains(&(header.ssrc as i32)));
        let judged = checks::judge(header, plain);
        if judged == Err(Reason::Probe) {
            return Err(Reason::Probe);
        }
        if is_video {
            return Err(Reason::Video);
        }
        if header.ssrc != self.payload.ssrc {
            return Err(Reason::UndeclaredSource);
        }
        let (is_muted, is_force_muted) = (self.is_muted, self.is_force_muted);
        let source = self.source(header.ssrc);
        if judged == Err(Reason::Padding) {
            source.pad(header);
            let is_heard = source.stats.last.is_some() && !is_muted && !is_force_muted;
            return Ok(is_heard.then_some(0));
        }
        if header.payload_type == rtp::OPUS {
            let lasts = header.payload(plain).and_then(rtp::opus_samples).unwrap_or(960);
            source.follow(header, lasts, settings.burst_packets, now);
            if !header.has_send_time || header.transport_seq.is_none() {
                source.count(Reason::Unstamped);
            }
        }
        let (payload, samples) = judged?;
        if is_force_muted {
            return Err(Reason::ForceMuted);
        }
        if is_muted {
            return Err(Reason::Muted);
        }
        source.take(payload, samples, now);
        Ok(Some(samples))
    }

    /// Takes an RTCP datagram; only its authenticity matters.
    pub(crate) fn rtcp(&mut self, datagram: &[u8], now: Instant) {
        self.last_packet = now;
        let is_authentic =
            self.srtp.as_mut().is_some_and(|(incoming, _)| incoming.open_rtcp(datagram).is_some());
        if is_authentic {
            self.rtcp += 1;
        } else {
            self.source(self.payload.ssrc).count(Reason::NotAuthentic);
        }
    }

    /// The packet of somebody else, protected for this participant.
    pub(crate) fn seal(&mut self, heard: &Heard) -> Option<(SocketAddr, Vec<u8>)> {
        let (_, outgoing) = self.srtp.as_mut()?;
        self.forwarded += 1;
        Some((self.address?, outgoing.seal_rtp(&heard.plain, &heard.header)))
    }

    /// RTCP of the server, protected for this participant.
    pub(crate) fn seal_rtcp(&mut self, compound: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        let (_, outgoing) = self.srtp.as_mut()?;
        Some((self.address?, outgoing.seal_rtcp(compound)))
    }

    /// The counters of a source.
    pub(crate) fn source(&mut self, ssrc: u32) -> &mut Source {
        let known = self.sources.iter().position(|source| source.stats.ssrc == ssrc);
        let at = known.unwrap_or_else(|| {
            if self.sources.len() < SOURCES_MAX {
                self.sources.push(Source::new(ssrc));
            }
            self.sources.len() - 1
        });
        &mut self.sources[at]
    }
}
