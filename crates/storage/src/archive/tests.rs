//! Archives and the Python bot's documents.

use domain::Fault;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::secantus::Secantus;
use crate::{Settings, open, schema};

async fn store() -> (Store, JoinSet<Result<(), Fault>>, TempDir) {
    let directory = TempDir::new().expect("there is room for a directory");
    let (store, running) = open(Settings::embedded(directory.path()).patient()).await.unwrap();
    let mut driver = JoinSet::new();
    driver.spawn(running.run());
    (store, driver, directory)
}

async fn archive() -> Vec<u8> {
    let (store, _driver, _directory) = store().await;
    let batch = vec![
        Write::put(Table::Settings, "-100", 3, json!({"language": "ru"})),
        Write::put(Table::Settings, "-200", 1, json!(null)),
        Write::put(Table::Playback, "чат", 9, json!({"queue": ["\u{2028}\n\"", 1.0]})),
        Write::remove(Table::Blocks, "5", 2),
    ];
    store.commit(batch).await.unwrap();
    let mut out = Vec::new();
    let counts = export(&store, "armedmusic 0.1.0", &mut out).await.unwrap();
    assert_eq!((counts["settings"], counts["playback"], counts["blocks"]), (2, 1, 1));
    out
}

async fn rows(store: &Store) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in Table::ALL {
        rows.extend(store.rows(table).await.unwrap());
    }
    rows
}

#[tokio::test]
async fn what_is_exported_is_imported_as_it_was_and_twice_is_once() {
    let bytes = archive().await;
    let (store, _driver, _directory) = store().await;
    for _ in 0..2 {
        read(&mut bytes.as_slice()).unwrap().import(&store).await.unwrap();
        let mut again = Vec::new();
        export(&store, "armedmusic 0.1.0", &mut again).await.unwrap();
        let lines = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.lines().skip(1).take(4).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(lines(&again), lines(&bytes));
    }
}

#[tokio::test]
async fn an_import_leaves_alone_what_is_newer() {
    let bytes = archive().await;
    let (store, _driver, _directory) = store().await;
    let newer = vec![
        Write::put(Table::Settings, "-100", 4, json!("newer")),
        Write::put(Table::Blocks, "5", 3, json!("blocked again")),
    ];
    store.commit(newer).await.unwrap();
    read(&mut bytes.as_slice()).unwrap().import(&store).await.unwrap();
    let record = store.read(Table::Settings, "-100").await.unwrap().unwrap();
    assert_eq!(record.value, json!("newer"));
    assert!(store.read(Table::Blocks, "5").await.unwrap().is_some());
    assert!(store.read(Table::Playback, "чат").await.unwrap().is_some());
}

#[tokio::test]
async fn an_archive_that_was_cut_off_or_changed_anywhere_is_refused() {
    let bytes = archive().await;
    assert!(read(&mut bytes.as_slice()).is_ok());
    for length in 0..bytes.len() - 1 {
        assert!(read(&mut &bytes[..length]).is_err(), "cut off at {length}");
    }
    for at in 0..bytes.len() - 1 {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(read(&mut changed.as_slice()).is_err(), "changed at {at}");
    }
    let text = String::from_utf8(bytes).unwrap();
    let without_second: Vec<&str> =
        text.lines().enumerate().filter(|(n, _)| *n != 1).map(|(_, line)| line).collect();
    assert!(read(&mut without_second.join("\n").as_bytes()).is_err());
}

#[tokio::test]
async fn a_newer_format_is_refused_with_its_maker() {
    let text = String::from_utf8(archive().await).unwrap();
    let newer = text.replacen("\"version\":1", "\"version\":2", 1);
    let fault = read(&mut newer.as_bytes()).expect_err("it is newer");
    assert!(fault.detail.contains("newer format 2") && fault.detail.contains("armedmusic 0.1.0"));
}

const PYTHON: &[(&str, &str)] = &[
    ("chats", r#"{"_id":{"$oid":"64b0000000000000000000aa"},"chat_id":{"$numberLong":"-1001"}}"#),
    ("language", r#"{"chat_id":-1001,"lang":"ru"}"#),
    ("adminauth", r#"{"chat_id":-1002}"#),
    ("playmode", r#"{"chat_id":-1001,"mode":"Inline"}"#),
    ("playtypedb", r#"{"chat_id":-1001,"mode":"Admin"}"#),
    ("cplaymode", r#"{"chat_id":-1001,"mode":{"$numberLong":"-1009"}}"#),
    ("skipmode", r#"{"chat_id":-1002}"#),
    ("upcount", r#"{"chat_id":-1001,"mode":5}"#),
    ("upcount", r#"{"chat_id":-1002,"mode":5}"#),
    ("assistants", r#"{"chat_id":-1001,"assistant":2}"#),
    (
        "authuser",
        r#"{"chat_id":-1001,"notes":{"aBc":{"auth_user_id":7,"auth_name":"Оля","admin_id":8,"admin_name":"Аня"}}}"#,
    ),
    ("blacklistChat", r#"{"chat_id":-1003}"#),
    ("blockedusers", r#"{"user_id":11}"#),
    ("gban", r#"{"user_id":11}"#),
    ("gban", r#"{"user_id":12.0,"reason":"spam"}"#),
    ("sudoers", r#"{"sudo":"sudo","sudoers":[5,{"$numberInt":"6"}]}"#),
    ("tgusersdb", r#"{"user_id":7}"#),
    ("onoffper", r#"{"on_off":1}"#),
    ("autoend", r#"{"chat_id":1234}"#),
    ("language", r#"{"lang":"en"}"#),
    ("strangers", "[]"),
];

#[tokio::test]
async fn what_the_python_bot_kept_is_taken_and_the_rest_is_told() {
    let mut python = Python::default();
    for (collection, text) in PYTHON {
        python.take(collection, serde_json::from_str(text).unwrap());
    }
    let (store, _driver, _directory) = store().await;
    let converted = python.import(&store).await.unwrap();

    let settings = |key: &str| store.read(Table::Settings, key.to_owned().leak());
    let first: schema::ChatSettings =
        schema::read(settings("-1001").await.unwrap().unwrap().value).unwrap();
    let expected = schema::ChatSettings {
        language: Some("ru".into()),
        players: Some(schema::Players::Admins),
        play_mode: Some(schema::PlayMode::Choice),
        channel: Some(-1009),
        skip_votes: Some(5),
        ..schema::ChatSettings::default()
    };
    assert_eq!(first, expected);
    let second = settings("-1002").await.unwrap().unwrap().value;
    assert_eq!(second, json!({"schema": 1, "controls": "everyone", "skip_votes": 0}));
    let value = async |table, key| store.read(table, key).await.unwrap().map(|record| record.value);
    assert_eq!(
        value(Table::Authorised, "-1001").await,
        Some(json!({"schema": 1, "people": [{"user": 7, "name": "Оля", "by": 8}]}))
    );
    assert_eq!(
        value(Table::Assignments, "-1001").await,
        Some(json!({"schema": 1, "assistant": 2}))
    );
    let subject = async |key| value(Table::Blocks, key).await.unwrap()["subject"].clone();
    assert_eq!(subject("-1003").await, "chat");
    assert_eq!(subject("11").await, "user_everywhere");
    assert_eq!(subject("12").await, "user_everywhere");
    assert!(value(Table::Sudo, "5").await.is_some() && value(Table::Sudo, "6").await.is_some());
    assert!(value(Table::Statistics, "user:7").await.is_some());

    let left = [("autoend", 1), ("language", 1), ("onoffper", 1), ("strangers", 1)];
    assert_eq!(converted.left, left.map(|(name, n)| (name.to_owned(), n)).into());
    assert_eq!(converted.unknown, [("gban.reason".to_owned(), 1)].into());
    assert_eq!(converted.taken["upcount"], 2);
    assert_eq!(converted.records["settings"], 2);
}

#[tokio::test]
async fn importing_from_the_python_bot_replaces_nothing_and_twice_is_once() {
    let (store, _driver, _directory) = store().await;
    let own = Write::put(Table::Settings, "-1001", 1, json!({"schema": 1, "language": "en"}));
    store.commit(vec![own]).await.unwrap();
    let mut before: Option<Vec<Row>> = None;
    for _ in 0..2 {
        let mut python = Python::default();
        for (collection, text) in PYTHON {
            python.take(collection, serde_json::from_str::<Value>(text).unwrap());
        }
        python.import(&store).await.unwrap();
        let now = rows(&store).await;
        assert_eq!(before.get_or_insert_with(|| now.clone()), &now);
    }
    let record = store.read(Table::Settings, "-1001").await.unwrap().unwrap();
    assert_eq!(record.value["language"], "en");
}

#[tokio::test]
async fn the_python_bots_database_is_read_where_it_is() {
    let Some(server) = Secantus::start(&[]).await else { return };
    let theirs = server.client().await.database("armedmusic");
    for (collection, text) in PYTHON.iter().filter(|(_, text)| *text != "[]") {
        let document: mongodb::bson::Document = serde_json::from_str(text).unwrap();
        theirs.collection(collection).insert_one(document).await.unwrap();
    }
    let mut python = Python::default();
    python.take_from(&server.address("armedmusic")).await.unwrap();
    let (store, _driver, _directory) = store().await;
    let converted = python.import(&store).await.unwrap();
    assert_eq!(converted.taken.values().sum::<u64>(), 17);
    assert_eq!(converted.left.values().sum::<u64>(), 3);
    let record = store.read(Table::Settings, "-1001").await.unwrap().unwrap();
    assert_eq!(record.value["channel"], -1009);
    assert_eq!(record.value["language"], "ru");
}

#[tokio::test]
async fn numbers_that_are_no_ids_make_nobody_an_operator() {
    let mut python = Python::default();
    let people = json!([5001, "5002", {"$numberLong": "5003"}, 0, -7, 1e300, null, 1.5]);
    python.take("sudoers", json!({"sudo": "sudo", "sudoers": people}));
    // as a number comes that was typed into MongoDB's shell
    python.take(
        "language",
        json!({"chat_id": {"$numberDouble": "-1.00123456789E+12"}, "lang": "ru"}),
    );
    python.take("language", json!({"chat_id": {"$numberDouble": "NaN"}, "lang": "ru"}));
    python.take("language", json!({"chat_id": 1e300, "lang": "ru"}));
    let (store, _driver, _directory) = store().await;
    python.import(&store).await.unwrap();
    let keys = async |table| {
        let rows = store.scan(table).await.unwrap();
        rows.into_iter().map(|row| row.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(Table::Sudo).await, ["5001", "5002", "5003"]);
    assert_eq!(keys(Table::Settings).await, ["-1001234567890"]);
}
