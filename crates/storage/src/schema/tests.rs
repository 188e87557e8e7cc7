//! What was written once is read for ever. Each text below was written by version 1 of its shape and is not changed.

use domain::permission::Controls;
use serde_json::{Value, json};

use super::*;

fn is_read<S: Schema + PartialEq + std::fmt::Debug>(text: &str, expected: S) {
    let value: Value = serde_json::from_str(text).expect("a fixture is JSON");
    assert_eq!(read::<S>(value.clone()), Ok(expected), "{text}");
    let again: S = read(value).expect("it is read");
    assert_eq!(read::<S>(write(&again)), Ok(again), "{text}");
}

#[test]
fn every_shape_of_version_1_is_read() {
    let track = SavedTrack {
        title: "Ночь".into(),
        artist: Some("Кино".into()),
        duration_ms: Some(180_000),
        source: "jamendo".into(),
        key: "17".into(),
        link: None,
    };
    is_read(
        r#"{"schema":1,"language":"ru","controls":"everyone","players":"admins","volume":80,"play_mode":"choice","channel":-1007,"skip_votes":3}"#,
        ChatSettings {
            language: Some("ru".into()),
            controls: Some(Controls::Everyone),
            players: Some(Players::Admins),
            volume: Some(80),
            play_mode: Some(PlayMode::Choice),
            channel: Some(-1007),
            skip_votes: Some(3),
        },
    );
    is_read(r#"{"schema":1}"#, ChatSettings::default());
    is_read(
        r#"{"schema":1,"people":[{"user":5,"name":"Оля","by":7}]}"#,
        Authorised { people: vec![Person { user: 5, name: "Оля".into(), by: Some(7) }] },
    );
    is_read(r#"{"schema":1,"since":1700000000}"#, Sudo { since: 1_700_000_000 });
    is_read(
        r#"{"schema":1,"subject":"user_everywhere","why":"spam","since":0}"#,
        Block { subject: Subject::UserEverywhere, why: Some("spam".into()), since: 0 },
    );
    let saved =
        r#"{"title":"Ночь","artist":"Кино","duration_ms":180000,"source":"jamendo","key":"17"}"#;
    is_read(
        &format!(r#"{{"schema":1,"name":"Road","owner":5,"tracks":[{saved}]}}"#),
        Playlist { name: "Road".into(), owner: 5, tracks: vec![track.clone()] },
    );
    is_read(
        &format!(r#"{{"schema":1,"tracks":[{saved}]}}"#),
        Favourites { tracks: vec![track.clone()] },
    );
    is_read(
        &format!(
            r#"{{"schema":1,"chat":-100,"track":{saved},"requester":5,"at":9,"heard_ms":1000}}"#
        ),
        Played { chat: -100, track, requester: Some(5), at: 9, heard_ms: 1_000 },
    );
    is_read(
        r#"{"schema":1,"plays":3,"heard_ms":4,"first_at":1,"last_at":2,"counts":{"skips":1}}"#,
        Statistic {
            plays: 3,
            heard_ms: 4,
            first_at: 1,
            last_at: 2,
            counts: [("skips".to_owned(), 1)].into(),
        },
    );
    is_read(r#"{"schema":1,"assistant":2}"#, Assignment { assistant: 2 });
}

#[test]
fn a_newer_shape_is_refused_and_not_guessed_at() {
    let newer = json!({"schema": 2, "assistant": 1});
    let fault = read::<Assignment>(newer).expect_err("it is newer");
    assert!(fault.detail.contains("newer shape 2"), "{fault}");
}

#[test]
fn what_is_not_of_the_shape_is_refused_with_its_table() {
    let fault = read::<Assignment>(json!({"assistant": "second"})).expect_err("a number is asked");
    assert!(fault.detail.contains("assignments"), "{fault}");
}
