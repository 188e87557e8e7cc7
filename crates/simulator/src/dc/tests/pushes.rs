//! Who hears an update, and on which connection.

use super::*;
use crate::dc::tl::PONG;

/// Stands for an update.
const UPDATE: u32 = 0xe317_af7e;

/// Whether an update comes before the answer to a ping sent now.
async fn hears(client: &mut Client) -> bool {
    client.send(&Vec::new().put_id(0x7abe_77ec).put_i64(0)).await;
    let mut has_heard = false;
    loop {
        match constructor(&client.heard().await.unwrap().body) {
            UPDATE => has_heard = true,
            PONG => return has_heard,
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_session_of_the_user_hears_except_the_one_left_out() {
    let (dc, _service) = start().await;
    let (mut first, mut second, mut other) =
        (user(&dc, 7).await, user(&dc, 7).await, user(&dc, 8).await);
    assert_eq!(dc.push_to_user(7, id(UPDATE), None), 2);
    assert_eq!(
        (hears(&mut first).await, hears(&mut second).await, hears(&mut other).await),
        (true, true, false)
    );
    assert_eq!(dc.push_to_user(7, id(UPDATE), Some(first.session)), 1);
    assert_eq!((hears(&mut first).await, hears(&mut second).await), (false, true));
    assert_eq!(dc.push_to_key(Dc::key_id(&other.key), id(UPDATE), None), 1);
    assert!(hears(&mut other).await);
    let sessions: Vec<i64> = dc.sessions_of(7).iter().map(|caller| caller.session).collect();
    assert_eq!(sessions, [first.session, second.session]);
    assert_eq!(dc.stats().pushes, 4);
}

#[tokio::test]
async fn a_session_that_wants_no_updates_hears_none() {
    let (dc, _service) = start().await;
    let key = dc.register_key();
    dc.bind_user(Dc::key_id(&key), 7);
    let mut client = Client::connect(&dc, Wire::Intermediate).await.with_key(key);
    client.call(&Vec::new().put_id(0xbf94_59b7).put(&echo("quiet"))).await.unwrap();
    assert_eq!(dc.push_to_user(7, id(UPDATE), None), 0);
    assert!(dc.push_to_session(Dc::key_id(&key), client.session, id(UPDATE)));
    assert!(hears(&mut client).await);
    client.call(&echo("loud")).await.unwrap();
    assert_eq!(dc.push_to_user(7, id(UPDATE), None), 1);
    assert!(hears(&mut client).await);
}

#[tokio::test]
async fn updates_take_the_newest_connection_and_answers_the_one_that_asked() {
    let (dc, _service) = start().await;
    let mut old = user(&dc, 7).await;
    let mut new = old.again(&dc).await;
    assert_eq!(new.call(&echo("from the new")).await, Ok(echo("from the new")));
    assert_eq!(dc.push_to_user(7, id(UPDATE), None), 1);
    assert!(hears(&mut new).await);
    old.continue_after(&new);
    assert_eq!(old.call(&echo("from the old")).await, Ok(echo("from the old")));
    drop(new);
    until("the newest is gone", || dc.stats().connections_live == 1).await;
    assert_eq!(dc.push_to_user(7, id(UPDATE), None), 1);
    old.wait(UPDATE).await;
}

#[tokio::test]
async fn nothing_is_kept_for_the_absent() {
    let (dc, service) = start().await;
    let gone = user(&dc, 7).await;
    let mut back = gone.again(&dc).await;
    drop(gone);
    until("it is gone", || service.presence().len() == 2).await;
    assert_eq!((dc.push_to_user(7, id(UPDATE), None), dc.sessions_of(7).len()), (0, 0));
    assert!(!hears(&mut back).await);
    assert_eq!(dc.push_to_user(7, id(UPDATE), None), 1);
}

#[tokio::test]
async fn a_logged_out_key_hears_nothing() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    dc.unbind(Dc::key_id(&client.key));
    assert_eq!(dc.push_to_user(7, id(UPDATE), None), 0);
    assert!(!hears(&mut client).await);
}

#[tokio::test]
async fn a_burst_of_updates_leaves_in_containers_and_in_order() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    for n in 0..500 {
        assert_eq!(dc.push_to_user(7, id(UPDATE).put_i32(n), None), 1);
    }
    let (mut packed, mut last) = (0, 0);
    for n in 0..500 {
        let update = client.wait(UPDATE).await;
        assert_eq!(update.body, id(UPDATE).put_i32(n));
        assert!(update.id > last && update.id & 3 == 3 && update.seq & 1 == 1);
        last = update.id;
        packed += usize::from(update.is_packed);
    }
    assert!(packed > 0);
    assert!(dc.stats().unacked >= 500);
}
