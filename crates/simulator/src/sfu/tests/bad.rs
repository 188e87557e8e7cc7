//! Clients that break rules, and servers that break down.

use std::collections::BTreeMap;

use super::*;
use crate::sfu::rtp::Header;
use crate::sfu::srtp::Srtp;

/// One client whose datagrams are written by hand.
struct Bad {
    sfu: Sfu,
    client: Client,
    peer: PeerId,
    srtp: Srtp,
    seq: u16,
}

impl Bad {
    async fn connected(change: impl FnOnce(&mut SfuSettings)) -> Bad {
        let sfu = server(change);
        let (client, peer) = connected(&sfu, 1, Style::Native).await;
        let srtp = Srtp::outgoing(&dtls::provider(), &client.keys().unwrap());
        Bad { sfu, client, peer, srtp, seq: 0 }
    }

    /// Sends one RTP packet.
    fn send(&mut self, payload_type: u8, ssrc: u32, level: Option<u8>, payload: &[u8]) {
        let plain = self.plain(payload_type, ssrc, level, payload);
        let header = Header::parse(&plain).unwrap();
        let sealed = self.srtp.seal_rtp(&plain, &header);
        self.client.send_raw(self.sfu.address(), &sealed);
    }

    fn plain(&mut self, payload_type: u8, ssrc: u32, level: Option<u8>, payload: &[u8]) -> Vec<u8> {
        let mut plain = vec![if level.is_some() { 0x90 } else { 0x80 }, payload_type];
        plain.extend_from_slice(&self.seq.to_be_bytes());
        plain.extend_from_slice(&(u32::from(self.seq) * 960).to_be_bytes());
        plain.extend_from_slice(&ssrc.to_be_bytes());
        if let Some(level) = level {
            plain.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, level, 0, 0]);
        }
        plain.extend_from_slice(payload);
        self.seq += 1;
        plain
    }

    /// Sends a packet that is nothing but padding, as browsers do between packets of speech: without an audio level.
    fn pad(&mut self, payload_type: u8, ssrc: u32) {
        let mut plain = self.plain(payload_type, ssrc, None, &[0; 255]);
        plain[0] |= 0x20;
        *plain.last_mut().unwrap() = 255;
        let sealed = self.srtp.seal_rtp(&plain, &Header::parse(&plain).unwrap());
        self.client.send_raw(self.sfu.address(), &sealed);
    }

    fn stats(&self) -> PeerStats {
        self.sfu.stats(ROOM).into_iter().find(|stats| stats.peer == self.peer).unwrap()
    }

    async fn counts(&self, reason: Reason, n: u64) {
        let is_counted = until(|| self.stats().count(reason) >= n).await;
        let counted: BTreeMap<_, _> =
            self.stats().sources.into_iter().map(|source| (source.ssrc, source.reasons)).collect();
        assert!(is_counted, "{reason:?} is not in {counted:?}");
        assert_eq!(self.stats().count(reason), n, "{counted:?}");
    }
}

const SPEECH: Option<u8> = Some(0x80 | 20);

#[tokio::test]
async fn every_bad_packet_is_dropped_with_its_reason() {
    let mut bad = Bad::connected(|_| {}).await;
    let (listener, _) = connected(&bad.sfu, 2, Style::Native).await;
    let ssrc = bad.client.ssrc();
    bad.send(96, ssrc, SPEECH, &OPUS);
    bad.counts(Reason::WrongPayloadType, 1).await;
    bad.send(111, ssrc + 1, SPEECH, &OPUS);
    bad.counts(Reason::UndeclaredSource, 1).await;
    bad.send(111, ssrc, None, &OPUS);
    bad.counts(Reason::NoAudioLevel, 1).await;
    bad.send(111, ssrc, Some(127), &OPUS);
    bad.counts(Reason::SilentLevel, 1).await;
    bad.send(111, ssrc, SPEECH, &[]);
    bad.send(111, ssrc, SPEECH, &[0xfb, 0]);
    bad.counts(Reason::BadOpus, 2).await;
    let mut forged = bad.plain(111, ssrc, SPEECH, &OPUS);
    forged.extend_from_slice(&[0; 16]);
    bad.client.send_raw(bad.sfu.address(), &forged);
    bad.counts(Reason::NotAuthentic, 1).await;
    bad.client.send_raw(bad.sfu.address(), &[0x80, 111, 0]);
    bad.counts(Reason::Malformed, 1).await;
    bad.sfu.set_muted(bad.peer, true, false);
    bad.send(111, ssrc, SPEECH, &OPUS);
    bad.counts(Reason::Muted, 1).await;
    bad.sfu.set_muted(bad.peer, true, true);
    bad.send(111, ssrc, SPEECH, &OPUS);
    bad.counts(Reason::ForceMuted, 1).await;
    bad.sfu.set_muted(bad.peer, false, false);
    bad.send(111, ssrc, Some(0x80 | 127), &OPUS);
    assert!(
        listener.wait(SOON, |listener| listener.n_packets() > 0).await,
        "the voice bit outweighs level 127"
    );
    assert_eq!(listener.packets().len(), 1, "nothing else was forwarded");
}

#[tokio::test]
async fn a_packet_sent_twice_is_heard_once() {
    let mut bad = Bad::connected(|_| {}).await;
    let plain = bad.plain(111, bad.client.ssrc(), SPEECH, &OPUS);
    let sealed = bad.srtp.seal_rtp(&plain, &Header::parse(&plain).unwrap());
    bad.client.send_raw(bad.sfu.address(), &sealed);
    bad.client.send_raw(bad.sfu.address(), &sealed);
    bad.counts(Reason::Replayed, 1).await;
    assert_eq!(bad.stats().sources[0].packets, 1);
}

#[tokio::test]
async fn gaps_steps_and_bursts_are_counted_and_forwarded() {
    let mut bad = Bad::connected(|settings| settings.burst_packets = 2).await;
    let ssrc = bad.client.ssrc();
    bad.send(111, ssrc, SPEECH, &OPUS);
    bad.seq += 3;
    bad.send(111, ssrc, SPEECH, &OPUS);
    bad.counts(Reason::SequenceGap, 1).await;
    assert_eq!(bad.stats().sources[0].lost, 3);
    // 2.5 ms packets on a grid of 20 ms
    bad.send(111, ssrc, SPEECH, &[0xe0, 1, 2]);
    bad.send(111, ssrc, SPEECH, &OPUS);
    bad.counts(Reason::TimestampStep, 1).await;
    for _ in 0..20 {
        bad.send(111, ssrc, SPEECH, &OPUS);
    }
    assert!(until(|| bad.stats().sources[0].packets == 24).await);
    assert!(bad.stats().count(Reason::Burst) > 0);
}

#[tokio::test]
async fn probes_are_swallowed() {
    let mut bad = Bad::connected(|_| {}).await;
    bad.pad(105, 77);
    bad.counts(Reason::Probe, 1).await;
}

#[tokio::test]
async fn padding_of_a_speaker_leaves_no_gap_for_who_listens() {
    let directory = tempfile::tempdir().unwrap();
    let record = directory.path().join("heard");
    let mut bad = Bad::connected(|settings| settings.record = Some(record.clone())).await;
    let (listener, _) = connected(&bad.sfu, 2, Style::Web).await;
    let ssrc = bad.client.ssrc();
    bad.pad(111, ssrc);
    bad.counts(Reason::Padding, 1).await;
    for n in 1..=3 {
        bad.send(111, ssrc, SPEECH, &OPUS);
        bad.pad(111, ssrc);
        bad.counts(Reason::Padding, 1 + n).await;
    }
    bad.sfu.set_muted(bad.peer, true, false);
    bad.pad(111, ssrc);
    bad.counts(Reason::Padding, 5).await;
    assert!(listener.wait(SOON, |listener| listener.n_packets() >= 5).await);
    let numbers: Vec<u16> = listener.packets().iter().map(|packet| packet.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6][..numbers.len()], "all but the first and the last");
    let stats = bad.stats();
    assert_eq!((stats.sources[0].packets, stats.sources[0].lost), (3, 0), "{stats:?}");
    assert_eq!(stats.count(Reason::SequenceGap), 0, "{stats:?}");
    drop((bad, listener));
    let index = record.join("index.jsonl");
    let ended = until(|| std::fs::read_to_string(&index).unwrap().contains("duration_s")).await;
    assert!(ended && std::fs::read_to_string(&index).unwrap().contains("\"packets\":3"));
}

#[tokio::test]
async fn a_wrong_password_or_name_is_never_answered() {
    let sfu = server(|_| {});
    let client = Client::bind(Style::Web, SrtpPolicy::Any).unwrap();
    let (peer, mut answer) = sfu.join(ROOM, 1, &JoinPayload::parse(&client.payload()).unwrap());
    answer["transport"]["pwd"] = "00000000000000000000000000".into();
    client.connect(&answer).unwrap();
    assert!(until(|| sfu.stats(ROOM)[0].stun_refused > 0).await);
    assert!(!sfu.is_connected(peer));
    let client = Client::bind(Style::Web, SrtpPolicy::Any).unwrap();
    let (_, mut answer) = sfu.join(ROOM, 2, &JoinPayload::parse(&client.payload()).unwrap());
    answer["transport"]["ufrag"] = "nobody".into();
    client.connect(&answer).unwrap();
    assert!(until(|| sfu.stun_strangers() > 0).await);
}

#[tokio::test]
async fn a_certificate_other_than_declared_ends_the_transport() {
    for style in [Style::Native, Style::Web] {
        let sfu = server(|_| {});
        let client = Client::bind(style, SrtpPolicy::Any).unwrap();
        let mut payload = JoinPayload::parse(&client.payload()).unwrap();
        payload.fingerprint = vec!["AB"; 32].join(":");
        let (peer, answer) = sfu.join(ROOM, 1, &payload);
        client.connect(&answer).unwrap();
        assert!(until(|| !sfu.is_alive(peer)).await, "{style:?}");
    }
}

#[tokio::test]
async fn a_client_without_gcm_is_refused_where_gcm_is_asked_for() {
    for style in [Style::Native, Style::Web] {
        let sfu = server(|settings| settings.srtp = SrtpPolicy::GcmOnly);
        let (client, peer) = joined(&sfu, 1, style, SrtpPolicy::CmOnly).await;
        assert!(until(|| !sfu.is_alive(peer)).await, "{style:?}");
        assert!(!client.wait_connected(Duration::from_millis(1)).await);
    }
}

#[tokio::test]
async fn a_controlling_client_is_not_answered_by_a_controlling_server() {
    let settings = |settings: &mut SfuSettings| {
        settings.ice = IceMode::FullControlling;
        settings.connect_within = Duration::from_secs(1);
    };
    let sfu = server(settings);
    let (client, peer) = joined(&sfu, 1, Style::Web, SrtpPolicy::Any).await;
    assert!(until(|| !sfu.is_alive(peer)).await);
    assert!(!client.wait_connected(Duration::from_millis(1)).await);
}

#[tokio::test]
async fn the_quiet_time_delays_the_connection() {
    let sfu = server(|settings| settings.quiet = Duration::from_millis(700));
    let before = Instant::now();
    connected(&sfu, 1, Style::Native).await;
    assert!(before.elapsed() >= Duration::from_millis(700));
}

#[tokio::test]
async fn colibri_is_spoken_on_the_data_channel() {
    let sfu = server(|_| {});
    let (client, _) = connected(&sfu, 1, Style::Native).await;
    let heard = |class: &'static str| {
        move |client: &Client| client.messages().iter().any(|text| text.contains(class))
    };
    assert!(client.wait(SOON, heard("DebugMessage")).await);
    assert!(client.wait(SOON, heard("WeatherReportEvent")).await);
    assert!(client.say(
        r#"{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":0}}"#
    ));
    assert!(client.wait(SOON, heard("SenderVideoConstraints")).await);
    assert!(sfu.stats(ROOM)[0].is_sctp_up);
}

#[tokio::test]
async fn without_sctp_nothing_is_heard_where_it_is_required() {
    let mut bad = Bad::connected(|settings| settings.require_sctp = true).await;
    // The association of an honest client comes up; what is sent before is dropped.
    while !bad.stats().is_sctp_up {
        bad.send(111, bad.client.ssrc(), SPEECH, &OPUS);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let sent = u64::from(bad.seq);
    bad.send(111, bad.client.ssrc(), SPEECH, &OPUS);
    assert!(
        until(|| bad.stats().sources[0].packets + bad.stats().count(Reason::NoSctp) > sent).await
    );
    assert!(bad.stats().sources[0].packets > 0);
}

#[tokio::test]
async fn clients_survive_the_rtcp_of_the_server() {
    let sfu = server(|settings| {
        settings.broken_rtcp = true;
        settings.feedback_every = Duration::from_millis(20);
    });
    let (speaker, _) = connected(&sfu, 1, Style::Native).await;
    let (listener, _) = connected(&sfu, 2, Style::Web).await;
    for _ in 0..60 {
        speaker.send_opus(&OPUS, 960, 20, true);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(speaker.stats().rtcp > 10, "{:?}", speaker.stats());
    assert!(listener.wait(SOON, |listener| listener.n_packets() == 60).await);
}

#[tokio::test]
async fn a_black_hole_swallows_and_gives_back() {
    let sfu = server(|_| {});
    let (speaker, _) = connected(&sfu, 1, Style::Native).await;
    let (listener, _) = connected(&sfu, 2, Style::Native).await;
    sfu.set_silent(true);
    speaker.send_opus(&OPUS, 960, 20, true);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(listener.n_packets(), 0);
    sfu.set_silent(false);
    speaker.send_opus(&OPUS, 960, 20, true);
    assert!(listener.wait(SOON, |listener| listener.n_packets() == 1).await);
}

#[tokio::test]
async fn losses_are_counted_and_not_forwarded() {
    let sfu = server(|settings| settings.loss = 1.0);
    let (speaker, _) = connected(&sfu, 1, Style::Native).await;
    let (listener, _) = connected(&sfu, 2, Style::Native).await;
    speaker.send_opus(&OPUS, 960, 20, true);
    assert!(until(|| sfu.stats(ROOM)[0].count(Reason::Lost) == 1).await);
    assert_eq!(listener.n_packets(), 0);
}

#[tokio::test]
async fn what_a_member_hears_is_recorded_with_its_pauses() {
    let directory = tempfile::tempdir().unwrap();
    let record = directory.path().join("heard");
    let sfu = server(|settings| settings.record = Some(record.clone()));
    let (speaker, _) = connected(&sfu, 1, Style::Native).await;
    let (listener, peer) = connected(&sfu, 2, Style::Native).await;
    speaker.send_opus(&OPUS, 960, 20, true);
    speaker.skip(48_000);
    speaker.send_opus(&OPUS, 960, 20, true);
    assert!(listener.wait(SOON, |listener| listener.n_packets() == 2).await);
    sfu.leave(peer);
    let index = std::fs::read_to_string(record.join("index.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        index.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mine = lines.iter().find(|line| line["member"] == 2).unwrap();
    let is_its_end =
        |line: &&serde_json::Value| line["event"] == "end" && line["file"] == mine["file"];
    let end = lines.iter().find(is_its_end).unwrap();
    assert_eq!(end["packets"], 2);
    assert_eq!(end["silence_s"], 1.0);
    let ogg = std::fs::read(record.join(mine["file"].as_str().unwrap())).unwrap();
    let pages: Vec<usize> =
        ogg.windows(4).enumerate().filter(|(_, w)| w == b"OggS").map(|(at, _)| at).collect();
    let last = *pages.last().unwrap();
    assert_eq!(ogg[last + 5], 4, "the last page ends the stream");
    assert_eq!(u64::from_le_bytes(ogg[last + 6..last + 14].try_into().unwrap()), 960 * 52);
}

#[tokio::test]
async fn a_speaker_who_is_alone_is_recorded_for_anybody() {
    let directory = tempfile::tempdir().unwrap();
    let record = directory.path().to_owned();
    let sfu = server(|settings| settings.record = Some(record.clone()));
    let (speaker, peer) = connected(&sfu, 1, Style::Native).await;
    for _ in 0..3 {
        speaker.send_opus(&OPUS, 960, 20, true);
    }
    let n_heard =
        || sfu.stats(ROOM).iter().flat_map(|s| &s.sources).map(|s| s.packets).sum::<u64>();
    assert!(until(|| n_heard() == 3).await);
    sfu.leave(peer);
    let index = std::fs::read_to_string(record.join("index.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        index.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["member"], &lines[1]["packets"]), (&serde_json::Value::Null, &3.into()));
    let file = lines[0]["file"].as_str().unwrap();
    assert!(file.starts_with("anybody") && record.join(file).is_file(), "{file}");
}
