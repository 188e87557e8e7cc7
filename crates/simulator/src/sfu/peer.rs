//! One participant's transport: its ICE, DTLS and SCTP, its keys, and the verdict on every packet it sends.

mod media;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::config::DtlsCert;
use str0m::crypto::CryptoProvider;
use str0m::crypto::dtls::SrtpProfile;
use str0m::ice::IceCreds;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use super::checks::Source;
use super::dtls::{self, Tap};
use super::rtcp::Feedback;
use super::rtp::Header;
use super::srtp::Srtp;
use super::{Gone, IceMode, JoinPayload, PeerId, PeerStats, SfuSettings, data, ice};

/// What to do with datagrams of this participant outside it.
pub(crate) type Outgoing = Vec<(SocketAddr, Vec<u8>)>;

/// One participant.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) room: i64,
    pub(crate) user: i64,
    pub(crate) payload: JoinPayload,
    pub(crate) credentials: IceCreds,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) deadline: Instant,
    pub(crate) is_muted: bool,
    pub(crate) is_force_muted: bool,
    pub(crate) joined: Instant,
    pub(crate) last_packet: Instant,
    pub(crate) connected: Option<Instant>,
    pub(crate) is_sctp_up: bool,
    pub(crate) feedback: Feedback,
    pub(crate) gone: Option<Gone>,
    rtc: Rtc,
    is_handshaken: bool,
    tap: Tap,
    local: SocketAddr,
    mode: IceMode,
    srtp: Option<(Srtp, Srtp)>,
    profile: Option<SrtpProfile>,
    sources: Vec<Source>,
    forwarded: u64,
    rtcp: u64,
    stun_refused: u64,
}

/// What became of a datagram that may be audio.
pub(crate) struct Heard {
    pub(crate) plain: Vec<u8>,
    pub(crate) header: Header,
    /// How long the packet lasts, in samples at 48 kHz; 0 for padding.
    pub(crate) samples: u32,
}

/// Who joins where.
pub(crate) struct Place {
    pub(crate) id: PeerId,
    pub(crate) room: i64,
    pub(crate) user: i64,
    pub(crate) local: SocketAddr,
    pub(crate) now: Instant,
    pub(crate) certificate: DtlsCert,
}

impl Peer {
    pub(crate) fn new(
        place: Place,
        payload: JoinPayload,
        credentials: IceCreds,
        crypto: &CryptoProvider,
        settings: &SfuSettings,
    ) -> Peer {
        let now = place.now;
        let is_lite = settings.ice == IceMode::Lite;
        let config = RtcConfig::new()
            .set_crypto_provider(std::sync::Arc::new(crypto.clone()))
            .set_local_ice_credentials(credentials.clone())
            .set_dtls_cert(place.certificate)
            .set_ice_lite(is_lite)
            .set_rtp_mode(true);
        let (mut rtc, tap) = dtls::with_policy(settings.srtp, || config.build(now));
        let candidate =
            Candidate::host(place.local, "udp").expect("a bound UDP address is a host candidate");
        rtc.add_local_candidate(candidate);
        let fingerprint = format!("sha-256 {}", payload.fingerprint);
        let mut direct = rtc.direct_api();
        direct.set_ice_controlling(!is_lite);
        direct.set_remote_ice_credentials(IceCreds {
            ufrag: payload.ufrag.clone(),
            pass: payload.pwd.clone(),
        });
        if let Ok(fingerprint) = fingerprint.parse() {
            direct.set_remote_fingerprint(fingerprint);
        }
        let is_started = direct.start_dtls(!payload.is_active).is_ok();
        direct.start_sctp(false);
        let sources = vec![Source::new(payload.ssrc)];
        Peer {
            id: place.id,
            room: place.room,
            user: place.user,
            payload,
            credentials,
            address: None,
            deadline: now,
            is_muted: false,
            is_force_muted: false,
            joined: now,
            last_packet: now,
            connected: None,
            is_sctp_up: false,
            feedback: Feedback::new(now),
            gone: (!is_started).then_some(Gone::Closed),
            rtc,
            is_handshaken: false,
            tap,
            local: place.local,
            mode: settings.ice,
            srtp: None,
            profile: None,
            sources,
            forwarded: 0,
            rtcp: 0,
            stun_refused: 0,
        }
    }

    /// The fingerprint of the server's certificate for this participant.
    pub(crate) fn fingerprint(&mut self) -> String {
        let text = self.rtc.direct_api().local_dtls_fingerprint().to_string();
        text.split_once(' ').map_or(text.clone(), |(_, hex)| hex.to_owned())
    }

    /// Handles a STUN datagram addressed to this participant.
    pub(crate) fn stun(
        &mut self,
        crypto: &CryptoProvider,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
        out: &mut Outgoing,
    ) {
        let Some(check) = ice::check(crypto, &self.credentials, &self.payload.ufrag, datagram)
        else {
            self.stun_refused += 1;
            return;
        };
        if self.mode == IceMode::FullControlling && check.is_controlling {
            return;
        }
        self.last_packet = now;
        match self.mode {
            IceMode::Lite => {
                out.push((from, ice::success(crypto, &self.credentials, check, from)));
                let nomination = ice::nomination(crypto, &self.credentials, &self.payload.ufrag);
                self.feed(from, &nomination, now);
                self.address = Some(from);
            }
            IceMode::Full | IceMode::FullControlling => {
                if self.address.is_none() {
                    self.rtc.direct_api().set_ice_controlling(!check.is_controlling);
                }
                self.address.get_or_insert(from);
                self.feed(from, datagram, now);
            }
        }
        self.drain(crypto, out, now);
    }

    /// Hands a datagram that is not media to ICE, DTLS and SCTP.
    pub(crate) fn transport(
        &mut self,
        crypto: &CryptoProvider,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
        out: &mut Outgoing,
    ) {
        self.last_packet = now;
        self.feed(from, datagram, now);
        self.drain(crypto, out, now);
    }

    fn feed(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, datagram) else { return };
        if self.rtc.handle_input(Input::Receive(now, receive)).is_err() {
            self.gone = Some(Gone::Closed);
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, crypto: &CryptoProvider, now: Instant, out: &mut Outgoing) {
        if self.rtc.handle_input(Input::Timeout(now)).is_err() {
            self.gone = Some(Gone::Closed);
        }
        self.drain(crypto, out, now);
    }

    /// Says goodbye: DTLS close_notify.
    pub(crate) fn close(&mut self, crypto: &CryptoProvider, now: Instant, out: &mut Outgoing) {
        if self.rtc.close().is_ok() {
            self.drain(crypto, out, now);
        }
        self.gone = Some(Gone::Fault);
    }

    fn drain(&mut self, crypto: &CryptoProvider, out: &mut Outgoing, now: Instant) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.deadline = at;
                    break;
                }
                Ok(Output::Transmit(transmit)) => {
                    self.transmit(transmit.destination, &transmit.contents, out)
                }
                Ok(Output::Event(event)) => self.event(event),
                Err(error) => {
                    tracing::debug!(user = self.user, %error, "transport failed");
                    self.gone = Some(Gone::Closed);
                    self.deadline = now + Duration::from_secs(3600);
                    break;
                }
            }
        }
        if self.srtp.is_none() {
            self.take_keys(crypto, now);
        }
        if self.is_handshaken && self.srtp.is_none() {
            tracing::debug!(user = self.user, "no common srtp profile");
            self.gone = Some(Gone::Closed);
        }
    }

    fn transmit(&mut self, to: SocketAddr, datagram: &[u8], out: &mut Outgoing) {
        let Some(first) = datagram.first() else { return };
        let is_stun = *first < 4;
        let is_dtls = (20..64).contains(first);
        // A lite end answers checks itself; media and RTCP are never left to the library.
        if is_dtls || (is_stun && self.mode != IceMode::Lite) {
            if is_dtls {
                self.address = Some(to);
            }
            out.push((to, datagram.to_vec()));
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => self.is_handshaken = true,
            Event::Closed => self.gone = Some(Gone::Closed),
            Event::ChannelOpen(id, label) => {
                self.is_sctp_up = true;
                if label == "data" {
                    for text in data::greeting() {
                        self.say(id, &text);
                    }
                }
            }
            Event::ChannelData(message) => {
                if let Some(text) = data::answer(&message.data) {
                    self.say(message.id, &text);
                }
            }
            _ => {}
        }
    }

    fn say(&mut self, channel: str0m::channel::ChannelId, text: &str) {
        let is_said = self
            .rtc
            .channel(channel)
            .is_some_and(|mut channel| channel.write(false, text.as_bytes()).is_ok());
        if !is_said {
            tracing::debug!(user = self.user, "data channel message was not sent");
        }
    }

    fn take_keys(&mut self, crypto: &CryptoProvider, now: Instant) {
        let Some(keys) = self.tap.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
        else {
            return;
        };
        self.profile = Some(keys.profile);
        self.connected.get_or_insert(now);
        self.srtp = Some((Srtp::incoming(crypto, &keys), Srtp::outgoing(crypto, &keys)));
    }

    pub(crate) fn stats(&self) -> PeerStats {
        PeerStats {
            peer: self.id,
            room: self.room,
            user: self.user,
            is_connected: self.connected.is_some(),
            is_sctp_up: self.is_sctp_up,
            is_active: self.payload.is_active,
            connected_after: self.connected.map(|at| at.duration_since(self.joined)),
            srtp: self.profile.map(|profile| profile.to_string()),
            forwarded: self.forwarded,
            rtcp: self.rtcp,
            stun_refused: self.stun_refused,
            sources: self.sources.iter().map(|source| source.stats.clone()).collect(),
        }
    }
}
