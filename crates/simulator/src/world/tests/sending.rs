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

#[tokio::test]
async fn entities_that_reach_beyond_every_text_are_refused() {
    let town = town();
    for (offset, length) in [(i32::MAX, 1), (0, i32::MAX), (i32::MAX, i32::MAX), (-1, 1), (0, 3)] {
        let bold = types::MessageEntityBold { offset, length };
        let request = tl::functions::messages::SendMessage {
            entities: Some(vec![bold.into()]),
            ..town.text(BORIS, jam(), "hi")
        };
        assert_eq!(town.refused(BORIS, &request).await, "ENTITY_BOUNDS_INVALID");
    }
}

fn forward(
    town: &Town,
    user: i64,
    from: i64,
    id: i32,
    to: i64,
) -> tl::functions::messages::ForwardMessages {
    tl::functions::messages::ForwardMessages {
        silent: false,
        background: false,
        with_my_score: false,
        drop_author: false,
        drop_media_captions: false,
        from_ephemeral: false,
        noforwards: false,
        allow_paid_floodskip: false,
        from_peer: town.peer(user, from),
        id: vec![id],
        random_id: vec![i64::from(id) << 8 | user],
        to_peer: town.peer(user, to),
        top_msg_id: None,
        reply_to: None,
        schedule_date: None,
        schedule_repeat_period: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        video_timestamp: None,
        allow_paid_stars: None,
        suggested_post: None,
    }
}

#[tokio::test]
async fn what_is_forwarded_twice_is_still_of_its_first_author() {
    let town = town();
    let id = town.world.say(ADA, jam(), "mine").unwrap();
    town.ask(BORIS, &forward(&town, BORIS, jam(), id, jam())).await.unwrap();
    let again = town.world.messages(jam()).last().unwrap().id;
    let sent =
        opened(town.ask(DMITRI, &forward(&town, DMITRI, jam(), again, jam())).await.unwrap());
    let Some(enums::Update::NewChannelMessage(update)) = sent.updates.last() else {
        panic!("{sent:?}")
    };
    let enums::Message::Message(message) = &update.message else { panic!("not a message") };
    let Some(enums::MessageFwdHeader::Header(header)) = &message.fwd_from else {
        panic!("not forwarded")
    };
    assert_eq!(header.from_id, Some(types::PeerUser { user_id: ADA }.into()));
}

#[tokio::test]
async fn a_search_finds_what_its_filter_names_and_nothing_else() {
    let town = town();
    let link = town.text(BORIS, jam(), "see https://example.org/a");
    town.ask(BORIS, &link).await.unwrap();
    town.ask(BORIS, &town.text(BORIS, jam(), "words")).await.unwrap();
    let song = crate::world::Audio {
        bytes: vec![1; 10],
        file_name: "song.mp3".to_owned(),
        mime: "audio/mpeg".to_owned(),
        title: None,
        performer: None,
        duration: std::time::Duration::from_secs(9),
    };
    town.world.send_audio(BORIS, jam(), song).unwrap();
    use enums::MessagesFilter as Wanted;
    for (filter, n_expected) in [
        (Wanted::InputMessagesFilterUrl, 1),
        (Wanted::InputMessagesFilterMusic, 1),
        (Wanted::InputMessagesFilterDocument, 0),
        (Wanted::InputMessagesFilterVoice, 0),
        (Wanted::InputMessagesFilterPhotos, 0),
        (Wanted::InputMessagesFilterPinned, 0),
    ] {
        let request = tl::functions::messages::Search {
            peer: town.peer(BORIS, jam()),
            q: String::new(),
            from_id: None,
            saved_peer_id: None,
            saved_reaction: None,
            top_msg_id: None,
            filter: filter.clone(),
            min_date: 0,
            max_date: 0,
            offset_id: 0,
            add_offset: 0,
            limit: 100,
            max_id: 0,
            min_id: 0,
            hash: 0,
        };
        let enums::messages::Messages::ChannelMessages(found) =
            town.ask(BORIS, &request).await.unwrap()
        else {
            panic!("no channel messages")
        };
        assert_eq!(found.messages.len(), n_expected, "{filter:?}");
    }
}
