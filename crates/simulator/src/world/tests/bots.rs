use std::time::Duration;

use super::*;
use crate::world::{Event, kitchen};

const PATIENCE: Duration = Duration::from_secs(20);

fn keyboard(data: &[u8]) -> enums::ReplyMarkup {
    let kind =
        types::InlineButtonTypeCallback { requires_password: false, data: data.to_vec() }.into();
    let button = types::KeyboardInlineButton { style: None, text: "Skip".to_owned(), r#type: kind };
    let row = types::KeyboardInlineButtonRow { buttons: vec![button.into()] };
    types::ReplyInlineMarkup { force_reply: false, rows: vec![row.into()] }.into()
}

async fn offer(town: &Town, chat: i64) {
    let mut request = town.text(BOT, chat, "now playing");
    request.reply_markup = Some(keyboard(b"skip:7"));
    town.ask(BOT, &request).await.unwrap();
}

#[tokio::test]
async fn a_press_reaches_the_bot_and_its_answer_the_presser() {
    let town = town();
    for chat in [jam(), kitchen()] {
        offer(&town, chat).await;
        let shown = town.world.messages_of(BORIS, chat).pop().unwrap();
        let data = shown.button("Skip").unwrap();
        let mut watched = town.world.watch();
        town.pushed(BOT);
        let answering = async {
            let query = loop {
                let update = town.pushed(BOT).into_iter().find_map(|update| match update {
                    enums::Update::BotCallbackQuery(query) => Some(query),
                    _ => None,
                });
                match update {
                    Some(query) => break query,
                    None => tokio::task::yield_now().await,
                }
            };
            assert_eq!((query.user_id, query.data.as_deref()), (BORIS, Some(&b"skip:7"[..])));
            let answer = tl::functions::messages::SetBotCallbackAnswer {
                alert: true,
                query_id: query.query_id,
                message: Some("skipped".to_owned()),
                url: None,
                cache_time: 0,
            };
            town.ask(BOT, &answer).await.unwrap();
            assert_eq!(town.refused(BOT, &answer).await, "QUERY_ID_INVALID");
        };
        let (answer, ()) =
            tokio::join!(town.world.press(BORIS, chat, shown.id, &data, PATIENCE), answering);
        let answer = answer.unwrap();
        assert_eq!((answer.text.as_deref(), answer.is_alert), (Some("skipped"), true));
        assert!(matches!(watched.try_recv().unwrap(), Event::Pressed { user: BORIS, .. }));
        assert!(matches!(watched.try_recv().unwrap(), Event::Answered { user: BORIS, .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_never_answers_costs_the_presser_ten_seconds() {
    let town = town();
    offer(&town, jam()).await;
    let msg_id = town.world.messages(jam()).pop().unwrap().id;
    let mut request = tl::functions::messages::GetBotCallbackAnswer {
        game: false,
        peer: town.peer(BORIS, jam()),
        msg_id,
        data: Some(b"skip:7".to_vec()),
        password: None,
    };
    assert_eq!(town.refused(BORIS, &request).await, "BOT_RESPONSE_TIMEOUT");
    request.data = Some(b"forged".to_vec());
    assert_eq!(town.refused(BORIS, &request).await, "DATA_INVALID");
}

#[tokio::test]
async fn a_bot_in_privacy_mode_sees_what_is_meant_for_it_and_no_gap() {
    let town = town();
    town.world.demote(jam(), BOT);
    offer(&town, jam()).await;
    let own = town.world.messages(jam()).pop().unwrap().id;
    town.pushed(BOT);
    let before = town.channel_pts(jam());
    town.world.say(BORIS, jam(), "just chatting").unwrap();
    town.world.say(BORIS, jam(), "/play song").unwrap();
    town.world.say(BORIS, jam(), "more chatting").unwrap();
    town.world.say_reply(BORIS, jam(), own, "nice one").unwrap();
    town.world.say(BORIS, jam(), "hey @armed_music_bot").unwrap();
    let pushed = town.pushed(BOT);
    let seen: Vec<String> = texts(&pushed).into_iter().map(|(_, text)| text).collect();
    assert_eq!(seen, ["/play song", "nice one", "hey @armed_music_bot"]);
    let mut pts = before;
    for update in pushed {
        let enums::Update::NewChannelMessage(update) = update else { panic!("not a message") };
        assert_eq!(update.pts - update.pts_count, pts);
        pts = update.pts;
    }
    town.world.promote(jam(), BOT, |_| {});
    town.pushed(BOT);
    town.world.say(BORIS, jam(), "just chatting").unwrap();
    assert_eq!(texts(&town.pushed(BOT)).len(), 1, "an administrator sees everything");
}

#[tokio::test]
async fn bots_may_not_call_what_people_call() {
    let town = town();
    let request = tl::functions::messages::CheckChatInvite { hash: "x".to_owned() };
    assert_eq!(town.refused(BOT, &request).await, "BOT_METHOD_INVALID");
    let commands = tl::functions::bots::SetBotCommands {
        scope: enums::BotCommandScope::Default,
        lang_code: String::new(),
        commands: vec![
            types::BotCommand {
                ephemeral: false,
                command: "play".to_owned(),
                description: "play it".to_owned(),
            }
            .into(),
        ],
    };
    assert_eq!(town.refused(BORIS, &commands).await, "USER_BOT_REQUIRED");
    assert!(town.ask(BOT, &commands).await.unwrap());
    let full = tl::functions::channels::GetFullChannel { channel: town.channel(BORIS, jam()) };
    let enums::messages::ChatFull::Full(full) = town.ask(BORIS, &full).await.unwrap();
    let enums::ChatFull::ChannelFull(full) = full.full_chat else { panic!("not a channel") };
    let enums::BotInfo::Info(info) = &full.bot_info[0];
    assert_eq!(info.commands.as_ref().unwrap().len(), 1);
}

#[tokio::test]
async fn an_inline_result_is_sent_in_the_name_of_the_bot() {
    let town = town();
    let query = tl::functions::messages::GetInlineBotResults {
        bot: types::InputUser { user_id: BOT, access_hash: town.world.access_hash(BORIS, BOT) }
            .into(),
        peer: town.peer(BORIS, jam()),
        geo_point: None,
        query: "song".to_owned(),
        offset: String::new(),
    };
    let answering = async {
        let query_id = loop {
            let mut pushed = town.pushed(BOT).into_iter();
            match pushed.find_map(|u| {
                if let enums::Update::BotInlineQuery(q) = u { Some(q.query_id) } else { None }
            }) {
                Some(query_id) => break query_id,
                None => tokio::task::yield_now().await,
            }
        };
        let message = types::InputBotInlineMessageText {
            no_webpage: false,
            invert_media: false,
            message: "/play song".to_owned(),
            entities: None,
            reply_markup: None,
        };
        let result = types::InputBotInlineResult {
            id: "1".to_owned(),
            r#type: "article".to_owned(),
            title: Some("song".to_owned()),
            description: None,
            url: None,
            thumb: None,
            content: None,
            send_message: message.into(),
        };
        let answer = tl::functions::messages::SetInlineBotResults {
            gallery: false,
            private: false,
            query_id,
            results: vec![result.into()],
            cache_time: 0,
            next_offset: None,
            switch_pm: None,
            switch_webview: None,
        };
        town.ask(BOT, &answer).await.unwrap();
    };
    let (results, ()) = tokio::join!(town.ask(BORIS, &query), answering);
    let enums::messages::BotResults::Results(results) = results.unwrap();
    let send = tl::functions::messages::SendInlineBotResult {
        silent: false,
        background: false,
        clear_draft: false,
        hide_via: false,
        peer: town.peer(BORIS, jam()),
        reply_to: None,
        random_id: 77,
        query_id: results.query_id,
        id: "1".to_owned(),
        schedule_date: None,
        send_as: None,
        quick_reply_shortcut: None,
        allow_paid_stars: None,
    };
    town.ask(BORIS, &send).await.unwrap();
    assert_eq!(town.world.messages(jam()).pop().unwrap().text, "/play song");
}
