//! What is on the wire before anything is decrypted.

use super::*;

#[tokio::test]
async fn every_transport_carries_a_call_and_a_large_answer() {
    let (dc, _echo) = start_with(Settings { gzip_over_bytes: None, ..Settings::loopback() }).await;
    for wire in [Wire::Full, Wire::Abridged, Wire::Intermediate, Wire::Padded, Wire::Obfuscated] {
        let mut client = Client::connect(&dc, wire).await.with_key(dc.register_key());
        assert_eq!(client.call(&echo("hello")).await, Ok(echo("hello")), "{wire:?}");
        assert_eq!(client.call(&id(LARGE)).await, Ok(large()), "{wire:?}");
    }
}

#[tokio::test]
async fn a_frame_may_come_in_pieces() {
    let (dc, _echo) = start().await;
    let mut client = Client::connect(&dc, Wire::Abridged).await.with_key(dc.register_key());
    client.learn_salt().await;
    let plain = Vec::new().put_i64(client.salt).put_i64(client.session);
    let (request, body) = (client.next_id(), echo("in pieces"));
    let plain = plain.put_i64(request).put_i32(3).put_i32(body.len() as i32).put(&body);
    let sealed = crate::dc::crypto::seal(&client.key, crate::dc::crypto::FROM_CLIENT, plain);
    client.write(vec![(sealed.len() / 4) as u8]).await;
    for piece in sealed.chunks(7) {
        client.write(piece.to_vec()).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.result(request).await, Ok(body));
}

#[tokio::test]
async fn garbage_is_thrown_out() {
    let (dc, _echo) = start().await;
    let truncated = [&40u32.to_le_bytes()[..], &[0; 4], &[9; 32]].concat();
    for (reason, bytes) in [
        ("http", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("no transport", vec![0x55; 64]),
        ("wrong crc", truncated),
        ("frame too long", [&[0xee; 4][..], &0x7000_0000u32.to_le_bytes()].concat()),
        ("frame too short", [1u32.to_le_bytes(), [0; 4]].concat()),
        ("malformed", [&[0xef, 1][..], &[1, 2, 3, 4]].concat()),
    ] {
        let mut client = Client::connect(&dc, Wire::Full).await;
        client.write(bytes).await;
        client.is_closed_politely().await;
        until(reason, || dc.stats().connections_expelled.contains_key(reason)).await;
    }
    until("all are gone", || dc.stats().connections_live == 0).await;
}

#[tokio::test]
async fn a_message_that_does_not_decrypt_costs_the_connection() {
    let (dc, echo_service) = start().await;
    let key = dc.register_key();
    let mut client = Client::connect(&dc, Wire::Intermediate).await;
    client.send_frame(&[&Dc::key_id(&key).0.to_le_bytes()[..], &[5; 80]].concat()).await;
    client.is_closed_politely().await;
    until("it is noted", || dc.stats().connections_expelled.contains_key("undecryptable")).await;
    assert_eq!(echo_service.calls(), []);
}

#[tokio::test]
async fn an_unknown_key_is_told_404() {
    let (dc, _echo) = start().await;
    for wire in [Wire::Full, Wire::Abridged, Wire::Obfuscated] {
        let mut client = Client::connect(&dc, wire).await.with_key([7; 256]);
        client.send(&echo("who am I")).await;
        assert_eq!(client.frame().await, Some((-404i32).to_le_bytes().to_vec()), "{wire:?}");
        assert_eq!(client.frame().await, None, "{wire:?}");
    }
}

#[tokio::test]
async fn a_silent_client_is_shown_out() {
    let idle_max = std::time::Duration::from_millis(50);
    let (dc, _echo) = start_with(Settings { idle_max, ..Settings::loopback() }).await;
    let mut client = Client::connect(&dc, Wire::Intermediate).await;
    assert!(client.is_closed_politely().await);
    until("it is noted", || dc.stats().connections_expelled.contains_key("overdue")).await;
}
