//! Session descriptions (RFC 8866) that webrtc wants and Telegram does not speak: made from the server's JSON answer.

use std::fmt::Write;

use crate::answer::Answer;

/// What one m-line of our own offer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) is_audio: bool,
    pub(crate) mid: String,
}

/// The sections of our own offer, to be answered in the same order.
pub(crate) fn sections_of(offer: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    for line in offer.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            sections.push(Section { is_audio: media.starts_with("audio"), mid: String::new() });
        } else if let (Some(mid), Some(section)) =
            (line.strip_prefix("a=mid:"), sections.last_mut())
        {
            section.mid = mid.trim().to_owned();
        }
    }
    sections
}

/// The server's answer to our offer: DTLS server and `ice-lite`, so we are DTLS client and controlling.
pub(crate) fn describe(answer: &Answer, sections: &[Section]) -> String {
    let mut sdp = String::with_capacity(2048);
    let mids: Vec<&str> = sections.iter().map(|section| section.mid.as_str()).collect();
    sdp.push_str("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    line(&mut sdp, format_args!("a=group:BUNDLE {}", mids.join(" ")));
    line(&mut sdp, format_args!("a=fingerprint:sha-256 {}", answer.fingerprint));
    sdp.push_str("a=ice-lite\r\n");
    for section in sections {
        if section.is_audio {
            audio(&mut sdp, answer);
        } else {
            sdp.push_str(
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n",
            );
            sdp.push_str("a=sctp-port:5000\r\na=max-message-size:262144\r\n");
        }
        line(&mut sdp, format_args!("a=mid:{}", section.mid));
        sdp.push_str("a=setup:passive\r\n");
        line(&mut sdp, format_args!("a=ice-ufrag:{}", answer.ufrag));
        line(&mut sdp, format_args!("a=ice-pwd:{}", answer.pwd));
        candidates(&mut sdp, answer);
    }
    sdp
}

fn audio(sdp: &mut String, answer: &Answer) {
    let id = answer.opus_payload_type;
    line(sdp, format_args!("m=audio 9 UDP/TLS/RTP/SAVPF {id}"));
    sdp.push_str("c=IN IP4 0.0.0.0\r\na=recvonly\r\na=rtcp-mux\r\n");
    line(sdp, format_args!("a=rtpmap:{id} opus/48000/2"));
    line(sdp, format_args!("a=fmtp:{id} minptime=10;useinbandfec=1"));
    for (id, uri) in answer.extensions.list() {
        line(sdp, format_args!("a=extmap:{id} {uri}"));
    }
}

fn candidates(sdp: &mut String, answer: &Answer) {
    for (index, candidate) in answer.candidates.iter().enumerate() {
        let (ip, port) = (candidate.address.ip(), candidate.address.port());
        let (foundation, priority) = (index + 1, candidate.priority);
        line(sdp, format_args!("a=candidate:{foundation} 1 udp {priority} {ip} {port} typ host"));
    }
    sdp.push_str("a=end-of-candidates\r\n");
}

fn line(sdp: &mut String, arguments: std::fmt::Arguments<'_>) {
    sdp.write_fmt(arguments).expect("writing to a String cannot fail");
    sdp.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Candidate, Extensions};

    fn answer() -> Answer {
        Answer {
            ufrag: "theirs".into(),
            pwd: "p".repeat(26),
            fingerprint: "AB:CD".into(),
            setup: None,
            candidates: vec![Candidate {
                address: "203.0.113.1:32000".parse().unwrap(),
                priority: 5,
            }],
            opus_payload_type: 96,
            extensions: Extensions { audio_level: 9, send_time: 2, transport_cc: 3 },
        }
    }

    #[test]
    fn the_answer_of_a_server_follows_the_order_of_our_offer() {
        let offer = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:7\r\nm=audio 9 X 111\r\na=mid:8\r\n";
        let sections = sections_of(offer);
        assert_eq!(sections[0], Section { is_audio: false, mid: "7".into() });
        assert_eq!(sections[1], Section { is_audio: true, mid: "8".into() });
        let sdp = describe(&answer(), &sections);
        assert!(sdp.contains("a=ice-lite\r\n") && sdp.contains("a=setup:passive\r\n"));
        assert!(sdp.contains("a=group:BUNDLE 7 8\r\n"));
        assert!(sdp.contains("m=audio 9 UDP/TLS/RTP/SAVPF 96\r\n"));
        assert!(sdp.contains("a=extmap:9 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"));
        assert!(sdp.contains("a=candidate:1 1 udp 5 203.0.113.1 32000 typ host\r\n"));
        assert!(sdp.find("m=application").unwrap() < sdp.find("m=audio").unwrap());
    }
}
