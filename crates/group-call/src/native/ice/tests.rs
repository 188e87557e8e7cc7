use super::*;
use rtc::ice::attributes::use_candidate::UseCandidateAttr;

const PACE: Pace = Pace { check: Duration::from_millis(100), keepalive: Duration::from_secs(1) };

fn crypto() -> Arc<dyn RTCCryptoProvider> {
    webrtc::peer_connection::crypto::default_provider().unwrap()
}

fn way(port: u16) -> Way {
    Way { socket: 0, remote: ([203, 0, 113, 1], port).into() }
}

fn agent(now: Instant, ports: &[u16]) -> Agent {
    let local =
        Credentials { ssrc: 1, ufrag: "ours".into(), pwd: "our-password-of-24-chars".into() };
    let remote = ("theirs".to_owned(), "their-password-of-26-chars".to_owned());
    Agent::new(local, remote, ports.iter().map(|port| way(*port)).collect(), PACE, crypto(), now)
}

fn checks(agent: &mut Agent, now: Instant) -> Vec<Outgoing> {
    let mut out = Vec::new();
    agent.checks(now, &mut out);
    out
}

/// What a server says, signed with `pwd`.
fn signed<'a>(
    pwd: &str,
    mut parts: Vec<Box<dyn Setter + 'a>>,
    crypto: &'a dyn RTCCryptoProvider,
) -> Vec<u8> {
    parts.push(Box::new(MessageIntegrity::new_raw_integrity_with_provider(
        pwd.as_bytes(),
        crypto.crypto(),
    )));
    let mut message = Message::new();
    message.build(&parts).unwrap();
    message.raw
}

fn reply(check: &[u8], pwd: &str) -> Vec<u8> {
    let transaction = TransactionId(check[8..20].try_into().unwrap());
    signed(pwd, vec![Box::new(BINDING_SUCCESS), Box::new(transaction)], &*crypto())
}

fn request(username: &str, pwd: &str, nominates: bool) -> Vec<u8> {
    let username = Username::new(ATTR_USERNAME, username.to_owned());
    let mut parts: Vec<Box<dyn Setter>> =
        vec![Box::new(BINDING_REQUEST), Box::new(TransactionId::new()), Box::new(username)];
    if nominates {
        parts.push(Box::new(UseCandidateAttr));
    }
    signed(pwd, parts, &*crypto())
}

const THEIR_PWD: &str = "their-password-of-26-chars";
const OUR_PWD: &str = "our-password-of-24-chars";

#[test]
fn every_way_is_checked_until_one_answers() {
    let now = Instant::now();
    let mut agent = agent(now, &[1, 2]);
    let first = checks(&mut agent, now);
    assert_eq!(first.iter().map(|(way, _)| way.remote.port()).collect::<Vec<_>>(), [1, 2]);
    assert!(checks(&mut agent, now).is_empty(), "not twice at once");
    let later = now + Duration::from_secs(9);
    assert_eq!(checks(&mut agent, later).len(), 2, "no way is given up");
    agent.handle(later, way(2), &reply(&first[1].1, THEIR_PWD), &mut Vec::new());
    assert_eq!(agent.selected(), Some(way(2)));
    assert_eq!(agent.round_trip(), Some(Duration::from_secs(9)));
    let keepalives = checks(&mut agent, later + Duration::from_secs(1));
    assert_eq!(keepalives.iter().map(|(way, _)| *way).collect::<Vec<_>>(), [way(2)]);
}

#[test]
fn a_check_carries_the_servers_name_first_and_never_nominates() {
    let now = Instant::now();
    let mut agent = agent(now, &[1]);
    let mut message =
        Message { raw: checks(&mut agent, now).remove(0).1.to_vec(), ..Message::default() };
    message.decode().unwrap();
    assert_eq!(TextAttribute::get_from_as(&message, ATTR_USERNAME).unwrap().text, "theirs:ours");
    assert!(message.contains(rtc::stun::attributes::ATTR_ICE_CONTROLLED));
    assert!(!message.contains(ATTR_USE_CANDIDATE));
    MessageIntegrity::check(&mut message, THEIR_PWD.as_bytes(), crypto().crypto()).unwrap();
}

#[test]
fn forged_and_foreign_replies_select_nothing() {
    let now = Instant::now();
    let mut agent = agent(now, &[1]);
    let check = checks(&mut agent, now).remove(0).1;
    let mut out = Vec::new();
    agent.handle(now, way(1), &reply(&check, "somebody else's password"), &mut out);
    agent.handle(now, way(9), &reply(&check, THEIR_PWD), &mut out);
    agent.handle(now, way(1), &reply(&[7; 20], THEIR_PWD), &mut out);
    agent.handle(now, way(1), &[0, 1, 0, 0], &mut out);
    assert_eq!((agent.selected(), out.len()), (None, 0));
}

#[test]
fn the_servers_checks_are_answered_and_its_nomination_wins() {
    let now = Instant::now();
    let mut agent = agent(now, &[1, 2]);
    let first = checks(&mut agent, now);
    agent.handle(now, way(1), &reply(&first[0].1, THEIR_PWD), &mut Vec::new());
    let mut out = Vec::new();
    agent.handle(now, way(2), &request("ours:theirs", OUR_PWD, false), &mut out);
    assert_eq!(out.len(), 1);
    assert_eq!((out[0].0, &out[0].1[..2]), (way(2), &[1u8, 1][..]));
    assert_eq!(agent.selected(), Some(way(1)));
    agent.handle(now, way(2), &request("ours:theirs", OUR_PWD, true), &mut out);
    assert_eq!(agent.selected(), Some(way(2)));
}

#[test]
fn checks_for_somebody_else_are_not_answered() {
    let now = Instant::now();
    let mut agent = agent(now, &[1]);
    let mut out = Vec::new();
    agent.handle(now, way(1), &request("ours:stranger", OUR_PWD, true), &mut out);
    agent.handle(now, way(1), &request("ours:theirs", "guessed-password-24-char", true), &mut out);
    assert_eq!((agent.selected(), out.len()), (None, 0));
}

#[test]
fn a_server_that_checks_from_another_address_is_checked_back() {
    let now = Instant::now();
    let mut agent = agent(now, &[1]);
    let mut out = Vec::new();
    agent.handle(now, way(77), &request("ours:theirs", OUR_PWD, false), &mut out);
    assert_eq!(out.iter().map(|(way, _)| way.remote.port()).collect::<Vec<_>>(), [77, 77]);
    let check = out[1].1.clone();
    agent.handle(now, way(77), &reply(&check, THEIR_PWD), &mut out);
    assert_eq!(agent.selected(), Some(way(77)));
}

#[test]
fn a_way_that_went_silent_is_left_for_one_that_answers() {
    let now = Instant::now();
    let mut agent = agent(now, &[1, 2]);
    let first = checks(&mut agent, now);
    agent.handle(now, way(1), &reply(&first[0].1, THEIR_PWD), &mut Vec::new());
    let later = now + Duration::from_secs(4);
    let all = checks(&mut agent, later);
    assert_eq!(all.len(), 2);
    agent.handle(later, way(2), &reply(&all[1].1, THEIR_PWD), &mut Vec::new());
    assert_eq!(agent.selected(), Some(way(2)));
}
