//! The store was away when the process began, and something plays when it comes back.

use super::*;

const OTHER: ChatId = ChatId(-8);

/// An earlier process had these many requests in each chat, from message 1 on.
async fn earlier(shelf: &Shelf, store: &Store, chats: &[(ChatId, i32)]) {
    let before = loaded(store).await;
    for (chat, n) in chats {
        let (keep, mut rules) = (before.of(*chat), rules());
        for id in 1..=*n {
            let writes = play(&keep, &mut rules, id);
            keep.commit(shelf, writes).await.expect("there is room");
        }
    }
}

/// The messages in which was asked for what lies there, in its order.
async fn lies(store: &Store) -> Vec<i32> {
    let lies = store.scan(Table::Playback).await.expect("it is there");
    let lies = lies.into_iter().find(|record| record.key == "-7").expect("it was written");
    let playback: Playback = schema::read(lies.value).expect("it is our own");
    let current = playback.rules.current.map(|underway| underway.entry);
    current.into_iter().chain(playback.rules.queue).map(|entry| entry.asked_in.0).collect()
}

#[tokio::test]
async fn what_plays_when_the_store_comes_back_stands_before_what_lies_there() {
    with_store(async |shelf, store| {
        earlier(shelf, &store, &[(CHAT, 3), (OTHER, 2)]).await;
        let (now, mut mine) = (Keeps::new(), rules());
        let keep = now.of(CHAT);
        // message 2 was obeyed already, but nobody knew
        play(&keep, &mut mine, 2);
        play(&keep, &mut mine, 9);
        assert_eq!(now.load(&store, settings()).await.expect("it is there").len(), 2);
        assert!(now.take_left(CHAT).is_some_and(|resume| resume.is_beside));
        assert!(now.take_left(OTHER).is_some_and(|resume| !resume.is_beside));
        // a process that dies now has lost nothing
        assert_eq!(lies(&store).await, [2, 9, 1, 3]);
        // nor one that writes something before its player has heard of it
        let writes = play(&keep, &mut mine, 10);
        keep.commit(shelf, writes).await.expect("there is room");
        assert_eq!(lies(&store).await, [2, 9, 10, 1, 3]);
        let found = keep.take_earlier().expect("its player has not heard of it");
        assert_eq!(keep.take_earlier(), None, "once");
        mine.handle(Input::Earlier(Box::new(found)), Duration::ZERO);
        let writes = keep.note(None, None, &mine, Generation(1), Duration::ZERO);
        keep.commit(shelf, writes).await.expect("there is room");
        assert_eq!(lies(&store).await, [2, 9, 10, 1, 3]);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_written_before_it_is_known_what_lies_there() {
    with_store(async |shelf, store| {
        earlier(shelf, &store, &[(CHAT, 1)]).await;
        let (now, mut mine) = (Keeps::new(), rules());
        let keep = now.of(CHAT);
        let mut writes = Vec::new();
        // more often than the earlier process wrote
        for id in 7..=12 {
            writes = play(&keep, &mut mine, id);
        }
        assert_eq!(now.beat(), None);
        let load = async {
            tokio::task::yield_now().await;
            assert_eq!(lies(&store).await, [1]);
            now.load(&store, settings()).await.expect("it is there");
        };
        let (committed, ()) = tokio::join!(keep.commit(shelf, writes), load);
        committed.expect("it waited for that");
        assert_eq!(lies(&store).await, [7, 8, 9, 10, 11, 12, 1]);
        let again = keep.note(
            Some(Via::Message(MessageId(99))),
            None,
            &mine,
            Generation(1),
            Duration::ZERO,
        );
        assert_eq!(commands(&again), ["-7/m99"], "what was owed is written");
    })
    .await;
}

#[tokio::test]
async fn who_stopped_everything_meant_what_was_left_as_well() {
    with_store(async |shelf, store| {
        earlier(shelf, &store, &[(CHAT, 3)]).await;
        let (now, mut mine) = (Keeps::new(), rules());
        let keep = now.of(CHAT);
        play(&keep, &mut mine, 7);
        keep.stopped();
        now.load(&store, settings()).await.expect("it is there");
        assert_eq!((now.take_left(CHAT), keep.take_earlier()), (None, None));
        assert_eq!(lies(&store).await, [7]);
    })
    .await;
}

#[tokio::test]
async fn how_it_was_played_goes_on_unless_somebody_chose_otherwise_since() {
    let manner = |volume| schema::Manner { volume, ..schema::Manner::default() };
    for (since, then, goes_on) in [(100, 70, 70), (50, 70, 50)] {
        with_store(async |shelf, store| {
            let before = loaded(&store).await.of(CHAT);
            before.lock().manner = manner(then);
            let writes = play(&before, &mut rules(), 1);
            before.commit(shelf, writes).await.expect("there is room");
            let now = Keeps::new();
            now.of(CHAT).lock().manner = manner(since);
            play(&now.of(CHAT), &mut rules(), 7);
            now.load(&store, settings()).await.expect("it is there");
            assert_eq!(now.of(CHAT).lock().manner, manner(goes_on));
        })
        .await;
    }
}
