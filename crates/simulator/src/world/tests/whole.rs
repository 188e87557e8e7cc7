use std::time::Duration;

use super::*;
use crate::world::{Settings, Telegram};

async fn full_channel(telegram: &Telegram, user: i64) -> types::ChannelFull {
    let world = telegram.world();
    let channel =
        types::InputChannel { channel_id: 1_500, access_hash: world.access_hash(user, jam()) };
    let request = tl::functions::channels::GetFullChannel { channel: channel.into() };
    let asker = Asker { dc: 2, key: 1, session: 1, user: Some(user) };
    let bytes = world.answer(asker, &request.to_bytes()).await.unwrap();
    let enums::messages::ChatFull::Full(full) =
        enums::messages::ChatFull::from_bytes(&bytes).unwrap();
    match full.full_chat {
        enums::ChatFull::ChannelFull(full) => full,
        other => panic!("not a channel: {other:?}"),
    }
}

#[tokio::test]
async fn the_ready_line_tells_clients_all_they_need() {
    let telegram = Telegram::start(Settings::loopback()).await.unwrap();
    let line = telegram.ready_line();
    assert_eq!((line["event"].as_str(), line["host"].as_str()), (Some("ready"), Some("127.0.0.1")));
    assert_eq!(line["port"].as_u64(), Some(u64::from(telegram.address().port())));
    assert_eq!((line["dc"].as_i64(), line["layer"].as_i64()), (Some(2), Some(230)));
    assert!(line["rsa"]["pem"].as_str().unwrap().starts_with("-----BEGIN RSA PUBLIC KEY-----"));
    assert!(line["rsa"]["fingerprint"].as_str().unwrap().parse::<i64>().is_ok());
    let users = line["users"].as_array().unwrap();
    assert!(users.len() >= 4);
    assert!(users.iter().all(|user| user["phone"].as_str().unwrap().starts_with("+999662")));
    assert_eq!(
        (users[0]["admin"].as_bool(), users[1]["admin"].as_bool()),
        (Some(true), Some(false))
    );
    assert!(users.iter().all(|user| user["username"].is_string()));
    for chat in line["chats"].as_array().unwrap() {
        assert!(chat["channel_id"].as_i64() > Some(0) && chat["access_hash"].is_string(), "{chat}");
    }
    let chat = &line["chats"][0];
    assert_eq!(
        (chat["kind"].as_str(), chat["voice_chat"].as_bool()),
        (Some("supergroup"), Some(true))
    );
    let hash: i64 = chat["access_hash"].as_str().unwrap().parse().unwrap();
    for user in users {
        assert_eq!(telegram.world().access_hash(user["id"].as_i64().unwrap(), jam()), hash);
    }
    // A session string is "1", then dc, IPv4 address, port and key.
    assert_eq!(line["assistants"][0]["session"].as_str().unwrap().len(), 1 + 352);
    telegram.stop().await;
}

#[tokio::test]
async fn a_chat_shows_its_voice_chat_until_it_ends() {
    let telegram = Telegram::start(Settings::loopback()).await.unwrap();
    let (id, access_hash) = telegram.calls().call_of(jam()).unwrap();
    let shown = full_channel(&telegram, BORIS).await.call;
    assert_eq!(shown, Some(types::InputGroupCall { id, access_hash }.into()));
    let service = telegram.world().messages(jam()).pop().and_then(|shown| shown.service);
    assert_eq!(service.as_deref(), Some("messageActionGroupCall"));
    telegram.calls().discard(jam());
    assert_eq!(full_channel(&telegram, BORIS).await.call, None);
    telegram.stop().await;
}

#[tokio::test]
async fn an_onlooker_can_wait_for_what_comes_later() {
    let town = town();
    let speaker = async {
        tokio::task::yield_now().await;
        town.world.say(BORIS, jam(), "at last").unwrap();
    };
    let wait = town
        .world
        .wait_for_message(jam(), Duration::from_secs(20), |shown| shown.text == "at last");
    let (found, ()) = tokio::join!(wait, speaker);
    assert_eq!(found.unwrap().from, Some(BORIS));
}

#[tokio::test]
async fn a_terminated_session_speaks_for_nobody() {
    let telegram = Telegram::start(Settings::loopback()).await.unwrap();
    let key = crate::dc::Dc::key_id(&telegram.account_session(BOT));
    assert_eq!(telegram.account_session(BOT), telegram.account_session(BOT));
    assert_eq!(telegram.dc().user_of(key), Some(BOT));
    telegram.world().revoke_sessions(BOT);
    assert_eq!(telegram.dc().user_of(key), None);
    telegram.stop().await;
}
