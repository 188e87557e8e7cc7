//! What the referee writes down about clients.

use super::*;
use crate::dc::Rule;

#[tokio::test]
async fn connections_of_one_key_at_the_same_time_are_counted() {
    let (dc, _service) = start().await;
    let first = user(&dc, 7).await;
    let key = Dc::key_id(&first.key);
    let mut second = Client::connect(&dc, Wire::Full).await.with_key(first.key);
    second.call(&echo("two at once")).await.unwrap();
    drop(first);
    until("one is gone", || dc.stats().keys[&key].live == 1).await;
    let mut third = Client::connect(&dc, Wire::Full).await.with_key(second.key);
    third.call(&echo("and two again")).await.unwrap();
    let stats = dc.stats().keys[&key].clone();
    assert_eq!((stats.connections_opened, stats.live, stats.live_peak), (3, 2, 2));
}

#[tokio::test]
async fn a_retry_before_the_wait_is_over_is_noted() {
    let (dc, service) = start().await;
    let mut client = user(&dc, 7).await;
    dc.faults().arrange(Rule::error(ECHO, 420, "FLOOD_WAIT_300"));
    assert_eq!(client.call(&echo("a")).await, Err((420, "FLOOD_WAIT_300".to_owned())));
    client.call(&id(LARGE)).await.unwrap();
    assert_eq!(dc.stats().early_retries, []);
    client.call(&echo("b")).await.unwrap();
    let early = dc.stats().early_retries;
    assert_eq!((early.len(), early[0].method), (1, "help.getNearestDc"));
    assert!(early[0].early_by.as_secs() > 200);
    assert_eq!(service.calls().len(), 3);
}

#[tokio::test]
async fn slow_mode_binds_only_the_same_request() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    dc.faults().arrange(Rule::error(ECHO, 420, "SLOWMODE_WAIT_300"));
    client.call(&echo("a")).await.unwrap_err();
    client.call(&echo("b")).await.unwrap();
    assert_eq!(dc.stats().early_retries.len(), 0);
    client.call(&echo("a")).await.unwrap();
    assert_eq!(dc.stats().early_retries.len(), 1);
}

#[tokio::test]
async fn what_nobody_knows_is_counted_by_its_id() {
    let (dc, _service) = start().await;
    let mut client = user(&dc, 7).await;
    for method in [0x0bad_c0de, 0x52d6_806b, 0x0d91_a548] {
        let error = client.call(&id(method)).await.unwrap_err();
        assert_eq!(error, (400, format!("INPUT_METHOD_INVALID_{method}")));
    }
    let unknown: Vec<u32> = dc.stats().unknown_requests.into_keys().collect();
    assert_eq!(unknown, [0x0bad_c0de, 0x0d91_a548, 0x52d6_806b]);
    assert_eq!(dc.stats().unknown_requests[&0x0bad_c0de], 1);
}
