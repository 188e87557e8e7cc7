//! Interoperation with an independent peer over real loopback sockets.

mod sfu;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Class, Reason};
use tokio::sync::mpsc;
use webrtc::peer_connection::SrtpProtectionProfile as Profile;

use crate::{Connection, ConnectionEvent, DtlsState, Sender, Settings, State, Style, Transport};
use sfu::{Manners, Order, PRODUCTION, Sfu};

type Events = mpsc::UnboundedReceiver<ConnectionEvent>;

const WEB: Manners = Manners { is_dtls_client: false, ..PRODUCTION };

fn transport() -> Transport {
    Transport::new(Settings::recommended()).unwrap()
}

/// Joins; the caller sees what comes of it.
async fn join_with(
    transport: &Transport,
    style: Style,
    manners: Manners,
    profiles: &[Profile],
) -> (Connection, Sfu, Events) {
    let mut connection = transport.prepare(style).await.unwrap();
    connection.restrict_profiles(profiles);
    let sfu = Sfu::start(&connection.payload(), manners);
    let (tell, events) = mpsc::unbounded_channel();
    connection.apply(&sfu.answer, move |event| drop(tell.send(event))).await.unwrap();
    (connection, sfu, events)
}

async fn join(style: Style, manners: Manners) -> (Connection, Sfu, Events) {
    join_with(&transport(), style, manners, &[]).await
}

/// The next event but server messages; fails after 20 s.
async fn next(events: &mut Events) -> ConnectionEvent {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await;
        match event.expect("an event in time").expect("an event") {
            ConnectionEvent::ServerMessage(_) => {}
            event => return event,
        }
    }
}

async fn join_connected(style: Style, manners: Manners) -> (Connection, Sfu, Events) {
    let (connection, sfu, mut events) = join(style, manners).await;
    assert_eq!(next(&mut events).await, ConnectionEvent::Connected);
    (connection, sfu, events)
}

fn frame(number: u32) -> Vec<u8> {
    let mut payload = vec![0xfc; 300];
    payload[1..5].copy_from_slice(&number.to_be_bytes());
    payload
}

/// `count` frames, a little faster than real time.
async fn play(sender: &mut Sender, numbers: std::ops::Range<u32>) {
    for number in numbers {
        sender.send(&frame(number), 960, (number % 128) as u8, number.is_multiple_of(2)).unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Joins, plays 100 frames and checks all that arrived.
async fn plays_through(style: Style, manners: Manners, profiles: &[Profile]) {
    let (connection, sfu, mut events) = join_with(&transport(), style, manners, profiles).await;
    assert_eq!(next(&mut events).await, ConnectionEvent::Connected);
    assert_eq!(connection.state(), State::Connected);
    play(&mut connection.sender(), 0..100).await;
    let seen = sfu.until("100 packets", |seen| seen.packets.len() >= 100).await;
    assert_eq!(seen.packets.len(), 100);
    let first = &seen.packets[0];
    assert!(first.marker);
    for (number, packet) in seen.packets.iter().enumerate() {
        let number = number as u32;
        assert_eq!(packet.ssrc, connection.ssrc());
        assert_eq!(packet.payload_type, manners.payload_type);
        assert_eq!(packet.payload, frame(number));
        assert_eq!(packet.sequence, first.sequence.wrapping_add(number as u16));
        assert_eq!(packet.timestamp, first.timestamp.wrapping_add(number * 960));
        assert_eq!(packet.marker, number == 0);
        assert_eq!(packet.level, Some(-((number % 128) as i8)));
        assert_eq!(packet.voice, Some(number.is_multiple_of(2)));
        assert_eq!(packet.transport_cc, Some(number as u16 + 1));
        assert!(packet.has_send_time);
        assert_eq!(packet.is_after_channel, manners.has_sctp);
    }
    if manners.has_sctp {
        assert_eq!(seen.channel.as_deref(), Some("data"));
        let said: serde_json::Value = serde_json::from_str(&seen.texts[0]).unwrap();
        assert_eq!(said["colibriClass"], "ReceiverVideoConstraints");
        assert_eq!(said["defaultConstraints"]["maxHeight"], 0);
    }
    match style {
        Style::Native => assert_eq!(seen.nominations, 0, "a controlled agent never nominates"),
        Style::Web => assert!(seen.nominations > 0, "a controlling agent nominates"),
    }
    let stats = connection.stats();
    assert_eq!((stats.packets_sent, stats.bytes_sent, stats.packets_dropped), (100, 30_000, 0));
    assert_eq!(stats.dtls, DtlsState::Connected);
    assert!(stats.selected_pair.is_some() && stats.last_inbound.is_some());
    connection.close().await;
    sfu.until("our goodbye", |seen| seen.is_closed).await;
}

/// Every datagram of the handshake gets lost once, in either direction and in both; and two of ours in a row.
async fn connects_in_spite_of_losses(style: Style, manners: Manners) {
    let transport = transport();
    let one_way =
        (0..6).flat_map(|first| [[0b1 << first, 0], [0, 0b1 << first], [0b11 << first, 0]]);
    let both_ways = (0..6).map(|first| [0b1 << first, 0b1 << first]);
    let cases: Vec<[u32; 2]> = one_way.chain(both_ways).collect();
    let joins = cases.iter().map(async |lost| {
        let manners = Manners { lost: *lost, ..manners };
        let (connection, _sfu, mut events) = join_with(&transport, style, manners, &[]).await;
        let event = next(&mut events).await;
        drop(connection);
        (lost, event)
    });
    let outcomes = futures_util::future::join_all(joins).await;
    let has_failed = |event| event != ConnectionEvent::Connected;
    let outcomes = outcomes.into_iter();
    let failed: Vec<_> =
        outcomes.filter_map(|(lost, event)| has_failed(event).then_some(lost)).collect();
    assert!(failed.is_empty(), "lost there and lost back: {failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_handshake_survives_lost_datagrams() {
    connects_in_spite_of_losses(Style::Native, PRODUCTION).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_handshake_survives_lost_datagrams() {
    connects_in_spite_of_losses(Style::Web, WEB).await;
}

#[tokio::test]
async fn native_style_plays_to_a_lite_server_that_never_nominates() {
    plays_through(Style::Native, PRODUCTION, &[]).await;
}

#[tokio::test]
async fn native_style_plays_to_a_full_server_that_checks_and_nominates() {
    plays_through(Style::Native, Manners { is_lite: false, ..PRODUCTION }, &[]).await;
}

#[tokio::test]
async fn web_style_plays_to_a_lite_server() {
    plays_through(Style::Web, WEB, &[]).await;
}

#[tokio::test]
async fn web_style_plays_to_a_full_server() {
    plays_through(Style::Web, Manners { is_lite: false, ..WEB }, &[]).await;
}

#[tokio::test]
async fn every_srtp_profile_plays_alone() {
    for profile in [
        Profile::Srtp_Aead_Aes_256_Gcm,
        Profile::Srtp_Aead_Aes_128_Gcm,
        Profile::Srtp_Aes128_Cm_Hmac_Sha1_80,
    ] {
        plays_through(Style::Native, PRODUCTION, &[profile]).await;
    }
    plays_through(Style::Web, WEB, &[Profile::Srtp_Aead_Aes_256_Gcm]).await;
}

#[tokio::test]
async fn sending_a_frame_allocates_nothing_and_makes_one_packet() {
    let native = |profile| (Style::Native, PRODUCTION, vec![profile]);
    for (style, manners, profiles) in [
        native(Profile::Srtp_Aead_Aes_128_Gcm),
        native(Profile::Srtp_Aead_Aes_256_Gcm),
        native(Profile::Srtp_Aes128_Cm_Hmac_Sha1_80),
        (Style::Web, WEB, vec![]),
    ] {
        let (connection, sfu, mut events) =
            join_with(&transport(), style, manners, &profiles).await;
        assert_eq!(next(&mut events).await, ConnectionEvent::Connected);
        let (mut sender, payload) = (connection.sender(), frame(0));
        let counted = allocation_counter::measure(|| {
            for _ in 0..30 {
                sender.send(&payload, 960, 20, true).unwrap();
                sender.skip(960);
            }
        });
        assert_eq!(counted.count_total, 0, "{style:?}, {profiles:?}");
        sfu.until("30 packets", |seen| seen.packets.len() >= 30).await;
        assert_eq!(connection.stats().packets_sent, 30);
    }
}

#[tokio::test]
async fn a_server_without_a_data_channel_still_gets_sound() {
    plays_through(Style::Native, Manners { has_sctp: false, ..PRODUCTION }, &[]).await;
}

#[tokio::test]
async fn a_server_that_opens_sctp_itself_is_let_in() {
    plays_through(Style::Native, Manners { opens_sctp: true, ..PRODUCTION }, &[]).await;
}

#[tokio::test]
async fn another_payload_type_is_honoured_on_the_wire() {
    plays_through(Style::Native, Manners { payload_type: 96, ..PRODUCTION }, &[]).await;
}

#[tokio::test]
async fn hundreds_of_packets_arrive_in_order_and_silence_leaves_a_gap_in_time_only() {
    let (connection, sfu, _events) = join_connected(Style::Native, PRODUCTION).await;
    let mut sender = connection.sender();
    play(&mut sender, 0..400).await;
    for _ in 0..50 {
        sender.skip(960);
    }
    play(&mut sender, 400..500).await;
    let seen = sfu.until("500 packets", |seen| seen.packets.len() >= 500).await;
    for pair in seen.packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
    }
    let step = |index: usize| {
        seen.packets[index].timestamp.wrapping_sub(seen.packets[index - 1].timestamp)
    };
    assert_eq!(step(399), 960);
    assert_eq!(step(400), 51 * 960);
    assert!(seen.packets[400].marker && !seen.packets[401].marker);
    assert_eq!(connection.stats().packets_dropped, 0);
}

#[tokio::test]
async fn a_wrong_certificate_ends_the_attempt_with_a_clear_fault() {
    for (style, manners) in [(Style::Native, PRODUCTION), (Style::Web, WEB)] {
        let manners = Manners { lies_about_its_certificate: true, ..manners };
        let (connection, _sfu, mut events) = join(style, manners).await;
        let ConnectionEvent::Lost(fault) = next(&mut events).await else { panic!("it connected") };
        assert_eq!((fault.class, fault.reason), (Class::Transient, Reason::CallUnreachable));
        assert!(fault.detail.contains("certificate"), "{fault}");
        assert_eq!(connection.state(), State::Lost);
        assert!(connection.sender().send(&frame(0), 960, 0, true).is_err());
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let deaf = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let settings = Settings { connect_deadline: Duration::from_secs(1), ..Settings::recommended() };
    let mut connection = Transport::new(settings).unwrap().prepare(Style::Native).await.unwrap();
    let sfu = Sfu::start(&connection.payload(), PRODUCTION);
    let mut answer: serde_json::Value = serde_json::from_str(&sfu.answer).unwrap();
    answer["transport"]["candidates"][0]["port"] = deaf.local_addr().unwrap().port().into();
    let (tell, mut events) = mpsc::unbounded_channel();
    let started = Instant::now();
    connection.apply(&answer.to_string(), move |event| drop(tell.send(event))).await.unwrap();
    let ConnectionEvent::Lost(fault) = next(&mut events).await else { panic!("it connected") };
    assert!(fault.detail.contains("answers nothing"), "{fault}");
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_vanished_server_is_lost_after_the_silence() {
    let settings = Settings {
        lost_after: Duration::from_secs(2),
        ice_keepalive_interval: Duration::from_millis(250),
        ..Settings::recommended()
    };
    let (connection, sfu, mut events) =
        join_with(&Transport::new(settings).unwrap(), Style::Native, PRODUCTION, &[]).await;
    assert_eq!(next(&mut events).await, ConnectionEvent::Connected);
    // Alive although nothing is played: keepalives are answered.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(connection.state(), State::Connected);
    sfu.order(Order::Vanish);
    let ConnectionEvent::Lost(fault) = next(&mut events).await else { panic!("not lost") };
    assert!(fault.is_retryable() && fault.detail.contains("no packet"), "{fault}");
    assert_eq!(connection.state(), State::Lost);
}

#[tokio::test]
async fn a_short_outage_heals_by_itself() {
    let settings =
        Settings { ice_keepalive_interval: Duration::from_millis(100), ..Settings::recommended() };
    let (connection, sfu, mut events) =
        join_with(&Transport::new(settings).unwrap(), Style::Native, PRODUCTION, &[]).await;
    assert_eq!(next(&mut events).await, ConnectionEvent::Connected);
    sfu.order(Order::Vanish);
    let checks = sfu.seen().checks;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(sfu.seen().checks, checks, "it hears nothing");
    sfu.order(Order::Return);
    sfu.until("checks again", |seen| seen.checks > checks + 2).await;
    let before = sfu.seen().packets.len();
    play(&mut connection.sender(), 0..50).await;
    sfu.until("50 packets", |seen| seen.packets.len() >= before + 50).await;
    assert_eq!(connection.state(), State::Connected);
    assert!(events.try_recv().is_err(), "nobody had to know");
}

#[tokio::test]
async fn a_server_that_says_goodbye_is_heard() {
    let (connection, sfu, mut events) = join_connected(Style::Native, PRODUCTION).await;
    let asked = Instant::now();
    sfu.order(Order::Close);
    assert_eq!(next(&mut events).await, ConnectionEvent::Closed);
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert_eq!(connection.state(), State::Closed);
}

#[tokio::test]
async fn rubbish_from_the_server_is_survived() {
    let (connection, sfu, mut events) = join_connected(Style::Native, PRODUCTION).await;
    let mut rubbish: Vec<Vec<u8>> =
        vec![vec![], vec![0x80], vec![0xff; 1400], vec![0; 19], vec![0, 1, 0, 0]];
    for kind in 192..=223 {
        rubbish.push([&[0x8f, kind, 0xff, 0xff][..], &[0xab; 40]].concat());
        rubbish.push(vec![0x80, kind]);
    }
    rubbish.push([&[0x90, 111, 0, 1][..], &[0xcd; 300]].concat());
    rubbish.push([&[22, 254, 253, 0, 0][..], &[0xcd; 30]].concat());
    sfu.order(Order::Raw(rubbish));
    sfu.order(Order::Say(r#"{"colibriClass":"SomethingNew"}"#.into()));
    play(&mut connection.sender(), 0..50).await;
    sfu.until("50 packets", |seen| seen.packets.len() >= 50).await;
    assert_eq!(connection.state(), State::Connected);
    let event =
        tokio::time::timeout(Duration::from_secs(10), events.recv()).await.unwrap().unwrap();
    assert_eq!(event, ConnectionEvent::ServerMessage(r#"{"colibriClass":"SomethingNew"}"#.into()));
}

#[tokio::test]
async fn sender_reports_are_sent() {
    let (connection, sfu, _events) = join_connected(Style::Native, PRODUCTION).await;
    let mut sender = connection.sender();
    let mut number = 0;
    while !sfu.seen().has_sender_report {
        assert!(number < 2000, "no sender report");
        play(&mut sender, number..number + 5).await;
        number += 5;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}

/// Whether any UDP socket of this machine is bound to one of `ports`.
fn is_bound(ports: &[u16]) -> bool {
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    ports.iter().any(|port| table.contains(&format!("0100007F:{port:04X} ")))
}

#[tokio::test]
async fn a_dropped_connection_says_goodbye_and_leaves_nothing_behind() {
    let transport = transport();
    let tokens = Arc::new(());
    let mut connections = Vec::new();
    for _ in 0..4 {
        let mut connection = transport.prepare(Style::Native).await.unwrap();
        let sfu = Sfu::start(&connection.payload(), PRODUCTION);
        let (tell, mut events) = mpsc::unbounded_channel();
        let token = Arc::clone(&tokens);
        let on_event = move |event| {
            let _held = &token;
            drop(tell.send(event));
        };
        connection.apply(&sfu.answer, on_event).await.unwrap();
        assert_eq!(next(&mut events).await, ConnectionEvent::Connected);
        connections.push((connection, sfu));
    }
    assert_eq!(Arc::strong_count(&tokens), 5);
    assert_eq!(transport.tasks(), 4, "one leg each");
    let port =
        |(connection, _): &(Connection, Sfu)| connection.stats().selected_pair.unwrap().0.port();
    let ports: Vec<u16> = connections.iter().map(port).collect();
    assert!(is_bound(&ports));
    let sfus: Vec<Sfu> = connections.into_iter().map(|(_, sfu)| sfu).collect();
    for sfu in &sfus {
        sfu.until("our goodbye", |seen| seen.is_closed).await;
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while transport.tasks() > 0 || Arc::strong_count(&tokens) > 1 {
        assert!(Instant::now() < deadline, "{} tasks left", transport.tasks());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!is_bound(&ports), "a socket is left open");
}

#[tokio::test]
async fn an_answer_is_applied_once_only() {
    let (mut connection, sfu, _events) = join_connected(Style::Native, PRODUCTION).await;
    let again = connection.apply(&sfu.answer, |_| ()).await;
    assert_eq!(again, Err(crate::AnswerFault::AlreadyApplied));
    assert_eq!(connection.state(), State::Connected);
}
