use grammers_client::tl::{Deserializable as _, Serializable as _};

use super::*;

const GROUP: i64 = 55;
const CHAT: ChatId = ChatId(-1_000_000_000_055);

/// A supergroup of which only what matters is set; the same shape serves for a channel.
fn channel(is_broadcast: bool) -> tl::types::Channel {
    let mut bytes = Vec::new();
    0_u32.serialize(&mut bytes);
    0_u32.serialize(&mut bytes);
    GROUP.serialize(&mut bytes);
    "Jam <b>".to_owned().serialize(&mut bytes);
    tl::enums::ChatPhoto::Empty.serialize(&mut bytes);
    0_i32.serialize(&mut bytes);
    let bare = tl::types::Channel::from_bytes(&bytes).unwrap();
    tl::types::Channel { broadcast: is_broadcast, megagroup: !is_broadcast, ..bare }
}

fn user(id: i64) -> tl::enums::User {
    let mut bytes = Vec::new();
    0_u32.serialize(&mut bytes);
    0_u32.serialize(&mut bytes);
    id.serialize(&mut bytes);
    let bare = tl::types::User::from_bytes(&bytes).unwrap();
    let (first_name, last_name) = (Some("Ann".to_owned()), Some("Lee".to_owned()));
    tl::types::User { first_name, last_name, lang_code: Some("ru".to_owned()), ..bare }.into()
}

fn people(is_broadcast: bool) -> People {
    people_of(&[user(7)], vec![channel(is_broadcast).into()])
}

fn people_of(users: &[tl::enums::User], chats: Vec<tl::enums::Chat>) -> People {
    let mut people = People::default();
    people.turn(Some(UserId(1)), users, chats);
    people
}

fn peer(chat: ChatId) -> tl::enums::Peer {
    match chat.kind() {
        domain::ChatKind::Private(user_id) => tl::types::PeerUser { user_id }.into(),
        domain::ChatKind::Group(chat_id) => tl::types::PeerChat { chat_id }.into(),
        domain::ChatKind::Channel(channel_id) => tl::types::PeerChannel { channel_id }.into(),
    }
}

fn message(chat: ChatId, from: Option<ChatId>) -> tl::types::Message {
    let mut bytes = Vec::new();
    0_u32.serialize(&mut bytes);
    0_u32.serialize(&mut bytes);
    99_i32.serialize(&mut bytes);
    peer(chat).serialize(&mut bytes);
    1_700_000_000_i32.serialize(&mut bytes);
    "/play x".to_owned().serialize(&mut bytes);
    tl::types::Message {
        from_id: from.map(peer),
        ..tl::types::Message::from_bytes(&bytes).unwrap()
    }
}

fn heard(message: tl::types::Message, people: &People) -> Message {
    let update =
        tl::types::UpdateNewChannelMessage { message: message.into(), pts: 1, pts_count: 1 };
    match convert(update.into(), people).pop() {
        Some(Incoming::Message(message)) => *message,
        other => panic!("no message: {other:?}"),
    }
}

fn service(from: Option<ChatId>, action: tl::enums::MessageAction) -> Vec<Incoming> {
    convert(service_update(from, action), &people(false))
}

fn service_update(from: Option<ChatId>, action: tl::enums::MessageAction) -> tl::enums::Update {
    let message = tl::types::MessageService {
        out: false,
        mentioned: false,
        media_unread: false,
        reactions_are_possible: false,
        silent: false,
        post: false,
        legacy: false,
        id: 5,
        from_id: from.map(peer),
        peer_id: peer(CHAT),
        saved_peer_id: None,
        reply_to: None,
        date: 0,
        action,
        reactions: None,
        ttl_period: None,
    };
    tl::types::UpdateNewMessage { message: message.into(), pts: 1, pts_count: 1 }.into()
}

#[test]
fn a_message_arrives_with_its_chat_sender_and_date() {
    let message = heard(message(CHAT, Some(ChatId(7))), &people(false));
    assert_eq!((message.chat.id, message.chat.title.as_deref()), (CHAT, Some("Jam <b>")));
    assert_eq!((message.id, message.text.as_str()), (MessageId(99), "/play x"));
    assert_eq!(message.date, Duration::from_secs(1_700_000_000));
    let user = message.user().unwrap();
    assert_eq!(
        (user.id, user.name.as_str(), user.language.as_deref()),
        (UserId(7), "Ann Lee", Some("ru"))
    );
}

#[test]
fn an_update_that_comes_without_its_people_knows_them_from_before() {
    let mut people = people(false);
    people.turn(Some(UserId(1)), &[], Vec::new());
    let message = heard(message(CHAT, Some(ChatId(7))), &people);
    assert_eq!(message.user().unwrap().name, "Ann Lee");
    assert_eq!(message.chat.title.as_deref(), Some("Jam <b>"));
    // how things are now is told by what comes along, and by nothing else
    let update = tl::types::UpdateChannel { channel_id: 55 }.into();
    assert!(people.chats.is_empty());
    assert_eq!(statuses(convert(update, &people)), [(1, true, MemberStatus::Unknown)]);
}

#[test]
fn every_kind_of_sender_is_told_apart() {
    let check = |chat: ChatId, from: Option<ChatId>, is_broadcast: bool, expected: &str| {
        let found = heard(message(chat, from), &people(is_broadcast)).from;
        let found = match found {
            Sender::User(user) => format!("user {}", user.id),
            Sender::AnonymousAdmin => "anonymous".to_owned(),
            Sender::Channel { id, .. } => format!("channel {id}"),
        };
        assert_eq!(found, expected, "{chat} {from:?}");
    };
    let other = ChatId::channel(66);
    check(CHAT, Some(ChatId(7)), false, "user 7");
    check(CHAT, Some(ChatId(8)), false, "user 8");
    check(CHAT, Some(CHAT), false, "anonymous");
    check(CHAT, None, false, "anonymous");
    check(CHAT, Some(other), false, &format!("channel {other}"));
    check(CHAT, None, true, &format!("channel {CHAT}"));
    check(ChatId(7), None, false, "user 7");
    let mut own = message(ChatId(7), None);
    own.out = true;
    let own = heard(own, &people(false));
    assert!(own.is_out && own.user().unwrap().id == UserId(1));
}

#[test]
fn a_forums_topic_is_no_reply() {
    let check =
        |is_topic: bool, top: Option<i32>, elsewhere: Option<ChatId>, expected: Option<i32>| {
            let mut bytes = Vec::new();
            0_u32.serialize(&mut bytes);
            let bare = tl::types::MessageReplyHeader::from_bytes(&bytes).unwrap();
            let header = tl::types::MessageReplyHeader {
                forum_topic: is_topic,
                reply_to_msg_id: Some(12),
                reply_to_top_id: top,
                reply_to_peer_id: elsewhere.map(peer),
                ..bare
            };
            assert_eq!(replied(Some(&header.into()), CHAT), expected.map(MessageId));
        };
    check(false, None, None, Some(12));
    check(true, None, None, None);
    check(true, Some(3), None, Some(12));
    check(false, None, Some(CHAT), Some(12));
    check(false, None, Some(ChatId(-9)), None);
    assert_eq!(replied(None, CHAT), None);
}

#[test]
fn a_pressed_button_brings_who_pressed_it() {
    let update = tl::types::UpdateBotCallbackQuery {
        query_id: 3,
        user_id: 7,
        peer: peer(CHAT),
        msg_id: 99,
        chat_instance: 0,
        data: Some(b"skip".to_vec()),
        game_short_name: None,
    };
    let Some(Incoming::Callback(callback)) = convert(update.into(), &people(false)).pop() else {
        panic!()
    };
    assert_eq!((callback.id, callback.chat, callback.message), (3, CHAT, MessageId(99)));
    assert_eq!(
        (callback.from.name.as_str(), callback.data.as_slice()),
        ("Ann Lee", b"skip".as_slice())
    );
}

fn statuses(events: Vec<Incoming>) -> Vec<(i64, bool, MemberStatus)> {
    let member = |event| match event {
        Incoming::Member(member) => (member.user.0, member.is_self, member.status),
        other => panic!("no membership: {other:?}"),
    };
    events.into_iter().map(member).collect()
}

#[test]
fn comings_and_goings_are_told() {
    use tl::enums::MessageAction as Action;
    let added = Action::ChatAddUser(tl::types::MessageActionChatAddUser { users: vec![1, 7] });
    let members = [(1, true, MemberStatus::Member), (7, false, MemberStatus::Member)];
    assert_eq!(statuses(service(Some(ChatId(7)), added)), members);
    let removed =
        |user_id| Action::ChatDeleteUser(tl::types::MessageActionChatDeleteUser { user_id });
    assert_eq!(statuses(service(Some(ChatId(7)), removed(7))), [(7, false, MemberStatus::Left)]);
    let by_link =
        Action::ChatJoinedByLink(tl::types::MessageActionChatJoinedByLink { inviter_id: 9 });
    assert_eq!(statuses(service(Some(ChatId(7)), by_link)), [(7, false, MemberStatus::Member)]);
    let moved = Action::ChatMigrateTo(tl::types::MessageActionChatMigrateTo { channel_id: 66 });
    assert_eq!(service(None, moved), [Incoming::Migrated { from: CHAT, to: ChatId::channel(66) }]);
}

#[test]
fn a_removal_that_was_undone_since_is_not_told() {
    use tl::enums::MessageAction as Action;
    let removed = Action::ChatDeleteUser(tl::types::MessageActionChatDeleteUser { user_id: 1 });
    let told = |chats| {
        let people = people_of(&[], chats);
        statuses(convert(service_update(Some(ChatId(7)), removed.clone()), &people))
    };
    assert_eq!(told(vec![channel(false).into()]), [], "the difference says that we are in it");
    let gone = tl::types::Channel { left: true, ..channel(false) };
    assert_eq!(told(vec![gone.into()]), [(1, true, MemberStatus::Banned)]);
    assert_eq!(told(vec![]), [(1, true, MemberStatus::Banned)]);
}

#[test]
fn being_thrown_out_is_told() {
    let update = || tl::enums::Update::from(tl::types::UpdateChannel { channel_id: GROUP });
    let with = |chat: tl::enums::Chat| people_of(&[], vec![chat]);
    let check = |people: &People, expected: MemberStatus| {
        assert_eq!(statuses(convert(update(), people)), [(1, true, expected)]);
    };
    let forbidden = tl::types::ChannelForbidden {
        broadcast: false,
        megagroup: true,
        monoforum: false,
        id: GROUP,
        access_hash: 1,
        title: "Jam".to_owned(),
        until_date: None,
    };
    check(&with(forbidden.into()), MemberStatus::Banned);
    check(&with(tl::types::Channel { left: true, ..channel(false) }.into()), MemberStatus::Left);
    check(
        &with(tl::types::Channel { creator: true, ..channel(false) }.into()),
        MemberStatus::Administrator,
    );
    check(&with(channel(false).into()), MemberStatus::Member);
    check(&people_of(&[], Vec::new()), MemberStatus::Unknown);
}

#[test]
fn a_call_that_ends_is_told_and_a_live_story_is_not() {
    let over = tl::types::GroupCallDiscarded { id: 4, access_hash: 5, duration: 60 };
    let update = |live_story, peer| tl::types::UpdateGroupCall {
        live_story,
        peer,
        call: over.clone().into(),
    };
    let call = CallId { id: 4, access_hash: 5 };
    let state = CallState::Discarded { lasted: Duration::from_secs(60) };
    let expected = CallChanged { chat: Some(CHAT), call, state: state.clone() };
    let heard = convert(update(false, Some(peer(CHAT))).into(), &people(false));
    assert_eq!(heard, [Incoming::Call(expected.clone())]);
    assert_eq!(convert(update(true, None).into(), &people(false)), []);
    let input =
        tl::enums::InputGroupCall::from(tl::types::InputGroupCall { id: 4, access_hash: 5 });
    let action =
        |duration| tl::types::MessageActionGroupCall { call: input.clone(), duration }.into();
    assert_eq!(service(None, action(Some(60))), [Incoming::Call(expected)]);
    assert_eq!(service(None, action(None)), [], "that it began is told by an update of its own");
}
