//! Every button of the switchboard does what its label says.

use std::time::Duration;

use super::client::{BAD_MSG, BAD_SERVER_SALT};
use super::*;
use crate::dc::tl::{PONG, RPC_RESULT};
use crate::dc::{Envelope, Instead, Rule, Target};

/// `channelFull` of older layers: what the bot's schema does not know.
const UNKNOWN: u32 = 0x52d6_806b;

#[tokio::test]
async fn connections_end_politely_or_not_and_only_the_targeted() {
    let (dc, _service) = start().await;
    let (mut a, mut b, mut c) = (user(&dc, 1).await, user(&dc, 2).await, user(&dc, 3).await);
    assert_eq!(dc.faults().disconnect(Target::User(1)), 1);
    assert!(a.is_closed_politely().await);
    assert_eq!(dc.faults().reset(Target::Session(b.session)), 1);
    assert!(!b.is_closed_politely().await);
    assert_eq!(c.call(&echo("alive")).await, Ok(echo("alive")));
    until("two are gone", || dc.stats().connections_live == 1).await;
    assert_eq!(dc.faults().reset(Target::All), 1);
    assert!(!c.is_closed_politely().await);
}

#[tokio::test]
async fn a_mute_connection_says_nothing_and_hears_nothing() {
    let (dc, service) = start().await;
    let mut client = user(&dc, 7).await;
    let lost = {
        assert_eq!(dc.faults().mute(Target::User(7)), 1);
        client.send(&echo("into the void")).await
    };
    let mut bystander = user(&dc, 8).await;
    bystander.call(&echo("others are well")).await.unwrap();
    assert_eq!(dc.push_to_user(7, id(UNKNOWN), None), 1);
    assert_eq!(dc.stats().connections_live, 2);
    // Whatever was sent before is read in order, so an answer to the lost request would come first.
    tokio::time::sleep(Duration::from_millis(50)).await;
    dc.faults().unmute(Target::All);
    let request = client.send(&echo("and back")).await;
    let answer = client.wait(RPC_RESULT).await;
    assert_eq!(answer.body[4..12], request.to_le_bytes());
    assert_ne!(request, lost);
    assert!(service.calls().iter().all(|(_, body)| *body != echo("into the void")));
}

#[tokio::test]
async fn connecting_is_refused_until_it_is_not() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    dc.faults().refuse_connects().await;
    let refused = tokio::net::TcpStream::connect(dc.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(client.call(&echo("open ones live on")).await, Ok(echo("open ones live on")));
    dc.faults().accept_connects().await;
    user(&dc, 8).await;
}

#[tokio::test]
async fn arranged_answers_strike_in_order_and_leave() {
    let (dc, service) = start().await;
    let mut client = user(&dc, 7).await;
    let before = service.calls().len();
    dc.faults().arrange(Rule::error(ECHO, 500, "INTERNAL").skip(1).times(2));
    dc.faults().arrange(Rule::on(LARGE, Instead::Answer(Answer::Result(id(UNKNOWN)))).performed());
    dc.faults().arrange(Rule::error(ECHO, 400, "NEVER_YOU").of_user(99));
    let internal = Err((500, "INTERNAL".to_owned()));
    let mut seen = Vec::new();
    for text in ["a", "b", "c", "d"] {
        seen.push(client.call(&echo(text)).await);
    }
    assert_eq!(seen, [Ok(echo("a")), internal.clone(), internal, Ok(echo("d"))]);
    assert_eq!(service.calls().len(), before + 2);
    assert_eq!(client.call(&id(LARGE)).await, Ok(id(UNKNOWN)));
    assert_eq!(service.calls().len(), before + 3);
    assert_eq!(dc.faults().forget_rules(), 1);
    assert_eq!(dc.stats().errors["INTERNAL"], 2);
}

#[tokio::test]
async fn an_answer_can_be_lost_or_the_connection_with_it() {
    let (dc, service) = start().await;
    let mut client = user(&dc, 7).await;
    dc.faults().arrange(Rule::on(ECHO, Instead::Answer(Answer::Never)).performed());
    client.send(&echo("performed in silence")).await;
    let next = client.send(&echo("next")).await;
    assert_eq!(client.wait(RPC_RESULT).await.body[4..12], next.to_le_bytes());
    assert_eq!(service.calls().len(), 3);
    dc.faults().arrange(Rule::on_any(Instead::Disconnect));
    client.send(&echo("last words")).await;
    assert!(client.is_closed_politely().await);
    assert_eq!(service.calls().len(), 3);
}

#[tokio::test]
async fn answers_can_be_late() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    dc.faults().arrange(Rule::on(ECHO, Instead::Late(Duration::from_millis(300))));
    let late = client.send(&echo("late")).await;
    let prompt = client.send(&echo("prompt")).await;
    let first = client.wait(RPC_RESULT).await;
    assert_eq!(first.body[4..12], prompt.to_le_bytes());
    assert_eq!(client.result(late).await, Ok(echo("late")));
    dc.faults().delay_answers(Duration::from_millis(50));
    let asked = std::time::Instant::now();
    client.call(&echo("all are late")).await.unwrap();
    assert!(asked.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn transport_errors_come_alone_and_close() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    assert_eq!(dc.faults().transport_error(Target::User(7), -429), 1);
    assert_eq!(client.frame().await, Some((-429i32).to_le_bytes().to_vec()));
    assert_eq!(client.frame().await, None);
    dc.faults().refuse_frames(Some(-404));
    let mut client = Client::connect(&dc, Wire::Full).await.with_key(client.key);
    client.send(&echo("refused")).await;
    assert_eq!(client.frame().await, Some((-404i32).to_le_bytes().to_vec()));
    dc.faults().refuse_frames(None);
    user(&dc, 7).await;
}

#[tokio::test]
async fn raw_bytes_come_in_every_envelope() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    let body = id(UNKNOWN).put_i32(1);
    let faults = dc.faults();
    assert_eq!(faults.push_raw(Target::User(7), body.clone(), Envelope::Plain), 1);
    let plain = client.wait(UNKNOWN).await;
    assert_eq!((plain.body, plain.is_packed), (body.clone(), false));
    faults.push_raw(Target::All, body.clone(), Envelope::Container);
    let packed = client.wait(UNKNOWN).await;
    assert_eq!((packed.body, packed.is_packed), (body.clone(), true));
    client.wait(PONG).await;
    faults.push_raw(Target::Session(client.session), body.clone(), Envelope::Gzip);
    let zipped = client.wait(crate::dc::tl::GZIP_PACKED).await;
    assert_eq!(crate::dc::tl::gunzip(&zipped.body[4..]), Ok(body));
    assert_eq!(faults.push_raw(Target::User(99), vec![], Envelope::Plain), 0);
}

#[tokio::test]
async fn messages_come_twice_or_in_the_wrong_order() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    dc.faults().push_twice(Target::User(7), id(UNKNOWN));
    let (first, second) = (client.wait(UNKNOWN).await, client.wait(UNKNOWN).await);
    assert_eq!(first, second);
    let (a, b) = (id(UNKNOWN).put_i32(1), id(UNKNOWN).put_i32(2));
    dc.faults().push_swapped(Target::User(7), a.clone(), b.clone());
    let (first, second) = (client.wait(UNKNOWN).await, client.wait(UNKNOWN).await);
    assert_eq!((first.body, second.body), (b, a));
    assert!(first.id > second.id);
}

#[tokio::test]
async fn a_message_may_name_another_session() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    let ours = client.session;
    dc.faults().push_with_wrong_session(Target::User(7), id(UNKNOWN));
    client.session = !ours;
    client.wait(UNKNOWN).await;
}

#[tokio::test]
async fn broken_frames_reach_the_wire() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    dc.faults().send_noise(Target::User(7));
    assert_eq!(client.frame().await.map(|frame| frame.len()), Some(104));
    dc.faults().send_frame(Target::User(7), vec![1; 8]);
    assert_eq!(client.frame().await, Some(vec![1; 8]));
    dc.faults().write_bytes(Target::User(7), vec![4, 0, 0, 0, 9, 9, 9, 9]);
    assert_eq!(client.frame().await, Some(vec![9; 4]));
    dc.faults().send_truncated_frame(Target::User(7));
    assert_eq!(client.frame().await, None);
    let mut client = user(&dc, 8).await;
    dc.faults().send_oversized_length(Target::User(8));
    dc.faults().disconnect(Target::User(8));
    assert!(client.is_closed_politely().await);
}

#[tokio::test]
async fn salts_and_the_clock_can_change_under_a_client() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    dc.faults().change_salts();
    client.send(&echo("old salt")).await;
    let bad = client.wait(BAD_SERVER_SALT).await;
    client.salt = i64::from_le_bytes(bad.body[20..28].try_into().unwrap());
    assert_eq!(client.call(&echo("new salt")).await, Ok(echo("new salt")));
    dc.faults().set_clock_offset(3600);
    client.send(&echo("an hour late")).await;
    let bad = client.wait(BAD_MSG).await;
    assert_eq!(bad.body[16..20], 16i32.to_le_bytes());
    assert!(((bad.id >> 32) - dc.now()).abs() < 60);
    assert_eq!(dc.stats().bad_messages[&16], 1);
}

#[tokio::test]
async fn new_connections_can_be_born_mute() {
    let (dc, service) = start().await;
    dc.faults().mute_new_connections(true);
    let mut mute = Client::connect(&dc, Wire::Intermediate).await.with_key(dc.register_key());
    mute.send(&echo("nobody hears")).await;
    until("it is connected", || dc.stats().connections_live == 1).await;
    dc.faults().mute_new_connections(false);
    user(&dc, 7).await;
    assert_eq!(service.calls().len(), 1);
    assert_eq!(dc.stats().keys.len(), 1);
}
