//! A WebRTC client of the SFU on str0m: one UDP socket, one task, a bounded memory of what it heard.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand::Rng;
use serde_json::{Value, json};
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::crypto::CryptoProvider;
use str0m::ice::IceCreds;
use str0m::media::{MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Packet, Stats, Style};
use crate::sfu::dtls::{self, Tap};
use crate::sfu::{SrtpPolicy, ice};

/// Ten minutes of 20 ms packets.
const PACKETS_MAX: usize = 30_000;
const MESSAGES_MAX: usize = 1_000;

/// The client. It stops when it is dropped.
pub(crate) struct Client {
    shared: Arc<Shared>,
    _driver: JoinSet<()>,
}

struct Shared {
    socket: UdpSocket,
    state: Mutex<State>,
    wake: Notify,
    changed: Notify,
}

struct State {
    rtc: Rtc,
    crypto: CryptoProvider,
    tap: Tap,
    style: Style,
    local: SocketAddr,
    credentials: IceCreds,
    fingerprint: String,
    server_ufrag: Option<String>,
    ssrc: u32,
    mid: Mid,
    heard: Vec<u32>,
    is_connected: bool,
    is_closed: bool,
    packets: VecDeque<Packet>,
    stats: Stats,
    channel: Option<ChannelId>,
    messages: Vec<String>,
    seq: u64,
    timestamp: u32,
    deadline: Instant,
}

type Outgoing = Vec<(SocketAddr, Vec<u8>)>;

impl Client {
    /// Binds a loopback socket and prepares credentials, certificate and source.
    pub(crate) fn bind(style: Style, policy: SrtpPolicy) -> io::Result<Client> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let state = State::new(style, policy, socket.local_addr()?);
        let shared =
            Arc::new(Shared { socket, state: Mutex::new(state), wake: Notify::new(), changed: Notify::new() });
        let mut driver = JoinSet::new();
        driver.spawn(Arc::clone(&shared).drive());
        Ok(Client { shared, _driver: driver })
    }

    /// The JSON of phone.joinGroupCall.
    pub(crate) fn payload(&self) -> String {
        let state = self.state();
        let setup = if state.style == Style::Native { "passive" } else { "active" };
        json!({
            "ufrag": state.credentials.ufrag, "pwd": state.credentials.pass, "ssrc": state.ssrc as i32,
            "fingerprints": [{"hash": "sha-256", "setup": setup, "fingerprint": state.fingerprint}],
            "ssrc-groups": [],
        })
        .to_string()
    }

    /// Starts the transport that the answer describes.
    pub(crate) fn connect(&self, answer: &Value) -> Result<(), String> {
        self.state().connect(answer)?;
        self.shared.wake.notify_one();
        Ok(())
    }

    pub(crate) async fn wait_connected(&self, within: Duration) -> bool {
        self.wait(within, |client| client.state().is_connected).await
    }

    /// Waits until the client satisfies `wanted`; false when that did not happen in time.
    pub(crate) async fn wait(&self, within: Duration, wanted: impl Fn(&Client) -> bool) -> bool {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if wanted(self) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(within, waiting).await.is_ok()
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.state().ssrc
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    pub(crate) fn n_packets(&self) -> usize {
        self.state().packets.len()
    }

    pub(crate) fn packets(&self) -> Vec<Packet> {
        self.state().packets.iter().cloned().collect()
    }

    pub(crate) fn take_packets(&self) -> Vec<Packet> {
        self.state().packets.drain(..).collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.state().stats
    }

    pub(crate) fn send_opus(&self, payload: &[u8], samples: u32, level: u8, voice: bool) {
        let mut state = self.state();
        let (ssrc, seq, time) = (state.ssrc, state.seq, state.timestamp);
        state.seq += 1;
        state.timestamp = time.wrapping_add(samples);
        let extensions = ExtensionValues {
            audio_level: Some(-(level.min(127) as i8)),
            voice_activity: Some(voice),
            ..ExtensionValues::default()
        };
        let write = RtpWrite::new(Pt::new_with_value(111), seq.into(), time, Instant::now(), payload)
            .ext_vals(extensions)
            .marker(seq == 0);
        if let Some(stream) = state.rtc.direct_api().stream_tx(&ssrc.into()) {
            stream.write_rtp(write);
        }
        self.flush(state);
    }

    pub(crate) fn skip(&self, samples: u32) {
        let mut state = self.state();
        state.timestamp = state.timestamp.wrapping_add(samples);
    }

    /// What the server said on the data channel.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.state().messages.clone()
    }

    /// Says something on the data channel; false when it is not open.
    #[cfg(test)]
    pub(crate) fn say(&self, text: &str) -> bool {
        let mut state = self.state();
        let Some(id) = state.channel else { return false };
        let is_said = state.rtc.channel(id).is_some_and(|mut channel| channel.write(false, text.as_bytes()).is_ok());
        self.flush(state);
        is_said
    }

    /// The keys of the connection, to send what no honest client would.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> Option<dtls::Keys> {
        self.state().tap.lock().unwrap().clone()
    }

    /// Sends a datagram as it is.
    #[cfg(test)]
    pub(crate) fn send_raw(&self, to: SocketAddr, datagram: &[u8]) {
        self.shared.socket.try_send_to(datagram, to).unwrap();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    fn flush(&self, mut state: MutexGuard<'_, State>) {
        let mut out = Outgoing::new();
        state.turn(Instant::now(), &mut out);
        drop(state);
        self.shared.send(&out);
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn drive(self: Arc<Self>) {
        let mut buffer = vec![0; 2048];
        loop {
            let deadline = {
                let mut out = Outgoing::new();
                let mut state = self.state();
                while let Ok((length, from)) = self.socket.try_recv_from(&mut buffer) {
                    state.receive(from, &buffer[..length], Instant::now(), &mut out);
                }
                state.turn(Instant::now(), &mut out);
                let deadline = state.deadline;
                drop(state);
                self.send(&out);
                deadline
            };
            self.changed.notify_waiters();
            tokio::select! {
                readable = self.socket.readable() => if readable.is_err() { return },
                () = tokio::time::sleep_until(deadline.into()) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    fn send(&self, out: &Outgoing) {
        for (to, datagram) in out {
            if let Err(error) = self.socket.try_send_to(datagram, *to) {
                tracing::trace!(%error, "datagram not sent");
            }
        }
    }
}

impl State {
    fn new(style: Style, policy: SrtpPolicy, local: SocketAddr) -> State {
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
        rtc.add_local_candidate(Candidate::host(local, "udp").expect("a bound UDP address is a host candidate"));
        let ssrc = rand::rng().random_range(1..0x7fff_ffff_u32);
        let mid = Mid::from("0");
        let mut direct = rtc.direct_api();
        direct.set_ice_controlling(style == Style::Web);
        direct.declare_media(mid, MediaKind::Audio);
        direct.declare_stream_tx(ssrc.into(), None, mid, None);
        let credentials = direct.local_ice_credentials();
        let fingerprint = direct.local_dtls_fingerprint().to_string();
        let fingerprint = fingerprint.split_once(' ').map_or(fingerprint.clone(), |(_, hex)| hex.to_owned());
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
            heard: Vec::new(),
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

    fn connect(&mut self, answer: &Value) -> Result<(), String> {
        let transport = answer.get("transport").filter(|t| t.is_object()).ok_or("no transport")?;
        let text = |value: &Value, key: &str| {
            value.get(key).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("no {key}"))
        };
        let fingerprint = transport.pointer("/fingerprints/0").ok_or("no fingerprint")?;
        let remote = IceCreds { ufrag: text(transport, "ufrag")?, pass: text(transport, "pwd")? };
        let candidates = transport.get("candidates").and_then(Value::as_array).ok_or("no candidates")?;
        self.server_ufrag = Some(remote.ufrag.clone());
        for candidate in candidates {
            let ip = text(candidate, "ip")?.parse().map_err(|error| format!("ip: {error}"))?;
            let port = text(candidate, "port")?.parse().map_err(|error| format!("port: {error}"))?;
            let address = SocketAddr::new(ip, port);
            // This member's one socket speaks IPv4.
            if address.is_ipv4() {
                let candidate = Candidate::host(address, "udp").map_err(|error| error.to_string())?;
                self.rtc.add_remote_candidate(candidate);
            }
        }
        let fingerprint = format!("{} {}", text(fingerprint, "hash")?, text(fingerprint, "fingerprint")?);
        let mut direct = self.rtc.direct_api();
        direct.set_remote_ice_credentials(remote);
        direct.set_remote_fingerprint(fingerprint.parse()?);
        direct.start_dtls(self.style == Style::Web).map_err(|error| error.to_string())?;
        direct.start_sctp(true);
        direct.create_data_channel(ChannelConfig { label: "data".to_owned(), ..ChannelConfig::default() });
        self.deadline = Instant::now();
        Ok(())
    }

    fn receive(&mut self, from: SocketAddr, datagram: &[u8], now: Instant, out: &mut Outgoing) {
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
        if let (Style::Native, [1, 1, ..], Some(server)) = (self.style, datagram, &self.server_ufrag) {
            let nomination = ice::nomination(&self.crypto, &self.credentials, server);
            self.feed(from, &nomination, now);
            self.turn(now, out);
        }
    }

    /// Sources need no announcement: the first packet of one opens it.
    fn expect(&mut self, ssrc: u32) {
        const SOURCES_MAX: usize = 64;
        if !self.heard.contains(&ssrc) && self.heard.len() < SOURCES_MAX {
            self.heard.push(ssrc);
            let mid = self.mid;
            self.rtc.direct_api().expect_stream_rx(ssrc.into(), None, mid, None);
        }
    }

    fn feed(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, datagram) else { return };
        if let Err(error) = self.rtc.handle_input(Input::Receive(now, receive)) {
            tracing::debug!(%error, "transport failed");
            self.is_closed = true;
        }
    }

    fn turn(&mut self, now: Instant, out: &mut Outgoing) {
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
                Ok(Output::Transmit(transmit)) => out.push((transmit.destination, transmit.contents.to_vec())),
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
            Event::Connected => self.is_connected = self.tap.lock().is_ok_and(|keys| keys.is_some()),
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
