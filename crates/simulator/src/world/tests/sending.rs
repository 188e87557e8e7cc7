use super::*;

#[tokio::test]
async fn the_sender_learns_the_id_and_others_get_the_message() {
    let town = town();
    let before = town.channel_pts(jam());
    let answer = opened(town.ask(BORIS, &town.text(BORIS, jam(), "hello there")).await.unwrap());
    let enums::Update::MessageId(given) = &answer.updates[0] else { panic!("no id first") };
    assert_eq!(texts(&answer.updates), [(given.id, "hello there".to_owned())]);
    assert!(answer.chats.iter().any(|chat| chat.id() == 1_500));

    let pushed = town.pushed(ADA);
    assert_eq!(texts(&pushed), [(given.id, "hello there".to_owned())]);
    let enums::Update::NewChannelMessage(update) = &pushed[0] else {
        panic!("not a channel message")
    };
    assert_eq!((update.pts, update.pts_count), (before + 1, 1));
    let enums::Message::Message(message) = &update.message else { panic!("not a message") };
    assert!(!message.out);
    assert_eq!(message.from_id, Some(types::PeerUser { user_id: BORIS }.into()));
    // The sender's own session is told by the answer; a push of it leaves that session out.
    let own =
        lock(&town.notebook.pushed).iter().find(|(user, ..)| *user == BORIS).cloned().unwrap();
    assert_eq!(own.2, Some(BORIS * 100));
}

#[tokio::test]
async fn a_repeated_request_sends_nothing_twice() {
    let town = town();
    let request = town.text(BORIS, jam(), "once");
    let first = opened(town.ask(BORIS, &request).await.unwrap());
    let second = opened(town.ask(BORIS, &request).await.unwrap());
    assert_eq!(texts(&first.updates), texts(&second.updates));
    assert_eq!(first.updates, second.updates);
    assert_eq!(town.world.messages(jam()).iter().filter(|shown| shown.text == "once").count(), 1);
}

#[tokio::test]
async fn a_private_message_lies_in_two_boxes_under_its_own_ids() {
    let town = town();
    town.world.say(BORIS, BOT, "/start").unwrap();
    let answer = opened(town.ask(BOT, &town.text(BOT, BORIS, "welcome")).await.unwrap());
    let in_bots_box = texts(&answer.updates)[0].0;
    let shown = town.world.messages_of(BORIS, BOT);
    assert_eq!(shown.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), ["/start", "welcome"]);
    // Boris is also in a basic group, whose messages are counted in the same box.
    assert_eq!(in_bots_box, shown[1].id);
    town.world.say(ADA, BORIS, "psst").unwrap();
    assert_eq!(town.world.messages_of(BORIS, ADA)[0].from, Some(ADA));
    assert!(town.world.messages_of(BOT, ADA).is_empty());
}

#[tokio::test]
async fn texts_that_telegram_refuses_are_refused() {
    let town = town();
    assert_eq!(town.refused(BORIS, &town.text(BORIS, jam(), "  ")).await, "MESSAGE_EMPTY");
    let long = "a".repeat(4_097);
    assert_eq!(town.refused(BORIS, &town.text(BORIS, jam(), &long)).await, "MESSAGE_TOO_LONG");
    let stranger = town.text(EVE, jam(), "let me in");
    assert_eq!(town.refused(EVE, &stranger).await, "CHAT_WRITE_FORBIDDEN");
    let forged = send_message(
        types::InputPeerChannel {
            channel_id: 1_500,
            access_hash: town.world.access_hash(BOT, jam()),
        }
        .into(),
        "forged",
        5,
    );
    assert_eq!(town.refused(BORIS, &forged).await, "CHANNEL_INVALID");
}

fn edit(town: &Town, user: i64, id: i32, text: &str) -> tl::functions::messages::EditMessage {
    tl::functions::messages::EditMessage {
        no_webpage: false,
        invert_media: false,
        peer: town.peer(user, jam()),
        id,
        message: Some(text.to_owned()),
        media: None,
        reply_markup: None,
        entities: None,
        schedule_date: None,
        schedule_repeat_period: None,
        quick_reply_shortcut_id: None,
        rich_message: None,
    }
}

#[tokio::test]
async fn an_edit_changes_the_message_once_and_only_for_its_author() {
    let town = town();
    let id = town.world.say(BORIS, jam(), "frist").unwrap();
    town.pushed(ADA);
    town.ask(BORIS, &edit(&town, BORIS, id, "first")).await.unwrap();
    assert_eq!(texts(&town.pushed(ADA)), [(id, "first".to_owned())]);
    assert_eq!(town.refused(BORIS, &edit(&town, BORIS, id, "first")).await, "MESSAGE_NOT_MODIFIED");
    assert_eq!(town.refused(ADA, &edit(&town, ADA, id, "mine")).await, "MESSAGE_AUTHOR_REQUIRED");
    assert_eq!(town.refused(BORIS, &edit(&town, BORIS, 999, "x")).await, "MESSAGE_ID_INVALID");
    assert!(
        town.world.messages(jam()).iter().any(|m| m.id == id && m.is_edited && m.text == "first")
    );
}

#[tokio::test]
async fn members_delete_their_own_messages_and_administrators_all() {
    let town = town();
    let of_boris = town.world.say(BORIS, jam(), "one").unwrap();
    let of_ada = town.world.say(ADA, jam(), "two").unwrap();
    let delete = |user, id| tl::functions::channels::DeleteMessages {
        channel: town.channel(user, jam()),
        id: vec![id],
    };
    assert_eq!(town.refused(BORIS, &delete(BORIS, of_ada)).await, "MESSAGE_DELETE_FORBIDDEN");
    let enums::messages::AffectedMessages::Messages(affected) =
        town.ask(ADA, &delete(ADA, of_boris)).await.unwrap();
    assert_eq!((affected.pts, affected.pts_count), (town.channel_pts(jam()), 1));
    assert!(!town.world.messages(jam()).iter().any(|m| m.id == of_boris));
    assert!(
        matches!(town.pushed(DMITRI).last(), Some(enums::Update::DeleteChannelMessages(u)) if u.messages == [of_boris])
    );
}

#[tokio::test]
async fn an_anonymous_administrator_speaks_in_the_name_of_the_chat() {
    let town = town();
    town.world.say(CLARA, jam(), "/pause").unwrap();
    let pushed = town.pushed(BOT);
    let enums::Update::NewChannelMessage(update) = &pushed[0] else {
        panic!("not a channel message")
    };
    let enums::Message::Message(message) = &update.message else { panic!("not a message") };
    assert_eq!((message.from_id.clone(), message.out, message.post), (None, false, false));
    assert_eq!(town.world.messages(jam()).last().unwrap().from, Some(jam()));
}

#[tokio::test]
async fn slow_mode_makes_members_wait() {
    let town = town();
    town.world.slow_down(jam(), 30);
    town.ask(BORIS, &town.text(BORIS, jam(), "one")).await.unwrap();
    assert!(
        town.refused(BORIS, &town.text(BORIS, jam(), "two")).await.starts_with("SLOWMODE_WAIT_")
    );
    town.ask(ADA, &town.text(ADA, jam(), "one")).await.unwrap();
    town.ask(ADA, &town.text(ADA, jam(), "two")).await.unwrap();
    town.clock.fetch_add(30, Ordering::SeqCst);
    town.ask(BORIS, &town.text(BORIS, jam(), "two")).await.unwrap();
}
