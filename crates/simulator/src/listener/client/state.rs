//! The client without its socket: bytes and time in, bytes and what was heard out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use serde_json::Value;
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::crypto::CryptoProvider;
use str0m::ice::IceCreds;
use str0m::media::{MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, RtpPacket};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use super::super::{Packet, Stats, Style};
use super::Outgoing;
use crate::sfu::dtls::{self, Tap};
use crate::sfu::{SrtpPolicy, ice};

/// Ten minutes of 20 ms packets.
const PACKETS_MAX: usize = 30_000;
const MESSAGES_MAX: usize = 1_000;

pub(super) struct State {
    pub(super) rtc: Rtc,
    pub(super) crypto: CryptoProvider,
    pub(super) tap: Tap,
    pub(super) style: Style,
    pub(super) local: SocketAddr,
    pub(super) credentials: IceCreds,
    pub(super) fingerprint: String,
    pub(super) server_ufrag: Option<String>,
    pub(super) ssrc: u32,
    pub(super) mid: Mid,
    pub(super) heard: VecDeque<u32>,
    pub(super) is_connected: bool,
    pub(super) is_closed: bool,
    pub(super) packets: VecDeque<Packet>,
    pub(super) stats: Stats,
    pub(super) channel: Option<ChannelId>,
    pub(super) messages: Vec<String>,
    pub(super) seq: u64,
    pub(super) timestamp: u32,
    pub(super) deadline: Instant,
}

impl State {
    pub(super) fn new(style: Style, policy: SrtpPolicy, local: SocketAddr) -> State {
        let now = Instant::now();
        let crypto = dtls::provider();
        let config = RtcConfig::new()
            .set_crypto_provider(Arc::new(crypto.clone()))
            .clear_extension_map()
            .set_extension(1, Extension::AudioLevel)
            .set_extension(2, Extension::AbsoluteSendTime)
            .set_extension(3, Extension::TransportSequenceNumber)
            .set_rtp_mode(true);
        let (mut rtc, tap) = dtls::with_policy(policy, || config.build(now));
        rtc.add_local_candidate(
            Candidate::host(local, "udp").expect("a bound UDP address is a host candidate"),
        );
        let ssrc = rand::rng().random_range(1..0x7fff_ffff_u32);
        let mid = Mid::from("0");
        let mut direct = rtc.direct_api();
        direct.set_ice_controlling(style == Style::Web);
        direct.declare_media(mid, MediaKind::Audio);
        direct.declare_stream_tx(ssrc.into(), None, mid, None);
        let credentials = direct.local_ice_credentials();
        let fingerprint = direct.local_dtls_fingerprint().to_string();
        let fingerprint =
            fingerprint.split_once(' ').map_or(fingerprint.clone(), |(_, hex)| hex.to_owned());
        State {
            rtc,
            crypto,
            tap,
            style,
            local,
            credentials,
            fingerprint,
            server_ufrag: None,
            ssrc,
            mid,
            heard: VecDeque::new(),
            is_connected: false,
            is_closed: false,
            packets: VecDeque::new(),
            stats: Stats::default(),
            channel: None,
            messages: Vec::new(),
            seq: 0,
            timestamp: rand::rng().random(),
            deadline: now,
        }
    }

    pub(super) fn connect(&mut self, answer: &Value) -> Result<(), String> {
        let transport = answer.get("transport").filter(|t| t.is_object()).ok_or("no transport")?;
        let text = |value: &Value, key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| format!("no {key}"))
        };
        let fingerprint = transport.pointer("/fingerprints/0").ok_or("no fingerprint")?;
        let remote = IceCreds { ufrag: text(transport, "ufrag")?, pass: text(transport, "pwd")? };
        let candidates =
            transport.get("candidates").and_then(Value::as_array).ok_or("no candidates")?;
        self.server_ufrag = Some(remote.ufrag.clone());
        for candidate in candidates {
            let ip = text(candidate, "ip")?.parse().map_err(|error| format!("ip: {error}"))?;
            let port =
                text(candidate, "port")?.parse().map_err(|error| format!("port: {error}"))?;
            let address = SocketAddr::new(ip, port);
            // This member's one socket speaks IPv4.
            if address.is_ipv4() {
                let candidate =
                    Candidate::host(address, "udp").map_err(|error| error.to_string())?;
                self.rtc.add_remote_candidate(candidate);
            }
        }
        let fingerprint =
            format!("{} {}", text(fingerprint, "hash")?, text(fingerprint, "fingerprint")?);
        let mut direct = self.rtc.direct_api();
        direct.set_remote_ice_credentials(remote);
        direct.set_remote_fingerprint(fingerprint.parse()?);
        direct.start_dtls(self.style == Style::Web).map_err(|error| error.to_string())?;
        direct.start_sctp(true);
        direct.create_data_channel(ChannelConfig {
            label: "data".to_owned(),
            ..ChannelConfig::default()
        });
        self.deadline = Instant::now();
        Ok(())
    }

    pub(super) fn receive(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
        out: &mut Outgoing,
    ) {
        if let [128..192, second, ..] = datagram {
            if (192..=223).contains(second) {
                self.stats.rtcp += 1;
            } else if let Some(ssrc) = datagram.get(8..12) {
                self.expect(u32::from_be_bytes([ssrc[0], ssrc[1], ssrc[2], ssrc[3]]));
            }
        }
        self.feed(from, datagram, now);
        self.turn(now, out);
        // Nobody nominates between a controlled end and a lite one: the first answered check decides.
        if let (Style::Native, [1, 1, ..], Some(server)) =
            (self.style, datagram, &self.server_ufrag)
        {
            let nomination = ice::nomination(&self.crypto, &self.credentials, server);
            self.feed(from, &nomination, now);
            self.turn(now, out);
        }
    }

    /// Sources need no announcement: the first packet of one opens it. Beyond 64 the one that came first is forgotten.
    fn expect(&mut self, ssrc: u32) {
        const SOURCES_MAX: usize = 64;
        if self.heard.contains(&ssrc) {
            return;
        }
        let (mid, mut direct) = (self.mid, self.rtc.direct_api());
        if self.heard.len() == SOURCES_MAX
            && let Some(oldest) = self.heard.pop_front()
        {
            direct.remove_stream_rx(oldest.into());
        }
        self.heard.push_back(ssrc);
        direct.expect_stream_rx(ssrc.into(), None, mid, None);
    }

    fn feed(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, datagram) else { return };
        if let Err(error) = self.rtc.handle_input(Input::Receive(now, receive)) {
            tracing::debug!(%error, "transport failed");
            self.is_closed = true;
        }
    }

    pub(super) fn turn(&mut self, now: Instant, out: &mut Outgoing) {
        const LATER: Duration = Duration::from_secs(3600);
        if self.rtc.handle_input(Input::Timeout(now)).is_err() {
            self.is_closed = true;
        }
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.deadline = at.min(now + LATER);
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    out.push((transmit.destination, transmit.contents.to_vec()))
                }
                Ok(Output::Event(event)) => self.event(event),
                Err(error) => {
                    tracing::debug!(%error, "transport failed");
                    self.is_closed = true;
                    self.deadline = now + LATER;
                    return;
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.is_connected = self.tap.lock().is_ok_and(|keys| keys.is_some())
            }
            Event::Closed => self.is_closed = true,
            Event::ChannelOpen(id, _) => self.channel = Some(id),
            Event::ChannelData(message) => {
                self.stats.messages += 1;
                if self.messages.len() < MESSAGES_MAX {
                    self.messages.push(String::from_utf8_lossy(&message.data).into_owned());
                }
            }
            Event::RtpPacket(packet) => self.keep(packet),
            _ => {}
        }
    }

    fn keep(&mut self, packet: RtpPacket) {
        let header = &packet.header;
        if self.packets.len() == PACKETS_MAX {
            self.packets.pop_front();
        }
        self.stats.packets += 1;
        self.packets.push_back(Packet {
            arrival: packet.timestamp,
            ssrc: *header.ssrc,
            seq: header.sequence_number,
            timestamp: header.timestamp,
            marker: header.marker,
            level: header.ext_vals.audio_level.map(|level| level.unsigned_abs()),
            voice: header.ext_vals.voice_activity.unwrap_or(false),
            payload: bytes::Bytes::copy_from_slice(&packet.payload),
        });
    }
}
