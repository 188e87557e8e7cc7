//! Encrypted messages: salts, ids, containers, repetition, wrappers.

use std::time::Duration;

use tokio::sync::mpsc;

use super::client::{BAD_MSG, BAD_SERVER_SALT, NEW_SESSION};
use super::*;
use crate::dc::tl::{GZIP_PACKED, MSG_CONTAINER, PONG, RPC_RESULT, Reader, gzip};

const PING: u32 = 0x7abe_77ec;

async fn client(dc: &Dc) -> Client {
    let mut client = Client::connect(dc, Wire::Intermediate).await.with_key(dc.register_key());
    client.learn_salt().await;
    client
}

fn ping(id: i64) -> Vec<u8> {
    Vec::new().put_id(PING).put_i64(id)
}

/// The code of the next `bad_msg_notification` for this message.
async fn complaint(client: &mut Client, id: i64) -> i32 {
    let bad = client.wait(BAD_MSG).await;
    let mut reader = Reader::new(&bad.body[4..]);
    assert_eq!((reader.i64(), bad.is_packed), (Ok(id), false));
    reader.i32().unwrap();
    reader.i32().unwrap()
}

#[tokio::test]
async fn a_wrong_salt_is_corrected_and_then_the_session_is_created() {
    let (dc, service) = start().await;
    let mut client = Client::connect(&dc, Wire::Full).await.with_key(dc.register_key());
    let refused = client.send(&echo("too early")).await;
    let bad = client.wait(BAD_SERVER_SALT).await;
    let mut reader = Reader::new(&bad.body[4..]);
    assert_eq!((reader.i64(), reader.i32(), reader.i32()), (Ok(refused), Ok(1), Ok(48)));
    client.salt = reader.i64().unwrap();
    let first = client.send(&echo("now")).await;
    let created = client.wait(NEW_SESSION).await;
    let mut reader = Reader::new(&created.body[4..]);
    assert_eq!(reader.i64(), Ok(first));
    reader.i64().unwrap();
    assert_eq!(reader.i64(), Ok(client.salt));
    assert_eq!(client.result(first).await, Ok(echo("now")));
    assert_eq!(service.calls().len(), 1);
    assert_eq!(dc.stats().bad_salts, 1);
}

#[tokio::test]
async fn a_method_that_breaks_costs_its_answer_and_not_the_connection() {
    let (dc, _service) = start().await;
    let mut client = client(&dc).await;
    assert_eq!(client.call(&super::id(BROKEN)).await, Err((500, "RPC_CALL_FAIL".to_owned())));
    assert_eq!(client.call(&echo("still here")).await, Ok(echo("still here")));
}

#[tokio::test]
async fn salts_of_the_future_are_good_when_their_time_comes() {
    let (dc, _service) = start().await;
    let mut client = client(&dc).await;
    let asked = client.send(&Vec::new().put_id(0xb921_bd04).put_i32(3)).await;
    let salts = client.wait(0xae50_0895).await;
    let mut reader = Reader::new(&salts.body[4..]);
    assert_eq!(reader.i64(), Ok(asked));
    let now = i64::from(reader.i32().unwrap());
    assert_eq!(reader.i32(), Ok(3));
    for _ in 0..3 {
        let (since, until) = (reader.i32().unwrap(), reader.i32().unwrap());
        client.salt = reader.i64().unwrap();
        assert!(until > since);
        client.ahead = (i64::from(since) + 1 - now).max(0);
        dc.faults().set_clock_offset(client.ahead);
        assert_eq!(client.call(&echo("later")).await, Ok(echo("later")));
    }
    assert_eq!(dc.stats().bad_salts, 1);
}

#[tokio::test]
async fn messages_from_another_time_are_refused() {
    let (dc, service) = start().await;
    let mut client = client(&dc).await;
    client.ahead = 60;
    let future = client.send(&echo("future")).await;
    assert_eq!(complaint(&mut client, future).await, 17);
    let past = future - (500 << 32);
    client.send_as(past, 1, &echo("past")).await;
    assert_eq!(complaint(&mut client, past).await, 16);
    client.send_as(future + 2, 1, &echo("odd")).await;
    assert_eq!(complaint(&mut client, future + 2).await, 18);
    assert_eq!(service.calls(), []);
}

#[tokio::test]
async fn a_clock_set_back_is_told_truly_and_spoils_no_session() {
    let (dc, _service) = start().await;
    let mut client = client(&dc).await;
    dc.faults().set_clock_offset(1200);
    client.ahead = 1200;
    client.salt = 0;
    client.call(&echo("tomorrow")).await.unwrap();
    dc.faults().set_clock_offset(0);
    let refused = client.send(&echo("too far ahead")).await;
    let bad = client.wait(BAD_MSG).await;
    assert_eq!(Reader::new(&bad.body[4..]).i64(), Ok(refused));
    assert!(((bad.id >> 32) - dc.now()).abs() < 60);
    client.forget_ids();
    client.ahead = 0;
    client.salt = 0;
    assert_eq!(client.call(&echo("today")).await, Ok(echo("today")));
}

#[tokio::test]
async fn wrong_sequence_numbers_are_refused() {
    let (dc, service) = start().await;
    let mut client = client(&dc).await;
    client.call(&echo("right")).await.unwrap();
    let newest = client.next_id();
    client.send_as(newest, client.even_seq(), &echo("even")).await;
    assert_eq!(complaint(&mut client, newest).await, 35);
    let newest = client.next_id();
    client.send_as(newest, 1, &echo("low")).await;
    assert_eq!(complaint(&mut client, newest).await, 32);
    let newest = client.next_id();
    let ack = Vec::new().put_id(0x62d6_b459).put_longs(&[]);
    client.send_as(newest, 77, &ack).await;
    assert_eq!(complaint(&mut client, newest).await, 34);
    assert_eq!(service.calls().len(), 1);
}

#[tokio::test]
async fn a_container_is_answered_message_by_message() {
    let (dc, service) = start().await;
    let mut client = client(&dc).await;
    let messages = [echo("one"), ping(5), gzip(&echo("two"))];
    let mut ids = Vec::new();
    let mut body = Vec::new().put_id(MSG_CONTAINER).put_i32(3);
    for message in &messages {
        ids.push(client.next_id());
        body = body.put_i64(ids[ids.len() - 1]).put_i32(client.next_seq());
        body = body.put_i32(message.len() as i32).put(message);
    }
    let container = client.next_id();
    client.send_as(container, client.even_seq(), &body).await;
    let created = client.wait(NEW_SESSION).await;
    assert_eq!(Reader::new(&created.body[4..]).i64(), Ok(ids[0]));
    let mut answers = Vec::new();
    while answers.len() < 3 {
        let heard = client.heard().await.unwrap();
        let mut reader = Reader::new(&heard.body);
        match reader.u32().unwrap() {
            RPC_RESULT => answers.push((reader.i64().unwrap(), reader.left().to_vec())),
            PONG => answers.push((reader.i64().unwrap(), b"pong".to_vec())),
            _ => {}
        }
    }
    answers.sort();
    assert_eq!(answers, [(ids[0], echo("one")), (ids[1], b"pong".to_vec()), (ids[2], echo("two"))]);
    assert_eq!(service.calls().len(), 2);
}

#[tokio::test]
async fn a_container_in_a_container_is_refused() {
    let (dc, service) = start().await;
    let mut client = client(&dc).await;
    let empty = Vec::new().put_id(MSG_CONTAINER).put_i32(0);
    let (inner, outer) = (client.next_id(), client.next_id());
    let body = Vec::new()
        .put_id(MSG_CONTAINER)
        .put_i32(1)
        .put_i64(inner)
        .put_i32(0)
        .put_i32(8)
        .put(&empty);
    client.send_as(outer, 0, &body).await;
    assert_eq!(complaint(&mut client, outer).await, 64);
    assert_eq!(service.calls(), []);
}

#[tokio::test]
async fn large_answers_come_gzipped_and_small_ones_do_not() {
    let (dc, _service) = start().await;
    let mut client = client(&dc).await;
    for (body, is_packed) in [(id(LARGE), true), (echo("small"), false)] {
        client.send(&body).await;
        let result = client.wait(RPC_RESULT).await;
        assert_eq!(constructor(&result.body[12..]) == GZIP_PACKED, is_packed);
    }
    assert_eq!(client.call(&id(LARGE)).await, Ok(large()));
}

#[tokio::test]
async fn a_repeated_message_is_performed_once_and_answered_again() {
    let (dc, service) = start().await;
    let mut client = client(&dc).await;
    let (request, seq) = (client.next_id(), client.next_seq());
    for _ in 0..3 {
        client.send_as(request, seq, &echo("once")).await;
        assert_eq!(client.result(request).await, Ok(echo("once")));
    }
    assert_eq!(service.calls().len(), 1);
    assert_eq!(dc.stats().duplicates, 2);
    assert_eq!(dc.stats().requests["help.getNearestDc"], 1);
}

#[tokio::test]
async fn an_acknowledged_answer_is_not_kept() {
    let (dc, _service) = start().await;
    let mut client = client(&dc).await;
    let (request, seq) = (client.next_id(), client.next_seq());
    client.send_as(request, seq, &echo("once")).await;
    let answer = client.wait(RPC_RESULT).await;
    let (ack, even) = (client.next_id(), client.even_seq());
    client.send_as(ack, even, &Vec::new().put_id(0x62d6_b459).put_longs(&[answer.id])).await;
    client.send_as(request, seq, &echo("once")).await;
    client.send(&ping(9)).await;
    // The pong comes, and no answer before it.
    loop {
        let heard = client.heard().await.unwrap();
        assert_ne!(constructor(&heard.body), RPC_RESULT);
        if constructor(&heard.body) == PONG {
            break;
        }
    }
    assert_eq!(dc.stats().acks, 1);
}

#[tokio::test]
async fn an_answer_finds_the_session_on_its_next_connection() {
    let (dc, service) = start().await;
    let mut first = client(&dc).await;
    let (open, gate) = mpsc::channel(1);
    *service.gate.lock().unwrap() = Some(gate);
    let request = first.send(&id(SLOW)).await;
    until("the service is asked", || service.calls().len() == 1).await;
    let mut second = first.again(&dc).await;
    drop(first);
    until("the connection is gone", || service.presence().len() == 2).await;
    open.send(()).await.unwrap();
    second.send(&ping(1)).await;
    assert_eq!(second.result(request).await, Ok(id(SLOW)));
}

#[tokio::test]
async fn a_dropped_answer_does_not_come() {
    let (dc, service) = start().await;
    let mut client = client(&dc).await;
    let (open, gate) = mpsc::channel(1);
    *service.gate.lock().unwrap() = Some(gate);
    let request = client.send(&id(SLOW)).await;
    let drop_it = client.send(&Vec::new().put_id(0x58e4_a740).put_i64(request)).await;
    assert_eq!(client.result(drop_it).await, Ok(0xcd78_e586u32.to_le_bytes().to_vec()));
    open.send(()).await.unwrap();
    client.send(&echo("next")).await;
    let next = client.wait(RPC_RESULT).await;
    assert_ne!(Reader::new(&next.body[4..]).i64(), Ok(request));
}

#[tokio::test]
async fn an_overdue_ping_costs_the_connection() {
    let (dc, _service) = start().await;
    let mut client = client(&dc).await;
    client.send(&Vec::new().put_id(0xf342_7b8c).put_i64(3).put_i32(0)).await;
    client.wait(PONG).await;
    assert!(client.is_closed_politely().await);
    until("it is noted", || dc.stats().connections_expelled.contains_key("overdue")).await;
}

#[tokio::test]
async fn wrappers_are_taken_off_and_the_layer_is_remembered() {
    let (dc, service) = start().await;
    let mut client = client(&dc).await;
    let json = Vec::new().put_id(0x99c1_d49d).put_id(0x1cb5_c415).put_i32(1).put_id(0xc0de_1bd9);
    let json = json.put_bytes(b"tz_offset").put_id(0x2be0_dfa4).put_i64(0);
    let wrapped =
        Vec::new().put_id(0xda9b_0d0d).put_i32(181).put_id(0xc1cd_5ea9).put_i32(2).put_i32(12345);
    let wrapped =
        ["pc", "os", "1.0", "en", "", "en"].iter().fold(wrapped, |w, s| w.put_bytes(s.as_bytes()));
    let wrapped = wrapped.put(&json).put_id(0xcb9f_372d).put_i64(1).put(&gzip(&echo("bare")));
    assert_eq!(client.call(&wrapped).await, Ok(echo("bare")));
    let quiet = Vec::new().put_id(0xbf94_59b7).put(&echo("quiet"));
    assert_eq!(client.call(&quiet).await, Ok(echo("quiet")));
    let seen: Vec<_> =
        service.calls().into_iter().map(|(c, body)| (c.layer, c.without_updates, body)).collect();
    assert_eq!(seen, [(181, false, echo("bare")), (181, true, echo("quiet"))]);
    let alien = Vec::new().put_id(0xda9b_0d0d).put_i32(9000).put(&echo("alien"));
    assert_eq!(client.call(&alien).await, Err((400, "CONNECTION_LAYER_INVALID".to_owned())));
    let cut = Vec::new().put_id(0xda9b_0d0d);
    assert_eq!(client.call(&cut).await, Err((400, "INPUT_FETCH_ERROR".to_owned())));
}

#[tokio::test]
async fn sessions_come_and_go() {
    let (dc, service) = start().await;
    let mut first = client(&dc).await;
    let mut second = Client::connect(&dc, Wire::Full).await.with_key(first.key);
    first.call(&echo("a")).await.unwrap();
    second.call(&echo("b")).await.unwrap();
    let other = second.session;
    first.send(&Vec::new().put_id(0xe751_2126).put_i64(other)).await;
    let ended = first.wait(0xe220_45fc).await;
    assert_eq!(Reader::new(&ended.body[4..]).i64(), Ok(other));
    first.send(&Vec::new().put_id(0xe751_2126).put_i64(other)).await;
    first.wait(0x62d3_50c9).await;
    let ours = first.session;
    drop(first);
    until("three events", || service.presence().len() == 4).await;
    assert_eq!(service.presence(), [(true, ours), (true, other), (false, other), (false, ours)]);
}

#[tokio::test]
async fn a_dropped_key_is_unknown_at_once() {
    let (dc, service) = start().await;
    let mut client = user(&dc, 7).await;
    dc.drop_key(Dc::key_id(&client.key));
    assert_eq!((dc.sessions_of(7), dc.user_of(Dc::key_id(&client.key))), (vec![], None));
    assert_eq!(service.presence(), [(true, client.session), (false, client.session)]);
    client.send(&echo("still here")).await;
    assert_eq!(client.frame().await, Some((-404i32).to_le_bytes().to_vec()));
}

#[tokio::test]
async fn after_stop_nothing_listens_and_nothing_is_open() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    let address = dc.address();
    tokio::time::timeout(Duration::from_secs(20), dc.stop()).await.unwrap();
    client.is_closed_politely().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn without_a_handle_nothing_lives_on() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    let weak = dc.downgrade();
    assert!(weak.upgrade().is_some());
    drop(dc);
    client.is_closed_politely().await;
    assert!(weak.upgrade().is_none());
}
