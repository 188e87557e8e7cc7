//! What every engine has to do: one list of sentences, each held against each engine.

mod columns;
mod document;
mod engines;

use std::time::Duration;

use futures_util::future::{LocalBoxFuture, join_all};
use serde_json::{Value, json};

use crate::{Record, Store, Table, Write};
use columns::{Column, On};
use engines::Engine;

/// What has to hold of an open store with nothing in it.
type Holds = for<'a> fn(&'a Store) -> LocalBoxFuture<'a, ()>;

/// The list, and one test for each sentence on the engine that is always there.
macro_rules! sentences {
    ($($sentence:ident),* $(,)?) => {
        const SENTENCES: &[(&str, Holds)] =
            &[$((stringify!($sentence), |store| Box::pin($sentence(store)))),*];

        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $sentence() {
                let engine = super::Engine::embedded().await;
                super::$sentence(&engine.store).await;
                engine.end().await;
            })*
        }
    };
}

sentences! {
    what_was_put_is_read,
    what_was_never_put_is_nothing,
    a_newer_put_replaces_an_older_one,
    an_older_or_equal_put_changes_nothing,
    what_was_removed_is_gone_and_an_older_put_does_not_bring_it_back,
    an_older_removal_changes_nothing,
    the_same_commit_twice_is_the_same_as_once,
    a_batch_that_is_refused_leaves_nothing_behind,
    the_same_key_in_two_tables_is_two_records,
    the_last_write_of_a_key_in_one_batch_wins,
    an_empty_batch_is_a_commit,
    a_scan_gives_the_whole_table_in_order_of_keys,
    a_table_of_several_pages_is_scanned_whole,
    a_queue_of_ten_thousand_tracks_comes_back_as_it_was,
    keys_and_values_may_hold_any_character,
    numbers_come_back_as_they_were,
    what_is_too_large_is_refused_and_the_rest_goes_on,
    a_hundred_commits_at_once_are_all_kept,
    of_a_hundred_racing_writes_of_one_key_the_greatest_revision_stays,
    the_numbers_tell_what_was_done,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_holds_on_mongodb_alone() {
    all_holds(Column::of(On::MongoDb).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_holds_on_both_and_mongodb_holds_what_the_file_holds() {
    all_holds(Column::of(On::Both).await);
}

/// Nothing is to be said where there is no MongoDB.
fn all_holds(column: Option<&Column>) {
    let broken = column.map(Column::broken).unwrap_or_default();
    assert!(broken.is_empty(), "{broken:?}");
}

async fn put(store: &Store, key: &str, revision: u64, value: Value) {
    let write = Write::put(Table::Settings, key, revision, value);
    store.commit(vec![write]).await.expect("a commit succeeds");
}

async fn value(store: &Store, table: Table, key: &str) -> Option<Value> {
    store.read(table, key).await.expect("a read succeeds").map(|record| record.value)
}

async fn what_was_put_is_read(store: &Store) {
    let music = json!({"volume": 80, "language": "ru", "queue": [1, null, true, "x"]});
    put(store, "-1001", 1, music.clone()).await;
    let expected =
        Record { table: Table::Settings, key: "-1001".into(), revision: 1, value: music };
    assert_eq!(store.read(Table::Settings, "-1001").await, Ok(Some(expected)));
}

async fn what_was_never_put_is_nothing(store: &Store) {
    assert_eq!(store.read(Table::Playback, "1").await, Ok(None));
    assert_eq!(store.revision(Table::Playback, "1").await, Ok(None));
    assert_eq!(store.scan(Table::Playback).await, Ok(Vec::new()));
}

async fn a_newer_put_replaces_an_older_one(store: &Store) {
    put(store, "1", 1, json!({"volume": 10, "old": true})).await;
    put(store, "1", 7, json!({"volume": 20})).await;
    let record = store.read(Table::Settings, "1").await.unwrap().expect("it is there");
    assert_eq!((record.revision, record.value), (7, json!({"volume": 20})));
}

async fn an_older_or_equal_put_changes_nothing(store: &Store) {
    put(store, "1", 5, json!("five")).await;
    put(store, "1", 5, json!("another five")).await;
    put(store, "1", 4, json!("four")).await;
    assert_eq!(value(store, Table::Settings, "1").await, Some(json!("five")));
}

async fn what_was_removed_is_gone_and_an_older_put_does_not_bring_it_back(store: &Store) {
    put(store, "1", 1, json!(1)).await;
    store.commit(vec![Write::remove(Table::Settings, "1", 3)]).await.unwrap();
    assert_eq!(value(store, Table::Settings, "1").await, None);
    assert_eq!(store.scan(Table::Settings).await, Ok(Vec::new()));
    assert_eq!(store.revision(Table::Settings, "1").await, Ok(Some(3)));
    put(store, "1", 2, json!(2)).await;
    assert_eq!(value(store, Table::Settings, "1").await, None, "a replay came after the removal");
    put(store, "1", 4, json!(4)).await;
    assert_eq!(value(store, Table::Settings, "1").await, Some(json!(4)));
}

async fn an_older_removal_changes_nothing(store: &Store) {
    put(store, "1", 5, json!(5)).await;
    store.commit(vec![Write::remove(Table::Settings, "1", 5)]).await.unwrap();
    store.commit(vec![Write::remove(Table::Settings, "1", 2)]).await.unwrap();
    assert_eq!(value(store, Table::Settings, "1").await, Some(json!(5)));
}

async fn the_same_commit_twice_is_the_same_as_once(store: &Store) {
    let batch = vec![
        Write::put(Table::Commands, "-100:7", 1, json!({})),
        Write::put(Table::Playback, "-100", 3, json!({"index": 1})),
        Write::remove(Table::Blocks, "9", 2),
    ];
    store.commit(batch.clone()).await.unwrap();
    put_playback(store, 4).await;
    store.commit(batch).await.unwrap();
    assert_eq!(value(store, Table::Playback, "-100").await, Some(json!({"index": 4})));
    assert_eq!(store.scan(Table::Commands).await.unwrap().len(), 1);
}

async fn put_playback(store: &Store, revision: u64) {
    let write = Write::put(Table::Playback, "-100", revision, json!({"index": revision}));
    store.commit(vec![write]).await.unwrap();
}

async fn a_batch_that_is_refused_leaves_nothing_behind(store: &Store) {
    let batch = vec![
        Write::put(Table::Settings, "good", 1, json!(1)),
        Write::put(Table::Settings, "", 1, json!("a record without a key")),
    ];
    let fault = store.commit(batch).await.expect_err("nothing has no key");
    assert_eq!(fault.class, domain::Class::Refused, "{fault}");
    assert_eq!(value(store, Table::Settings, "good").await, None);
}

async fn the_same_key_in_two_tables_is_two_records(store: &Store) {
    let batch = vec![
        Write::put(Table::Settings, "1", 1, json!("settings")),
        Write::put(Table::Playback, "1", 9, json!("playback")),
    ];
    store.commit(batch).await.unwrap();
    store.commit(vec![Write::remove(Table::Playback, "1", 10)]).await.unwrap();
    assert_eq!(value(store, Table::Settings, "1").await, Some(json!("settings")));
}

async fn the_last_write_of_a_key_in_one_batch_wins(store: &Store) {
    let batch = vec![
        Write::put(Table::Settings, "1", 1, json!(1)),
        Write::remove(Table::Settings, "1", 2),
        Write::put(Table::Settings, "1", 3, json!(3)),
    ];
    store.commit(batch).await.unwrap();
    assert_eq!(value(store, Table::Settings, "1").await, Some(json!(3)));
}

async fn an_empty_batch_is_a_commit(store: &Store) {
    assert_eq!(store.commit(Vec::new()).await, Ok(()));
}

async fn a_scan_gives_the_whole_table_in_order_of_keys(store: &Store) {
    for key in ["b", "a", "ж", "10", "9"] {
        put(store, key, 1, json!(key)).await;
    }
    let records = store.scan(Table::Settings).await.unwrap();
    let keys: Vec<&str> = records.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(keys, ["10", "9", "a", "b", "ж"]);
    assert!(records.iter().all(|record| record.value == json!(record.key)));
}

async fn a_table_of_several_pages_is_scanned_whole(store: &Store) {
    let batch: Vec<Write> =
        (0..1_300).map(|n| Write::put(Table::History, format!("{n:05}"), 1, json!(n))).collect();
    store.commit(batch).await.unwrap();
    let numbers: Vec<Value> =
        store.scan(Table::History).await.unwrap().into_iter().map(|record| record.value).collect();
    assert_eq!(numbers, (0..1_300).map(|n| json!(n)).collect::<Vec<_>>());
}

async fn a_queue_of_ten_thousand_tracks_comes_back_as_it_was(store: &Store) {
    let queue: Vec<Value> = (0..10_000)
        .map(|n| {
            let title = format!("Песня {n} — {}", "ля".repeat(40));
            json!({"id": n, "title": title, "url": format!("https://example.org/{n}.opus"),
                   "duration_ms": 180_000 + n, "requester": {"id": 7_000_000_000_u64 + n}})
        })
        .collect();
    let snapshot = json!({"schema": 1, "queue": queue, "index": 5_000});
    assert!(snapshot.to_string().len() > 2_500_000, "about 3 MB");
    put(store, "-100", 1, snapshot.clone()).await;
    assert_eq!(value(store, Table::Settings, "-100").await, Some(snapshot));
}

async fn keys_and_values_may_hold_any_character(store: &Store) {
    let strange = [
        "чат:-100",
        "日本",
        "🎵🎶",
        "a.b",
        "$set",
        "with\0nul",
        "\u{fffd}\u{feff}",
        "'; DROP TABLE records; --",
        " ",
        "\u{10ffff}",
        "a\nb\t\r",
    ];
    for key in strange {
        let value = json!({
            "text": key, key: [key, {key: 1}], "a.b": {"$gt": 1}, "": "no name", "$ref": "x", "_id": 5
        });
        put(store, key, 1, value.clone()).await;
        assert_eq!(self::value(store, Table::Settings, key).await, Some(value), "{key:?}");
    }
    let bare = [
        json!(null),
        json!(false),
        json!(""),
        json!([]),
        json!({}),
        json!("$$ROOT"),
        json!(["$x"]),
    ];
    for (n, bare) in bare.into_iter().enumerate() {
        put(store, &format!("bare {n}"), 1, bare.clone()).await;
        assert_eq!(value(store, Table::Settings, &format!("bare {n}")).await, Some(bare));
    }
    assert_eq!(store.scan(Table::Settings).await.unwrap().len(), strange.len() + 7);
}

async fn numbers_come_back_as_they_were(store: &Store) {
    let numbers = json!([
        0,
        -1,
        1.0,
        0.1,
        1e300,
        5e-324,
        i64::MIN,
        i64::MAX,
        u64::MAX,
        i32::MAX,
        2_147_483_648_u64,
        -0.0
    ]);
    put(store, "1", 1, numbers.clone()).await;
    let found = value(store, Table::Settings, "1").await.expect("it is there");
    assert_eq!(found.to_string(), numbers.to_string());
}

async fn what_is_too_large_is_refused_and_the_rest_goes_on(store: &Store) {
    let huge = json!("x".repeat(crate::VALUE_MAX_BYTES + 1));
    let writes = vec![Write::put(Table::Settings, "huge", 1, huge)];
    let (huge, small) = tokio::join!(
        store.commit(writes),
        store.commit(vec![Write::put(Table::Settings, "small", 1, json!(1))])
    );
    assert_eq!(huge.expect_err("too large").class, domain::Class::Refused);
    small.expect("its neighbour is kept");
    let long = vec![Write::put(Table::Settings, "k".repeat(5_000), 1, json!(1))];
    assert!(store.commit(long).await.is_err());
    let late = vec![Write::put(Table::Settings, "late", u64::MAX, json!(1))];
    assert!(store.commit(late).await.is_err());
}

async fn a_hundred_commits_at_once_are_all_kept(store: &Store) {
    let commits = (0..100).map(|n| {
        let batch = vec![
            Write::put(Table::Commands, format!("{n}"), 1, json!(n)),
            Write::put(Table::Playback, format!("{n}"), 1, json!({"last": n})),
        ];
        store.commit(batch)
    });
    assert!(join_all(commits).await.into_iter().all(|kept| kept == Ok(())));
    for table in [Table::Commands, Table::Playback] {
        assert_eq!(store.scan(table).await.unwrap().len(), 100);
    }
    let stats = store.stats();
    assert!(stats.group_max > 1, "those that wait go together: {stats:?}");
}

async fn of_a_hundred_racing_writes_of_one_key_the_greatest_revision_stays(store: &Store) {
    // an order of no kind: 37 has no factor in common with 101
    let commits = (1..=100_u64).map(|n| {
        let revision = n * 37 % 101;
        store.commit(vec![Write::put(Table::Settings, "1", revision, json!(revision))])
    });
    assert!(join_all(commits).await.into_iter().all(|kept| kept == Ok(())));
    assert_eq!(value(store, Table::Settings, "1").await, Some(json!(100)));
}

async fn the_numbers_tell_what_was_done(store: &Store) {
    for revision in [1, 2, 2] {
        put(store, "1", revision, json!(revision)).await;
    }
    let stats = store.stats();
    assert_eq!((stats.commits, stats.writes, stats.outdated, stats.failed), (3, 3, 1, 0));
    assert!(stats.commit_p50_us > 0 && stats.commit_p50_us <= stats.commit_p99_us, "{stats:?}");
    assert!(Duration::from_micros(stats.commit_last_us) < Duration::from_secs(10));
    assert_eq!(stats.state, crate::State::Ready);
}
