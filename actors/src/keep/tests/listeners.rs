use super::*;

const RULES: Settings = Settings {
    queue_max: 3,
    controls: Controls::Admins,
    duration_max: None,
    linger: Duration::from_secs(30),
    stuck_ticks: 3,
};

/// Something is asked for in a chat.
fn player() -> Player {
    let mut player = Player::new(RULES);
    let via = Via::Message(MessageId(1));
    let requester = Requester { id: UserId(5), name: "Ann".to_owned() };
    let request = Request::Query("northbound".to_owned());
    player.handle(Input::Play { request, requester, asked_in: MessageId(1), via }, Duration::ZERO);
    player
}

/// What a process leaves that was in these chats with so many listeners, and paused or not.
fn left_by_a_process(chats: &[(i64, u32, bool)]) -> Vec<Write> {
    let keeps = Keeps::new();
    let left = chats.iter().map(|(chat, listeners, is_paused)| {
        let keep = keeps.of(ChatId(*chat));
        keep.count(*listeners);
        let note = keep.note(None, None, &player(), Generation(1), Duration::ZERO);
        let mut note = note.into_iter().next().expect("something waits there");
        if let Write::Put { value, .. } = &mut note {
            value["rules"]["is_paused"] = (*is_paused).into();
        }
        note
    });
    left.collect()
}

/// The order in which another process goes on.
async fn order(left: Vec<Write>) -> Vec<i64> {
    let folder = tempfile::tempdir().expect("the system has a temporary directory");
    let opened = storage::open(storage::Settings::embedded(folder.path())).await;
    let (store, driver) = opened.expect("the directory is ours");
    let loading = async {
        store.commit(left).await.expect("there is room");
        let order = Keeps::new().load(&store, RULES).await.expect("it can be read");
        store.close().await;
        order
    };
    let (order, ended) = tokio::join!(loading, driver.run());
    assert_eq!(ended, Ok(()));
    order.into_iter().map(|chat| chat.0).collect()
}

#[tokio::test]
async fn chats_with_most_listeners_go_on_first_and_paused_ones_last() {
    let left = left_by_a_process(&[
        (-1, 0, false),
        (-2, 9, true),
        (-3, 2, false),
        (-4, 7, false),
        (-5, 0, true),
    ]);
    assert_eq!(order(left).await, [-4, -3, -1, -2, -5]);
}

#[tokio::test]
async fn records_from_before_listeners_were_counted_are_read() {
    let mut left = left_by_a_process(&[(-1, 3, false), (-2, 1, false)]);
    let Write::Put { value, .. } = &mut left[0] else { panic!("it is a record") };
    let anchor = value["anchor"].as_object_mut().expect("an anchor is an object");
    assert!(anchor.remove("listeners").is_some());
    assert_eq!(order(left).await, [-2, -1]);
}

#[tokio::test(start_paused = true)]
async fn a_number_of_listeners_is_written_now_and_then_and_not_with_everybody_who_comes() {
    let keep = Keeps::new().of(ChatId(-1));
    let mut n = 0;
    for second in 0..60 {
        keep.count(second + 1);
        n += u32::from(keep.lock().is_count_due(0));
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(n, 6);
    keep.count(0);
    assert!(!keep.lock().is_count_due(0), "it is what was written");
}
