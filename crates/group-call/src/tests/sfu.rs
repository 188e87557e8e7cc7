//! A media server for tests: str0m on a loopback socket, playing Telegram's part. Shares no code with the crate.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use str0m::channel::ChannelId;
use str0m::config::{DtlsVersion, Fingerprint};
use str0m::ice::IceCreds;
use str0m::media::{MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// How the server behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manners {
    /// Never sends checks, never nominates.
    pub(super) is_lite: bool,
    pub(super) is_dtls_client: bool,
    pub(super) has_sctp: bool,
    /// Opens the SCTP association itself; Telegram's servers wait for the client to do it.
    pub(super) opens_sctp: bool,
    /// The certificate in the answer is somebody else's.
    pub(super) lies_about_its_certificate: bool,
    /// Payload type of opus in the answer.
    pub(super) payload_type: u8,
    /// DTLS datagrams that get lost on their way to the server, and on their way from it: bit n is the n-th one.
    pub(super) lost: [u32; 2],
}

impl Manners {
    /// A lite str0m waits to be nominated, but a native client never nominates. So the server of native style is a full one
    /// behind a mask: its own checks never reach the wire and are answered at home.
    fn wears_mask(&self) -> bool {
        self.is_lite && self.is_dtls_client
    }
}

/// What native clients meet in production.
pub(super) const PRODUCTION: Manners = Manners {
    is_lite: true,
    is_dtls_client: true,
    has_sctp: true,
    opens_sctp: false,
    lies_about_its_certificate: false,
    payload_type: 111,
    lost: [0; 2],
};

pub(super) enum Order {
    /// Neither reads nor sends any more, but keeps the port.
    Vanish,
    /// Is back.
    Return,
    /// Closes DTLS politely.
    Close,
    /// Sends these datagrams as they are.
    Raw(Vec<Vec<u8>>),
    /// Says this on the data channel.
    Say(String),
}

/// One RTP packet as the server decrypted it.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) payload_type: u8,
    pub(super) ssrc: u32,
    pub(super) marker: bool,
    pub(super) level: Option<i8>,
    pub(super) voice: Option<bool>,
    pub(super) transport_cc: Option<u16>,
    pub(super) has_send_time: bool,
    pub(super) payload: Vec<u8>,
    pub(super) is_after_channel: bool,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    pub(super) is_connected: bool,
    pub(super) is_closed: bool,
    pub(super) channel: Option<String>,
    pub(super) texts: Vec<String>,
    pub(super) packets: Vec<Packet>,
    pub(super) has_sender_report: bool,
    /// STUN requests that the client sent, and those among them with USE-CANDIDATE.
    pub(super) checks: usize,
    pub(super) nominations: usize,
}

pub(super) struct Sfu {
    pub(super) answer: String,
    orders: Sender<Order>,
    seen: Arc<Mutex<Seen>>,
}

impl Sfu {
    /// Takes a join payload and starts serving.
    pub(super) fn start(payload: &str, manners: Manners) -> Sfu {
        let join: Value = serde_json::from_str(payload).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut rtc = rtc(&join, address, manners);
        let answer = answer(&mut rtc, address, manners);
        let (orders, received) = channel();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shown = Arc::clone(&seen);
        let mask = manners.wears_mask().then(|| join["pwd"].as_str().unwrap().to_owned());
        std::thread::spawn(move || {
            serve(rtc, &socket, &received, &shown, mask.as_deref(), manners);
        });
        Sfu { answer, orders, seen }
    }

    pub(super) fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until `is_enough` or fails after 20 s.
    pub(super) async fn until(&self, what: &str, is_enough: impl Fn(&Seen) -> bool) -> Seen {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let seen = self.seen();
            if is_enough(&seen) {
                return seen;
            }
            assert!(Instant::now() < deadline, "the server never saw {what}: {seen:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn rtc(join: &Value, address: SocketAddr, manners: Manners) -> Rtc {
    let mut rtc = RtcConfig::new()
        .set_ice_lite(manners.is_lite && !manners.wears_mask())
        .set_dtls_version(DtlsVersion::Dtls12)
        .set_rtp_mode(true)
        .enable_raw_packets(true)
        .set_extension(1, Extension::AudioLevel)
        .set_extension(2, Extension::AbsoluteSendTime)
        .set_extension(3, Extension::TransportSequenceNumber)
        .build(Instant::now());
    rtc.add_local_candidate(Candidate::host(address, "udp").unwrap()).unwrap();
    let creds = IceCreds {
        ufrag: join["ufrag"].as_str().unwrap().to_owned(),
        pass: join["pwd"].as_str().unwrap().to_owned(),
    };
    let fingerprint: Fingerprint =
        format!("sha-256 {}", join["fingerprints"][0]["fingerprint"].as_str().unwrap())
            .parse()
            .unwrap();
    let mid: Mid = "0".into();
    let ssrc: Ssrc = (join["ssrc"].as_u64().unwrap() as u32).into();
    let mut api = rtc.direct_api();
    // In native style it is the server that would nominate; in web style we do.
    api.set_ice_controlling(manners.is_dtls_client);
    api.set_remote_ice_credentials(creds);
    api.set_remote_fingerprint(fingerprint);
    api.start_dtls(manners.is_dtls_client).unwrap();
    if manners.has_sctp {
        api.start_sctp(manners.opens_sctp);
    }
    api.declare_media(mid, MediaKind::Audio);
    api.expect_stream_rx(ssrc, None, mid, None);
    rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
    rtc
}

fn answer(rtc: &mut Rtc, address: SocketAddr, manners: Manners) -> String {
    let creds = rtc.direct_api().local_ice_credentials();
    let fingerprint = rtc.direct_api().local_dtls_fingerprint().to_string();
    let mut fingerprint = fingerprint.strip_prefix("sha-256 ").unwrap().to_owned();
    if manners.lies_about_its_certificate {
        let start = if fingerprint.starts_with("00") { "11" } else { "00" };
        fingerprint.replace_range(..2, start);
    }
    json!({
        "transport": {
            "candidates": [{
                "generation": "0", "component": "1", "protocol": "udp", "port": address.port().to_string(),
                "ip": address.ip().to_string(), "foundation": "1", "id": "x", "priority": "2130706431",
                "type": "host", "network": "0",
            }],
            "xmlns": "urn:xmpp:jingle:transports:ice-udp:1", "rtcp-mux": true,
            "ufrag": creds.ufrag, "pwd": creds.pass,
            "fingerprints": [{"fingerprint": fingerprint, "setup": "active", "hash": "sha-256"}],
        },
        "audio": {
            "payload-types": [{"id": manners.payload_type, "name": "opus", "clockrate": 48000, "channels": 2}],
            "rtp-hdrexts": [
                {"id": 1, "uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level"},
                {"id": 2, "uri": "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"},
                {"id": 3, "uri": "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"},
            ],
        },
    })
    .to_string()
}

fn serve(
    mut rtc: Rtc,
    socket: &UdpSocket,
    orders: &Receiver<Order>,
    seen: &Mutex<Seen>,
    mask: Option<&str>,
    manners: Manners,
) {
    let address = socket.local_addr().unwrap();
    let is_deaf_for_data = !manners.has_sctp;
    let [mut lost_here, mut lost_there] = manners.lost.map(Lost);
    let mut buffer = vec![0; 2000];
    let mut channel = None;
    let mut client = None;
    let mut has_vanished = false;
    loop {
        match orders.try_recv() {
            Ok(Order::Vanish) => has_vanished = true,
            Ok(Order::Return) => has_vanished = false,
            Ok(Order::Close) => rtc.close().unwrap(),
            Ok(Order::Raw(datagrams)) => {
                for datagram in datagrams {
                    socket.send_to(&datagram, client.unwrap()).unwrap();
                }
            }
            Ok(Order::Say(text)) => {
                rtc.channel(channel.unwrap()).unwrap().write(false, text.as_bytes()).unwrap();
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return,
        }
        let deadline =
            drain(&mut rtc, socket, seen, &mut channel, has_vanished, mask, &mut lost_there);
        let wait = deadline.saturating_duration_since(Instant::now());
        let wait = wait.clamp(Duration::from_millis(1), Duration::from_millis(5));
        socket.set_read_timeout(Some(wait)).unwrap();
        if let Ok((length, source)) = socket.recv_from(&mut buffer)
            && !has_vanished
            // DTLS application data is SCTP.
            && !(is_deaf_for_data && buffer[0] == 23)
            && !lost_here.takes(&buffer[..length])
        {
            client = Some(source);
            note_check(&buffer[..length], seen);
            let contents = buffer[..length].try_into();
            if let Ok(contents) = contents {
                let receive =
                    Receive { proto: Protocol::Udp, source, destination: address, contents };
                let _unusable = rtc.handle_input(Input::Receive(Instant::now(), receive));
            }
        }
        let _closed = rtc.handle_input(Input::Timeout(Instant::now()));
    }
}

/// Which of the next DTLS datagrams get lost.
struct Lost(u32);

impl Lost {
    fn takes(&mut self, datagram: &[u8]) -> bool {
        let is_dtls = matches!(datagram, [20..=63, ..]);
        let is_lost = is_dtls && self.0 & 1 != 0;
        self.0 >>= u32::from(is_dtls);
        is_lost
    }
}

fn note_check(datagram: &[u8], seen: &Mutex<Seen>) {
    if datagram.len() < 20 || datagram[..2] != [0, 1] {
        return;
    }
    let mut seen = seen.lock().unwrap();
    seen.checks += 1;
    let mut attributes = &datagram[20..];
    while let [t0, t1, l0, l1, rest @ ..] = attributes {
        if [*t0, *t1] == [0x00, 0x25] {
            seen.nominations += 1;
        }
        let length = usize::from(u16::from_be_bytes([*l0, *l1])).next_multiple_of(4);
        attributes = rest.get(length..).unwrap_or_default();
    }
}

/// Lets out what str0m has to send or tell; when it wants to be called again.
fn drain(
    rtc: &mut Rtc,
    socket: &UdpSocket,
    seen: &Mutex<Seen>,
    channel: &mut Option<ChannelId>,
    has_vanished: bool,
    mask: Option<&str>,
    lost: &mut Lost,
) -> Instant {
    loop {
        match rtc.poll_output() {
            Ok(Output::Timeout(deadline)) => return deadline,
            Ok(Output::Transmit(transmit)) => {
                if let Some(client_pwd) = mask.filter(|_| transmit.contents[..2] == [0, 1]) {
                    let reply =
                        own_reply(&transmit.contents, client_pwd, socket.local_addr().unwrap());
                    let contents = reply.as_slice().try_into().unwrap();
                    let (source, destination) =
                        (transmit.destination, socket.local_addr().unwrap());
                    let receive = Receive { proto: Protocol::Udp, source, destination, contents };
                    rtc.handle_input(Input::Receive(Instant::now(), receive)).unwrap();
                } else if !has_vanished && !lost.takes(&transmit.contents) {
                    let _lost = socket.send_to(&transmit.contents, transmit.destination);
                }
            }
            Ok(Output::Event(event)) => note(event, &mut seen.lock().unwrap(), channel),
            Err(_) => return Instant::now() + Duration::from_millis(100),
        }
    }
}

/// What the client would reply to one of our checks.
fn own_reply(check: &[u8], client_pwd: &str, own: SocketAddr) -> Vec<u8> {
    use rtc::stun::message::{BINDING_SUCCESS, Message, TransactionId};
    let crypto = webrtc::peer_connection::crypto::default_provider().unwrap();
    let mut message = Message::new();
    message
        .build(&[
            Box::new(BINDING_SUCCESS),
            Box::new(TransactionId(check[8..20].try_into().unwrap())),
            Box::new(rtc::stun::xoraddr::XorMappedAddress { ip: own.ip(), port: own.port() }),
            Box::new(
                rtc::stun::integrity::MessageIntegrity::new_short_term_integrity_with_provider(
                    client_pwd.to_owned(),
                    crypto.crypto(),
                ),
            ),
            Box::new(rtc::stun::fingerprint::FINGERPRINT),
        ])
        .unwrap();
    message.raw
}

fn note(event: Event, seen: &mut Seen, channel: &mut Option<ChannelId>) {
    match event {
        Event::Connected => seen.is_connected = true,
        Event::Closed => seen.is_closed = true,
        Event::ChannelOpen(id, label) => {
            *channel = Some(id);
            seen.channel = Some(label);
        }
        Event::ChannelData(data) => seen.texts.push(String::from_utf8(data.data).unwrap()),
        Event::RtpPacket(packet) => {
            let header = &packet.header;
            seen.packets.push(Packet {
                sequence: header.sequence_number,
                timestamp: header.timestamp,
                payload_type: *header.payload_type,
                ssrc: *header.ssrc,
                marker: header.marker,
                level: header.ext_vals.audio_level,
                voice: header.ext_vals.voice_activity,
                transport_cc: header.ext_vals.transport_cc,
                has_send_time: header.ext_vals.abs_send_time.is_some(),
                payload: packet.payload.to_vec(),
                is_after_channel: seen.channel.is_some(),
            });
            seen.has_sender_report |= packet.last_sender_info.is_some();
        }
        _ => {}
    }
}
