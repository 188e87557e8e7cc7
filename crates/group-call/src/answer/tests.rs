use super::*;
use crate::connection::AnswerFault;
use serde_json::json;

const FINGERPRINT: &str = "8D:8D:30:1C:8B:92:63:27:D1:E4:5A:87:1D:68:B6:40:8D:2E:5B:4E:A8:77:34:21:B2:42:D7:6B:9F:0D:4F:9E";

/// An answer as the production server writes it: texts in candidates, IPv6 first, clock rate 9000, unknown keys.
fn usual() -> Value {
    json!({
        "transport": {
            "candidates": [
                {"generation": "0", "component": "1", "protocol": "udp", "port": "32000", "ip": "2001:db8::285:207",
                 "foundation": "1", "id": "26a5c015c", "priority": "2130706431", "type": "host", "network": "0"},
                {"generation": "0", "component": "1", "protocol": "udp", "port": "32001", "ip": "203.0.113.103",
                 "foundation": "2", "id": "2b60113e", "priority": "2130706430", "type": "host", "network": "0"},
            ],
            "xmlns": "urn:xmpp:jingle:transports:ice-udp:1",
            "ufrag": "bvr6j1fkri6020", "rtcp-mux": true, "pwd": "1k7vsomethinglphcq12345678",
            "fingerprints": [{"fingerprint": FINGERPRINT, "setup": "active", "hash": "sha-256"}],
        },
        "audio": {
            "payload-types": [
                {"id": 111, "name": "opus", "clockrate": 48000, "channels": 2,
                 "parameters": {"minptime": 10, "useinbandfec": 1}, "rtcp-fbs": [{"type": "transport-cc"}]},
                {"id": 126, "name": "telephone-event", "clockrate": 8000, "channels": 1},
            ],
            "rtp-hdrexts": [
                {"id": 1, "uri": AUDIO_LEVEL_URI},
                {"id": 2, "uri": SEND_TIME_URI},
                {"id": 3, "uri": TRANSPORT_CC_URI},
            ],
        },
        "video": {
            "endpoint": "e0e7414dcff430d1",
            "payload-types": [{"id": 102, "name": "VP9", "clockrate": 9000, "channels": 1, "parameters": []}],
            "rtp-hdrexts": [{"id": 13, "uri": "urn:3gpp:video-orientation"}],
            "server_sources": [1_102_101_285],
        },
    })
}

fn read(answer: &Value) -> Result<Answer, AnswerFault> {
    parse(&answer.to_string())
}

#[test]
fn a_production_answer_is_read_whole() {
    let answer = read(&usual()).unwrap();
    assert_eq!(answer.ufrag, "bvr6j1fkri6020");
    assert_eq!(answer.pwd, "1k7vsomethinglphcq12345678");
    assert_eq!(answer.fingerprint, FINGERPRINT);
    assert_eq!(
        answer.candidates,
        vec![
            Candidate {
                address: "[2001:db8::285:207]:32000".parse().unwrap(),
                priority: 2_130_706_431
            },
            Candidate { address: "203.0.113.103:32001".parse().unwrap(), priority: 2_130_706_430 },
        ]
    );
    assert_eq!(answer.opus_payload_type, 111);
    assert_eq!(answer.extensions, Extensions::USUAL);
}

#[test]
fn numbers_in_candidates_are_as_good_as_texts() {
    let mut answer = usual();
    let entry = &mut answer["transport"]["candidates"][1];
    entry["port"] = json!(40_000);
    entry["priority"] = json!(7);
    entry["component"] = json!(1);
    let candidates = read(&answer).unwrap().candidates;
    assert_eq!(
        candidates[1],
        Candidate { address: "203.0.113.103:40000".parse().unwrap(), priority: 7 }
    );
}

#[test]
fn audio_and_video_may_be_missing() {
    let mut answer = usual();
    answer.as_object_mut().unwrap().remove("audio");
    answer.as_object_mut().unwrap().remove("video");
    let answer = read(&answer).unwrap();
    assert_eq!((answer.opus_payload_type, answer.extensions), (111, Extensions::USUAL));
}

#[test]
fn parameters_may_have_any_shape() {
    for parameters in [
        json!([]),
        json!({"minptime": "10"}),
        json!({"minptime": 10}),
        json!("minptime=10"),
        json!(null),
    ] {
        let mut answer = usual();
        answer["audio"]["payload-types"][0]["parameters"] = parameters;
        assert_eq!(read(&answer).unwrap().opus_payload_type, 111);
    }
}

#[test]
fn another_id_for_opus_and_other_extension_ids_are_honoured() {
    let mut answer = usual();
    answer["audio"]["payload-types"][0]["id"] = json!(96);
    answer["audio"]["rtp-hdrexts"] = json!([
        {"id": 10, "uri": AUDIO_LEVEL_URI}, {"id": "4", "uri": SEND_TIME_URI}, {"id": 5, "uri": TRANSPORT_CC_URI},
    ]);
    let answer = read(&answer).unwrap();
    assert_eq!(answer.opus_payload_type, 96);
    assert_eq!(answer.extensions, Extensions { audio_level: 10, send_time: 4, transport_cc: 5 });
    assert_eq!(answer.extensions.list().map(|(id, _)| id), [4, 5, 10]);
}

#[test]
fn colliding_extension_ids_are_spread() {
    let mut answer = usual();
    answer["audio"]["rtp-hdrexts"] = json!([{"id": 2, "uri": AUDIO_LEVEL_URI}]);
    let extensions = read(&answer).unwrap().extensions;
    assert_eq!(extensions.audio_level, 2);
    assert!(extensions.are_distinct());
}

#[test]
fn a_payload_type_that_looks_like_rtcp_is_not_taken() {
    let mut answer = usual();
    answer["audio"]["payload-types"][0]["id"] = json!(72);
    assert_eq!(read(&answer).unwrap().opus_payload_type, 111);
}

#[test]
fn broadcast_and_live_streams_are_told_apart() {
    assert_eq!(parse(r#"{"stream":true}"#), Err(AnswerFault::Broadcast));
    assert_eq!(parse(r#"{"stream":true,"rtmp":true,"x":1}"#), Err(AnswerFault::Rtmp));
    assert_eq!(parse(r#"{"rtmp":{"url":"rtmps://example"}}"#), Err(AnswerFault::Rtmp));
    let mut answer = usual();
    answer["stream"] = json!(false);
    assert!(read(&answer).is_ok());
}

#[test]
fn only_udp_candidates_count() {
    let mut answer = usual();
    answer["transport"]["candidates"][0]["protocol"] = json!("tcp");
    answer["transport"]["candidates"][1]["ip"] = json!("relay.example.org");
    assert!(matches!(read(&answer), Err(AnswerFault::NoCandidate(_))));
    answer["transport"]["candidates"] = json!([]);
    assert!(matches!(read(&answer), Err(AnswerFault::NoCandidate(_))));
}

#[test]
fn a_bad_candidate_does_not_spoil_the_good_one() {
    for (key, value) in [
        ("port", json!("99999")),
        ("port", json!(null)),
        ("ip", json!(5)),
        ("component", json!("2")),
    ] {
        let mut answer = usual();
        answer["transport"]["candidates"][0][key] = value;
        let candidates = read(&answer).unwrap().candidates;
        assert_eq!(candidates.len(), 1);
        assert_eq!(candidates[0].address.to_string(), "203.0.113.103:32001");
    }
}

#[test]
fn what_is_missing_or_malformed_is_a_typed_error() {
    for key in ["ufrag", "pwd", "fingerprints", "candidates"] {
        let mut answer = usual();
        answer["transport"].as_object_mut().unwrap().remove(key);
        assert!(matches!(read(&answer), Err(AnswerFault::Malformed(_))), "{key}");
    }
    for text in
        ["", "[]", "null", "{}", r#"{"transport":null}"#, r#"{"transport":7}"#, "{\"transport\":"]
    {
        assert!(matches!(parse(text), Err(AnswerFault::Malformed(_))), "{text}");
    }
    let mut answer = usual();
    answer["transport"]["fingerprints"][0]["hash"] = json!("sha-1");
    assert!(matches!(read(&answer), Err(AnswerFault::Malformed(_))));
    answer["transport"]["fingerprints"][0] = json!({"hash": "sha-256", "fingerprint": "AB:CD"});
    assert!(matches!(read(&answer), Err(AnswerFault::Malformed(_))));
}

#[test]
fn credentials_cannot_break_out_of_their_line() {
    let mut answer = usual();
    answer["transport"]["pwd"] = json!("secret\r\na=candidate:evil");
    assert!(matches!(read(&answer), Err(AnswerFault::Malformed(_))));
}

#[test]
fn answer_faults_become_faults_of_the_right_class() {
    use domain::{Class, Fault, Reason};
    let check = |fault: AnswerFault, class: Class, reason: Reason| {
        let fault = Fault::from(fault);
        assert_eq!((fault.class, fault.reason), (class, reason));
    };
    check(AnswerFault::Broadcast, Class::Refused, Reason::BroadcastOnly);
    check(AnswerFault::Rtmp, Class::Refused, Reason::BroadcastOnly);
    check(AnswerFault::Malformed("x".into()), Class::Transient, Reason::Unreadable);
    check(AnswerFault::NoCandidate("x".into()), Class::Transient, Reason::CallUnreachable);
}
