//! Two data centres of one world: Clara is at home in the fourth, everybody else in the second.

use std::time::Duration;

use super::*;
use crate::dc::Dc;
use crate::world::{Audio, Settings, Telegram};

const ELSEWHERE: i32 = 4;

fn population() -> Population {
    Population { homes: vec![(CLARA, ELSEWHERE)], ..Population::small() }
}

fn at(dc: i32, user: Option<i64>) -> Asker {
    Asker { dc, key: 1, session: 2, user }
}

fn export(dc_id: i32) -> tl::functions::auth::ExportAuthorization {
    tl::functions::auth::ExportAuthorization { dc_id }
}

async fn exported(town: &Town, user: i64, dc_id: i32) -> types::auth::ExportedAuthorization {
    let enums::auth::ExportedAuthorization::Authorization(exported) =
        town.ask(user, &export(dc_id)).await.unwrap();
    exported
}

/// The error that importing this at `dc` with a key of `user` ends with; empty when it is taken.
async fn import(town: &Town, dc: i32, user: Option<i64>, (id, bytes): (i64, &[u8])) -> String {
    let request = tl::functions::auth::ImportAuthorization { id, bytes: bytes.to_vec() };
    let answer = town.ask_as(at(dc, user), &request).await;
    answer.err().map(|refusal| refusal.name).unwrap_or_default()
}

fn song(town: &Town, sender: i64) -> i32 {
    let audio = Audio {
        bytes: (0..200_000_u32).map(|n| (n * 11 % 253) as u8).collect(),
        file_name: "song.mp3".to_owned(),
        mime: "audio/mpeg".to_owned(),
        title: None,
        performer: None,
        duration: Duration::from_secs(9),
    };
    town.world.send_audio(sender, jam(), audio).unwrap()
}

async fn document(town: &Town, id: i32) -> types::Document {
    let request = tl::functions::channels::GetMessages {
        channel: town.channel(BORIS, jam()),
        id: vec![types::InputMessageId { id }.into()],
    };
    let enums::messages::Messages::ChannelMessages(answer) =
        town.ask(BORIS, &request).await.unwrap()
    else {
        panic!("no channel messages")
    };
    let enums::Message::Message(message) = &answer.messages[0] else { panic!("no message") };
    let Some(enums::MessageMedia::Document(media)) = &message.media else { panic!("no document") };
    let Some(enums::Document::Document(document)) = &media.document else { panic!("empty") };
    document.clone()
}

fn get(document: &types::Document) -> tl::functions::upload::GetFile {
    let location = types::InputDocumentFileLocation {
        id: document.id,
        access_hash: document.access_hash,
        file_reference: document.file_reference.clone(),
        thumb_size: String::new(),
    };
    tl::functions::upload::GetFile {
        precise: false,
        cdn_supported: false,
        location: location.into(),
        offset: 0,
        limit: 256 * 1024,
    }
}

#[tokio::test]
async fn a_file_is_where_its_sender_is_at_home_and_nowhere_else() {
    let town = town_of(&population());
    let (here, there) = (document(&town, song(&town, BORIS)).await, song(&town, CLARA));
    let there = document(&town, there).await;
    assert_eq!((here.dc_id, there.dc_id), (DC, ELSEWHERE));
    let asked = |dc, document| {
        let (town, request) = (&town, get(document));
        async move { town.ask_as(at(dc, Some(BORIS)), &request).await }
    };
    let refused = asked(DC, &there).await.unwrap_err();
    assert_eq!((refused.code, refused.name.as_str()), (303, "FILE_MIGRATE_4"));
    let refused = asked(ELSEWHERE, &here).await.unwrap_err();
    assert_eq!((refused.code, refused.name.as_str()), (303, "FILE_MIGRATE_2"));
    for (dc, document) in [(DC, &here), (ELSEWHERE, &there)] {
        let enums::upload::File::File(file) = asked(dc, document).await.unwrap() else {
            panic!("no file")
        };
        assert_eq!(file.bytes.len(), 200_000);
    }
    let refused = town.ask_as(at(ELSEWHERE, None), &get(&there)).await.unwrap_err();
    assert_eq!((refused.code, refused.name.as_str()), (401, "AUTH_KEY_UNREGISTERED"));
}

#[tokio::test]
async fn a_login_from_elsewhere_reads_files_and_nothing_more() {
    let town = town_of(&population());
    let me = tl::functions::users::GetUsers { id: vec![enums::InputUser::UserSelf] };
    let refused = town.ask_as(at(ELSEWHERE, Some(BORIS)), &me).await.unwrap_err();
    assert_eq!((refused.code, refused.name.as_str()), (303, "USER_MIGRATE_2"));
    let refused = town.ask_as(at(ELSEWHERE, Some(BORIS)), &export(5)).await.unwrap_err();
    assert_eq!(refused.name, "USER_MIGRATE_2");
    assert!(town.ask_as(at(ELSEWHERE, Some(CLARA)), &me).await.is_ok());
}

#[tokio::test]
async fn an_exported_login_is_good_once_in_one_place_for_one_user_and_a_minute() {
    let town = town_of(&population());
    let good = exported(&town, BORIS, ELSEWHERE).await;
    assert_eq!(good.id, BORIS);
    assert_eq!(import(&town, ELSEWHERE, None, (BORIS, &good.bytes)).await, "");
    assert_eq!(*lock(&town.notebook.guests), [(ELSEWHERE, 1, BORIS)]);
    let invalid = "AUTH_BYTES_INVALID";
    assert_eq!(import(&town, ELSEWHERE, None, (BORIS, &good.bytes)).await, invalid, "twice");
    let good = exported(&town, BORIS, ELSEWHERE).await;
    assert_eq!(import(&town, DC, None, (BORIS, &good.bytes)).await, invalid, "the wrong place");
    let good = exported(&town, BORIS, ELSEWHERE).await;
    assert_eq!(import(&town, ELSEWHERE, None, (ADA, &good.bytes)).await, invalid, "another user");
    assert_eq!(import(&town, ELSEWHERE, None, (9, &good.bytes)).await, "USER_ID_INVALID");
    let good = exported(&town, BORIS, ELSEWHERE).await;
    let taken = import(&town, ELSEWHERE, Some(ADA), (BORIS, &good.bytes)).await;
    assert_eq!(taken, invalid, "the key speaks for somebody else");
    let good = exported(&town, BORIS, ELSEWHERE).await;
    assert_eq!(import(&town, ELSEWHERE, Some(BORIS), (BORIS, &good.bytes)).await, "");
    let old = exported(&town, BORIS, ELSEWHERE).await;
    town.clock.fetch_add(61, Ordering::SeqCst);
    assert_eq!(import(&town, ELSEWHERE, None, (BORIS, &old.bytes)).await, invalid, "too late");
    assert_eq!(import(&town, ELSEWHERE, None, (BORIS, b"made up")).await, invalid);
    assert_eq!(lock(&town.notebook.guests).len(), 2);
}

#[tokio::test]
async fn a_login_is_exported_to_other_data_centres_that_exist() {
    let town = town_of(&population());
    for (user, dc) in [(BORIS, DC), (BORIS, 5), (BORIS, 0)] {
        assert_eq!(town.refused(user, &export(dc)).await, "DC_ID_INVALID", "{user} to {dc}");
    }
    let own = town.ask_as(at(ELSEWHERE, Some(CLARA)), &export(ELSEWHERE)).await.unwrap_err();
    assert_eq!(own.name, "DC_ID_INVALID");
    assert!(town.ask_as(at(ELSEWHERE, Some(CLARA)), &export(DC)).await.is_ok());
}

#[tokio::test]
async fn an_account_is_opened_at_home_only() {
    let town = town_of(&Population {
        homes: vec![(CLARA, ELSEWHERE), (BOT, ELSEWHERE)],
        ..Population::small()
    });
    let code = login::send_code("+9996623333");
    let refused = town.ask_as(at(DC, None), &code).await.unwrap_err();
    assert_eq!((refused.code, refused.name.as_str()), (303, "PHONE_MIGRATE_4"));
    let boris = login::send_code("+9996622222");
    let refused = town.ask_as(at(ELSEWHERE, None), &boris).await.unwrap_err();
    assert_eq!(refused.name, "PHONE_MIGRATE_2");
    let enums::auth::SentCode::Code(sent) = town.ask_as(at(ELSEWHERE, None), &code).await.unwrap()
    else {
        panic!("no code")
    };
    let sign_in = login::sign_in("+9996623333", &sent.phone_code_hash, "12345");
    let refused = town.ask_as(at(DC, None), &sign_in).await.unwrap_err();
    assert_eq!(refused.name, "PHONE_MIGRATE_4");
    assert!(town.ask_as(at(ELSEWHERE, None), &sign_in).await.is_ok());
    let import = tl::functions::auth::ImportBotAuthorization {
        flags: 0,
        api_id: 1,
        api_hash: String::new(),
        bot_auth_token: Population::small().bots[0].token.clone(),
    };
    let refused = town.ask_as(at(DC, None), &import).await.unwrap_err();
    assert_eq!((refused.code, refused.name.as_str()), (303, "USER_MIGRATE_4"));
    assert!(town.ask_as(at(ELSEWHERE, None), &import).await.is_ok());
    assert_eq!(*lock(&town.notebook.guests), [(ELSEWHERE, 1, CLARA), (ELSEWHERE, 1, BOT)]);
}

#[tokio::test]
async fn every_data_centre_says_who_it_is_and_where_the_others_are() {
    let town = town_of(&population());
    for dc in [DC, ELSEWHERE] {
        let enums::Config::Config(config) =
            town.ask_as(at(dc, None), &tl::functions::help::GetConfig {}).await.unwrap();
        assert_eq!(config.this_dc, dc);
        let listed = |enums::DcOption::Option(option): &enums::DcOption| {
            (option.id, option.ip_address.clone(), option.port)
        };
        let listed: Vec<_> = config.dc_options.iter().map(listed).collect();
        let here = "127.0.0.1".to_owned();
        assert_eq!(listed, [(DC, here.clone(), 4_430), (ELSEWHERE, here, 4_440)]);
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_data_centre_and_pushes_reach_people_at_home() {
    let population = population();
    let telegram = Telegram::start(Settings { population, ..Settings::loopback() }).await.unwrap();
    let key = |user| Dc::key_id(&telegram.account_session(user));
    let (here, there) = (telegram.dc(), telegram.dc_at(ELSEWHERE).unwrap());
    assert_eq!((here.user_of(key(CLARA)), there.user_of(key(CLARA))), (None, Some(CLARA)));
    assert_eq!((here.user_of(key(BORIS)), there.user_of(key(BORIS))), (Some(BORIS), None));
    assert_eq!(telegram.ready_line()["further"][0]["dc"], ELSEWHERE);
    assert_eq!(telegram.ready_line()["further"][0]["port"], there.address().port());
    telegram.world().revoke_sessions(CLARA);
    assert_eq!(there.user_of(key(CLARA)), None);
    telegram.stop().await;
    let homes = vec![(12, 4)];
    let nobody = Settings {
        population: Population { homes, ..Population::small() },
        ..Settings::loopback()
    };
    assert!(Telegram::start(nobody).await.is_err(), "nobody has that number");
}
