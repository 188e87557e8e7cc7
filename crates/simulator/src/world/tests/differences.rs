use super::*;
use crate::world::population::news;

fn difference(pts: i32, date: i32) -> tl::functions::updates::GetDifference {
    tl::functions::updates::GetDifference {
        pts,
        pts_limit: None,
        pts_total_limit: None,
        date,
        qts: 0,
        qts_limit: None,
    }
}

fn channel_difference(
    town: &Town,
    user: i64,
    pts: i32,
) -> tl::functions::updates::GetChannelDifference {
    tl::functions::updates::GetChannelDifference {
        force: false,
        channel: town.channel(user, jam()),
        filter: enums::ChannelMessagesFilter::Empty,
        pts,
        limit: 100,
    }
}

#[tokio::test]
async fn a_lost_push_is_found_in_the_channel_difference() {
    let town = town();
    let seen = town.channel_pts(jam());
    town.world.lose_pushes(BORIS, 1);
    let lost = town.world.say(ADA, jam(), "lost on the way").unwrap();
    let second = town.world.say(ADA, jam(), "arrives").unwrap();
    let pushed = town.pushed(BORIS);
    assert_eq!(texts(&pushed), [(second, "arrives".to_owned())]);
    let enums::Update::NewChannelMessage(update) = &pushed[0] else {
        panic!("not a channel message")
    };
    assert_eq!(update.pts, seen + 2, "the client sees a gap");

    let answer = town.ask(BORIS, &channel_difference(&town, BORIS, seen)).await.unwrap();
    let enums::updates::ChannelDifference::Difference(answer) = answer else {
        panic!("no difference")
    };
    assert!(answer.r#final);
    assert_eq!(answer.pts, town.channel_pts(jam()));
    let found: Vec<i32> =
        answer.new_messages.iter().filter_map(text_of).map(|(id, _)| id).collect();
    assert_eq!(found, [lost, second]);
    let empty = town.ask(BORIS, &channel_difference(&town, BORIS, answer.pts)).await.unwrap();
    assert!(matches!(empty, enums::updates::ChannelDifference::Empty(_)));
}

#[tokio::test]
async fn a_long_difference_comes_in_slices_that_lose_nothing() {
    let town = town();
    let enums::updates::State::State(state) =
        town.ask(BORIS, &tl::functions::updates::GetState {}).await.unwrap();
    for n in 0..7 {
        town.world.say(ADA, BORIS, &format!("message {n}")).unwrap();
    }
    town.world.slice_differences(3);
    let (mut pts, mut date, mut found) = (state.pts, state.date, Vec::new());
    loop {
        match town.ask(BORIS, &difference(pts, date)).await.unwrap() {
            enums::updates::Difference::Slice(slice) => {
                let enums::updates::State::State(state) = slice.intermediate_state;
                (pts, date) = (state.pts, state.date);
                found.extend(slice.new_messages.iter().filter_map(text_of).map(|(_, text)| text));
            }
            enums::updates::Difference::Difference(last) => {
                let enums::updates::State::State(state) = last.state;
                pts = state.pts;
                found.extend(last.new_messages.iter().filter_map(text_of).map(|(_, text)| text));
                break;
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(found, (0..7).map(|n| format!("message {n}")).collect::<Vec<_>>());
    assert_eq!(pts, state.pts + 7);
    let date = town.clock.load(Ordering::SeqCst);
    let empty = town.ask(BORIS, &difference(pts, date)).await.unwrap();
    assert!(matches!(empty, enums::updates::Difference::Empty(_)));
}

#[tokio::test]
async fn channels_that_moved_meanwhile_are_named_in_the_difference() {
    let town = town();
    let date = town.clock.fetch_add(10, Ordering::SeqCst);
    let enums::updates::State::State(state) =
        town.ask(BORIS, &tl::functions::updates::GetState {}).await.unwrap();
    town.world.say(ADA, jam(), "while you slept").unwrap();
    let enums::updates::Difference::Difference(answer) =
        town.ask(BORIS, &difference(state.pts, date)).await.unwrap()
    else {
        panic!("no difference")
    };
    assert!(
        matches!(&answer.other_updates[..], [enums::Update::ChannelTooLong(u)] if u.channel_id == 1_500)
    );
}

#[tokio::test]
async fn edits_and_deletions_are_in_the_difference_too() {
    let town = town();
    let id = town.world.say(ADA, jam(), "to be deleted").unwrap();
    let seen = town.channel_pts(jam());
    town.world.delete(ADA, jam(), &[id]);
    let enums::updates::ChannelDifference::Difference(answer) =
        town.ask(BORIS, &channel_difference(&town, BORIS, seen)).await.unwrap()
    else {
        panic!("no difference")
    };
    assert!(
        matches!(&answer.other_updates[..], [enums::Update::DeleteChannelMessages(u)] if u.messages == [id])
    );
}

#[tokio::test]
async fn a_gap_beyond_measure_is_too_long() {
    let town = town();
    let seen = town.channel_pts(jam());
    town.world.limit_channel_gaps(2);
    for n in 0..3 {
        town.world.say(ADA, jam(), &format!("{n}")).unwrap();
    }
    let answer = town.ask(BORIS, &channel_difference(&town, BORIS, seen)).await.unwrap();
    let enums::updates::ChannelDifference::TooLong(answer) = answer else { panic!("not too long") };
    let enums::Dialog::Dialog(dialog) = answer.dialog else { panic!("no dialog") };
    assert_eq!(dialog.pts, Some(town.channel_pts(jam())));
}

#[tokio::test]
async fn a_poisoned_answer_comes_once_and_only_to_the_one_it_is_meant_for() {
    use tl::Identifiable;
    let town = town();
    let poison = 0x52d6_806b_u32.to_le_bytes().to_vec();
    let method = tl::functions::channels::GetFullChannel::CONSTRUCTOR_ID;
    town.world.answer_with(Some(BORIS), method, 1, poison.clone());
    let request = tl::functions::channels::GetFullChannel { channel: town.channel(ADA, jam()) };
    assert!(town.ask(ADA, &request).await.is_ok());
    assert_eq!(town.world.answer(town.asker(BORIS), &request.to_bytes()).await.unwrap(), poison);
    assert!(town.ask(BORIS, &request).await.is_ok());
}

#[tokio::test]
async fn dialogs_page_through_every_chat_once() {
    let town = town();
    town.world.say(ADA, BORIS, "hi").unwrap();
    let mut request = tl::functions::messages::GetDialogs {
        exclude_pinned: false,
        folder_id: None,
        offset_date: 0,
        offset_id: 0,
        offset_peer: enums::InputPeer::Empty,
        limit: 1,
        hash: 0,
    };
    let mut seen = Vec::new();
    for _ in 0..10 {
        let enums::messages::Dialogs::Slice(page) = town.ask(ADA, &request).await.unwrap() else {
            break;
        };
        let Some(enums::Dialog::Dialog(dialog)) = page.dialogs.first() else { break };
        assert_eq!(page.count, 4);
        let chat = crate::world::ids::chat_of(&dialog.peer);
        assert_eq!(dialog.pts.is_some(), World::channel_id(chat).is_some());
        seen.push(chat);
        request.offset_peer = town.peer(ADA, chat);
        request.offset_id = dialog.top_message;
        request.offset_date = 1;
    }
    seen.sort_unstable();
    let mut expected = [BORIS, jam(), news(), super::super::kitchen()];
    expected.sort_unstable();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn history_and_search_page_through_what_was_said_in_one_second() {
    let town = town();
    let said: Vec<i32> =
        (0..5).map(|n| town.world.say(ADA, jam(), &format!("song {n}")).unwrap()).collect();
    let ids = |page: enums::messages::Messages| -> Vec<(i32, i32)> {
        let enums::messages::Messages::ChannelMessages(page) = page else { panic!("no page") };
        let messages = page.messages.into_iter().filter_map(|message| match message {
            enums::Message::Message(message) => Some((message.id, message.date)),
            _ => None,
        });
        messages.collect()
    };
    let mut history = tl::functions::messages::GetHistory {
        peer: town.peer(ADA, jam()),
        offset_id: 0,
        offset_date: 0,
        add_offset: 0,
        limit: 2,
        max_id: 0,
        min_id: 0,
        hash: 0,
    };
    let mut search = tl::functions::messages::Search {
        peer: town.peer(ADA, jam()),
        q: "song".to_owned(),
        from_id: None,
        saved_peer_id: None,
        saved_reaction: None,
        top_msg_id: None,
        filter: enums::MessagesFilter::InputMessagesFilterEmpty,
        min_date: 0,
        max_date: 0,
        offset_id: 0,
        add_offset: 0,
        limit: 2,
        max_id: 0,
        min_id: 0,
        hash: 0,
    };
    let (mut read, mut found) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        read.extend(ids(town.ask(ADA, &history).await.unwrap()));
        // as Telethon does: the id and the date of the last one
        (history.offset_id, history.offset_date) = *read.last().unwrap();
        found.extend(ids(town.ask(ADA, &search).await.unwrap()));
        (search.offset_id, search.max_date) = (found.last().unwrap().0, -1);
    }
    let newest_first: Vec<i32> = said.iter().rev().copied().collect();
    for pages in [&read, &found] {
        let pages: Vec<i32> = pages.iter().map(|(id, _)| *id).take(said.len()).collect();
        assert_eq!(pages, newest_first);
    }
    // backwards, as Telethon does: a page ends where the last one began
    (history.offset_id, history.add_offset, history.limit) = (said[3], -3, 3);
    let page: Vec<i32> =
        ids(town.ask(ADA, &history).await.unwrap()).into_iter().map(|(id, _)| id).collect();
    assert_eq!(page, [said[4], said[3]]);
    (search.offset_id, search.max_date) = (0, found[0].1);
    assert!(ids(town.ask(ADA, &search).await.unwrap()).is_empty(), "all of it was said later");
}
