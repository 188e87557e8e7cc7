//! Bad days of a MongoDB that serves alone.

use std::time::Duration;

use domain::{Class, Fault};
use mongodb::bson::{Document, doc};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::secantus::Secantus;
use crate::{Address, Settings, State, Store, Table, Write, open};

struct Life {
    store: Store,
    driver: JoinSet<Result<(), Fault>>,
}

// === impl Life ===

impl Life {
    async fn begin(address: Address) -> Result<Life, Fault> {
        let settings = Settings::mongo(address, None).patient();
        let (store, running) = open(settings).await?;
        let mut driver = JoinSet::new();
        driver.spawn(running.run());
        Ok(Life { store, driver })
    }

    async fn refused(address: Address) -> Fault {
        Life::begin(address).await.err().expect("it does not open")
    }

    async fn put(&self, revision: u64) -> Result<(), Fault> {
        let batch = vec![
            Write::put(Table::Playback, "1", revision, json!({"revision": revision})),
            Write::put(Table::Commands, format!("1:{revision}"), 1, json!({})),
        ];
        self.store.commit(batch).await
    }

    async fn end(mut self) {
        self.store.close().await;
        self.driver.join_next().await.expect("it ran").expect("no panic").expect("a clean end");
    }
}

#[tokio::test]
async fn a_wrong_password_is_for_the_operator_and_is_not_shown() {
    let Some(mut server) = Secantus::start(&["--sync-on-commit"]).await else { return };
    let admin = server.client().await.database("admin");
    let create = doc! { "createUser": "dj", "pwd": "right", "roles": ["root"] };
    admin.run_command(create).await.expect("anybody may, as long as nobody has to sign in");
    server.begin_with(&["--sync-on-commit", "--auth"]).await;
    let address = |password: &str| {
        let port = server.port();
        let uri = format!(
            "mongodb://dj:{password}@127.0.0.1:{port}/?directConnection=true&authSource=admin"
        );
        Address::new(&uri, "music", Duration::from_secs(240)).unwrap()
    };
    let fault = Life::refused(address("hunter2")).await;
    assert_eq!(fault.class, Class::Fatal, "{fault}");
    assert!(fault.detail.contains("MONGODB_URI") && !fault.detail.contains("hunter2"), "{fault}");
    let life = Life::begin(address("right")).await.expect("the right one opens");
    life.put(1).await.unwrap();
    life.end().await;
}

#[tokio::test]
async fn nobody_there_is_not_for_the_operator() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let uri = format!("mongodb://dj:hunter2@127.0.0.1:{port}/");
    let address = Address::new(&uri, "music", Duration::from_millis(300)).unwrap();
    let fault = Life::refused(address).await;
    assert_eq!(fault.class, Class::Transient, "{fault}");
    assert!(!fault.detail.contains("hunter2"), "{fault}");
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_in_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut clients = JoinSet::new();
        loop {
            let (mut client, _) = listener.accept().await.expect("somebody connects");
            clients.spawn(async move { while greet_as_3_6(&mut client).await.is_ok() {} });
        }
    });
    let uri = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
    let fault = Life::refused(Address::new(&uri, "music", Duration::from_secs(60)).unwrap()).await;
    assert_eq!(fault.class, Class::Fatal, "{fault}");
    assert!(fault.detail.contains("too old"), "{fault}");
}

/// Answers a greeting as a server of version 3.6 would (MongoDB's wire protocol: a header of four 32-bit numbers, then
/// OP_REPLY with a document, or OP_MSG with flags and one section).
async fn greet_as_3_6(client: &mut tokio::net::TcpStream) -> std::io::Result<()> {
    let length = client.read_i32_le().await?;
    let request = client.read_i32_le().await?;
    let _answers = client.read_i32_le().await?;
    let operation = client.read_i32_le().await?;
    let mut body = vec![0; length as usize - 16];
    client.read_exact(&mut body).await?;
    let hello = doc! {
        "ok": 1, "ismaster": true, "isWritablePrimary": true, "helloOk": true, "maxBsonObjectSize": 16_777_216,
        "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000, "minWireVersion": 0, "maxWireVersion": 6
    };
    let hello = hello.to_vec().expect("it is a document");
    const OP_MSG: i32 = 2013;
    const OP_REPLY: i32 = 1;
    let (operation, prefix) = if operation == OP_MSG {
        (OP_MSG, vec![0; 5])
    } else {
        (OP_REPLY, [[0; 16].as_slice(), &[1, 0, 0, 0]].concat())
    };
    let mut reply = Vec::new();
    for number in [(16 + prefix.len() + hello.len()) as i32, 1, request, operation] {
        reply.extend(number.to_le_bytes());
    }
    reply.extend(prefix);
    reply.extend(hello);
    client.write_all(&reply).await
}

#[tokio::test]
async fn a_newer_layout_is_refused_in_words() {
    let Some(server) = Secantus::start(&[]).await else { return };
    let schema = server.client().await.database("music").collection::<Document>("armedmusic");
    schema.insert_one(doc! { "_id": "schema", "version": 99 }).await.unwrap();
    let fault = Life::refused(server.address("music")).await;
    assert_eq!(fault.class, Class::Fatal);
    assert!(fault.detail.contains("newer version"), "{fault}");
}

#[tokio::test]
async fn collections_have_indexes_that_forget_what_is_old() {
    let Some(server) = Secantus::start(&[]).await else { return };
    Life::begin(server.address("music")).await.unwrap().end().await;
    Life::begin(server.address("music")).await.expect("a second time too").end().await;
    let commands = server.client().await.database("music").collection::<Document>("commands");
    let mut names = commands.list_index_names().await.unwrap();
    names.sort();
    assert_eq!(names, ["_id_", "kept", "removed"]);
}

#[tokio::test]
async fn without_mongodb_a_commit_is_told_so_and_the_next_one_works_when_it_is_back() {
    let Some(mut server) = Secantus::start(&["--sync-on-commit"]).await else { return };
    let life = Life::begin(server.hasty("music", Duration::from_secs(2))).await.unwrap();
    life.put(1).await.unwrap();
    server.kill();
    let fault = life.put(2).await.expect_err("nobody keeps it");
    assert_eq!(fault.class, Class::Transient, "{fault}");
    assert!(matches!(life.store.stats().state, State::Degraded(_)));
    server.begin().await;
    let mut tries = 0;
    while let Err(fault) = life.put(3).await {
        tries += 1;
        assert!(tries < 20 && fault.is_retryable(), "{fault}");
    }
    assert_eq!(life.store.stats().state, State::Ready);
    let record = life.store.read(Table::Playback, "1").await.unwrap().expect("it is there");
    assert_eq!(record.value, json!({"revision": 3}));
    life.end().await;
}

async fn goes_wrong_twice(data: Document) {
    let Some(server) = Secantus::start(&["--enable-test-commands"]).await else { return };
    let life = Life::begin(server.address("music")).await.unwrap();
    server.fail(doc! { "times": 2 }.into(), &["update", "commitTransaction"], data).await;
    life.put(1).await.expect("it is tried again");
    server.mend().await;
    assert_eq!(life.store.scan(Table::Commands).await.unwrap().len(), 1);
    life.end().await;
}

#[tokio::test]
async fn a_commit_survives_a_change_of_the_primary() {
    goes_wrong_twice(doc! { "errorCode": 10_107 }).await;
}

#[tokio::test]
async fn a_commit_survives_closed_connections() {
    goes_wrong_twice(doc! { "closeConnection": true }).await;
}

#[tokio::test]
async fn a_commit_survives_a_slow_server() {
    goes_wrong_twice(doc! { "blockConnection": true, "blockTimeMS": 2_000 }).await;
}

#[tokio::test]
async fn a_document_of_somebody_else_is_passed_over() {
    let Some(server) = Secantus::start(&[]).await else { return };
    let life = Life::begin(server.address("music")).await.unwrap();
    life.put(1).await.unwrap();
    let playback = server.client().await.database("music").collection::<Document>("playback");
    playback.insert_one(doc! { "_id": "0", "hello": "world" }).await.unwrap();
    playback.insert_one(doc! { "_id": 5, "hello": "world" }).await.unwrap();
    assert_eq!(life.store.scan(Table::Playback).await.unwrap().len(), 1);
    assert_eq!(life.store.stats().quarantined, 1);
    life.store.commit(vec![Write::put(Table::Playback, "0", 1, json!(1))]).await.unwrap();
    assert_eq!(life.store.scan(Table::Playback).await.unwrap().len(), 2);
    life.end().await;
}
