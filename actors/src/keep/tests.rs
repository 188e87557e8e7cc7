mod beside;
mod listeners;

use domain::UserId;
use domain::permission::Controls;
use domain::player::{Input, Settings};
use domain::track::{Request, Requester};
use storage::Store;

use super::*;

const CHAT: ChatId = ChatId(-7);

fn settings() -> Settings {
    Settings {
        queue_max: 50,
        controls: Controls::Everyone,
        duration_max: None,
        linger: Duration::from_secs(1),
        stuck_ticks: 2,
    }
}

fn rules() -> Player {
    Player::new(settings())
}

/// Somebody asks for a track in message `id`; what has to be written of that.
fn play(keep: &Keep, rules: &mut Player, id: i32) -> Vec<Write> {
    let via = Via::Message(MessageId(id));
    assert!(keep.is_new(via));
    rules.handle(
        Input::Play {
            request: Request::Query(format!("tune {id}")),
            requester: Requester { id: UserId(1), name: "Ada".to_owned() },
            asked_in: MessageId(id),
            via,
        },
        Duration::ZERO,
    );
    keep.note(Some(via), None, rules, Generation(1), Duration::ZERO)
}

/// The records of commands among these.
fn commands(writes: &[Write]) -> Vec<&str> {
    let key = |write| match write {
        &Write::Put { table: Table::Commands, ref key, .. } => Some(key.as_str()),
        _ => None,
    };
    writes.iter().filter_map(key).collect()
}

/// How many tracks the queue has that these write down.
fn queue(writes: &[Write]) -> Option<usize> {
    writes.iter().find_map(|write| match write {
        Write::Put { table: Table::Playback, value, .. } => {
            let playback: Playback = schema::read(value.clone()).expect("it is our own");
            let rules = playback.rules;
            Some(rules.queue.len() + usize::from(rules.current.is_some()))
        }
        _ => None,
    })
}

fn shelf() -> Shelf {
    Shelf::new()
}

#[test]
fn a_queue_is_never_written_without_the_commands_that_made_it() {
    let (keep, mut rules) = (Keeps::new().of(CHAT), rules());
    let first = play(&keep, &mut rules, 1);
    // the first commit has not come back, and may be overtaken by this one
    let second = play(&keep, &mut rules, 2);
    assert_eq!((commands(&first), queue(&first)), (vec!["-7/m1"], Some(1)));
    assert_eq!((commands(&second), queue(&second)), (vec!["-7/m1", "-7/m2"], Some(2)));
    // so does what is written because people see something new
    let shown = keep.show(|page| page.language = Some("ru".to_owned()));
    assert_eq!((commands(&shown), queue(&shown)), (vec!["-7/m1", "-7/m2"], Some(2)));
    let last = keep.end(Duration::ZERO);
    assert_eq!((commands(&last), queue(&last)), (vec!["-7/m1", "-7/m2"], Some(2)));
}

#[test]
fn a_command_is_never_written_without_what_came_of_it() {
    let (keep, mut rules) = (Keeps::new().of(CHAT), rules());
    play(&keep, &mut rules, 1);
    // nothing comes of this one
    let via = Via::Message(MessageId(2));
    let nothing = keep.note(Some(via), None, &rules, Generation(1), Duration::ZERO);
    assert_eq!((commands(&nothing), queue(&nothing)), (vec!["-7/m1", "-7/m2"], Some(1)));
    // and this one needs no player
    assert_eq!(commands(&keep.done(Via::Message(MessageId(3)))), ["-7/m3"]);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_is_part_of_what_is_written_next() {
    let (keep, mut rules) = (Keeps::new().of(CHAT), rules());
    let first = play(&keep, &mut rules, 1);
    assert!(keep.commit(&shelf(), first).await.is_err(), "there is no store");
    let again = keep.note(None, None, &rules, Generation(1), Duration::ZERO);
    assert_eq!((commands(&again), queue(&again)), (vec!["-7/m1"], Some(1)));
}

/// Runs with a store of its own.
async fn with_store(work: impl AsyncFnOnce(&Shelf, Store)) {
    let folder = tempfile::tempdir().expect("there is room");
    let settings = storage::Settings::embedded(folder.path());
    let (store, driver) = storage::open(settings).await.expect("it is ours");
    let shelf = shelf();
    shelf.put(Some(store.clone()));
    tokio::select! {
        () = work(&shelf, store) => {}
        ended = driver.run() => panic!("the store ended: {ended:?}"),
    }
}

/// A process that knows what lies there.
async fn loaded(store: &Store) -> Keeps {
    let keeps = Keeps::new();
    keeps.load(store, settings()).await.expect("it is there");
    keeps
}

#[tokio::test]
async fn what_is_written_is_not_written_again() {
    with_store(async |shelf, store| {
        let (keep, mut rules) = (loaded(&store).await.of(CHAT), rules());
        let (first, second) = (play(&keep, &mut rules, 1), play(&keep, &mut rules, 2));
        keep.commit(shelf, second).await.expect("there is room");
        // the other one comes late and changes nothing
        keep.commit(shelf, first).await.expect("there is room");
        let third = play(&keep, &mut rules, 3);
        assert_eq!((commands(&third), queue(&third)), (vec!["-7/m3"], Some(3)));
    })
    .await;
}

#[tokio::test]
async fn how_a_queue_is_played_is_carried_from_process_to_process_and_from_chat_to_chat() {
    let manner = schema::Manner {
        repeat: schema::Repeat::Queue,
        is_shuffled: true,
        volume: 70,
        speed: 125,
        filters: vec!["nightcore".to_owned()],
    };
    let manner_in = |writes: &[Write]| {
        writes.iter().find_map(|write| match write {
            Write::Put { table: Table::Playback, value, .. } => {
                Some(schema::read::<Playback>(value.clone()).expect("it is our own").manner)
            }
            _ => None,
        })
    };
    with_store(async |shelf, store| {
        let before = loaded(&store).await.of(CHAT);
        before.lock().manner = manner.clone();
        let writes = play(&before, &mut rules(), 1);
        before.commit(shelf, writes).await.expect("there is room");
        let now = Keeps::new();
        now.load(&store, settings()).await.expect("it is there");
        let moved = now.moved(CHAT, ChatId(-9));
        assert_eq!(manner_in(&moved), Some(manner));
    })
    .await;
}

#[test]
fn a_player_that_ended_leaves_nothing_however_much_it_hears_afterwards() {
    let (keep, mut rules) = (Keeps::new().of(CHAT), rules());
    play(&keep, &mut rules, 1);
    keep.put(&rules, Generation(1), Duration::ZERO);
    assert!(keep.take_up().is_some(), "a crash leaves it to the next life");
    keep.finish();
    // one more /stop, which is answered while the chat ends
    keep.put(&rules, Generation(1), Duration::ZERO);
    assert!(!keep.has_kept() && keep.take_up().is_none());
    // the next life keeps its own
    keep.put(&rules, Generation(2), Duration::ZERO);
    assert!(keep.has_kept());
}
